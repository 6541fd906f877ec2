import { readFileSync, writeFileSync } from "node:fs";
import { eventually, once } from "../_util/eventually.ts";
import type { FlowRunRecord, PrefectEvent } from "../_util/prefect-rest.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { cadenceSeconds, FlowProcess, waitForBeats } from "../_util/real-flows.ts";
import { TempFolder } from "../_util/temp-folder.ts";

/** Of the operational log: what was done about a run. */
export interface RemedyLine {
	readonly event: string;
	readonly runId: string;
	readonly action: string;
	readonly result?: string;
	readonly reason?: string | null;
	readonly detail?: string;
	readonly scope: string;
}

// Two cadences of Prefect's shortest, and a little: a verdict comes in little over a minute.
const settings = `
sinks: [{ type: prefect }]
rules: [{ match: {}, threshold: 65s }]
detector: { stuckPending: 20s }
remedy:
  grace: 10s
  perPoolPerMinute: 10
  scopes:
    - match: { tag: "may-be-touched" }
      mode: on
    - match: { tag: "may-be-run-again" }
      mode: on
      reschedule: 1
    - match: { tag: "is-alive-after-all" }
      mode: on
    - match: { tag: "in-thought" }
      mode: dry-run
`;

const patienceMs = 240_000;
/** Enough that those that fall silent are no mass lapse. */
const healthyRuns = 40;
const beatEveryMs = 20_000;
/** Longer than zombied takes, and than the oldest beat is old. */
const documentedSeconds = 150;
const beatAgesMs = [4, 3, 2, 1, 0].map((beats) => beats * cadenceSeconds * 1000);
/** The shortest lease that Prefect gives. */
const leaseSeconds = 60;

interface Runs {
	readonly dry: string;
	readonly off: string;
	readonly mistaken: string;
	readonly pending: string;
	/** Of a deployment of one slot, whose lease passes before it is due; `heir` gets the slot. */
	readonly late: string;
	readonly heir: string;
	/** Of a deployment that nobody serves. */
	readonly again: string;
	/** Has the tag that the recipe's automation is for. */
	readonly acted: string;
	/** Watched by the documented automation, as `disarmed` is, which gets an event that the automation takes for a sign of life. */
	readonly left: string;
	readonly disarmed: string;
}

/** The automation of the recipe in docs/alerting.md, as it stands there. */
export const recipe = JSON.parse(
	/```json\n(\{\n {2}"name".*?)```/su.exec(
		readFileSync(new URL("../../docs/alerting.md", import.meta.url), "utf8"),
	)?.[1] ?? "null",
) as { readonly actions: readonly { readonly message: string }[] };

export const documentedMessage = "no event for too long";

/** Prefect's own recipe against zombies, in its widest form: whatever event of the run there is disarms it. */
function documentedAutomation(runIds: readonly string[]) {
	return {
		name: "documented",
		trigger: {
			type: "event",
			posture: "Proactive",
			match: { "prefect.resource.id": runIds.map((runId) => `prefect.flow-run.${runId}`) },
			for_each: ["prefect.resource.id"],
			after: ["prefect.flow-run.heartbeat"],
			expect: ["prefect.flow-run.*"],
			threshold: 1,
			within: documentedSeconds,
		},
		actions: [{ type: "change-flow-run-state", state: "CRASHED", name: "Crashed", message: documentedMessage }],
	};
}

/** A real server with a daemon that may act, a little; one real flow that is killed, and runs whose beats are posted. */
export class RemediesStage {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly runs: Runs;
	readonly remedyLines: RemedyLine[];
	readonly #healthy: readonly string[];
	readonly #worker: FlowProcess;
	readonly #python: string;
	readonly #signal: AbortSignal;
	readonly #resources: AsyncDisposableStack;
	#timer: NodeJS.Timeout | undefined;

