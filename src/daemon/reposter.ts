import { groupTransitionOf, type Transition, transitionOf } from "../core/episode.ts";
import type { Inspection } from "../core/inspection.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import { isStateSink, type Sink, type StateSink } from "../notify/sink.ts";
import type { Reporter } from "../observe/reporter.ts";

/** Alertmanager forgets an alert that nobody posts again for five minutes (`resolve_timeout`). */
const repostEveryMs = 60_000;

export interface ReposterOptions {
	readonly sinks: readonly Sink[];
	readonly inspection: Pick<Inspection, "openEpisodes" | "openGroups">;
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

async function repost(sink: StateSink, { reporter, ...facts }: ReposterOptions, signal: AbortSignal): Promise<void> {
	try {
		await sink.repost(
			openOf(facts).filter((transition) => sink.wants(transition)),
			signal,
		);
	} catch (error) {
		if (signal.aborted) return;
		if (!(error instanceof OutsideError)) throw error;
		reporter.deliveryFailed(sink.name, error.retryable ? "retryable" : "final", messageOf(error));
	}
}

function openOf({ inspection, workspace }: Pick<ReposterOptions, "inspection" | "workspace">): readonly Transition[] {
	const groups = inspection.openGroups.map((incident) => groupTransitionOf(incident, workspace));
	return [...inspection.openEpisodes.map(transitionOf), ...groups];
}
