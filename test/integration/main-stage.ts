import { once, pause } from "../_util/eventually.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { FlowProcess, waitForBeats, waitForState } from "../_util/real-flows.ts";
import { type Coverage, startLate } from "./late-daemon.ts";

/** The runs of the crowd that must never be flagged, by the role they announce. */
export const crowdRoles = [
	"healthy",
	"failing",
	"timed-out",
	"custom-named",
	"retrying",
	"paused",
	"parent",
	"subflow",
	"short",
] as const;

// A verdict comes three cadences and 15 s after the last beat; the rest is for a machine with better things to do.
const verdictPatienceMs = 300_000;
const resolvePatienceMs = 90_000;
// A run whose end was missed would be flagged 105 s after its last beat, and 15 s later at most.
const quietMs = 125_000;

interface Cast {
	readonly doomed: FlowProcess;
	readonly kept: FlowProcess;
	readonly crowd: FlowProcess;
	readonly frozen: FlowProcess;
	readonly steady: DaemonProcess;
	readonly restarted: DaemonProcess;
}

interface Runs {
	readonly killed: string;
	readonly killedToo: string;
	readonly frozen: string;
	readonly served: string;
	readonly cancelled: string;
	/** RUNNING, as a client that knows no heartbeats leaves it. */
	readonly beatless: string;
}

/**
 * One Prefect server with everything that happens on it, side by side. Each story starts when it is first asked for,
 * so that a single test can be run alone; all together take as long as the longest.
 *
 * The healthy runs of the crowd are so many that those which are silent at the same moment are no mass lapse: three
 * silent runs that were a fifth of all would look like an outage, and their verdicts would wait.
 */
export class MainStage {
	readonly server: PrefectServer;
	readonly runs: Runs;
	/** Runs through everything without a break. */
	readonly steady: DaemonProcess;
	/** Killed and started again before the verdict, and once more after it. */
	readonly restarted: DaemonProcess;
	readonly #cast: Cast;
	readonly #signal: AbortSignal;
	readonly #resources: AsyncDisposableStack;

	private constructor(
		server: PrefectServer,
		cast: Cast,
		runs: Runs,
		resources: AsyncDisposableStack,
		signal: AbortSignal,
	) {
		this.server = server;
		this.runs = runs;
		this.steady = cast.steady;
		this.restarted = cast.restarted;
		this.#cast = cast;
		this.#resources = resources;
		this.#signal = signal;
	}

	/** Resolves when every run is on its way. */
	static async start(python: string, signal: AbortSignal): Promise<MainStage> {
		await using resources = new AsyncDisposableStack();
		const server = resources.use(await PrefectServer.start({ python, signal }));
		const startDaemon = async (): Promise<DaemonProcess> =>
			resources.use(await DaemonProcess.start({ apiUrl: server.apiUrl, signal }));
		const startFlows = async (script: "long.py" | "crowd.py", ...args: readonly string[]): Promise<FlowProcess> =>
			resources.use(await FlowProcess.start({ python, server, script, args, signal }));
		const steady = await startDaemon();
		const restarted = await startDaemon();
		const doomed = await startFlows("long.py", "serve", "doomed");
		const kept = await startFlows("long.py", "serve", "kept");
		const frozen = await startFlows("long.py", "direct", "frozen");
		const crowd = await startFlows("crowd.py");
		const [killed, killedToo, served, cancelled, frozenRun, beatless] = await Promise.all([
			doomed.startServedRun("doomed", "killed"),
			doomed.startServedRun("doomed", "killed-too"),
			kept.startServedRun("kept", "served"),
			kept.startServedRun("kept", "cancelled"),
			frozen.waitForRun("frozen"),
			server.rest.createBareRun("beatless"),
		]);
		const cast = { doomed, kept, crowd, frozen, steady, restarted };
		const runs = { killed, killedToo, served, cancelled, frozen: frozenRun, beatless };
		return new MainStage(server, cast, runs, resources.move(), signal);
	}

	/** The ids of the runs that a role of the crowd has made. */
	crowdRuns(role: (typeof crowdRoles)[number]): readonly string[] {
		return this.#cast.crowd.runIds(role);
	}

