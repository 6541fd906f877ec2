import { once, pause } from "../_util/eventually.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import {
	cadenceSeconds,
	FlowProcess,
	type FlowProcessOptions,
	waitForBeats,
	waitForState,
} from "../_util/real-flows.ts";

// Short enough to be seen, and longer than a run is PENDING while everything starts at once on two cores.
export const stuckSeconds = 60;
const cadenceMs = cadenceSeconds * 1000;
// As late as a machine with other things to do can be trusted to kill before the next beat.
const lateInCadenceMs = 25_000;

const verdictPatienceMs = 240_000;
const resolvePatienceMs = 120_000;

interface Cast {
	readonly doomed: FlowProcess;
	readonly living: FlowProcess;
	readonly undead: FlowProcess;
	readonly worker: FlowProcess;
	readonly orphanage: FlowProcess;
}

interface Runs {
	/** Killed together, late in a cadence: one has logged until then, one not, one was waiting for its retry. */
	readonly logging: string;
	readonly silent: string;
	readonly retrying: string;
	readonly deaf: string;
	/** Waits for `child`, a deployment's run in another process group. */
	readonly parent: string;
	readonly child: string;
	readonly undead: string;
	/** Its worker is killed, it is not. */
	readonly cancelling: string;
}

/**
 * One Prefect server with every condition that a real one can bring about in minutes, side by side. Each story starts
 * when it is first asked for. The many healthy runs keep the silent ones from looking like an outage.
 */
export class ConditionsStage {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly runs: Runs;
	readonly #cast: Cast;
	readonly #signal: AbortSignal;
	readonly #resources: AsyncDisposableStack;

	private constructor(
		server: PrefectServer,
		daemon: DaemonProcess,
		players: { readonly cast: Cast; readonly runs: Runs },
		resources: AsyncDisposableStack,
		signal: AbortSignal,
	) {
		this.server = server;
		this.daemon = daemon;
		this.runs = players.runs;
		this.#cast = players.cast;
		this.#resources = resources;
		this.#signal = signal;
	}

	/** Resolves when every run is on its way. */
	static async start(python: string, signal: AbortSignal): Promise<ConditionsStage> {
		await using resources = new AsyncDisposableStack();
		const server = resources.use(await PrefectServer.start({ python, signal }));
		const environment = {
			ZOMBIED_DETECTOR_STUCK_PENDING: `${stuckSeconds}s`,
			ZOMBIED_DETECTOR_STUCK_RETRY: `${stuckSeconds}s`,
			ZOMBIED_DETECTOR_STUCK_CANCELLING: `${stuckSeconds}s`,
		};
		const daemon = resources.use(await DaemonProcess.start({ apiUrl: server.apiUrl, environment, signal }));
		const startFlows = async (script: FlowProcessOptions["script"], ...args: readonly string[]): Promise<FlowProcess> =>
			resources.use(await FlowProcess.start({ python, server, script, args, signal }));
		const worker = await startFlows("long.py", "serve", "child");
		const orphanage = await startFlows("long.py", "serve", "cancelling");
		const undead = await startFlows("long.py", "direct", "undead");
		const doomed = await startFlows("doomed.py");
		// The parent asks for a run of it at once.
		await worker.waitForDeployment("child");
		const living = await startFlows("living.py");
		const cast = { doomed, living, undead, worker, orphanage };
		return new ConditionsStage(server, daemon, { cast, runs: await firstRuns(cast) }, resources.move(), signal);
	}

	/** The ids of the healthy runs that have begun. */
	get healthy(): readonly string[] {
		return this.#cast.living.runIds("healthy");
	}

