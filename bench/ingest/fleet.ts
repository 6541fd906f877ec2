import type { RunLabels } from "../../src/core/run.ts";

/** From one beat of a run to its next, by its own clock: Prefect's default. */
export const cadenceMs = 180_000;

/** Of every run's last beat in the database that the daemon starts with, by the worker's clock; the frames go on from here. */
export const lastStoredBeatMs = Date.now() - (Date.now() % 86_400_000) - 20 * 86_400_000;

export const flowsTotal = 20;
export const pool = { id: uuidOf(0x900d, 0), name: "kubernetes-prod" };
const queue = { id: uuidOf(0x900e, 0), name: "default" };
export const clientVersion = "3.8.8";

/** The run of this number: the same in the database that the daemon starts with, over REST, and in the frames. */
export function runIdOf(index: number): string {
	return uuidOf(0xf10a, index);
}

export function runNameOf(index: number): string {
	return `capybara-${String(index).padStart(7, "0")}`;
}

/** Something that many runs have in common. */
interface Shared {
	readonly id: string;
	readonly name: string;
}

const flows = Array.from({ length: flowsTotal }, (_, flow) => {
	return { id: uuidOf(0xf100, flow), name: `daily-ingest-${flow}` };
});
const deployments = Array.from({ length: flowsTotal }, (_, flow) => {
	return { id: uuidOf(0xde91, flow), name: `production-${flow}` };
});

export function flowOf(index: number): Shared {
	return flows[index % flowsTotal] as Shared;
}

export function deploymentOf(index: number): Shared {
	return deployments[index % flowsTotal] as Shared;
}

/** The state that all runs have been in for more than a day. */
export function runningStateOf(index: number): { readonly id: string; readonly atMs: number } {
	const midnightMs = Date.now() - (Date.now() % 86_400_000);
	return { id: uuidOf(0x57a7, index), atMs: midnightMs - 86_400_000 };
}

/** What the beats of the run tell, and REST of its deployment, as the daemon keeps it. */
export function labelsOf(index: number): RunLabels {
	return {
		name: runNameOf(index),
		flowId: flowOf(index).id,
		flowName: flowOf(index).name,
		deploymentId: deploymentOf(index).id,
		deploymentName: deploymentOf(index).name,
		workPool: pool.name,
		clientVersion,
		parentTaskRunId: null,
		parentRunId: null,
		tags: ["team:data"],
	};
}

/** The related resources of a heartbeat of a deployment's run, as Prefect 3.8.8 sends them. */
export function relatedOf(index: number): readonly Readonly<Record<string, string>>[] {
	const resource = (kind: string, id: string, name: string | null) => ({
		"prefect.resource.id": `prefect.${kind}.${id}`,
		"prefect.resource.role": kind,
		...(name === null ? {} : { "prefect.resource.name": name }),
	});
	return [
		resource("flow", flowOf(index).id, flowOf(index).name),
		resource("deployment", deploymentOf(index).id, null),
		resource("tag", "team:data", null),
		resource("work-queue", queue.id, queue.name),
		resource("work-pool", pool.id, pool.name),
	];
}

/** A version 4 UUID that depends on the two numbers alone, and looks as random as one. */
function uuidOf(kind: number, index: number): string {
	const words = [0, 1, 2, 3].map((word) => mixed(kind, index, word).toString(16).padStart(8, "0"));
	const hex = words.join("");
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Murmur3's finalizer. */
function mixed(kind: number, index: number, word: number): number {
	let hash = Math.imul(kind, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b) ^ Math.imul(word + 1, 0xc2b2ae35);
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return (hash ^ (hash >>> 16)) >>> 0;
}
