import { concernText } from "../../core/attention-text.ts";
import type { Attention } from "../../core/telling.ts";
import { textOf, timeOf } from "./plain.ts";
import type { ApiDetails } from "./schemas.ts";

/** What keeps alerts from the sinks just now, silences first. */
export function silenceViewsOf({ silences, windows }: Attention): ApiDetails["silences"] {
	return [
		...silences.map((silence) => ({
			kind: "silence" as const,
			id: silence.silenceId,
			concerns: textOf(concernText(silence)),
			why: textOf(silence.why),
			until: timeOf(silence.untilMs),
		})),
		...windows.map(({ name, match, untilMs }) => ({
			kind: "maintenance" as const,
			id: textOf(name),
			concerns: textOf(concernText({ match, conditions: [] })),
			why: null,
			until: timeOf(untilMs),
		})),
	];
}
