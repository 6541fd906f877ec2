import { parentPort, workerData } from "node:worker_threads";
import { play } from "./play.ts";

/** What a worker of `npm run sim` is started with. */
export interface WorkerTask {
	readonly hours: number;
	readonly runs: number;
	readonly wild: boolean;
}

const { hours, runs, wild } = workerData as WorkerTask;

parentPort?.on("message", (seed: number) => {
	// Rejecting ends the worker, which its owner sees.
	void play({ seed, hours, runs, wild, onFiles: null }).then((played) => parentPort?.postMessage(played));
});
