import type { Input } from "./input.ts";
import type { Observation } from "./observation.ts";

/** Inputs that tell of the ways to the server, and not of runs. */
type ConnectionInput = Extract<
	Input,
	{ kind: "stream_opened" | "stream_heard" | "stream_closed" | "caught_up" | "covered_over_rest" | "rest_failed" }
>;

export function noteConnection(observation: Observation, input: ConnectionInput): void {
	switch (input.kind) {
		case "stream_opened":
			observation.streamOpened();
			return;
		case "stream_heard":
			observation.streamHeard(input.at);
			return;
		case "stream_closed":
			observation.streamClosed(input.at);
			return;
		case "caught_up":
			observation.caughtUp(input.at);
			return;
		case "covered_over_rest":
			observation.coveredOverRest(input.at, input.untilMonoMs);
			return;
		case "rest_failed":
			observation.restFailed(input.at);
			return;
	}
	input satisfies never;
}
