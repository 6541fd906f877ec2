import { beforeEach, describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";

const second = 1_000;
const minute = 60 * second;
const epochMs = 1_800_000_000_000;
const cadence = 30 * second;

function at(monoMs: number, wallStepMs = 0) {
	return { monoMs, wallMs: epochMs + monoMs + wallStepMs };
}

let sight: Observation;

beforeEach(() => {
	sight = new Observation(at(0));
	sight.streamOpened();
	sight.caughtUp(at(0));
});

/** A live event that took `transitMs`. */
function hear(monoMs: number, transitMs = 20, isNews = true) {
	return sight.eventArrived(at(monoMs), epochMs + monoMs - transitMs, isNews);
}

function blindUntil(monoMs: number, fromMonoMs = 0): number {
	return sight.blindMs(fromMonoMs, monoMs, cadence);
}

describe("a closed socket", () => {
	it("is blind from the last sign of life to now, until catch-up has read what it missed", () => {
		hear(10 * second);
		sight.streamHeard(at(20 * second));
		sight.streamClosed(at(25 * second));
		expect(sight.streamOpen).toBe(false);
		expect(sight.isBlind).toBe(true);
		expect(sight.openCauses).toEqual(["socket"]);
		expect(blindUntil(50 * second)).toBe(30 * second);
		sight.streamOpened();
		expect(sight.streamOpen).toBe(true);
		expect(sight.isBlind).toBe(true);
		sight.streamHeard(at(55 * second));
		expect(blindUntil(minute)).toBe(40 * second);
		sight.caughtUp(at(minute));
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(70 * second)).toBe(0);
		expect(sight.coveredUntilMonoMs).toBe(minute);
	});

	it("counts as trouble once, however often it is told", () => {
		sight.streamClosed(at(second));
		sight.streamClosed(at(2 * second));
		expect(sight.healthScore).toBe(1);
	});

	it("is not covered by a catch-up that ends after it closed again", () => {
		sight.streamClosed(at(second));
		sight.caughtUp(at(2 * second));
		expect(sight.isBlind).toBe(true);
		expect(sight.coveredUntilMonoMs).toBe(0);
	});

	it("is the cause before the first catch-up of all, though no span can be named", () => {
		const fresh = new Observation(at(0));
		expect(fresh.openCauses).toEqual(["socket"]);
		expect(fresh.isBlind).toBe(true);
		expect(fresh.coveredUntilMonoMs).toBeNull();
		expect(fresh.blindMs(0, minute, cadence)).toBe(0);
		fresh.streamOpened();
		fresh.streamHeard(at(second));
		expect(fresh.coveredUntilMonoMs).toBeNull();
	});
});

