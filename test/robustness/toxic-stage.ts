import { writeFileSync } from "node:fs";
import { eventually, pause } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { type Toxic, ToxicProxy } from "../_util/toxic-proxy.ts";
import { Chance } from "../simulation/chance.ts";

const cadenceMs = 30_000;
const steadyCount = 24;
const stalledCount = 2;
/** They fill a run's ring before the daemon starts. */
const beatsBefore = 4;
/** Nobody is watched for so long. */
const horizonMs = 900_000;
const lookEveryMs = 100;
const patienceMs = 60_000;

/** Times from the moment at which the network becomes bad. */
export interface ToxicTimes {
	readonly lastsMs: number;
	/** The daemon is started so long before. */
	readonly startsBeforeMs: number;
	/** A stall of runs that live on: their beats before and after it. */
	readonly stall: { readonly fromMs: number; readonly untilMs: number };
	/** The last beat of the run that dies. */
	readonly lastBeatMs: number;
	readonly verdictPatienceMs: number;
	readonly environment: Readonly<Record<string, string>>;
	/** What the settings file says; null: there is none. */
	readonly settingsFile: string | null;
}

interface PlannedBeat {
	readonly runId: string;
	readonly atMs: number;
}

/** A server, a daemon, and a network between them, with runs that live all the while and one that dies. */
export class ToxicStage implements AsyncDisposable {
	readonly daemon: DaemonProcess;
	readonly victim: string;
	readonly #stub: PrefectStub;
	readonly #proxy: ToxicProxy;
	readonly #runsCount: number;
	/** What is to come, the soonest first. */
	readonly #beats: PlannedBeat[];
	readonly #resources: AsyncDisposableStack;
	readonly #times: ToxicTimes;
	readonly #badFromMs: number;
	#poisonedAtMs = Number.NaN;

	private constructor(
		parts: { stub: PrefectStub; proxy: ToxicProxy; daemon: DaemonProcess },
		plan: { readonly runs: readonly string[]; readonly beats: PlannedBeat[]; readonly badFromMs: number },
		times: ToxicTimes,
		resources: AsyncDisposableStack,
	) {
		this.daemon = parts.daemon;
		this.#stub = parts.stub;
		this.#proxy = parts.proxy;
		this.victim = plan.runs.at(-1) as string;
		this.#runsCount = plan.runs.length;
		this.#beats = plan.beats;
		this.#badFromMs = plan.badFromMs;
		this.#times = times;
		this.#resources = resources;
	}

