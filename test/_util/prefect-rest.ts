import { pause } from "./eventually.ts";

interface FlowRunState {
	readonly id: string;
	readonly type: string;
	readonly name: string;
	readonly timestamp: string;
}

export interface FlowRunRecord {
	readonly id: string;
	readonly name: string;
	readonly run_count: number;
	readonly state_type: string;
	readonly state_name: string;
	readonly state: FlowRunState | null;
}

export interface PrefectEvent {
	readonly id: string;
	readonly event: string;
	readonly occurred: string;
	readonly received: string;
	readonly resource: Readonly<Record<string, string>>;
}

export interface NewRun {
	readonly name: string;
	readonly parameters?: Readonly<Record<string, unknown>>;
}

const requestTimeoutMs = 20_000;
const attemptsMax = 12;
// Far enough ahead for no clock to reach it; without it the server takes the moment of asking.
const farFuture = "2200-01-01T00:00:00Z";
const longAgo = "2020-01-01T00:00:00Z";

/** The calls to a Prefect server that the tests make themselves. Any answer outside 2xx is an error. */
export class PrefectRest {
	readonly #apiUrl: string;
	readonly #headers: Readonly<Record<string, string>>;

	constructor(apiUrl: string, authString: string | null) {
		this.#apiUrl = apiUrl;
		this.#headers = {
			"content-type": "application/json",
			...(authString === null ? {} : { authorization: `Basic ${Buffer.from(authString).toString("base64")}` }),
		};
	}

	async health(): Promise<boolean> {
		try {
			return (await this.#call("GET", "/health")) === true;
		} catch {
			return false;
		}
	}

	async readRun(runId: string): Promise<FlowRunRecord> {
		return (await this.#call("GET", `/flow_runs/${runId}`)) as FlowRunRecord;
	}

	/** At most 200, as many as a page of the server holds. */
	async filterRuns(stateTypes: readonly string[]): Promise<readonly FlowRunRecord[]> {
		return (await this.#call("POST", "/flow_runs/filter", {
			flow_runs: { state: { type: { any_: stateTypes } } },
			limit: 200,
		})) as readonly FlowRunRecord[];
	}

	/** Null while there is no such deployment yet. */
	async findDeployment(flow: string, deployment: string): Promise<string | null> {
		try {
			const found = await this.#call("GET", `/deployments/name/${flow}/${deployment}`);
			return (found as { id: string }).id;
		} catch (error) {
			if (error instanceof RestError && error.status === 404) {
				return null;
			}
			throw error;
		}
	}

	/** Asks for a run now: whoever serves the deployment takes it. */
	async createFlowRun(deploymentId: string, run: NewRun): Promise<string> {
		const made = await this.#call("POST", `/deployments/${deploymentId}/create_flow_run`, {
			...run,
			idempotency_key: crypto.randomUUID(),
			state: { type: "SCHEDULED" },
		});
		return (made as { id: string }).id;
	}

	/** A run without any process behind it, in RUNNING. */
	async createBareRun(name: string): Promise<string> {
		const flow = (await this.#call("POST", "/flows/", { name: "bare-flow" })) as { id: string };
		const run = (await this.#call("POST", "/flow_runs/", {
			flow_id: flow.id,
			name,
			state: { type: "PENDING" },
			idempotency_key: crypto.randomUUID(),
		})) as { id: string };
		await this.setState(run.id, "RUNNING", "Running");
		return run.id;
	}

	/** The server's verdict: ACCEPT, REJECT, ABORT or WAIT. Never forced. */
	async setState(runId: string, type: string, name: string): Promise<string> {
		const answer = await this.#call("POST", `/flow_runs/${runId}/set_state`, {
			state: { type, name },
			force: false,
		});
		return (answer as { status: string }).status;
	}

	async resume(runId: string): Promise<string> {
		const answer = await this.#call("POST", `/flow_runs/${runId}/resume`, {});
		return (answer as { status: string }).status;
	}

	/** Posts one heartbeat as a client would, occurred now. Returns the event's id. */
	async postHeartbeat(runId: string, name: string): Promise<string> {
		const id = crypto.randomUUID();
		await this.#call("POST", "/events", [
			{
				id,
				event: "prefect.flow-run.heartbeat",
				occurred: new Date().toISOString(),
				resource: {
					"prefect.resource.id": `prefect.flow-run.${runId}`,
					"prefect.resource.name": name,
				},
				related: [],
				payload: {},
				follows: null,
			},
		]);
		return id;
	}

	/** The stored heartbeats of a run, newest first, at most 50. Events are stored 3 to 5 s after they arrive. */
	async heartbeats(runId: string): Promise<readonly PrefectEvent[]> {
		const page = await this.#call("POST", "/events/filter", {
			filter: {
				event: { name: ["prefect.flow-run.heartbeat"] },
				resource: { id: [`prefect.flow-run.${runId}`] },
				occurred: { since: longAgo, until: farFuture },
				order: "DESC",
			},
			limit: 50,
		});
		return (page as { events: readonly PrefectEvent[] }).events;
	}

	/** The server answers 503 when its SQLite file is locked for too long: nothing has happened then. */
	async #call(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await this.#callOnce(method, path, body);
			} catch (error) {
				const isBusy = error instanceof RestError && error.status === 503;
				if (!isBusy || attempt === attemptsMax) {
					throw error;
				}
				await pause(attempt * 500);
			}
		}
	}

	async #callOnce(method: string, path: string, body: unknown): Promise<unknown> {
		const response = await fetch(`${this.#apiUrl}${path}`, {
			method,
			headers: this.#headers,
			signal: AbortSignal.timeout(requestTimeoutMs),
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		if (!response.ok) {
			throw new RestError(method, path, response.status, text);
		}
		return text === "" ? null : JSON.parse(text);
	}
}

class RestError extends Error {
	override readonly name = "RestError";
	readonly status: number;

	constructor(method: string, path: string, status: number, answer: string) {
		super(`${method} ${path} answered ${status}: ${answer.slice(0, 500)}`);
		this.status = status;
	}
}
