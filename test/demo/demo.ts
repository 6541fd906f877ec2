import { parseArgs } from "node:util";
import { eventually } from "../_util/eventually.ts";
import type { PrefectEvent } from "../_util/prefect-rest.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import { type AlertLine, heardSilenceSeconds } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { cadenceSeconds, FlowProcess } from "../_util/real-flows.ts";
import { ensurePrefectVenv, PythonMissingError } from "../prefect/venv.ts";

const victimName = "nightly-import";
const healthyNames = ["hourly-report", "sync-customers", "train-model"];
const verdictPatienceMs = 240_000;

const startedMs = performance.now();

function say(line: string): void {
	const seconds = Math.floor((performance.now() - startedMs) / 1000);
	const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
	console.log(`${clock.padStart(6)}  ${line}`);
}

function sayMore(line: string): void {
	console.log(`        ${line}`);
}

interface Scene {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly victimFlow: FlowProcess;
	readonly victim: string;
	/** Flow run names by id, the victim's included. */
	readonly names: ReadonlyMap<string, string>;
	readonly signal: AbortSignal;
}

async function setScene(resources: AsyncDisposableStack, signal: AbortSignal): Promise<Scene> {
	const { python, prefectVersion } = await ensurePrefectVenv({ report: say, signal });
	say(`Prefect server ${prefectVersion} is starting (about 15 s)`);
	const server = resources.use(await PrefectServer.start({ python, signal }));
	say(`Prefect server is up at ${server.apiUrl}`);
	const daemon = resources.use(await DaemonProcess.start({ apiUrl: server.apiUrl, signal, onAlert: sayAlert }));
	say(`zombied is up: open ${daemon.address}/ in a browser, the page follows what happens`);
	const start = async (...args: readonly string[]): Promise<FlowProcess> =>
		resources.use(await FlowProcess.start({ python, server, script: "long.py", args, signal }));
	const victimFlow = await start("serve", victimName);
	const healthyFlows = await start("direct", ...healthyNames);
	const victim = await victimFlow.startServedRun(victimName, victimName);
	say(`${victimName} runs, served as a deployment in a process group of its own`);
	const names = new Map([[victim, victimName]]);
	for (const name of healthyNames) {
		names.set(await healthyFlows.waitForRun(name), name);
	}
	say(`${healthyNames.join(", ")} run, all in one other process`);
	return { server, daemon, victimFlow, victim, names, signal };
}

/** Tells of the runs' beats as the server stores them, a few seconds after they arrive. */
class BeatWatch {
	readonly #scene: Scene;
	readonly #counts = new Map<string, number>();

	constructor(scene: Scene) {
		this.#scene = scene;
	}

	count(run: string): number {
		return this.#counts.get(run) ?? 0;
	}

	async look(): Promise<void> {
		const { server, names } = this.#scene;
		const fresh: string[] = [];
		for (const [run, name] of names) {
			const beats: readonly PrefectEvent[] = await server.rest.heartbeats(run);
			if (beats.length > this.count(run)) {
				this.#counts.set(run, beats.length);
				fresh.push(`${name} (${beats.length})`);
			}
		}
		if (fresh.length > 0) {
			say(`beats: ${fresh.join(", ")}`);
		}
	}

