import { beforeEach, describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";
import { newRun, noLabels, type Run, type RunView } from "../../../src/core/run.ts";
import { StreamLoss } from "../../../src/core/stream-loss.ts";

const epochMs = 1_800_000_000_000;
const second = 1_000;
const grace = 30 * second;

function at(monoMs: number) {
	return { monoMs, wallMs: epochMs + monoMs };
}

const lostState = { runId: "r", kind: "stored_state_not_heard" };

let sight: Observation;
let loss: StreamLoss;

beforeEach(() => {
	sight = new Observation(at(0));
	sight.restAnswered(at(0), epochMs);
	sight.streamOpened();
	sight.caughtUp(at(0));
	loss = new StreamLoss(sight);
});

function view(id: string, atMs: number): RunView {
	const state = {
		id,
		type: "RUNNING",
		name: "Running",
		timestampMs: epochMs + atMs,
		scheduledTimeMs: null,
		fromRest: false,
	} as const;
	return { runId: "r", attempt: 1, state, beat: null, labels: noLabels };
}

function runIn(id: string, atMs: number): Run {
	return { ...newRun("r"), state: view(id, atMs).state };
}

describe("a state event that names its predecessor", () => {
	it("shows a loss when that has not come within 30 s", () => {
		loss.told(view("c", 2 * second), runIn("a", second), "b", at(2 * second));
		expect(loss.takeLost(at(2 * second + grace - 1))).toEqual([]);
		expect(loss.takeLost(at(2 * second + grace))).toEqual([lostState]);
		expect(loss.takeLost(at(2 * second + grace))).toEqual([]);
	});

	it("shows none when it was merely overtaken", () => {
		loss.told(view("c", 3 * second), runIn("a", second), "b", at(3 * second));
		loss.told(view("b", 2 * second), runIn("c", 3 * second), "a", at(4 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});

	it.each([
		{ what: "names the state that is known", seen: view("b", 2 * second), known: runIn("a", second), follows: "a" },
		{ what: "names none", seen: view("b", 2 * second), known: runIn("a", second), follows: null },
		{ what: "is of a run not known before", seen: view("b", 2 * second), known: undefined, follows: "a" },
		{ what: "is of a run known by its beats alone", seen: view("b", 2 * second), known: newRun("r"), follows: "a" },
		{ what: "is an older one, come late", seen: view("a", second), known: runIn("c", 2 * second), follows: "z" },
		{ what: "has no state in it", seen: { ...view("b", 0), state: null }, known: runIn("a", second), follows: "z" },
	])("shows none when it $what", ({ seen, known, follows }) => {
		loss.told(seen, known, follows, at(2 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});
});

describe("a state that REST tells of", () => {
	it("shows a loss when its event has not come within 30 s", () => {
		loss.learned(newRun("r"), runIn("a", second), at(20 * second));
		expect(loss.takeLost(at(20 * second + grace - 1))).toEqual([]);
		expect(loss.takeLost(at(20 * second + grace))).toEqual([lostState]);
	});

	it("shows none when its event was merely overtaken", () => {
		loss.learned(newRun("r"), runIn("a", second), at(2 * second));
		loss.told(view("a", second), runIn("a", second), null, at(3 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});

	it("is waited for once, however often it is told", () => {
		loss.learned(newRun("r"), runIn("a", second), at(2 * second));
		loss.learned(runIn("b", second), runIn("a", second), at(20 * second));
		expect(loss.takeLost(at(2 * second + grace))).toEqual([lostState]);
	});

	it.each([
		{ what: "was known", before: runIn("a", second), after: runIn("a", second) },
		{ what: "is none", before: runIn("a", second), after: newRun("r") },
		{ what: "was entered before we listened", before: newRun("r"), after: runIn("a", 0) },
	])("shows none when it $what", ({ before, after }) => {
		loss.learned(before, after, at(2 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});

	it("shows none while the server's clock is unknown", () => {
		const fresh = new Observation(at(0));
		fresh.streamOpened();
		fresh.caughtUp(at(0));
		loss = new StreamLoss(fresh);
		loss.learned(newRun("r"), runIn("a", second), at(2 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});
});

describe("a heartbeat that REST tells of", () => {
	function beating(id: string, receivedAtMs: number | null, occurredAtMs: number | null = null): Run {
		const receivedMs = receivedAtMs === null ? null : epochMs + receivedAtMs;
		const occurredMs = occurredAtMs === null ? null : epochMs + occurredAtMs;
		return { ...newRun("r"), lastBeat: { eventId: id, occurredMs, receivedMs } };
	}

	const reach = 900 * second;

	it.each([null, second - reach])("shows a loss when it has not come within 30 s, occurred at %s", (occurredAtMs) => {
		loss.learned(newRun("r"), beating("b", second, occurredAtMs), at(20 * second));
		expect(loss.takeLost(at(20 * second + grace - 1))).toEqual([]);
		expect(loss.takeLost(at(20 * second + grace))).toEqual([{ runId: "r", kind: "stored_beat_not_heard" }]);
	});

	it("shows none when it was merely overtaken", () => {
		const late = beating("b", second);
		loss.learned(newRun("r"), late, at(20 * second));
		loss.told({ ...view("", 0), state: null, beat: late.lastBeat }, late, null, at(40 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});

	it.each([
		{ what: "was received before we listened", beat: beating("b", 0) },
		{ what: "was received nobody knows when", beat: beating("b", null) },
		{ what: "was received nobody knows when, and occurred", beat: beating("b", null, second) },
		{ what: "occurred longer ago than a subscription reaches back", beat: beating("b", second, second - reach - 1) },
	])("shows none when it $what", ({ beat }) => {
		loss.learned(newRun("r"), beat, at(20 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});

	it("shows none when it was known", () => {
		const known = beating("b", second);
		loss.learned(known, known, at(20 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
	});
});

describe("while the socket is not heard", () => {
	it("nothing is owed, and what was owed is read over REST instead", () => {
		loss.told(view("c", 2 * second), runIn("a", second), "b", at(2 * second));
		sight.streamClosed(at(3 * second));
		loss.told(view("e", 4 * second), runIn("c", 2 * second), "d", at(4 * second));
		loss.learned(newRun("q"), { ...runIn("f", 4 * second), runId: "q" }, at(4 * second));
		expect(loss.takeLost(at(10 * grace))).toEqual([]);
		sight.streamOpened();
		sight.caughtUp(at(11 * grace));
		expect(loss.takeLost(at(20 * grace))).toEqual([]);
	});

	it("for lag, the verdict on what is owed waits", () => {
		sight.eventArrived(at(second), epochMs + second, true);
		loss.told(view("c", 2 * second), runIn("a", second), "b", at(2 * second));
		sight.eventArrived(at(40 * second), epochMs + 2 * second, true);
		expect(sight.isBlind).toBe(true);
		expect(loss.takeLost(at(41 * second))).toEqual([]);
		sight.eventArrived(at(42 * second), epochMs + 42 * second, true);
		expect(loss.takeLost(at(42 * second))).toEqual([lostState]);
	});
});

it("beyond a thousand at a time the oldest are given up at once", () => {
	for (let n = 0; n <= 1_001; n++) loss.told(view("c", 2 * second), runIn("a", second), `b${n}`, at(2 * second));
	expect(loss.takeLost(at(2 * second))).toHaveLength(2);
	expect(loss.takeLost(at(2 * second))).toEqual([]);
});
