import { pause } from "./eventually.ts";

interface FlowRunState {
	readonly id: string;
	readonly type: string;
	readonly name: string;
	readonly timestamp: string;
	readonly message: string | null;
}

export interface FlowRunRecord {
	readonly id: string;
	readonly name: string;
	readonly run_count: number;
	readonly state_type: string;
	readonly state_name: string;
	readonly state: FlowRunState | null;
	readonly deployment_id: string | null;
	readonly parameters: Readonly<Record<string, unknown>>;
	readonly tags: readonly string[];
}

export interface PrefectEvent {
	readonly id: string;
	readonly event: string;
	readonly occurred: string;
	readonly received: string;
	readonly resource: Readonly<Record<string, string>>;
	readonly payload: Readonly<Record<string, unknown>>;
}

export interface NewRun {
	readonly name: string;
	readonly parameters?: Readonly<Record<string, unknown>>;
	readonly tags?: readonly string[];
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
			// Prefect lets the slots of older clients, which know no leases, never pass.
			"user-agent": "prefect/3.8.8 (API 0.8.4)",
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

	/** A deployment that nobody serves, of which one run may be at work; its slot's first lease lasts this long. */
	async createLimitedDeployment(name: string, leaseSeconds: number): Promise<string> {
		const made = await this.#call("POST", "/deployments/", {
			name,
			flow_id: await this.#bareFlow(),
			concurrency_limit: 1,
			concurrency_options: { collision_strategy: "ENQUEUE", grace_period_seconds: leaseSeconds },
		});
		return (made as { id: string }).id;
	}

	/** A run without any process behind it, in RUNNING, or in PENDING. */
	async createBareRun(name: string, tags: readonly string[] = [], state = "RUNNING"): Promise<string> {
		const run = (await this.#call("POST", "/flow_runs/", {
			flow_id: await this.#bareFlow(),
			name,
			tags,
			state: { type: "PENDING" },
			idempotency_key: crypto.randomUUID(),
		})) as { id: string };
		if (state === "RUNNING") await this.setState(run.id, "RUNNING", "Running");
		return run.id;
	}

	async #bareFlow(): Promise<string> {
		return ((await this.#call("POST", "/flows/", { name: "bare-flow" })) as { id: string }).id;
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
		const beat = heartbeatOf(runId, name, Date.now());
		await this.#call("POST", "/events", [beat]);
		return beat.id;
	}

	/** Posts a heartbeat of each run for each of these times before now. */
	async postHeartbeats(runIds: readonly string[], agesMs: readonly number[]): Promise<void> {
		const nowMs = Date.now();
		const beats = agesMs.flatMap((ageMs) => runIds.map((runId) => heartbeatOf(runId, runId, nowMs - ageMs)));
		await this.#call("POST", "/events", beats);
	}

	/** Posts an event of this name about a run, occurred now, with nothing else in it. */
	async postEvent(event: string, runId: string): Promise<void> {
		await this.#call("POST", "/events", [{ ...heartbeatOf(runId, runId, Date.now()), event }]);
	}

	async createAutomation(automation: object): Promise<void> {
		await this.#call("POST", "/automations/", automation);
	}

	heartbeats(runId: string): Promise<readonly PrefectEvent[]> {
		return this.events("prefect.flow-run.heartbeat", runId);
	}

	/** The stored events of a run, newest first, at most 50. Events are stored 3 to 5 s after they arrive. */
	async events(name: string, runId: string): Promise<readonly PrefectEvent[]> {
		const page = await this.#call("POST", "/events/filter", {
			filter: {
				event: { name: [name] },
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

function heartbeatOf(runId: string, name: string, occurredMs: number) {
	return {
		id: crypto.randomUUID(),
		event: "prefect.flow-run.heartbeat",
		occurred: new Date(occurredMs).toISOString(),
		resource: {
			"prefect.resource.id": `prefect.flow-run.${runId}`,
			"prefect.resource.name": name,
		},
		related: [],
		payload: {},
		follows: null,
	};
}

class RestError extends Error {
	override readonly name = "RestError";
	readonly status: number;

	constructor(method: string, path: string, status: number, answer: string) {
		super(`${method} ${path} answered ${status}: ${answer.slice(0, 500)}`);
		this.status = status;
	}
}
