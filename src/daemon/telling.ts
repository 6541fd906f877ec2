import type { Settings } from "../config/schema.ts";
import type { Pace } from "../notify/lane.ts";
import type { Sink } from "../notify/sink.ts";

/** How a sink is told, as the settings have it. */
export interface SinkTelling extends Pace {
	readonly heedsSilences: boolean;
	readonly escalateAfterMs: number | null;
	readonly foldsGroups: boolean;
	/** How often it is reminded of what is open; null: never. */
	readonly repeatMs: number | null;
}

/** Of everything, at once, and once: the alert log. */
export const plainTelling: SinkTelling = {
	heedsSilences: false,
	escalateAfterMs: null,
	foldsGroups: false,
	repeatMs: null,
	groupWaitMs: 0,
	perMinuteMax: null,
};

export function tellingsOf({ sinks }: Pick<Settings, "sinks">): (sink: Pick<Sink, "name">) => SinkTelling {
	const tellings = new Map(
		sinks.map((sink): [string, SinkTelling] => [
			sink.name,
			{
				// A file is the log as well: the record of all.
				heedsSilences: sink.type !== "file",
				escalateAfterMs: sink.escalateAfter?.ms ?? null,
				foldsGroups: sink.foldGroups,
				repeatMs: ("repeat" in sink ? sink.repeat?.ms : null) ?? null,
				groupWaitMs: sink.groupWait?.ms ?? 0,
				perMinuteMax: sink.maxPerMinute ?? null,
			},
		]),
	);
	return ({ name }) => tellings.get(name) ?? plainTelling;
}
