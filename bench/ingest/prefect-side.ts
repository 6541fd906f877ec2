import { fileURLToPath } from "node:url";
import { bareEnvironment, ProcessGroup } from "../../test/_util/process-group.ts";
import { TempFolder } from "../../test/_util/temp-folder.ts";
import type { SourceProcess } from "./source-process.ts";

/** One turn at the frames: how many, how fast, at what cost. */
export interface Turn {
	readonly events: number;
	readonly eventsPerSecond: number;
	readonly cpuMicrosPerEvent: number;
	readonly rssMb: number;
}

export interface PrefectSideOptions {
	readonly python: string;
	readonly events: number;
	readonly seed: number;
	readonly signal: AbortSignal;
}

/** Prefect's own subscriber takes the frames, in a process of its own; the clock runs from the first frame to the last. */
export async function prefectTurn(source: SourceProcess, options: PrefectSideOptions): Promise<Turn> {
	const { python, events, seed, signal } = options;
	await using folder = await TempFolder.make("bench-prefect");
	let line = "";
	const subscribed = source.subscribed();
	const subscriber = new ProcessGroup({
		command: python,
		args: [fileURLToPath(new URL("subscriber.py", import.meta.url)), String(events)],
		cwd: folder.path,
		env: bareEnvironment({ HOME: folder.path, PREFECT_HOME: folder.path, PREFECT_API_URL: source.apiUrl }),
		logFile: folder.file("subscriber.log"),
		onStdoutLine: (text) => {
			line = text;
		},
		signal,
	});
	const died = subscriber.ended.then(() => {
		if (line === "") throw new Error(`Prefect's subscriber ended early:\n${subscriber.tail}`);
	});
	await Promise.race([subscribed, died]);
	const [{ startedAtMs }] = await Promise.all([source.send({ frames: events, seed, framesPerSecond: null }), died]);
	const told = JSON.parse(line) as { events: number; endedAtMs: number; cpuMicros: number; rssMb: number };
	if (told.events !== events) throw new Error(`Prefect's subscriber took ${told.events} of ${events} events`);
	return {
		events,
		eventsPerSecond: events / ((told.endedAtMs - startedAtMs) / 1000),
		cpuMicrosPerEvent: told.cpuMicros / events,
		rssMb: told.rssMb,
	};
}
