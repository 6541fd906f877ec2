import type { LiveSettings } from "../config/live-settings.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { type Dispatcher, givenUpAfterMs } from "../notify/dispatcher.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Remedier } from "../remedy/remedier.ts";
import type { Job } from "../schedule/schedule.ts";
import { walToldBytesMin } from "../store/open-sqlite.ts";
import type { Store } from "../store/store.ts";
import { StoreError } from "../store/store-error.ts";
import type { HeldDeliveries } from "./held-deliveries.ts";
import type { Intake } from "./intake.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Reminders } from "./reminders.ts";

/** A tick is the core's time; one that comes while the last is still at work is left out (`zombied_schedule_missed_total`). */
const tickEveryMs = 1_000;
/** What is too old goes in small portions, and the size of the database's log is looked at. */
const retentionEveryMs = 10 * 60_000;
/** What is due to be done about dead runs waits so long at most, beside its grace of minutes. */
const remedyEveryMs = 5_000;

export interface JobsOptions {
	readonly live: LiveSettings;
	readonly store: Pick<Store, "retain" | "outbox">;
	readonly pipeline: Pick<Pipeline, "result">;
	readonly intake: Pick<Intake, "reconcile">;
	readonly dispatcher: Pick<Dispatcher, "tellHung">;
	readonly held: Pick<HeldDeliveries, "round">;
	readonly reminders: Pick<Reminders, "round">;
	/** Names of the sinks that are configured. */
	readonly sinks: readonly string[];
	readonly workspace: string;
	/** Null: nothing is ever done about a run. */
	readonly remedier: Pick<Remedier, "round"> | null;
	readonly clock: Clock;
	readonly reporter: Reporter;
}

/** What a watch does again and again. */
export function jobsOf(options: JobsOptions): readonly Job[] {
	const { live, pipeline, intake, dispatcher, held, reminders, remedier, clock } = options;
	return [
		{
			name: "sweep",
			everyMs: tickEveryMs,
			run: async () => {
				pipeline.result({ kind: "tick", at: clock.now() });
				dispatcher.tellHung();
				reminders.round();
			},
		},
		{ name: "outbox", everyMs: tickEveryMs, run: () => held.round() },
		{
			name: "reconcile",
			get everyMs() {
				return live.current.reconcile.every.ms;
			},
			run: (signal) => intake.reconcile(signal),
		},
		{
			name: "retention",
			everyMs: retentionEveryMs,
			run: () => retain(options),
		},
		...(remedier === null
			? []
			: [{ name: "remedy" as const, everyMs: remedyEveryMs, run: (signal: AbortSignal) => remedier.round(signal) }]),
	];
}

/** A failure of the store is told; what is too old still is at the next turn. */
async function retain({ live, store, sinks, workspace, clock, reporter }: JobsOptions): Promise<void> {
	const nowMs = clock.now().wallMs;
	const { runs, episodes } = live.current.retention;
	try {
		const limits = { runsBeforeMs: nowMs - runs.ms, episodesBeforeMs: nowMs - episodes.ms };
		const { logBytes = 0, ...deleted } = await store.retain(limits);
		reporter.retained(deleted);
		const createdBeforeMs = nowMs - givenUpAfterMs;
		const detail = "its sink is not in the settings any more";
		for (const { sink, rows } of await store.outbox.giveUpOthers({ workspace, sinks, createdBeforeMs, detail })) {
			reporter.deliveriesGivenUp({ sink, rows, detail });
		}
		reporter.storeLog({ bytes: logBytes, isHeld: logBytes >= walToldBytesMin });
	} catch (error) {
		if (!(error instanceof StoreError)) throw error;
		reporter.storeFailed(error.code, messageOf(error));
	}
}
