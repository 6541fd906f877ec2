import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeardBeat } from "../../../src/core/heard-beat.ts";
import { idWords, putId } from "../../../src/core/id-words.ts";
import type { Inquiry, InquiryAnswer } from "../../../src/core/input.ts";
import { noLabels, type RunView } from "../../../src/core/run.ts";
import type { DetectorSettings } from "../../../src/core/settings.ts";
import { Tracker } from "../../../src/core/tracker.ts";
import { uuid } from "../../_util/core-server.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const serverZeroMs = Date.UTC(2026, 4, 13);
const cadenceMs = 30_000;
const runsTotal = 3;

/** One thing that happens, after some time. */
type Step =
	| {
			readonly kind: "beat";
			readonly run: number;
			readonly jitterMs: number;
			readonly transitMs: number;
			readonly odd: Oddness;
	  }
	| { readonly kind: "state"; readonly run: number; readonly type: "RUNNING" | "CANCELLING" | "COMPLETED" | "PAUSED" }
	| { readonly kind: "wait"; readonly seconds: number };
type Oddness = "none" | "again" | "earlier" | "held" | "skewed" | "no labels";

const anyStep: fc.Arbitrary<Step> = fc.oneof(
	{
		weight: 12,
		arbitrary: fc.record({
			kind: fc.constant("beat" as const),
			run: fc.nat(runsTotal - 1),
			jitterMs: fc.oneof({ weight: 5, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(400_000) }),
			transitMs: fc.oneof({ weight: 5, arbitrary: fc.nat(50) }, { weight: 1, arbitrary: fc.nat(40_000) }),
			odd: fc.constantFrom<Oddness>("none", "none", "none", "none", "again", "earlier", "held", "skewed", "no labels"),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("state" as const),
			run: fc.nat(runsTotal - 1),
			type: fc.constantFrom(
				"RUNNING" as const,
				"RUNNING" as const,
				"CANCELLING" as const,
				"COMPLETED" as const,
				"PAUSED" as const,
			),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 150 }) }),
	},
);

/** A tracker, and what it has come to after each step. */
class Watched {
	readonly tracker: Tracker;
	readonly takesShortPath: boolean;
	shortBeats = 0;

	constructor(takesShortPath: boolean, settings: DetectorSettings) {
		this.takesShortPath = takesShortPath;
		const startedAt = { monoMs: 0, wallMs: serverZeroMs };
		const live = { current: settings };
		this.tracker = new Tracker({ namespace: "n", workspace: "w", live, holdsMassLapses: true, startedAt });
		const empty = {
			runs: [],
			openEpisodes: [],
			spentAlerts: [],
			workspace: null,
			learned: [],
			openGroups: [],
			heldRuns: [],
		};
		this.tracker.restore(empty, startedAt);
		this.tracker.apply({ kind: "rest_answered", at: startedAt, serverDateMs: serverZeroMs });
		this.tracker.apply({ kind: "stream_opened", at: startedAt });
		this.tracker.apply({ kind: "caught_up", at: startedAt });
	}

	hear(view: RunView, nowMs: number, receivedMs: number, isScanned: boolean): void {
		const at = { monoMs: nowMs, wallMs: serverZeroMs + nowMs };
		if (this.takesShortPath && isScanned && this.tracker.beat(at, heard(view))) this.shortBeats += 1;
		else this.tracker.apply({ kind: "event", at, view, receivedMs });
	}

	/** @param states what REST says of each run */
	tick(nowMs: number, states: ReadonlyMap<string, RunView>) {
		const at = { monoMs: nowMs, wallMs: serverZeroMs + nowMs };
		this.tracker.apply({ kind: "tick", at });
		const decisions = this.tracker.drain();
		const answers = decisions.inquiries.map((inquiry) => answerTo(inquiry, states));
		this.tracker.apply({ kind: "answered", at, answers });
		const { wholeRuns: unstored } = this.tracker.stored.takeBeats({ everything: true, rowsMax: 100 }, at);
		const rows = Array.from({ length: runsTotal }, (_, run) => this.tracker.stored.takeRun(uuid(1, run), at)?.row);
		const { census } = this.tracker;
		return { ...decisions, rows, census, unstored: unstored.toSorted() };
	}
}

function answerTo(inquiry: Inquiry, states: ReadonlyMap<string, RunView>): InquiryAnswer {
	const view = states.get(inquiry.runId) ?? null;
	return { inquiry, view, newestBeat: null, earlierBeats: [], newestSignMs: null };
}

function heard({ runId, beat }: RunView): HeardBeat {
	if (beat === null || beat.occurredMs === null || beat.receivedMs === null) throw new Error("no sound beat");
	const words = { runId: new Uint32Array(idWords), eventId: new Uint32Array(idWords) };
	putId(words.runId, 0, runId);
	putId(words.eventId, 0, beat.eventId);
	return { ...words, occurredMs: beat.occurredMs, receivedMs: beat.receivedMs };
}

const labels = { ...noLabels, deploymentId: "d1", clientVersion: "3.8.8", workPool: "p" };

/** The runs as the world has them: what is sent next. */
class Senders {
	readonly #occurredMs = Array.from({ length: runsTotal }, () => 0);
	#events = 0;
	readonly states = new Map<string, RunView>();