describe("an outage of the server", () => {
	it("is socket and REST down together; catch-up does not forgive it, and it lasts one cadence longer", () => {
		sight.streamHeard(at(10 * second));
		sight.streamClosed(at(15 * second));
		sight.restFailed(at(20 * second));
		expect(sight.openCauses).toEqual(["server_outage"]);
		sight.restAnswered(at(100 * second), null);
		sight.streamOpened();
		sight.caughtUp(at(120 * second));
		expect(sight.openCauses).toEqual([]);
		expect(blindUntil(10 * minute)).toBe(90 * second + cadence);
		expect(sight.spansAt(10 * minute)).toEqual([
			{ fromMonoMs: 10 * second, untilMonoMs: 100 * second, cause: "server_outage" },
		]);
	});

	it("is the same when REST fails first", () => {
		sight.streamHeard(at(10 * second));
		sight.restFailed(at(12 * second));
		expect(sight.isBlind).toBe(false);
		sight.streamClosed(at(15 * second));
		expect(sight.openCauses).toEqual(["server_outage"]);
		sight.restAnswered(at(100 * second), null);
		sight.streamOpened();
		sight.caughtUp(at(120 * second));
		expect(blindUntil(10 * minute)).toBe(90 * second + cadence);
	});

	it("goes on when REST fails again before catch-up", () => {
		sight.streamClosed(at(0));
		sight.restFailed(at(10 * second));
		sight.restAnswered(at(20 * second), null);
		sight.restFailed(at(30 * second));
		sight.restFailed(at(40 * second));
		sight.restAnswered(at(50 * second), null);
		sight.streamOpened();
		sight.caughtUp(at(80 * second));
		expect(blindUntil(10 * minute)).toBe(50 * second + cadence);
	});

	it("reaches to the end of catch-up when REST never answered in between", () => {
		sight.streamClosed(at(0));
		sight.restFailed(at(10 * second));
		sight.streamOpened();
		sight.caughtUp(at(80 * second));
		expect(blindUntil(10 * minute)).toBe(80 * second + cadence);
	});

	it("begins at its first failure where nothing was ever covered", () => {
		for (const socketFirst of [true, false]) {
			sight = new Observation(at(0));
			if (socketFirst) sight.streamOpened();
			sight.restFailed(at(10 * second));
			sight.streamClosed(at(15 * second));
			sight.restAnswered(at(40 * second), null);
			sight.streamOpened();
			sight.caughtUp(at(50 * second));
			expect(blindUntil(10 * minute)).toBe(30 * second + cadence);
		}
	});

	it("is over for good once REST is back: a socket that closes later is just that", () => {
		sight.restFailed(at(10 * second));
		sight.restAnswered(at(20 * second), null);
		sight.streamClosed(at(30 * second));
		expect(sight.openCauses).toEqual(["socket"]);
	});
});

describe("REST in the socket's stead", () => {
	beforeEach(() => {
		sight.streamClosed(at(10 * second));
	});

	it("covers what was received by then, so that silence counts up to there, and verdicts may be made", () => {
		expect(sight.isOverRestAlone).toBe(false);
		sight.coveredOverRest(at(50 * second), 34 * second);
		expect(sight.isOverRestAlone).toBe(true);
		expect(sight.isBlind).toBe(false);
		expect(sight.streamOpen).toBe(false);
		expect(sight.openCauses).toEqual([]);
		expect(blindUntil(minute)).toBe(26 * second);
		expect(sight.mayJudge(minute)).toBe(true);
	});

	it("never takes back what was covered", () => {
		sight.coveredOverRest(at(50 * second), -5 * second);
		expect(sight.coveredUntilMonoMs).toBe(0);
		expect(sight.isOverRestAlone).toBe(true);
	});

	it("begins the coverage of a new database, where nothing before is blind", () => {
		sight = new Observation(at(0));
		sight.coveredOverRest(at(50 * second), 34 * second);
		expect(sight.coveredUntilMonoMs).toBe(34 * second);
		expect(blindUntil(50 * second)).toBe(16 * second);
	});

	it("lapses when it has not been read for 90 s", () => {
		sight.coveredOverRest(at(50 * second), 34 * second);
		sight.tick(at(140 * second), 0);
		expect(sight.isOverRestAlone).toBe(true);
		sight.tick(at(140 * second + 1), 0);
		expect(sight.isOverRestAlone).toBe(false);
		expect(sight.isBlind).toBe(true);
		expect(sight.openCauses).toEqual(["socket"]);
	});

	it("goes on while a socket that has opened is not caught up, and ends then", () => {
		sight.coveredOverRest(at(50 * second), 34 * second);
		sight.streamOpened();
		expect(sight.isBlind).toBe(false);
		sight.caughtUp(at(70 * second));
		expect(sight.isOverRestAlone).toBe(false);
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(2 * minute)).toBe(0);
	});

	it("has no say while the socket is heard, or REST is away", () => {
		sight.streamOpened();
		sight.caughtUp(at(20 * second));
		sight.coveredOverRest(at(50 * second), 34 * second);
		expect(sight.isOverRestAlone).toBe(false);
		expect(sight.coveredUntilMonoMs).toBe(20 * second);
		sight.streamClosed(at(60 * second));
		sight.restFailed(at(65 * second));
		sight.coveredOverRest(at(70 * second), 55 * second);
		expect(sight.isOverRestAlone).toBe(false);
	});

	it("ends with REST: that is an outage of the server, until what came after it has been read", () => {
		sight.coveredOverRest(at(50 * second), 34 * second);
		sight.restFailed(at(60 * second));
		expect(sight.isOverRestAlone).toBe(false);
		expect(sight.isBlind).toBe(true);
		expect(sight.openCauses).toEqual(["server_outage"]);
		sight.restAnswered(at(100 * second), null);
		sight.coveredOverRest(at(114 * second), 99 * second);
		expect(sight.isBlind).toBe(true);
		sight.coveredOverRest(at(115 * second), 100 * second);
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(10 * minute, 40 * second)).toBe(60 * second + cadence + 10 * minute - 130 * second);
	});
});

