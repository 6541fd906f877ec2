import type { IncomingMessage, ServerResponse } from "node:http";
import { deploymentOf, flowOf, flowsTotal, pool, runIdOf, runNameOf, runningStateOf } from "./fleet.ts";

interface Query {
	readonly limit?: number;
	readonly offset?: number;
	readonly flow_runs?: { readonly id?: { readonly any_?: readonly string[] } };
}

/** Prefect's REST API, as far as a daemon needs it to catch up: all of the fleet is RUNNING, and nothing else is stored. */
export async function answerRest(request: IncomingMessage, response: ServerResponse, liveRuns: number): Promise<void> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const query = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Query);
	const answer = answerTo(`${request.method} ${request.url}`, query, liveRuns);
	response.writeHead(answer === null ? 404 : 200, { "content-type": "application/json" });
	response.end(JSON.stringify(answer ?? { detail: "Not Found" }));
}

function answerTo(route: string, query: Query, liveRuns: number): unknown {
	switch (route) {
		case "GET /api/health":
			return true;
		case "POST /api/flow_runs/filter":
			return runRows(query, liveRuns);
		case "POST /api/flows/filter":
			return Array.from({ length: flowsTotal }, (_, index) => flowOf(index));
		case "POST /api/deployments/filter":
			return Array.from({ length: flowsTotal }, (_, index) => deploymentOf(index));
		case "POST /api/events/filter":
			return { events: [], total: 0, next_page: null };
		case "POST /api/logs/filter":
		case "POST /api/task_runs/filter":
			return [];
		default:
			return null;
	}
}

/** The runs asked about, or a page of the listing. */
function runRows({ limit = 200, offset = 0, flow_runs }: Query, liveRuns: number): readonly object[] {
	const asked = flow_runs?.id?.any_;
	if (asked !== undefined) return asked.map((id) => runRow(indexOf(id, liveRuns)));
	return Array.from({ length: Math.max(0, Math.min(limit, liveRuns - offset)) }, (_, row) => runRow(offset + row));
}

function runRow(index: number): object {
	const state = runningStateOf(index);
	return {
		id: runIdOf(index),
		name: runNameOf(index),
		flow_id: flowOf(index).id,
		deployment_id: deploymentOf(index).id,
		work_pool_name: pool.name,
		parent_task_run_id: null,
		tags: ["team:data"],
		run_count: 1,
		state_type: "RUNNING",
		state_name: "Running",
		state: { id: state.id, type: "RUNNING", name: "Running", timestamp: new Date(state.atMs).toISOString() },
	};
}

const indices = new Map<string, number>();

/** Who is asked about is seldom anybody, so that the fleet is not looked up before. */
function indexOf(id: string, liveRuns: number): number {
	for (let index = indices.size; index < liveRuns; index += 1) indices.set(runIdOf(index), index);
	return indices.get(id) ?? 0;
}