	beat({ run, jitterMs, odd }: Step & { kind: "beat" }, receivedMs: number): { view: RunView; isScanned: boolean } {
		const lastMs = this.#occurredMs[run] ?? 0;
		if (odd !== "again") this.#events += 1;
		const ageMs = odd === "held" ? 3 * 3_600_000 : odd === "skewed" ? -86_400_000 : 0;
		const nextMs = odd === "again" ? lastMs : odd === "earlier" ? lastMs - 1 : lastMs + cadenceMs + jitterMs;
		if (odd !== "earlier") this.#occurredMs[run] = nextMs;
		const beat = { eventId: uuid(3, this.#events), occurredMs: serverZeroMs + nextMs - ageMs, receivedMs };
		const view = { runId: uuid(1, run), attempt: null, state: null, beat };
		return odd === "no labels"
			? { view: { ...view, labels }, isScanned: false }
			: { view: { ...view, labels: noLabels }, isScanned: true };
	}

	state({ run, type }: Step & { kind: "state" }, timestampMs: number): RunView {
		this.#events += 1;
		const state = {
			id: uuid(2, this.#events),
			type,
			name: type,
			timestampMs,
			scheduledTimeMs: null,
			fromRest: type === "RUNNING",
		};
		const view = { runId: uuid(1, run), attempt: 1, state, beat: null, labels };
		this.states.set(view.runId, { ...view, state: { ...state, fromRest: true } });
		return view;
	}
}

/** Plays the steps to both, a beat of each run in good order first; tells how many beats went the short way. */
function playBoth(steps: readonly Step[], settings: DetectorSettings): number {
	const [short, long] = [new Watched(true, settings), new Watched(false, settings)];
	const senders = new Senders();
	let nowMs = 1_000;
	const both = (view: RunView, receivedMs: number, isScanned: boolean) => {
		for (const watched of [short, long]) watched.hear(view, nowMs, receivedMs, isScanned);
	};
	const tick = () => {
		nowMs += 1_000;
		expect(short.tick(nowMs, senders.states)).toEqual(long.tick(nowMs, senders.states));
	};
	const take = (step: Step) => {
		if (step.kind === "wait") {
			for (let second = 0; second < step.seconds; second += 1) tick();
			return;
		}
		const receivedMs = serverZeroMs + nowMs - (step.kind === "beat" ? step.transitMs : 0);
		if (step.kind === "state") both(senders.state(step, receivedMs), receivedMs, false);
		else {
			const { view, isScanned } = senders.beat(step, receivedMs);
			both(view, receivedMs, isScanned);
		}
	};
	for (let run = 0; run < runsTotal; run += 1) take({ kind: "state", run, type: "RUNNING" });
	take({ kind: "wait", seconds: 2 });
	for (let beat = 0; beat < 10; beat += 1) {
		for (let run = 0; run < runsTotal; run += 1) {
			const odd = beat === 0 ? "no labels" : "none";
			take({ kind: "beat", run, jitterMs: beat % 3, transitMs: 5, odd });
		}
		take({ kind: "wait", seconds: cadenceMs / 1_000 });
	}
	for (const step of steps) {
		take(step);
		tick();
	}
	return short.shortBeats;
}

describe("the short path of a heartbeat", () => {
	it("ends in the same rows, questions, alerts and counts as the long one, whatever comes in between", {
		timeout: 60_000,
	}, () => {
		const settings = fc.record({
			k: fc.constantFrom(2, 3, 6),
			overrunMs: fc.constantFrom(null, null, 900_000),
			rules: fc.constantFrom([], [{ match: {}, k: null, thresholdMs: 70_000, overrunMs: null, off: [] }]),
		});
		const property = fc.property(fc.array(anyStep, { maxLength: 60 }), settings, (steps, some) => {
			playBoth(steps, { ...defaultSettings, ...some });
		});
		fc.assert(property, { numRuns: 150 });
	});

	it("is the way of every beat of a run whose cadence is known, and of none before", () => {
		const beats = Array.from({ length: 30 }, (): Step[] => [
			{ kind: "beat", run: 1, jitterMs: 1, transitMs: 5, odd: "none" },
			{ kind: "wait", seconds: cadenceMs / 1_000 - 1 },
		]);
		// Of the ten beats of each run before these, nine fill the ring.
		expect(playBoth([], defaultSettings)).toBe(runsTotal);
		expect(playBoth(beats.flat(), defaultSettings)).toBe(runsTotal + 30);
	});

	it.each<Oddness>(["again", "earlier"])("is not that of a beat that comes %s", (odd) => {
		const step: Step = { kind: "beat", run: 1, jitterMs: 1, transitMs: 5, odd };
		expect(playBoth([step], defaultSettings)).toBe(runsTotal);
	});

	it.each(["CANCELLING", "COMPLETED", "PAUSED"] as const)(
		"takes no beat that calls for a look in the state %s",
		(type) => {
			const steps: Step[] = [
				{ kind: "state", run: 1, type },
				{ kind: "beat", run: 1, jitterMs: 1, transitMs: 0, odd: "none" },
				{ kind: "wait", seconds: 120 },
			];
			expect(playBoth(steps, defaultSettings) - runsTotal).toBe(type === "CANCELLING" ? 1 : 0);
		},
	);
});