	/** SIGKILL to the group that serves two runs, after their second stored beat. */
	readonly death = once(async (): Promise<void> => {
		await Promise.all(
			[this.runs.killed, this.runs.killedToo].map((run) => waitForBeats(this.server, run, 2, this.#signal)),
		);
		await this.#cast.doomed.kill();
	});

	/** The verdicts of the steady daemon on the killed runs. */
	readonly steadyVerdicts = once(async (): Promise<readonly AlertLine[]> => {
		await this.death();
		return this.#raisedFor(this.steady, [this.runs.killed, this.runs.killedToo]);
	});

	/** The verdicts of a daemon that was killed after the deaths, and again after it had spoken. */
	readonly restartedVerdicts = once(async (): Promise<readonly AlertLine[]> => {
		await this.death();
		await pause(40_000, this.#signal);
		await this.restarted.kill();
		await this.restarted.startAgain();
		const raised = await this.#raisedFor(this.restarted, [this.runs.killed, this.runs.killedToo]);
		await this.restarted.kill();
		await this.restarted.startAgain();
		return raised;
	});

	/** The flagged runs are marked Crashed by hand: how both daemons resolve the first. */
	readonly marked = once(async (): Promise<readonly AlertLine[]> => {
		await Promise.all([this.steadyVerdicts(), this.restartedVerdicts()]);
		const { killed, killedToo } = this.runs;
		for (const run of [killed, killedToo]) {
			const status = await this.server.rest.setState(run, "CRASHED", "Crashed");
			if (status !== "ACCEPT") {
				throw new Error(`the server answered ${status} to Crashed`);
			}
		}
		return Promise.all(
			[this.steady, this.restarted].flatMap((daemon) => [
				this.#resolvedFor(daemon, killed),
				this.#resolvedFor(daemon, killedToo),
			]),
		);
	});

	/** A run is stopped with SIGSTOP until both daemons have flagged it, then goes on. */
	readonly frozenAndThawed = once(
		async (): Promise<{ raised: readonly AlertLine[]; resolved: readonly AlertLine[] }> => {
			await this.death();
			await pause(45_000, this.#signal);
			const { frozen } = this.runs;
			this.#cast.frozen.freeze();
			const daemons = [this.steady, this.restarted];
			const raised = await Promise.all(daemons.map(async (daemon) => this.#raised(daemon, frozen)));
			this.#cast.frozen.thaw();
			const resolved = await Promise.all(daemons.map((daemon) => this.#resolvedFor(daemon, frozen)));
			return { raised, resolved };
		},
	);

	readonly cancelledOverRest = once(async (): Promise<void> => {
		const { cancelled } = this.runs;
		await waitForBeats(this.server, cancelled, 2, this.#signal);
		await this.server.rest.setState(cancelled, "CANCELLING", "Cancelling");
		await waitForState(this.server, cancelled, "CANCELLED", 60_000, this.#signal);
	});

	readonly pausedAndResumed = once(async (): Promise<void> => {
		const run = await this.#cast.crowd.waitForRun("paused");
		await waitForState(this.server, run, "PAUSED", 90_000, this.#signal);
		await pause(40_000, this.#signal);
		const status = await this.server.rest.resume(run);
		if (status !== "ACCEPT") {
			throw new Error(`the server answered ${status} to the resume`);
		}
	});

	/** A heartbeat that arrives long after its run has ended. */
	readonly beatAfterTheEnd = once(async (): Promise<void> => {
		const run = await this.#cast.crowd.waitForRun("custom-named");
		await waitForState(this.server, run, "COMPLETED", 120_000, this.#signal);
		await this.server.rest.postHeartbeat(run, "custom-named");
	});

	/** A daemon that is started when most of this is over. */
	readonly lateDaemon = once(async (): Promise<{ known: Coverage; expected: Coverage }> => {
		await Promise.allSettled([
			this.marked(),
			this.frozenAndThawed(),
			this.pausedAndResumed(),
			this.#cast.crowd.waitForEvent("crowd.ended", 400_000),
		]);
		return startLate(this.server, this.#signal);
	});

	/** Resolves when everything has been told and a missed end of any run would have led to an alert. */
	readonly over = once(async (): Promise<void> => {
		await Promise.allSettled([
			this.steadyVerdicts(),
			this.restartedVerdicts(),
			this.marked(),
			this.frozenAndThawed(),
			this.cancelledOverRest(),
			this.pausedAndResumed(),
			this.beatAfterTheEnd(),
			this.lateDaemon(),
		]);
		await this.#cast.crowd.waitForEvent("crowd.ended", 400_000);
		const ended = await this.server.rest.filterRuns(["COMPLETED", "FAILED", "CANCELLED"]);
		const lastEndMs = Math.max(
			...ended.filter((run) => run.name !== "bare").map((run) => Date.parse(run.state?.timestamp ?? "")),
		);
		await pause(Math.max(0, lastEndMs + quietMs - Date.now()), this.#signal);
	});

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources[Symbol.asyncDispose]();
	}

	#raisedFor(daemon: DaemonProcess, runs: readonly string[]): Promise<readonly AlertLine[]> {
		return Promise.all(runs.map((run) => this.#raised(daemon, run)));
	}

	#raised(daemon: DaemonProcess, run: string): Promise<AlertLine> {
		return daemon.waitForAlert(
			`an alert about ${run}`,
			(alert) => alert.event === "alert.raised" && alert.flow_run.id === run,
			verdictPatienceMs,
		);
	}

	#resolvedFor(daemon: DaemonProcess, run: string): Promise<AlertLine> {
		return daemon.waitForAlert(
			`the alert about ${run} to be resolved`,
			(alert) => alert.event === "alert.resolved" && alert.flow_run.id === run,
			resolvePatienceMs,
		);
	}
}
