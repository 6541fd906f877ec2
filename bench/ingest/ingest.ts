import { copyFile, rm } from "node:fs/promises";
import { TempFolder } from "../../test/_util/temp-folder.ts";
import { median, rounded } from "../figures.ts";
import { prefectTurn } from "./prefect-side.ts";
import { preload } from "./preload.ts";
import { SourceProcess } from "./source-process.ts";
import { type ZombiedTurn, zombiedTurn } from "./zombied-side.ts";

export interface IngestOptions {
	readonly python: string;
	readonly liveRuns: readonly number[];
	/** Of each of zombied's turns; null: `eventsMin`, and `eventsPerRunMin` for each live run at least. */
	readonly events: number | null;
	readonly repetitions: number;
	/** No further repetition begins after it; each size has one at least, and its share of the time that is left. */
	readonly untilMonoMs: number;
	/** Further arguments for the daemon's node. */
	readonly nodeArgs: readonly string[];
	readonly report: (line: string) => void;
	readonly signal: AbortSignal;
}

/** `ingest` of `npm run bench -- --json`: medians over the repetitions. */
export interface IngestFigures {
	readonly liveRuns: number;
	readonly eventsPerSecond: number;
	readonly cpuMicrosPerEvent: number;
	/** Median of the ratios of the pairs of turns. */
	readonly ratioToPrefectSubscriber: number;
	readonly loopDelayP99Ms: number;
	readonly rssMb: number;
	readonly spread: {
		readonly repetitions: number;
		readonly ratios: readonly number[];
		readonly eventsPerSecond: readonly number[];
		readonly prefectEventsPerSecond: readonly number[];
		readonly prefectCpuMicrosPerEvent: number;
		readonly startMs: number;
		readonly hadCaughtUp: boolean;
		readonly dropped: number;
		readonly unstored: number;
	};
}

interface Pair {
	readonly zombied: ZombiedTurn;
	readonly prefectEventsPerSecond: number;
	readonly prefectCpuMicros: number;
}

/** A turn has start-up's cold code and the shutdown in it, half a second: these are ten seconds and more. */
const eventsMin = 4_000_000;
/** So many that a run's beats come together before they are stored, as they do at such a rate; and yet each run's are, at the end. */
const eventsPerRunMin = 4;

/** Three to four seconds of what Prefect's subscriber takes. */
const prefectEvents = 20_000;

/** Both take the same frames from the same server, in turns: what the machine does beside it meets both alike. */
export async function measureIngest(options: IngestOptions): Promise<readonly IngestFigures[]> {
	const figures: IngestFigures[] = [];
	for (const [done, liveRuns] of options.liveRuns.entries()) {
		const nowMonoMs = performance.now();
		const shareMs = (options.untilMonoMs - nowMonoMs) / (options.liveRuns.length - done);
		figures.push(await measureSize(liveRuns, { ...options, untilMonoMs: nowMonoMs + shareMs }));
	}
	return figures;
}

async function measureSize(liveRuns: number, options: IngestOptions): Promise<IngestFigures> {
	const { report } = options;
	await using folder = await TempFolder.make("bench");
	const fleet = folder.file("fleet.db");
	report(`${liveRuns} live runs: making the database`);
	await preload(fleet, liveRuns);
	await using source = await SourceProcess.start(liveRuns);
	const pairs: Pair[] = [];
	let longestMs = 0;
	for (let turn = 0; turn < options.repetitions; turn += 1) {
		const beganMs = performance.now();
		if (turn > 0 && beganMs + longestMs > options.untilMonoMs) {
			report(`${liveRuns} live runs: time is up after ${turn} repetitions`);
			break;
		}
		const pair = await takeTurns(source, { ...options, liveRuns, folder, fleet, turn });
		longestMs = Math.max(longestMs, performance.now() - beganMs);
		pairs.push(pair);
		report(`${liveRuns} live runs, repetition ${turn + 1}: ${described(pair)}`);
	}
	return figuresOf(liveRuns, pairs);
}

