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

/** What `subscriber.py` says at its end. */
interface Told {
	readonly events: number;
	readonly endedAtMs: number;
	readonly cpuMicros: number;
	readonly rssMb: number;
}

/** Prefect's own subscriber with an empty loop body, in a process of its own. */
export class PrefectSubscriber implements AsyncDisposable {
	/** Resolves with its last word; rejects when it ends without one. */
	readonly told: Promise<Told>;
	readonly #process: ProcessGroup;

	constructor(options: { python: string; apiUrl: string; events: number; folder: TempFolder; signal: AbortSignal }) {
		const { python, apiUrl, events, folder, signal } = options;
		let line = "";
		const subscriber = new ProcessGroup({
			command: python,
			args: [fileURLToPath(new URL("subscriber.py", import.meta.url)), String(events)],
			cwd: folder.path,
			env: bareEnvironment({ HOME: folder.path, PREFECT_HOME: folder.path, PREFECT_API_URL: apiUrl }),
			logFile: folder.file("subscriber.log"),
			onStdoutLine: (text) => {
				line = text;
			},
			signal,
		});
		this.#process = subscriber;
		this.told = subscriber.ended.then(() => {
			if (line === "") throw new Error(`Prefect's subscriber ended early:\n${subscriber.tail}`);
			return JSON.parse(line) as Told;
		});
		// Whoever awaits it is told.
		this.told.catch(() => undefined);
	}

	/** Forgets the backfill that it began with. */
	countAgain(): void {
		this.#process.send("SIGUSR1");
	}

	/** It says what it has come to, and ends. */
	async stop(): Promise<Told> {
		this.#process.send("SIGTERM");
		return await this.told;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#process.kill();
	}
}

/** It takes the frames; the clock runs from the first frame to the last. */
export async function prefectTurn(source: SourceProcess, options: PrefectSideOptions): Promise<Turn> {
	const { python, events, seed, signal } = options;
	await using folder = await TempFolder.make("bench-prefect");
	const subscribed = source.subscribed();
	await using subscriber = new PrefectSubscriber({ python, apiUrl: source.apiUrl, events, folder, signal });
	await Promise.race([subscribed, subscriber.told]);
	const sending = source.send({ frames: events, seed, framesPerSecond: null });
	const [{ startedAtMs }, told] = await Promise.all([sending, subscriber.told]);
	if (told.events !== events) throw new Error(`Prefect's subscriber took ${told.events} of ${events} events`);
	return {
		events,
		eventsPerSecond: events / ((told.endedAtMs - startedAtMs) / 1000),
		cpuMicrosPerEvent: told.cpuMicros / events,
		rssMb: told.rssMb,
	};
}
