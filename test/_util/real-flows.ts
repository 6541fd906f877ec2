import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import type { FlowRunRecord, PrefectEvent } from "./prefect-rest.ts";
import type { PrefectServer } from "./prefect-server.ts";
import { bareEnvironment, ProcessGroup } from "./process-group.ts";
import { TempFolder } from "./temp-folder.ts";

/** Prefect's minimum, and so the shortest time in which anything about beats can be shown. */
export const cadenceSeconds = 30;

export interface FlowProcessOptions {
	readonly python: string;
	readonly server: PrefectServer;
	/** The file under test/prefect/flows, and its arguments. */
	readonly script: "long.py" | "crowd.py" | "doomed.py" | "living.py" | "healthy.py";
	readonly args: readonly string[];
	readonly signal: AbortSignal;
}

interface Announcement {
	readonly event: string;
	readonly role?: string;
	readonly flow_run_id?: string;
}

const startPatienceMs = 90_000;

/** One Python process, leader of its own group, with everything that it starts. */
export class FlowProcess {
	readonly #server: PrefectServer;
	readonly #process: ProcessGroup;
	readonly #folder: TempFolder;
	readonly #signal: AbortSignal;
	readonly #announcements: Announcement[] = [];

	private constructor(options: FlowProcessOptions, folder: TempFolder) {
		this.#server = options.server;
		this.#folder = folder;
		this.#signal = options.signal;
		const flows = fileURLToPath(new URL("../prefect/flows", import.meta.url));
		this.#process = new ProcessGroup({
			command: options.python,
			args: [options.script, ...options.args],
			cwd: flows,
			env: bareEnvironment({
				...options.server.clientEnvironment,
				PREFECT_FLOWS_HEARTBEAT_FREQUENCY: String(cadenceSeconds),
				PYTHONDONTWRITEBYTECODE: "1",
				DO_NOT_TRACK: "1",
			}),
			logFile: folder.file("flows.log"),
			onStdoutLine: (line) => this.#hear(line),
			signal: options.signal,
		});
	}

	static async start(options: FlowProcessOptions): Promise<FlowProcess> {
		return new FlowProcess(options, await TempFolder.make("flows"));
	}

	/** The ids of the runs announced so far under a role, oldest first. */
	runIds(role: string): readonly string[] {
		return this.#announcements.flatMap((line) =>
			line.event === "run" && line.role === role && line.flow_run_id !== undefined ? [line.flow_run_id] : [],
		);
	}

	/** The id of the first run of a role, once it runs. */
	waitForRun(role: string): Promise<string> {
		return this.#await(`a run of "${role}"`, startPatienceMs, () => this.runIds(role)[0]);
	}

	/** Resolves when the process has said that something happened. */
	async waitForEvent(event: string, timeoutMs: number): Promise<void> {
		await this.#await(`the line "${event}"`, timeoutMs, () => this.#announcements.some((line) => line.event === event));
	}

	/** The id of a deployment, once this process serves it. */
	waitForDeployment(deployment: string): Promise<string> {
		return this.#await(`the deployment ${deployment}`, startPatienceMs, () =>
			this.#server.rest.findDeployment("long-flow", deployment),
		);
	}

	/** Creates a run of a deployment that this process serves; resolves with its id when its state is of this type. */
	async startServedRun(
		deployment: string,
		name: string,
		stateType = "RUNNING",
		tags: readonly string[] = [],
	): Promise<string> {
		const { rest } = this.#server;
		const deploymentId = await this.waitForDeployment(deployment);
		const runId = await rest.createFlowRun(deploymentId, { name, parameters: { role: name }, tags });
		await this.#await(`the served run ${name} to be ${stateType}`, startPatienceMs, async () => {
			const run = await rest.readRun(runId);
			return run.state_type === stateType;
		});
		return runId;
	}

	/** SIGKILL to the process and all that it started: nobody is left to tell the server. */
	kill(): Promise<void> {
		return this.#process.kill();
	}

	/** SIGKILL to the process alone: the runs that it serves have processes of their own, and go on. */
	orphan(): Promise<void> {
		return this.#process.orphan();
	}

	freeze(): void {
		this.#process.send("SIGSTOP");
	}

	thaw(): void {
		this.#process.send("SIGCONT");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#process.kill();
		await this.#folder[Symbol.asyncDispose]();
	}

	#hear(line: string): void {
		// Prefect writes to the same stream, in words.
		if (line.startsWith("{")) {
			this.#announcements.push(JSON.parse(line) as Announcement);
		}
	}

	#await<T>(
		what: string,
		timeoutMs: number,
		look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
	): Promise<T> {
		const lookWhileAlive = (): ReturnType<typeof look> => {
			if (this.#process.ending !== null) {
				throw new Error(`the flows ended while ${what} was awaited:\n${this.#process.tail}`);
			}
			return look();
		};
		return eventually(lookWhileAlive, {
			what,
			timeoutMs,
			signal: this.#signal,
			why: () => this.#process.tail,
		});
	}
}

/** Resolves with the run's stored beats, newest first, once there are at least `count`. */
export function waitForBeats(
	server: PrefectServer,
	runId: string,
	count: number,
	signal: AbortSignal,
): Promise<readonly PrefectEvent[]> {
	const look = async (): Promise<readonly PrefectEvent[] | null> => {
		const beats = await server.rest.heartbeats(runId);
		return beats.length >= count ? beats : null;
	};
	return eventually(look, {
		what: `${count} beats of the run ${runId}`,
		timeoutMs: (count * cadenceSeconds + 60) * 1000,
		everyMs: 1000,
		signal,
	});
}

/** Resolves with the run once its state is of this type. */
export function waitForState(
	server: PrefectServer,
	runId: string,
	stateType: string,
	timeoutMs: number,
	signal: AbortSignal,
): Promise<FlowRunRecord> {
	const look = async (): Promise<FlowRunRecord | null> => {
		const run = await server.rest.readRun(runId);
		return run.state_type === stateType ? run : null;
	};
	return eventually(look, {
		what: `the run ${runId} to be ${stateType}`,
		timeoutMs,
		everyMs: 1000,
		signal,
	});
}
