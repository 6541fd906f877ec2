import type { Claim } from "../../src/core/claims.ts";
import type { Condition, Episode } from "../../src/core/episode.ts";
import { newRun, type Run, type StateType, type StateView } from "../../src/core/run.ts";
import { openEpisode, type Verdict } from "../../src/core/verdict.ts";
import { uuid } from "./core-server.ts";

export function state(number: number, type: StateType, timestampMs = 10_000): StateView {
	return { id: uuid(2, number), type, name: type, timestampMs, scheduledTimeMs: null, fromRest: true };
}

export const run: Run = {
	...newRun(uuid(1, 1)),
	attempt: 2,
	state: state(1, "RUNNING"),
	aliveAtMonoMs: 5_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 40_000, receivedMs: 40_020 },
	occurredMs: [10_000, 40_000],
};

export const claim: Claim = {
	condition: "zombie",
	elapsedMs: 106_000.4,
	blindMs: 20_000,
	suspectAfterMs: 75_000,
	dueAfterMs: 105_000,
	cadence: { tauMs: 30_000, source: "learned" },
};

export const found: Verdict = {
	namespace: "n",
	workspace: "w",
	run,
	state: run.state!,
	claim,
	newestStoredBeatMs: 40_020,
	otherSignAtMs: 44_000,
	circumstances: null,
	company: null,
	relatedRuns: [uuid(1, 7)],
	spentAlertIds: [],
	groupId: "g",
	at: { monoMs: 131_000, wallMs: 1_800_000_000_000 },
};
export const episode = openEpisode(found);

/** The same facts under another heading. */
export function accused(condition: Condition, other: Partial<Verdict> = {}): Episode {
	return openEpisode({ ...found, ...other, claim: { ...claim, condition } });
}
