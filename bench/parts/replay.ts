import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { bareEnvironment, ProcessGroup } from "../../test/_util/process-group.ts";
import { TempFolder } from "../../test/_util/temp-folder.ts";
import {
	cadenceMs,
	clientVersion,
	deploymentOf,
	flowOf,
	pool,
	relatedOf,
	runIdOf,
	runNameOf,
} from "../ingest/fleet.ts";

export interface ReplayFigures {
	readonly events: number;
	readonly eventsPerSecond: number;
}

const startsMs = Date.UTC(2026, 0, 1);

/** `zombied replay` of a recording, from the start of its process to its end, less what one beat alone takes. */
export async function measureReplay(runs: number, beats: number, signal: AbortSignal): Promise<ReplayFigures> {
	await using folder = await TempFolder.make("bench-replay");
	const longFile = folder.file("long.jsonl");
	const shortFile = folder.file("short.jsonl");
	await write(longFile, runs, beats);
	await write(shortFile, 1, 1);
	const shortMs = await replayMs(shortFile, folder, signal);
	const longMs = await replayMs(longFile, folder, signal);
	const events = runs * beats;
	return { events, eventsPerSecond: events / ((longMs - shortMs) / 1000) };
}

async function replayMs(file: string, folder: TempFolder, signal: AbortSignal): Promise<number> {
	const startedMs = performance.now();
	const replay = new ProcessGroup({
		command: process.execPath,
		args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "replay", file],
		cwd: folder.path,
		env: bareEnvironment({ HOME: folder.path }),
		logFile: folder.file("replay.log"),
		signal,
	});
	const { code } = await replay.ended;
	if (code !== 0) throw new Error(`the replay ended with code ${code}:\n${replay.tail}`);
	return performance.now() - startedMs;
}

/** Runs that beat, spread evenly over the cadence. */
async function write(file: string, runs: number, beats: number): Promise<void> {
	const out = createWriteStream(file);
	const put = async (line: object): Promise<void> => {
		if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, "drain");
	};
	const endsMs = startsMs + (beats + 1) * cadenceMs;
	await put({
		incident: "bench",
		title: "a fleet that beats",
		source: "bench",
		starts: iso(startsMs),
		ends: iso(endsMs),
	});
	for (let index = 0; index < runs; index += 1) await put({ at: iso(startsMs), api: apiRow(index) });
	for (let beat = 0; beat < beats; beat += 1) {
		for (let index = 0; index < runs; index += 1) {
			const atMs = startsMs + 1000 + beat * cadenceMs + (index * cadenceMs) / runs;
			await put({ at: iso(atMs), frame: frameOf(index, beat * runs + index, atMs) });
		}
	}
	out.end();
	await once(out, "finish");
}

function apiRow(index: number): object {
	return {
		id: runIdOf(index),
		name: runNameOf(index),
		flow_id: flowOf(index).id,
		deployment_id: deploymentOf(index).id,
		work_pool_name: pool.name,
		tags: [],
		run_count: 1,
		state_id: runIdOf(index),
		state_type: "RUNNING",
		state_name: "Running",
		state_timestamp: iso(startsMs),
		scheduled_time: null,
	};
}

function frameOf(index: number, event: number, atMs: number): object {
	return {
		type: "event",
		event: {
			occurred: iso(atMs),
			event: "prefect.flow-run.heartbeat",
			resource: {
				"prefect.resource.id": `prefect.flow-run.${runIdOf(index)}`,
				"prefect.resource.name": runNameOf(index),
				"prefect.version": clientVersion,
			},
			related: relatedOf(index),
			payload: {},
			id: `00000000-0000-7000-8000-${event.toString(16).padStart(12, "0")}`,
			follows: null,
			received: iso(atMs),
		},
	};
}

function iso(ms: number): string {
	return new Date(ms).toISOString().replace("Z", "000Z");
}
