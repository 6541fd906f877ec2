import fc from "fast-check";
import { type BeatView, noLabels, type Run, type RunLabels, type StateView, stateTypes } from "../../src/core/run.ts";

const hourMs = 3_600_000;
/** The server's clock at the zero of ours. */
export const serverZeroMs = Date.UTC(2026, 4, 13);

/** Whole microseconds, as the server gives them; now and then finer ones. */
const anyTimeMs = fc.oneof(
	{
		weight: 20,
		arbitrary: fc.integer({ min: 0, max: 5 * hourMs * 1000 }).map((us) => (serverZeroMs * 1000 + us) / 1000),
	},
	{ weight: 1, arbitrary: fc.integer({ min: 0, max: hourMs }).map((ms) => serverZeroMs + ms + 1 / 3) },
);
const anyId = fc.oneof({ weight: 20, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.string() });
const anyName = fc.constantFrom("Running", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "mine");

const anyState: fc.Arbitrary<StateView> = fc.record({
	id: anyId,
	type: fc.constantFrom("RUNNING", "RUNNING", "RUNNING", "PENDING", "SCHEDULED", "CANCELLING", ...stateTypes),
	name: anyName,
	timestampMs: anyTimeMs,
	scheduledTimeMs: fc.option(anyTimeMs, { freq: 2 }),
	fromRest: fc.boolean(),
});

/** Beats a cadence apart, with some jitter, and some of them lost. */
const anyRing = fc
	.record({
		lastMs: anyTimeMs,
		cadenceUs: fc.constantFrom(30_000_000, 180_000_000, 20_000_000),
		steps: fc.array(fc.record({ missed: fc.nat(2), jitterUs: fc.nat(200_000) }), { maxLength: 8 }),
		overHourAgo: fc.nat(30),
	})
	.map(({ lastMs, cadenceUs, steps, overHourAgo }) => {
		let us = Math.round(lastMs * 1000);
		const ring = [lastMs];
		for (const { missed, jitterUs } of steps) {
			us -= cadenceUs * (1 + missed) + jitterUs;
			ring.unshift(us / 1000);
		}
		return overHourAgo === 0 && ring.length < 9 ? [(us - 2 * hourMs * 1000) / 1000, ...ring] : ring;
	});

const anyLabels: fc.Arbitrary<RunLabels> = fc
	.record({
		name: fc.option(fc.string(), { freq: 2 }),
		deploymentId: fc.constantFrom(null, "d1", "d2"),
		deploymentName: fc.constantFrom(null, "dep"),
		flowName: fc.constantFrom(null, "flow"),
		workPool: fc.constantFrom(null, "p1", "p2"),
		clientVersion: fc.constantFrom(null, "3.7"),
		parentTaskRunId: fc.option(fc.uuid(), { freq: 2 }),
		parentRunId: fc.option(fc.uuid(), { freq: 2 }),
		tags: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }),
	})
	.map((labels) => ({ ...noLabels, ...labels }));

const anyBeats = fc
	.record({
		ring: anyRing,
		kept: fc.constantFrom("all", "all", "all", "last", "none", "apart"),
		eventId: anyId,
		transitUs: fc.oneof(fc.integer({ min: -5_000_000, max: 5_000_000 }), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
		isReceived: fc.nat(20),
		isStamped: fc.nat(10),
	})
	.map(({ ring, kept, eventId, transitUs, isReceived, isStamped }) => {
		const lastMs = ring.at(-1) ?? 0;
		const receivedMs = (Math.round(lastMs * 1000) + transitUs) / 1000;
		const lastBeat: BeatView = {
			eventId,
			occurredMs: isStamped === 0 ? null : lastMs,
			receivedMs: isReceived === 0 ? null : receivedMs,
		};
		const occurredMs = kept === "all" ? ring : kept === "last" ? [lastMs] : kept === "apart" ? [lastMs - 1] : [];
		return { lastBeat, occurredMs, transitMsMin: isStamped === 1 ? null : transitUs / 1000 };
	});

/** Any run, of the usual form mostly. */
export const anyRun: fc.Arbitrary<Run> = fc
	.record({
		runId: anyId,
		attempt: fc.constantFrom(0, 1, 2, 300),
		state: fc.option(anyState, { freq: 8 }),
		end: fc.constantFrom("none", "none", "none", "state", "other"),
		beats: fc.option(anyBeats, { freq: 5 }),
		aliveAtMonoMs: fc.option(fc.double({ min: -hourMs, max: 5 * hourMs, noNaN: true }), { freq: 10 }),
		beatAt: fc.constantFrom("alive", "alive", "none", "other"),
		labels: anyLabels,
		afterEnd: fc.option(
			fc.record({ beats: fc.integer({ min: 1, max: 3 }), lastOccurredMs: anyTimeMs, lastReceivedMs: anyTimeMs }),
			{ freq: 2 },
		),
	})
	.map(({ end, beats, beatAt, state, aliveAtMonoMs, ...rest }) => ({
		...rest,
		state,
		aliveAtMonoMs,
		endedAtMs: end === "none" ? null : end === "state" && state !== null ? state.timestampMs : serverZeroMs,
		beatAtMonoMs: beatAt === "alive" ? aliveAtMonoMs : beatAt === "none" ? null : 7,
		...(beats ?? { lastBeat: null, occurredMs: [], transitMsMin: null }),
	}));
