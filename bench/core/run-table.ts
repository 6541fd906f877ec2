import { parseArgs } from "node:util";
import type { HeardBeat } from "../../src/core/heard-beat.ts";
import { idWords, putId } from "../../src/core/id-words.ts";
import type { RunRow } from "../../src/core/record.ts";
import type { KnownRun } from "../../src/core/restoration.ts";
import { noLabels, type RunView } from "../../src/core/run.ts";
import type { DetectorSettings } from "../../src/core/settings.ts";
import { Tracker } from "../../src/core/tracker.ts";
import type { Instant } from "../../src/lib/clock.ts";

/**
 * What the run table costs: memory a run, a tick, and a beat, at the sizes given. By hand:
 * `node --expose-gc bench/core/run-table.ts --runs 1000,10000,100000,1000000`. Figures: bench/run-table.md.
 */
const cadenceMs = 180_000;
const startMs = Date.UTC(2026, 4, 13);
/** All before the first run is overdue. */
const ticks = 60;
const beatsMax = 200_000;

const settings: DetectorSettings = {
	k: 3,
	slowestCadenceMs: 600_000,
	stuckPendingMs: 1_800_000,
	stuckRetryMs: 300_000,
	stuckCancellingMs: 600_000,
	staleMs: 86_400_000,
	overrunMs: null,
	stuckScheduledMs: null,
	rules: [],
	confirmRunsMax: 50,
	unconfirmedRunsMax: 100_000,
};

let seed = 1;
const { values } = parseArgs({ options: { runs: { type: "string", default: "1000,10000,100000,1000000" } } });
for (const runs of values.runs.split(",").map(Number)) measure(runs);

