import { describe, expect, it } from "vitest";
import { noLabels, type RunView, type StateType } from "../../../src/core/run.ts";
import { learnedMean3 } from "../../../src/replay/peers/learned-mean.ts";
import { Peer, type PeerRule } from "../../../src/replay/peers/peer.ts";
import { phiRescaled } from "../../../src/replay/peers/phi-rescaled.ts";
import { prefectAutomation } from "../../../src/replay/peers/prefect-automation.ts";

const runId = "run";
const second = 1_000;

function beat(atMs: number): RunView {
	const told = { eventId: `beat-${atMs}`, occurredMs: atMs, receivedMs: atMs };
	return { runId, attempt: null, state: null, beat: told, labels: noLabels };
}

function state(type: StateType): RunView {
	const told = { id: type, type, name: type, timestampMs: 0, scheduledTimeMs: null, fromRest: false };
	return { runId, attempt: 1, state: told, beat: null, labels: noLabels };
}

/** A peer that has heard these beats, in seconds. */
function heard(rule: PeerRule, ...beatsAtSeconds: readonly number[]): Peer {
	const peer = new Peer(rule);
	for (const atSeconds of beatsAtSeconds) peer.event(atSeconds * second, beat(atSeconds * second));
	return peer;
}

const quiet = { verdicts: [], questions: [] };

describe("Prefect's automation", () => {
	const rule = prefectAutomation(30 * second);

	it("speaks 90 s after a heartbeat, and not before", () => {
		const peer = heard(rule, 0, 30);
		expect(peer.tick(119_999)).toEqual(quiet);
		expect(peer.tick(120_000)).toEqual({ verdicts: [runId], questions: [] });
	});

	it("speaks once a silence, and again after the next heartbeat", () => {
		const peer = heard(rule, 0);
		peer.tick(90 * second);
		expect(peer.tick(200 * second)).toEqual(quiet);
		peer.event(300 * second, beat(300 * second));
		expect(peer.tick(390 * second).verdicts).toEqual([runId]);
	});

	it("is satisfied by any state", () => {
		const peer = heard(rule, 0);
		peer.event(10 * second, state("RUNNING"));
		expect(peer.tick(500 * second)).toEqual(quiet);
	});

	it("takes a heartbeat after the end for a run's life", () => {
		const peer = heard(rule, 0);
		peer.event(10 * second, state("COMPLETED"));
		peer.event(11 * second, beat(11 * second));
		expect(peer.tick(101 * second).verdicts).toEqual([runId]);
	});
});

describe("three learned means", () => {
	it("asks REST after three mean intervals, and not before", () => {
		const peer = heard(learnedMean3, 0, 30, 60);
		expect(peer.tick(149_999)).toEqual(quiet);
		expect(peer.tick(150_000)).toEqual({ verdicts: [], questions: [runId] });
		expect(peer.answered(150_100, runId, "RUNNING")).toBe(true);
	});

	it("waits longer once an interval was longer", () => {
		const peer = heard(learnedMean3, 0, 30, 120);
		expect(peer.tick(299_999)).toEqual(quiet);
		expect(peer.tick(300_000).questions).toEqual([runId]);
	});

	it("has nothing to go by after a single heartbeat", () => {
		expect(heard(learnedMean3, 0).tick(10_000_000)).toEqual(quiet);
	});

	it("says nothing of a run that REST calls ended", () => {
		const peer = heard(learnedMean3, 0, 30);
		peer.tick(120 * second);
		expect(peer.answered(120_100, runId, "COMPLETED")).toBe(false);
		expect(peer.tick(500 * second)).toEqual(quiet);
	});

	it("drops its question when a heartbeat comes before the answer", () => {
		const peer = heard(learnedMean3, 0, 30);
		peer.tick(120 * second);
		peer.event(120_050, beat(120_050));
		expect(peer.answered(120_100, runId, "RUNNING")).toBe(false);
	});

	it("asks again 5 s after a question without an answer", () => {
		const peer = heard(learnedMean3, 0, 30);
		peer.tick(120 * second);
		expect(peer.answered(120 * second, runId, null)).toBe(false);
		expect(peer.tick(124_999)).toEqual(quiet);
		expect(peer.tick(125_000).questions).toEqual([runId]);
	});

	it("waits for no heartbeat in a state without any", () => {
		const peer = heard(learnedMean3, 0, 30);
		peer.event(31 * second, state("CANCELLING"));
		expect(peer.tick(120 * second).questions).toEqual([runId]);
		peer.answered(120 * second, runId, null);
		peer.event(121 * second, state("PAUSED"));
		expect(peer.tick(500 * second)).toEqual(quiet);
	});
});

describe("phi, rescaled to the cadence", () => {
	it("bears two lost heartbeats, and not three", () => {
		const peer = heard(phiRescaled, 0, 30, 60, 90);
		expect(peer.tick((90 + 3 * 30 + 5) * second)).toEqual(quiet);
		expect(peer.tick((90 + 4 * 30) * second).questions).toEqual([runId]);
	});

	it("bears more of a run whose intervals vary more than half of their mean", () => {
		const peer = heard(phiRescaled, 0, 30, 60, 240);
		expect(peer.tick((240 + 4 * 80) * second)).toEqual(quiet);
		expect(peer.tick((240 + 6 * 80) * second).questions).toEqual([runId]);
	});

	it("has nothing to go by after a single heartbeat", () => {
		expect(heard(phiRescaled, 0).tick(10_000_000)).toEqual(quiet);
	});
});
