import { randomUUID } from "node:crypto";

/** An event as Prefect's server sends it; made below with the keys in its order. */
export interface EventJson {
	readonly id: string;
	readonly event: string;
	readonly occurred: string;
	readonly received: string;
	readonly resource: Readonly<Record<string, string>>;
	readonly related: readonly Readonly<Record<string, string>>[];
	readonly payload: Readonly<Record<string, unknown>>;
	readonly follows: string | null;
}

/** A flow run as REST gives it; many more fields than these are sent by a real server. */
export interface RunJson {
	readonly id: string;
	readonly name: string;
	readonly flow_id: string;
	readonly deployment_id: string | null;
	readonly work_pool_name: string | null;
	readonly parent_task_run_id: string | null;
	readonly tags: readonly string[];
	readonly run_count: number;
	readonly state_type: string;
	readonly state_name: string;
	readonly state: { readonly id: string; readonly type: string; readonly name: string; readonly timestamp: string };
}

export const someFlow = { id: "f0000000-0000-4000-8000-000000000001", name: "etl" };
export const someDeployment = { id: "d0000000-0000-4000-8000-000000000001", name: "nightly" };

/** With microseconds, as Prefect writes times. */
export function isoMicros(ms: number): string {
	const micros = Math.round((ms - Math.floor(ms)) * 1000);
	return new Date(Math.floor(ms)).toISOString().replace("Z", `${String(micros).padStart(3, "0")}Z`);
}

function relatedOf(tags: readonly string[]): readonly Readonly<Record<string, string>>[] {
	return [
		{
			"prefect.resource.id": `prefect.flow.${someFlow.id}`,
			"prefect.resource.role": "flow",
			"prefect.resource.name": someFlow.name,
		},
		...tags.map((tag) => ({ "prefect.resource.id": `prefect.tag.${tag}`, "prefect.resource.role": "tag" })),
	];
}

export function heartbeat(facts: {
	readonly runId: string;
	readonly occurredMs: number;
	readonly receivedMs?: number;
	readonly id?: string;
	readonly tags?: readonly string[];
	readonly deploymentId?: string;
	readonly runName?: string;
}): EventJson {
	const deployment = {
		"prefect.resource.id": `prefect.deployment.${facts.deploymentId}`,
		"prefect.resource.role": "deployment",
	};
	return {
		occurred: isoMicros(facts.occurredMs),
		event: "prefect.flow-run.heartbeat",
		resource: {
			"prefect.resource.id": `prefect.flow-run.${facts.runId}`,
			"prefect.resource.name": facts.runName ?? "brave-newt",
			"prefect.version": "3.8.8",
		},
		related: [...relatedOf(facts.tags ?? []), ...(facts.deploymentId === undefined ? [] : [deployment])],
		payload: {},
		id: facts.id ?? randomUUID(),
		follows: null,
		received: isoMicros(facts.receivedMs ?? facts.occurredMs + 20),
	};
}

export function stateEvent(facts: {
	readonly runId: string;
	readonly type: string;
	readonly name?: string;
	readonly atMs: number;
	readonly receivedMs?: number;
	readonly runCount?: number;
	readonly id?: string;
	readonly runName?: string;
}): EventJson {
	const name = facts.name ?? facts.type.charAt(0) + facts.type.slice(1).toLowerCase();
	return {
		occurred: isoMicros(facts.atMs),
		event: `prefect.flow-run.${name}`,
		resource: {
			"prefect.resource.id": `prefect.flow-run.${facts.runId}`,
			"prefect.resource.name": facts.runName ?? "brave-newt",
			"prefect.run-count": String(facts.runCount ?? 1),
			"prefect.state-message": "",
			"prefect.state-name": name,
			"prefect.state-timestamp": isoMicros(facts.atMs),
			"prefect.state-type": facts.type,
		},
		related: relatedOf([]),
		payload: {},
		id: facts.id ?? randomUUID(),
		follows: null,
		received: isoMicros(facts.receivedMs ?? facts.atMs + 20),
	};
}

export function run(facts: {
	readonly id?: string;
	readonly type?: string;
	readonly stateName?: string;
	readonly stateId?: string;
	readonly atMs?: number;
	readonly runCount?: number;
	readonly deployed?: boolean;
	readonly name?: string;
}): RunJson {
	const type = facts.type ?? "RUNNING";
	const name = facts.stateName ?? type.charAt(0) + type.slice(1).toLowerCase();
	return {
		id: facts.id ?? randomUUID(),
		name: facts.name ?? "brave-newt",
		flow_id: someFlow.id,
		deployment_id: facts.deployed === true ? someDeployment.id : null,
		work_pool_name: null,
		parent_task_run_id: null,
		tags: [],
		run_count: facts.runCount ?? 1,
		state_type: type,
		state_name: name,
		state: { id: facts.stateId ?? randomUUID(), type, name, timestamp: isoMicros(facts.atMs ?? Date.now()) },
	};
}
