import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Played } from "./play.ts";
import type { WorkerTask } from "./seed-worker.ts";

/** Plays seeds on worker threads, one a core; who asks first is served first. */
export class PlayPool implements AsyncDisposable {
	readonly #task: WorkerTask;
	readonly #workers: Worker[] = [];
	readonly #idle: Worker[] = [];
	readonly #waiting: ((worker: Worker) => void)[] = [];

	constructor(task: WorkerTask) {
		this.#task = task;
	}

	/** Rejects when the simulation itself fails, which is not a rule that was broken. */
	async play(seed: number): Promise<Played> {
		const worker = await this.#take();
		try {
			return await playedBy(worker, seed);
		} finally {
			const next = this.#waiting.shift();
			if (next === undefined) this.#idle.push(worker);
			else next(worker);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.#workers.map((worker) => worker.terminate()));
	}

	#take(): Promise<Worker> | Worker {
		const idle = this.#idle.pop();
		if (idle !== undefined) return idle;
		if (this.#workers.length >= availableParallelism()) return new Promise((resolve) => this.#waiting.push(resolve));
		const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), { workerData: this.#task });
		this.#workers.push(worker);
		return worker;
	}
}

function playedBy(worker: Worker, seed: number): Promise<Played> {
	const { promise, resolve, reject } = Promise.withResolvers<Played>();
	const onError = (error: unknown): void =>
		reject(new Error(`seed ${seed}: the simulation itself failed`, { cause: error }));
	worker.once("message", resolve);
	worker.once("error", onError);
	worker.postMessage(seed);
	return promise.finally(() => {
		worker.off("message", resolve);
		worker.off("error", onError);
	});
}