describe("REST", () => {
	it("keeps verdicts back while it is away, and for 45 s after", () => {
		expect(sight.mayJudge(45 * second)).toBe(true);
		sight.restFailed(at(10 * second));
		expect(sight.mayJudge(10 * minute)).toBe(false);
		sight.restFailed(at(20 * second));
		expect(sight.healthScore).toBe(1);
		sight.restAnswered(at(minute), null);
		expect(sight.mayJudge(minute + 44_999)).toBe(false);
		expect(sight.mayJudge(minute + 45_000)).toBe(true);
		sight.restAnswered(at(2 * minute), null);
		expect(sight.mayJudge(2 * minute)).toBe(true);
	});

	it("is given 45 s after a start: server and daemon may have come back together", () => {
		expect(sight.mayJudge(44_999)).toBe(false);
		expect(sight.mayJudge(45_000)).toBe(true);
	});

	it("alone is no blindness", () => {
		sight.restFailed(at(10 * second));
		expect(sight.isBlind).toBe(false);
		expect(blindUntil(10 * minute)).toBe(0);
	});

	it("tells the server's clock", () => {
		sight.restAnswered(at(10 * second), epochMs);
		expect(sight.clock.offsetMs).toBe(10 * second - epochMs);
	});
});

describe("health", () => {
	it("suffers from a step of the server's clock", () => {
		hear(0);
		expect(sight.eventArrived(at(second), epochMs + 10 * second, true).clockStepped).toBe(true);
		expect(sight.healthScore).toBe(1);
	});

	it("mends by one each clean minute", () => {
		sight.restFailed(at(0));
		sight.streamClosed(at(0));
		expect(sight.healthScore).toBe(2);
		for (let monoMs = second; monoMs < 60 * second; monoMs += second) sight.tick(at(monoMs), 0);
		expect(sight.healthScore).toBe(2);
		sight.tick(at(60 * second), 0);
		expect(sight.healthScore).toBe(1);
	});
});

describe("what an earlier process knew", () => {
	it("is taken over: coverage, spans, and the worse health of the two", () => {
		const next = new Observation(at(0));
		const span = { fromMonoMs: -50 * second, untilMonoMs: -40 * second, cause: "own_pause" } as const;
		next.restore({ coveredUntilMonoMs: -20 * second, spans: [span], healthScore: 3 });
		expect(next.healthScore).toBe(3);
		expect(next.blindMs(-minute, 10 * second, cadence)).toBe(10 * second + 30 * second);
		next.streamOpened();
		next.caughtUp(at(10 * second));
		expect(next.blindMs(-minute, 40 * second, cadence)).toBe(10 * second);
	});

	it("does not undo what this process has covered itself", () => {
		sight.restFailed(at(0));
		sight.restore({ coveredUntilMonoMs: -20 * second, spans: [], healthScore: 0 });
		expect(sight.coveredUntilMonoMs).toBe(0);
		expect(sight.healthScore).toBe(1);
	});
});
