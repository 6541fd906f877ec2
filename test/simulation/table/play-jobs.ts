import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Job, Played } from "./job.ts";

/**
 * Plays jobs on all cores. What each comes to does not depend on who plays it, or when.
 *
 * @param onPlayed told of each job's end
 * @returns in the order of the jobs
 */
export async function playJobs(jobs: readonly Job[], onPlayed: (job: Job) => void): Promise<readonly Played[]> {
	const results = new Map<number, Played>();
	// The longest first, lest one of them be left to the end.
	const queue = [...jobs.entries()].sort(([, a], [, b]) => b.cadenceSeconds - a.cadenceSeconds);
	const workers = Math.min(availableParallelism(), jobs.length);
	await Promise.all(
		Array.from({ length: workers }, async () => {
			const worker = new Worker(new URL("./worker.ts", import.meta.url));
			try {
				for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
					const [index, job] = next;
					results.set(index, await played(worker, job));
					onPlayed(job);
				}
			} finally {
				await worker.terminate();
			}
		}),
	);
	return jobs.flatMap((_, index) => results.get(index) ?? []);
}

/** @throws what was thrown in the worker */
async function played(worker: Worker, job: Job): Promise<Played> {
	const answer = once(worker, "message");
	worker.postMessage(job);
	const [result] = await answer;
	return result as Played;
}