	private constructor(parts: {
		server: PrefectServer;
		daemon: DaemonProcess;
		remedyLines: RemedyLine[];
		runs: Runs;
		healthy: readonly string[];
		worker: FlowProcess;
		python: string;
		resources: AsyncDisposableStack;
		signal: AbortSignal;
	}) {
		this.server = parts.server;
		this.daemon = parts.daemon;
		this.remedyLines = parts.remedyLines;
		this.runs = parts.runs;
		this.#healthy = parts.healthy;
		this.#worker = parts.worker;
		this.#python = parts.python;
		this.#resources = parts.resources;
		this.#signal = parts.signal;
		this.#timer = setInterval(() => {
			// One that is lost is followed by the next.
			this.server.rest.postHeartbeats(this.#healthy, [0]).catch(() => undefined);
		}, beatEveryMs);
	}

	static async start(python: string, signal: AbortSignal): Promise<RemediesStage> {
		await using resources = new AsyncDisposableStack();
		const folder = resources.use(await TempFolder.make("remedies"));
		writeFileSync(folder.file("zombied.yaml"), settings);
		const server = resources.use(await PrefectServer.start({ python, signal }));
		const { rest } = server;
		const remedyLines: RemedyLine[] = [];
		const daemon = resources.use(
			await DaemonProcess.start({
				apiUrl: server.apiUrl,
				environment: { ZOMBIED_CONFIG: folder.file("zombied.yaml") },
				signal,
				onLogLine: (line) => {
					const told = JSON.parse(line) as RemedyLine;
					if (told.event === "remedy" || told.event === "remedy.mistake") remedyLines.push(told);
				},
			}),
		);
		const worker = resources.use(
			await FlowProcess.start({ python, server, script: "long.py", args: ["limited", "doomed"], signal }),
		);
		const bare = (role: string, tags: readonly string[] = [], state = "RUNNING") =>
			rest.createBareRun(role, tags, state);
		const limitedDeployment = await rest.createLimitedDeployment("bare", leaseSeconds);
		const late = await rest.createFlowRun(limitedDeployment, { name: "late", tags: ["may-be-touched"] });
		await rest.setState(late, "PENDING", "Pending");
		await rest.setState(late, "RUNNING", "Running");
		const unserved = await rest.createLimitedDeployment("unserved", patienceMs / 1000);
		const parameters = { role: "again" };
		const again = await rest.createFlowRun(unserved, { name: "again", parameters, tags: ["may-be-run-again"] });
		await rest.setState(again, "PENDING", "Pending");
		await rest.setState(again, "RUNNING", "Running");
		const runs = {
			late,
			again,
			heir: await rest.createFlowRun(limitedDeployment, { name: "heir" }),
			dry: await bare("dry", ["in-thought"]),
			off: await bare("off"),
			mistaken: await bare("mistaken", ["is-alive-after-all"]),
			pending: await bare("pending", ["may-be-touched"], "PENDING"),
			acted: await bare("acted", ["may-be-crashed"]),
			left: await bare("left"),
			disarmed: await bare("disarmed"),
		};
		await rest.createAutomation(recipe);
		await rest.createAutomation(documentedAutomation([runs.left, runs.disarmed]));
		const healthy: string[] = [];
		for (let n = 0; n < healthyRuns; n += 1) healthy.push(await bare(`healthy-${n}`));
		const { dry, off, mistaken, acted, left, disarmed } = runs;
		const beating = [...healthy, dry, off, mistaken, late, again, acted, left, disarmed];
		for (const ageMs of beatAgesMs) await rest.postHeartbeats(beating, [ageMs]);
		const parts = { server, daemon, remedyLines, runs, healthy, worker };
		return new RemediesStage({ ...parts, python, resources: resources.move(), signal });
	}

	/** A served run is killed with its worker, while another waits for its slot; another worker takes over. */
	readonly killed = once(async (): Promise<{ dead: string; waiting: string }> => {
		const dead = await this.#worker.startServedRun("doomed", "dead", "RUNNING", ["may-be-touched"]);
		const waiting = await this.#worker.startServedRun("doomed", "waiting", "SCHEDULED");
		await waitForBeats(this.server, dead, 2, this.#signal);
		await this.#waitForState(waiting, "AwaitingConcurrencySlot");
		await this.#worker.kill();
		const next = { python: this.#python, server: this.server, signal: this.#signal } as const;
		this.#resources.use(await FlowProcess.start({ ...next, script: "long.py", args: ["limited", "doomed"] }));
		return { dead, waiting };
	});

	/** The lease of `late` passes, and `heir` gets the slot, which PENDING holds; `late` has beaten until then. */
	readonly inherited = once(async (): Promise<void> => {
		const { rest } = this.server;
		const { late, heir } = this.runs;
		await eventually(
			async () => {
				const status = await rest.setState(heir, "PENDING", "Pending");
				if (status === "ACCEPT") return true;
				await rest.postHeartbeats([late], [0]);
				return false;
			},
			{ what: "the slot to be free", timeoutMs: patienceMs, everyMs: 5_000, signal: this.#signal },
		);
	});

	/** What was said to be done about a run, once it has been. */
	remedyOf(runId: string, event = "remedy", action: string | null = null): Promise<RemedyLine> {
		const isIt = (line: RemedyLine): boolean =>
			line.runId === runId && line.event === event && (action === null || line.action === action);
		return eventually(() => this.remedyLines.find(isIt), {
			what: `a line ${event} about ${runId}`,
			timeoutMs: patienceMs,
			signal: this.#signal,
			why: () => this.daemon.tail,
		});
	}

	/** What zombied has told the server of a run, once it is stored. */
	told(event: string, runId: string): Promise<PrefectEvent> {
		const look = async () => (await this.server.rest.events(event, runId))[0];
		const what = `the event ${event} of ${runId}`;
		return eventually(look, { what, timeoutMs: patienceMs, everyMs: 1_000, signal: this.#signal });
	}

	/** The run as it is when it has been marked Crashed. */
	async crashed(runId: string): Promise<FlowRunRecord> {
		await this.#waitForState(runId, "Crashed");
		return await this.server.rest.readRun(runId);
	}

	raised(runId: string): Promise<AlertLine> {
		return this.daemon.waitForAlert(
			`an alert about ${runId}`,
			(line) => line.event === "alert.raised" && line.flow_run.id === runId,
			patienceMs,
		);
	}

	resolved(runId: string): Promise<AlertLine> {
		return this.daemon.waitForAlert(
			`the alert about ${runId} to be resolved`,
			(line) => line.event === "alert.resolved" && line.flow_run.id === runId,
			patienceMs,
		);
	}

	async waitUntilRunning(runId: string): Promise<void> {
		await this.#waitForState(runId, "Running");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		clearInterval(this.#timer);
		await this.#resources[Symbol.asyncDispose]();
	}

	async #waitForState(runId: string, name: string): Promise<void> {
		const look = async () => (await this.server.rest.readRun(runId)).state_name === name;
		const what = `the run ${runId} to be ${name}`;
		await eventually(look, { what, timeoutMs: patienceMs, everyMs: 1_000, signal: this.#signal });
	}
}
