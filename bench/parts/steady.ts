import { TempFolder } from "../../test/_util/temp-folder.ts";
import { preload } from "../ingest/preload.ts";
import { SourceProcess } from "../ingest/source-process.ts";
import { type ZombiedTurn, zombiedTurn } from "../ingest/zombied-side.ts";

export interface SteadyOptions {
	readonly liveRuns: number;
	readonly framesPerSecond: number;
	readonly seconds: number;
	readonly signal: AbortSignal;
}

/** R9: a rate that does not let up. What is asked: nothing dropped, and memory and the event loop within bounds. */
export async function measureSteady({
	liveRuns,
	framesPerSecond,
	seconds,
	signal,
}: SteadyOptions): Promise<ZombiedTurn> {
	await using folder = await TempFolder.make("bench-steady");
	const database = folder.file("zombied.db");
	await preload(database, liveRuns);
	await using source = await SourceProcess.start(liveRuns);
	const events = framesPerSecond * seconds;
	const own = { folder: folder.path, database, liveRuns, events, seed: 7, framesPerSecond, nodeArgs: [], signal };
	return await zombiedTurn(source, own);
}