interface TurnOptions extends Omit<IngestOptions, "liveRuns"> {
	readonly liveRuns: number;
	readonly folder: TempFolder;
	readonly fleet: string;
	readonly turn: number;
}

async function takeTurns(source: SourceProcess, options: TurnOptions): Promise<Pair> {
	const { python, liveRuns, folder, fleet, turn, nodeArgs, signal } = options;
	// The same frames for both.
	const seed = 1_000_003 * (turn + 1);
	const events = options.events ?? Math.max(eventsMin, eventsPerRunMin * liveRuns);
	const database = folder.file("zombied.db");
	const zombied = async (): Promise<ZombiedTurn> => {
		for (const suffix of ["", "-wal", "-shm"]) await rm(`${database}${suffix}`, { force: true });
		await copyFile(fleet, database);
		const own = { folder: folder.path, database, liveRuns, events, seed, framesPerSecond: null, nodeArgs, signal };
		return await zombiedTurn(source, own);
	};
	const prefect = () => prefectTurn(source, { python, events: prefectEvents, seed, signal });
	// Neither is always the first.
	const first = turn % 2 === 0 ? await prefect() : null;
	const own = await zombied();
	const { eventsPerSecond, cpuMicrosPerEvent } = first ?? (await prefect());
	return { zombied: own, prefectEventsPerSecond: eventsPerSecond, prefectCpuMicros: cpuMicrosPerEvent };
}

function described({ zombied, prefectEventsPerSecond }: Pair): string {
	const { eventsPerSecond, cpuMicrosPerEvent, loopDelayP99Ms, rssMb, dropped, unstored } = zombied;
	const own = `${Math.round(eventsPerSecond)} events/s, ${cpuMicrosPerEvent.toFixed(1)} us CPU an event`;
	const process = `loop delay p99 ${loopDelayP99Ms.toFixed(0)} ms, ${rssMb.toFixed(0)} MB`;
	const lost = dropped === 0 ? "" : `, ${dropped} DROPPED`;
	const late = unstored === 0 ? "" : `, ${unstored} runs not stored`;
	return `${own}, ${process}${lost}${late}; Prefect's subscriber ${Math.round(prefectEventsPerSecond)} events/s`;
}

function figuresOf(liveRuns: number, pairs: readonly Pair[]): IngestFigures {
	const of = (figure: (pair: Pair) => number): number => median(pairs.map(figure));
	const all = (figure: (pair: Pair) => number, digits: number): readonly number[] =>
		pairs.map((pair) => rounded(figure(pair), digits));
	const ratio = ({ zombied, prefectEventsPerSecond }: Pair): number => zombied.eventsPerSecond / prefectEventsPerSecond;
	return {
		liveRuns,
		eventsPerSecond: Math.round(of(({ zombied }) => zombied.eventsPerSecond)),
		cpuMicrosPerEvent: rounded(
			of(({ zombied }) => zombied.cpuMicrosPerEvent),
			2,
		),
		ratioToPrefectSubscriber: rounded(of(ratio), 2),
		loopDelayP99Ms: rounded(
			of(({ zombied }) => zombied.loopDelayP99Ms),
			1,
		),
		rssMb: Math.round(of(({ zombied }) => zombied.rssMb)),
		spread: {
			repetitions: pairs.length,
			ratios: all(ratio, 2),
			eventsPerSecond: all(({ zombied }) => zombied.eventsPerSecond, 0),
			prefectEventsPerSecond: all((pair) => pair.prefectEventsPerSecond, 0),
			prefectCpuMicrosPerEvent: rounded(
				of((pair) => pair.prefectCpuMicros),
				1,
			),
			startMs: Math.round(of(({ zombied }) => zombied.startMs)),
			hadCaughtUp: pairs.every(({ zombied }) => zombied.hadCaughtUp),
			dropped: pairs.reduce((sum, { zombied }) => sum + zombied.dropped, 0),
			unstored: Math.max(...pairs.map(({ zombied }) => zombied.unstored)),
		},
	};
}