	/** Resolves when the daemon knows every run, and the network is still good. */
	static async start(times: ToxicTimes, seed: number): Promise<ToxicStage> {
		await using resources = new AsyncDisposableStack();
		const stub = resources.use(await PrefectStub.start());
		const proxy = resources.use(await ToxicProxy.start(stub.port, new Chance(seed).random));
		const folder = resources.use(await TempFolder.make("toxic"));
		const badFromMs = stub.nowMs() + times.startsBeforeMs;
		const plan = planBeats(times);
		const runs = plan.map(([firstMs = 0]) => stub.addRun({ atMs: badFromMs + firstMs - 1_000 }).id);
		const beats = plan
			.flatMap((beatsMs, n) => beatsMs.map((atMs) => ({ runId: runs[n] as string, atMs: badFromMs + atMs })))
			.toSorted((a, b) => a.atMs - b.atMs);
		emitDue(stub, beats);
		const environment: Record<string, string> = { ...times.environment };
		if (times.settingsFile !== null) {
			environment.ZOMBIED_CONFIG = folder.file("zombied.yaml");
			writeFileSync(environment.ZOMBIED_CONFIG, times.settingsFile);
		}
		const stop = new AbortController();
		resources.defer(() => stop.abort());
		const apiUrl = `http://127.0.0.1:${proxy.port}/api`;
		const daemon = resources.use(await DaemonProcess.start({ apiUrl, environment, signal: stop.signal }));
		const stage = new ToxicStage({ stub, proxy, daemon }, { runs, beats, badFromMs }, times, resources.move());
		try {
			stage.#beatOn(stop.signal).catch(() => undefined);
			await stage.#until("every run to be known", async () => (await stage.#known()) === runs.length);
			return stage;
		} catch (error) {
			await stage[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** Resolves when the network has become bad. */
	async poison(toxic: Toxic): Promise<void> {
		await pause(Math.max(0, this.#badFromMs - this.#stub.nowMs()));
		this.#proxy.toxic = toxic;
		this.#poisonedAtMs = performance.now();
	}

	/** Resolves when the network is good again. */
	async heal(): Promise<void> {
		await pause(Math.max(0, this.#poisonedAtMs + this.#times.lastsMs - performance.now()));
		this.#proxy.toxic = { kind: "none" };
	}

	/** Resolves with the milliseconds that it took from the moment at which the network became bad. */
	async untilFoundHung(): Promise<number> {
		await this.#until("the hung socket to be found", async () => {
			const page = await this.daemon.metricsPage();
			return sumSeries(page, "zombied_stream_reconnects_total", { reason: "hung" }) > 0;
		});
		return performance.now() - this.#poisonedAtMs;
	}

	untilVerdict(): Promise<AlertLine> {
		const isOfVictim = ({ event, flow_run }: AlertLine): boolean =>
			event === "alert.raised" && flow_run.id === this.victim;
		return this.daemon.waitForAlert("the dead run to be flagged", isOfVictim, this.#times.verdictPatienceMs);
	}

	/** It hears everything again, and has nothing to say of a run that lives. */
	async untilAllIsWell(): Promise<void> {
		await this.#until("the daemon to be connected, and all the runs to be known", async () => {
			const page = await this.daemon.metricsPage();
			return sumSeries(page, "zombied_stream_connected") === 1 && (await this.#known()) === this.#runsCount;
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#resources[Symbol.asyncDispose]();
	}

	async #known(): Promise<number> {
		return sumSeries(await this.daemon.metricsPage(), "zombied_runs", { coverage: "beating" });
	}

	#until(what: string, look: () => Promise<boolean>): Promise<unknown> {
		return eventually(look, { what, timeoutMs: patienceMs, why: () => this.daemon.tail });
	}

	async #beatOn(signal: AbortSignal): Promise<void> {
		for (;;) {
			await pause(lookEveryMs, signal);
			emitDue(this.#stub, this.#beats);
		}
	}
}

/** Takes from the front of the plan what should have happened by now. */
function emitDue(stub: PrefectStub, beats: PlannedBeat[]): void {
	const due = beats.findIndex(({ atMs }) => atMs > stub.nowMs());
	for (const { runId, atMs } of beats.splice(0, due === -1 ? beats.length : due)) {
		stub.emit(heartbeat({ runId, occurredMs: atMs }));
	}
}

/** Every cadence, both ends included. */
function beatTimes(fromMs: number, untilMs: number): number[] {
	return Array.from({ length: Math.floor((untilMs - fromMs) / cadenceMs) + 1 }, (_, n) => fromMs + n * cadenceMs);
}

/** When the runs beat, from the moment at which the network becomes bad: the last is the one that dies. */
function planBeats({ startsBeforeMs, stall, lastBeatMs }: ToxicTimes): readonly (readonly number[])[] {
	const endingAt = (lastMs: number): number[] =>
		Array.from({ length: beatsBefore }, (_, n) => lastMs - (beatsBefore - 1 - n) * cadenceMs);
	const steady = Array.from({ length: steadyCount }, (_, n) =>
		beatTimes((n / steadyCount - beatsBefore) * cadenceMs - startsBeforeMs, horizonMs),
	);
	const stalled = Array.from({ length: stalledCount }, () => [
		...endingAt(stall.fromMs),
		...beatTimes(stall.untilMs, horizonMs),
	]);
	return [...steady, ...stalled, endingAt(lastBeatMs)];
}
