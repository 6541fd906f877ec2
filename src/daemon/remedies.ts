import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { Input } from "../core/input.ts";
import type { RemedySettings } from "../core/remedy-settings.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { ApiClient } from "../prefect/api-client.ts";
import { RemedyClient } from "../prefect/remedy-client.ts";
import type { Transport } from "../prefect/transport.ts";
import { Remedier } from "../remedy/remedier.ts";
import type { RemedyBook } from "../remedy/remedy-port.ts";
import type { Store } from "../store/store.ts";

/** Rows read back at a start: more than can matter at once. */
const entriesMax = 10_000;

export interface RemediesOptions {
	readonly live: LiveSettings;
	readonly tracker: Tracker;
	readonly transport: Transport;
	readonly api: ApiClient;
	readonly store: Pick<Store, "remedies" | "loadEpisodes">;
	readonly workspace: string;
	readonly reporter: Reporter;
	readonly clock: Clock;
	/** What was done is an input: the alert that it is about carries it, while that is open. */
	readonly onResult: (input: Input) => void;
}

/** The one who does something about dead runs, wired to memory, to the server and to the store. */
export function remediesOf(options: RemediesOptions): Remedier {
	const { live, tracker, store, workspace, clock, onResult } = options;
	const { inspection, observation } = tracker;
	return new Remedier({
		...options,
		settings: () => remedySettingsOf(live.current),
		view: {
			cases: (casesMax) => inspection.remedyCases(casesMax),
			caseOf: (runId) => inspection.remedyCaseOf(runId),
			runOf: (runId) => inspection.runOf(runId),
			isBlind: ({ monoMs }) => !observation.mayJudge(monoMs),
		},
		port: new RemedyClient(options),
		book: bookOf(store, workspace),
		onNoted: ({ runId, alertId }, note) => onResult({ kind: "remedied", at: clock.now(), runId, alertId, note }),
	});
}

function remedySettingsOf({ remedy }: Settings): RemedySettings {
	const { grace, ...rest } = remedy;
	const scopes = remedy.scopes.map((scope) => ({ ...scope, reschedule: scope.reschedule ?? null }));
	return { ...rest, scopes, graceMs: grace.ms };
}

/** What was done about the runs of one workspace, in its store. */
export function bookOf(store: RemediesOptions["store"], workspace: string): RemedyBook {
	return {
		write: (change) => store.remedies.write({ workspace, ...change }),
		entriesSince: (sinceMs) =>
			store.remedies.entries({ workspace, sinceMs, runId: null, withUnsettled: true, rowsMax: entriesMax }),
		holds: () => store.remedies.holds(workspace),
		isAlertStored: async ({ runId, alertId }) => {
			const query = { workspace, runId, condition: null, isOpen: true, before: null, rowsMax: 1 };
			return (await store.loadEpisodes(query)).some((stored) => stored.alertId === alertId);
		},
	};
}
