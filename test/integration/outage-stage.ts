import { once, pause } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { FlowProcess, waitForBeats } from "../_util/real-flows.ts";

export const outageMs = 100_000;
// A false verdict on silence that began before the outage would come within 105 s of blindness ending; the runs have
// beaten again by then. The survivor is watched for as long again while the victim is awaited.
const calmMs = 90_000;
const verdictPatienceMs = 240_000;

export interface OutageFacts {
	readonly alertsBeforeDeath: readonly AlertLine[];
	readonly blindSeconds: number;
	readonly isStreamConnected: boolean;
	readonly wasNeverRestarted: boolean;
	readonly verdict: AlertLine;
}

/** A Prefect server that asks for a password, goes away and comes back, with two healthy runs and a daemon. */
export class OutageStage {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly #victim: FlowProcess;
	readonly #survivor: FlowProcess;
	readonly #resources: AsyncDisposableStack;
	readonly #signal: AbortSignal;

	private constructor(
		server: PrefectServer,
		daemon: DaemonProcess,
		flows: readonly [FlowProcess, FlowProcess],
		resources: AsyncDisposableStack,
		signal: AbortSignal,
	) {
		this.server = server;
		this.daemon = daemon;
		[this.#victim, this.#survivor] = flows;
		this.#resources = resources;
		this.#signal = signal;
	}

	static async start(python: string, signal: AbortSignal): Promise<OutageStage> {
		await using resources = new AsyncDisposableStack();
		const authString = "admin:a password, with punctuation";
		const server = resources.use(await PrefectServer.start({ python, authString, signal }));
		const { apiUrl } = server;
		const daemon = resources.use(await DaemonProcess.start({ apiUrl, authString, signal }));
		const startFlow = async (role: string): Promise<FlowProcess> => {
			const args = ["direct", role];
			const script = "long.py";
			return resources.use(await FlowProcess.start({ python, server, script, args, signal }));
		};
		const flows = [await startFlow("victim"), await startFlow("survivor")] as const;
		return new OutageStage(server, daemon, flows, resources.move(), signal);
	}

	readonly outage = once(async (): Promise<OutageFacts> => {
		const victim = await this.#victim.waitForRun("victim");
		const survivor = await this.#survivor.waitForRun("survivor");
		await waitForBeats(this.server, victim, 3, this.#signal);
		await waitForBeats(this.server, survivor, 3, this.#signal);
		const { pid } = this.daemon;
		const blindBefore = await this.#blindSeconds();
		await this.server.stop();
		await pause(outageMs, this.#signal);
		await this.server.startAgain();
		await pause(calmMs, this.#signal);
		const alertsBeforeDeath = [...this.daemon.alerts];
		const page = await this.daemon.metricsPage();
		const blindSeconds = (await this.#blindSeconds()) - blindBefore;
		await this.#victim.kill();
		const verdict = await this.daemon.waitForAlert(
			"an alert about the run that was killed after the outage",
			(alert) => alert.event === "alert.raised" && alert.flow_run.id === victim,
			verdictPatienceMs,
		);
		return {
			alertsBeforeDeath,
			blindSeconds,
			isStreamConnected: sumSeries(page, "zombied_stream_connected") === 1,
			wasNeverRestarted: this.daemon.isRunning && this.daemon.pid === pid,
			verdict,
		};
	});

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources[Symbol.asyncDispose]();
	}

	async #blindSeconds(): Promise<number> {
		return sumSeries(await this.daemon.metricsPage(), "zombied_blind_seconds_total");
	}
}
