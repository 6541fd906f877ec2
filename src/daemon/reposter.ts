import { groupTransitionOf, type Transition, transitionOf } from "../core/episode.ts";
import type { Inspection } from "../core/inspection.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Dispatcher } from "../notify/dispatcher.ts";
import { isStateSink, type Sink, type StateSink } from "../notify/sink.ts";
import type { Reporter } from "../observe/reporter.ts";

/** Alertmanager forgets an alert that nobody posts again for five minutes (`resolve_timeout`). */
const repostEveryMs = 60_000;

export interface ReposterOptions {
	readonly sinks: readonly Sink[];
	readonly inspection: Pick<Inspection, "openEpisodes" | "openGroups">;
	/** What waits to be sent, or is held, is not told here either. */
	readonly dispatcher: Pick<Dispatcher, "owes">;
	readonly workspace: string;
	readonly reporter: Reporter;
	readonly clock: Clock;
}

/** Tells sinks that keep a state of what is open, once a minute, until aborted: one that is away holds up no other. */
export async function runReposter(options: ReposterOptions, signal: AbortSignal): Promise<void> {
	const { clock } = options;
	const sinks = options.sinks.filter(isStateSink);
	while (!signal.aborted) {
		await clock.sleep(repostEveryMs, signal).catch(() => undefined);
		if (signal.aborted) return;
		await Promise.all(sinks.map((sink) => repost(sink, options, signal)));
	}
}

async function repost(sink: StateSink, options: ReposterOptions, signal: AbortSignal): Promise<void> {
	const { dispatcher, reporter, inspection, workspace } = options;
	const told = openOf(inspection, workspace).filter(
		(raise) => sink.wants(raise) && !dispatcher.owes({ sink: sink.name, key: raise.key }),
	);
	try {
		await sink.repost(told, signal);
	} catch (error) {
		if (signal.aborted) return;
		if (!(error instanceof OutsideError)) throw error;
		reporter.deliveryFailed(sink.name, error.retryable ? "retryable" : "final", messageOf(error));
	}
}

/** Raised, and not over. */
export function openOf(inspection: ReposterOptions["inspection"], workspace: string): readonly Transition[] {
	const groups = inspection.openGroups.map((incident) => groupTransitionOf(incident, workspace));
	return [...inspection.openEpisodes.map(transitionOf), ...groups];
}