	/** Goes on looking until `isDone`. */
	async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<void> {
		const look = async (): Promise<boolean> => {
			await this.look();
			return isDone();
		};
		await eventually(look, { what, timeoutMs, everyMs: 1000, signal: this.#scene.signal });
	}
}

function sayAlert(alert: AlertLine): void {
	const { evidence, flow_run } = alert;
	say(`ALERT  ${alert.event}: ${alert.message}`);
	sayMore(`condition ${alert.condition}, severity ${alert.severity}, reason: ${alert.reason}`);
	sayMore(`flow run ${flow_run.name} (${flow_run.id}), the API says ${flow_run.state_type}`);
	sayMore(
		`silent for ${heardSilenceSeconds(alert).toFixed(1)} s, allowed ${evidence.threshold_seconds.toFixed(1)} s, cadence ${evidence.cadence_seconds?.toFixed(1) ?? "unknown"} s`,
	);
	sayMore(`last beat ${evidence.last_beat_received}, alert id ${alert.alert_id}`);
}

/** True when the killed run, and no other, was flagged. */
async function tellStory(scene: Scene): Promise<boolean> {
	const { daemon, server, signal, victim } = scene;
	const watch = new BeatWatch(scene);
	const all = [...scene.names.keys()];
	const patienceMs = (cadenceSeconds + 60) * 1000;
	say(`all four beat every ${cadenceSeconds} s; the first is killed after its second beat`);
	await watch.until("two beats of every run", patienceMs, () => all.every((run) => watch.count(run) >= 2));
	await scene.victimFlow.kill();
	say(`SIGKILL to ${victimName} and the process that served it: nobody is left to tell the server`);
	const { state_name } = await server.rest.readRun(victim);
	say(`Prefect says that ${victimName} is ${state_name}, and would say so for ever`);
	say("zombied waits for three missed beats and 15 s, then asks the server, then speaks");
	const isFlagged = (): boolean => daemon.alertsOf("alert.raised", victim).length > 0;
	const hasEnded = (): boolean => !daemon.isRunning;
	await watch.until("the alert", verdictPatienceMs, () => isFlagged() || hasEnded());
	if (!isFlagged()) {
		throw new Error(`zombied ended before it had spoken:\n${daemon.tail}`);
	}
	await untilOnPage(daemon, victim, signal);
	say(`the page shows it: ${daemon.address}/ and, with its timeline, ${daemon.address}/runs/${victim}`);
	const seen = new Map(all.map((run) => [run, watch.count(run)]));
	say("the others go on: one more beat of each");
	await watch.until("one more beat of the healthy runs", patienceMs, () =>
		all.every((run) => run === victim || watch.count(run) > (seen.get(run) ?? 0)),
	);
	signal.throwIfAborted();
	const flagged = daemon.alerts.filter((alert) => alert.event === "alert.raised");
	const isRight = flagged.length === 1 && flagged[0]?.flow_run.id === victim;
	say(
		isRight
			? `${victimName}, and no other, was flagged`
			: `WRONG: ${flagged.length} alerts were raised where one was due`,
	);
	return isRight;
}

/** Resolves when a reader of the overview sees the run among the zombies. */
async function untilOnPage({ address }: DaemonProcess, runId: string, signal: AbortSignal): Promise<void> {
	const zombies = /id="zombies".*?<\/section>/su;
	const look = async (): Promise<boolean> => {
		const page = await (await fetch(`${address}/`, { signal })).text();
		return zombies.exec(page)?.[0].includes(`/runs/${runId}`) ?? false;
	};
	await eventually(look, { what: "the run on the page", timeoutMs: 10_000, everyMs: 500, signal });
}

function sayAddresses({ daemon, server }: Scene): void {
	say("to look around:");
	sayMore(`zombied   ${daemon.address}/`);
	sayMore(`metrics   ${daemon.address}/metrics`);
	sayMore(`health    ${daemon.address}/-/healthy and ${daemon.address}/-/ready`);
	sayMore(`Prefect   ${server.apiUrl}`);
}

function sayWithoutPython(error: PythonMissingError): void {
	console.error(`${error.message}.`);
	console.error("The demo runs a real Prefect server and real flows, which need it.");
	console.error("Without it, point zombied at a Prefect server of your own:");
	console.error("");
	console.error("  PREFECT_API_URL=http://your-server:4200/api npm start");
	console.error("");
	console.error("Alerts appear on stdout; metrics are at http://127.0.0.1:4290/metrics");
}

async function waitForAbort(signal: AbortSignal): Promise<void> {
	await new Promise<void>((resolve) => {
		// A pending promise alone does not keep the process alive.
		const alive = setInterval(() => undefined, 60_000);
		const end = (): void => {
			clearInterval(alive);
			resolve();
		};
		signal.addEventListener("abort", end, { once: true });
	});
}

/** The exit code. */
async function demo(isOnce: boolean, signal: AbortSignal): Promise<number> {
	await using resources = new AsyncDisposableStack();
	try {
		const scene = await setScene(resources, signal);
		const isRight = await tellStory(scene);
		sayAddresses(scene);
		if (!isOnce) {
			say("everything goes on until Ctrl-C");
			await waitForAbort(signal);
		}
		say("cleaning up");
		return isRight ? 0 : 1;
	} catch (error) {
		if (error instanceof PythonMissingError) {
			sayWithoutPython(error);
			return 1;
		}
		if (signal.aborted) {
			say("stopped before the story was over; cleaning up");
			return 130;
		}
		say(`the demo failed: ${error instanceof Error ? error.message : String(error)}`);
		return 1;
	}
}

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
	process.on(name, () => {
		if (interrupt.signal.aborted) {
			// The second time: at once. What was started is killed on exit.
			process.exit(130);
		}
		interrupt.abort(new Error(`stopped by ${name}`));
	});
}
process.exitCode = await demo(values.once, interrupt.signal);