	/** SIGKILL shortly before the next beat of `logging` is due, while `retrying` waits. */
	readonly #doom = once(async (): Promise<void> => {
		const { logging, silent, retrying } = this.runs;
		await waitForBeats(this.server, silent, 3, this.#signal);
		const [newest] = await waitForBeats(this.server, logging, 3, this.#signal);
		await waitForState(this.server, retrying, "SCHEDULED", cadenceMs, this.#signal);
		const intoCadenceMs = (Date.now() - Date.parse(newest?.occurred ?? "")) % cadenceMs;
		await pause((lateInCadenceMs - intoCadenceMs + cadenceMs) % cadenceMs, this.#signal);
		await this.#cast.doomed.kill();
	});

	/** The verdicts on the run that logged until it was killed, and on the silent one. */
	readonly killedTogether = once(async (): Promise<readonly [AlertLine, AlertLine]> => {
		await this.#doom();
		const { logging, silent } = this.runs;
		return Promise.all([this.#raised(logging, "zombie"), this.#raised(silent, "zombie")]);
	});

	readonly stuckRetry = once(async (): Promise<AlertLine> => {
		await this.#doom();
		return this.#raised(this.runs.retrying, "stuck_retry");
	});

	/** The heartbeat of a run is stopped, and it logs on. */
	readonly deafness = once(async (): Promise<AlertLine> => {
		await this.#cast.living.waitForEvent("heartbeat.stopped", verdictPatienceMs);
		return this.#raised(this.runs.deaf, "deaf");
	});

	/** Cancelled over the API, which no process hears of; later the process is killed. */
	readonly undeath = once(async (): Promise<{ raised: AlertLine; resolved: AlertLine; endMs: number }> => {
		const { undead } = this.runs;
		await waitForBeats(this.server, undead, 2, this.#signal);
		await this.#accepted(undead, "CANCELLED", "Cancelled");
		const { state } = await this.server.rest.readRun(undead);
		const raised = await this.#raised(undead, "undead");
		await this.#cast.undead.kill();
		const resolved = await this.#resolved(undead);
		return { raised, resolved, endMs: Date.parse(state?.timestamp ?? "") };
	});

	/** A worker is killed with one run at work and one that it has just taken. */
	readonly #workerDeath = once(async (): Promise<{ pending: string }> => {
		await waitForBeats(this.server, this.runs.child, 3, this.#signal);
		const pending = await this.#cast.worker.startServedRun("child", "pending", "PENDING");
		await this.#cast.worker.kill();
		return { pending };
	});

	readonly childDeath = once(async (): Promise<AlertLine> => {
		await this.#workerDeath();
		return this.#raised(this.runs.child, "zombie");
	});

	readonly stuckPending = once(async (): Promise<AlertLine> => {
		const { pending } = await this.#workerDeath();
		return this.#raised(pending, "stuck_pending");
	});

	/** Nobody is left to carry the cancelling out, and the run beats on; at last somebody ends both by hand. */
	readonly stuckCancelling = once(async (): Promise<{ raised: AlertLine; resolved: AlertLine }> => {
		const { cancelling } = this.runs;
		await waitForBeats(this.server, cancelling, 2, this.#signal);
		await this.#cast.orphanage.orphan();
		await this.#accepted(cancelling, "CANCELLING", "Cancelling");
		const raised = await this.#raised(cancelling, "stuck_cancelling");
		await this.#cast.orphanage.kill();
		await this.#accepted(cancelling, "CANCELLED", "Cancelled");
		return { raised, resolved: await this.#resolved(cancelling) };
	});

	/** Resolves when every story has been told. */
	readonly over = once(async (): Promise<void> => {
		await Promise.allSettled([
			this.killedTogether(),
			this.stuckRetry(),
			this.deafness(),
			this.undeath(),
			this.childDeath(),
			this.stuckPending(),
			this.stuckCancelling(),
		]);
	});

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources[Symbol.asyncDispose]();
	}

	async #accepted(run: string, type: string, name: string): Promise<void> {
		const status = await this.server.rest.setState(run, type, name);
		if (status !== "ACCEPT") {
			throw new Error(`the server answered ${status} to ${name}`);
		}
	}

	#raised(run: string, condition: string): Promise<AlertLine> {
		return this.daemon.waitForAlert(
			`${run} to be ${condition}`,
			(alert) => alert.event === "alert.raised" && alert.flow_run.id === run && alert.condition === condition,
			verdictPatienceMs,
		);
	}

	#resolved(run: string): Promise<AlertLine> {
		return this.daemon.waitForAlert(
			`the alert about ${run} to be resolved`,
			(alert) => alert.event === "alert.resolved" && alert.flow_run.id === run,
			resolvePatienceMs,
		);
	}
}

async function firstRuns({ doomed, living, undead, worker, orphanage }: Cast): Promise<Runs> {
	const [logging, silent, retrying, deaf, parent, child, undeadRun, cancelling] = await Promise.all([
		doomed.waitForRun("logging"),
		doomed.waitForRun("silent"),
		doomed.waitForRun("retrying"),
		living.waitForRun("deaf"),
		living.waitForRun("parent"),
		worker.waitForRun("child"),
		undead.waitForRun("undead"),
		orphanage.startServedRun("cancelling", "cancelling"),
	]);
	return { logging, silent, retrying, deaf, parent, child, undead: undeadRun, cancelling };
}