function measure(runs: number): void {
	const before = memory();
	const tracker = new Tracker({
		namespace: "bench",
		workspace: "w",
		live: { current: settings },
		holdsMassLapses: true,
		startedAt: instant(0),
	});
	const restoredMs = timed(() => restore(tracker, runs));
	connect(tracker);
	const settling = ticksOf(tracker, Math.ceil(runs / 50_000) + 2, 1);
	const ticked = ticksOf(tracker, ticks, settling.nextSecond);
	const after = memory();
	const beats = Math.min(runs, beatsMax);
	const order = Array.from({ length: beats }, () => Math.floor(random() * runs));
	const views = order.map((run) => beatOf(run, ticked.nextSecond * 1_000));
	const beatMs = timed(() => {
		for (const view of views) {
			const at = instant(ticked.nextSecond * 1_000);
			tracker.apply({ kind: "event", at, view, receivedMs: view.beat?.receivedMs ?? null });
		}
	});
	tracker.drain();
	const inPlace = beatsInPlace(tracker, order, (ticked.nextSecond + 1) * 1_000);
	const row = {
		runs,
		bytesARun: Math.round((after.bytes - before.bytes) / runs),
		tableBytesARun: Math.round(tracker.inspection.tableBytes / runs),
		rssMb: Math.round(after.rss / 1e6),
		restoreMs: Math.round(restoredMs),
		tickMs: Number(median(ticked.tookMs).toFixed(3)),
		tickMsMax: Number(Math.max(...ticked.tookMs).toFixed(3)),
		beatUs: Number(((beatMs * 1_000) / beats).toFixed(2)),
		beatInPlaceUs: Number(((inPlace.tookMs * 1_000) / beats).toFixed(2)),
		inPlaceShare: inPlace.taken / beats,
	};
	process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** The next beats of these runs, a microsecond apart, read already; and how many of them were taken in place. */
function beatsInPlace(tracker: Tracker, order: readonly number[], monoMs: number): { tookMs: number; taken: number } {
	const heard = order.map((run, beat) => heardOf(run, beat, monoMs));
	let taken = 0;
	const tookMs = timed(() => {
		for (const beat of heard) if (tracker.beat(instant(monoMs), beat)) taken += 1;
	});
	tracker.drain();
	return { tookMs, taken };
}

function heardOf(run: number, beat: number, monoMs: number): HeardBeat {
	const runId = new Uint32Array(idWords);
	putId(runId, 0, uuidOf(run, 1));
	const occurredMs = startMs + monoMs + beat / 1_000;
	return { runId, eventId: new Uint32Array([run, beat, 7, 7]), occurredMs, receivedMs: occurredMs + 20 };
}

function restore(tracker: Tracker, runs: number): void {
	tracker.restoreRuns(rows(runs), instant(0));
	tracker.restore(
		{
			openEpisodes: [],
			spentAlerts: [],
			workspace: null,
			learned: [],
			openGroups: [],
			heldRuns: [],
		},
		instant(0),
	);
}

function* rows(runs: number): Generator<KnownRun> {
	for (let run = 0; run < runs; run += 1) yield { row: rowOf(run), version: 1, place: run + 1 };
}

function connect(tracker: Tracker): void {
	tracker.apply({ kind: "rest_answered", at: instant(0), serverDateMs: startMs });
	tracker.apply({ kind: "stream_opened", at: instant(0) });
	tracker.apply({ kind: "caught_up", at: instant(0) });
	tracker.drain();
}

function ticksOf(tracker: Tracker, count: number, fromSecond: number): { tookMs: number[]; nextSecond: number } {
	const tookMs: number[] = [];
	for (let second = fromSecond; second < fromSecond + count; second += 1) {
		tookMs.push(timed(() => tracker.apply({ kind: "tick", at: instant(second * 1_000) })));
		tracker.drain();
	}
	return { tookMs, nextSecond: fromSecond + count };
}

function instant(monoMs: number): Instant {
	return { monoMs, wallMs: startMs + monoMs };
}

/** When its last beat before the start was: spread over half a cadence. */
function lastBeatMs(run: number): number {
	return startMs - ((run * 7_919) % 90_000) - 0.5;
}

function rowOf(run: number): RunRow {
	const lastMs = lastBeatMs(run);
	const occurredMs = Array.from({ length: 9 }, (_, beat) => lastMs - (8 - beat) * (cadenceMs + (run % 50)));
	const receivedMs = lastMs + 20;
	return {
		workspace: "w",
		runId: uuidOf(run, 1),
		attempt: 1,
		state: {
			id: uuidOf(run, 2),
			type: "RUNNING",
			name: "Running",
			timestampMs: lastMs - 3_600_000,
			scheduledTimeMs: null,
			fromRest: true,
		},
		endedAtMs: null,
		aliveAtServerMs: receivedMs,
		lastBeat: { eventId: uuidOf(run, 3), occurredMs: lastMs, receivedMs },
		occurredMs,
		labels: labelsOf(run),
		updatedAtMs: startMs,
	};
}

function labelsOf(run: number): RunRow["labels"] {
	const deployment = run % 500;
	return {
		...noLabels,
		flowId: uuidOf(deployment, 4),
		flowName: `flow-${deployment}`,
		deploymentId: uuidOf(deployment, 5),
		deploymentName: `deployment-${deployment}`,
		workPool: `pool-${run % 12}`,
		clientVersion: "3.6.22",
		tags: ["bench"],
	};
}

function beatOf(run: number, monoMs: number): RunView {
	const occurredMs = startMs + monoMs;
	const beat = { eventId: uuidOf(run, 6), occurredMs, receivedMs: occurredMs + 20 };
	return { runId: uuidOf(run, 1), attempt: null, state: null, beat, labels: labelsOf(run) };
}

function uuidOf(number: number, kind: number): string {
	const mixed = (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
	return `${mixed}-000${kind}-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

function random(): number {
	seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
	return seed / 0x1_0000_0000;
}

/** Milliseconds of the processor's time: other processes of the machine do not count. */
function timed(act: () => void): number {
	const from = process.cpuUsage();
	act();
	return process.cpuUsage(from).user / 1_000;
}

function memory(): { bytes: number; rss: number } {
	globalThis.gc?.();
	const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
	return { bytes: heapUsed + arrayBuffers, rss };
}

function median(numbers: readonly number[]): number {
	return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
