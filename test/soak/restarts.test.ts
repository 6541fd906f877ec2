import { expect, test } from "vitest";
import { eventually, pause } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { FlowProcess, waitForBeats } from "../_util/real-flows.ts";
import { expectDueZombie } from "../integration/due-zombie.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { firstSeed } from "../robustness/extent.ts";
import { Chance } from "../simulation/chance.ts";
import { rounds } from "./rounds.ts";

const healthyCount = 24;
/** When, within a round, the process of a run is killed. */
const deaths = ["while the server is up", "while it is away", "right before it goes"] as const;
const awayMs = { min: 2_000, max: 45_000 };
/** Until the next restart; a cadence is 30 s. */
const calmMs = { min: 10_000, max: 70_000 };
const connectPatienceMs = 90_000;
/** Three cadences and 15 s, the outage, and a cadence for what clients hold. */
const verdictPatienceMs = 300_000;
/** A false verdict on silence from before the last restart would have come by then. */
const quietMs = 125_000;
const minuteMs = 60_000;

/** A real server that is stopped and started again, real runs, and one daemon. */
class RestartStory {
	readonly server: PrefectServer;
	readonly daemon: DaemonProcess;
	readonly verdicts: AlertLine[] = [];
	readonly #healthy: FlowProcess;
	readonly #victims: readonly FlowProcess[];
	readonly #random: () => number;

	private constructor(
		server: PrefectServer,
		daemon: DaemonProcess,
		flows: { readonly healthy: FlowProcess; readonly victims: readonly FlowProcess[] },
		random: () => number,
	) {
		this.server = server;
		this.daemon = daemon;
		this.#healthy = flows.healthy;
		this.#victims = flows.victims;
		this.#random = random;
	}

	/** Resolves when every run's cadence is known. */
	static async start(python: string, resources: AsyncDisposableStack): Promise<RestartStory> {
		const { signal } = new AbortController();
		const server = resources.use(await PrefectServer.start({ python, signal }));
		const daemon = resources.use(await DaemonProcess.start({ apiUrl: server.apiUrl, signal }));
		const startFlows = async (script: "healthy.py" | "long.py", ...args: readonly string[]): Promise<FlowProcess> =>
			resources.use(await FlowProcess.start({ python, server, script, args, signal }));
		const victims: FlowProcess[] = [];
		for (const _ of deaths) victims.push(await startFlows("long.py", "direct", "victim"));
		const ids = await Promise.all(victims.map((victim) => victim.waitForRun("victim")));
		const healthy = await startFlows("healthy.py");
		await eventually(() => healthy.runIds("healthy").length === healthyCount, {
			what: "the healthy runs to begin",
			timeoutMs: 3 * minuteMs,
		});
		for (const id of [...ids, healthy.runIds("healthy").at(-1) as string]) await waitForBeats(server, id, 3, signal);
		return new RestartStory(server, daemon, { healthy, victims }, new Chance(firstSeed).random);
	}

	/** One restart; resolves with the seconds that the server was away, and those that the daemon counted as blind. */
	async play(death: (typeof deaths)[number] | null): Promise<{ awaySeconds: number; blindSeconds: number }> {
		const victim = death === null ? null : (this.#victims[deaths.indexOf(death)] as FlowProcess);
		const blindBefore = await this.#blindSeconds();
		if (death === "right before it goes") await victim?.kill();
		await this.server.stop();
		const stoppedMs = performance.now();
		await this.#pause(awayMs);
		if (death === "while it is away") await victim?.kill();
		await this.server.startAgain();
		const awaySeconds = (performance.now() - stoppedMs) / 1000;
		await eventually(async () => sumSeries(await this.daemon.metricsPage(), "zombied_stream_connected") === 1, {
			what: "the daemon to be connected again",
			timeoutMs: connectPatienceMs,
			why: () => this.daemon.tail,
		});
		await this.#pause(calmMs);
		const blindSeconds = (await this.#blindSeconds()) - blindBefore;
		if (death === "while the server is up") await victim?.kill();
		if (victim !== null) await this.#flagged(victim);
		return { awaySeconds, blindSeconds };
	}

	/** How many runs still go on, by the server's word. */
	async aliveCount(): Promise<number> {
		const running = new Set((await this.server.rest.filterRuns(["RUNNING"])).map(({ id }) => id));
		return this.#healthy.runIds("healthy").filter((id) => running.has(id)).length;
	}

	async #flagged(victim: FlowProcess): Promise<void> {
		const runId = victim.runIds("victim")[0];
		const verdict = await this.daemon.waitForAlert(
			`the killed run ${runId} to be flagged`,
			({ event, flow_run }) => event === "alert.raised" && flow_run.id === runId,
			verdictPatienceMs,
		);
		await expectDueZombie(verdict, this.server);
		this.verdicts.push(verdict);
	}

	async #blindSeconds(): Promise<number> {
		return sumSeries(await this.daemon.metricsPage(), "zombied_blind_seconds_total");
	}

	#pause({ min, max }: { readonly min: number; readonly max: number }): Promise<void> {
		return pause(min + this.#random() * (max - min));
	}
}

/** In the middle of each third of the story. */
function deathIn(round: number): (typeof deaths)[number] | null {
	const index = deaths.findIndex((_, n) => round === Math.floor(((n + 0.5) * rounds) / deaths.length));
	return deaths[index] ?? null;
}

test(`T4: ${rounds} restarts of a real server make no false alert, and do not hide a death (seed ${firstSeed})`, {
	timeout: rounds * 6 * minuteMs + 10 * minuteMs,
}, async () => {
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	await using resources = new AsyncDisposableStack();
	const story = await RestartStory.start(python, resources);
	const { daemon } = story;
	const { pid } = daemon;
	for (let round = 0; round < rounds; round++) {
		const death = deathIn(round);
		const { awaySeconds, blindSeconds } = await story.play(death);
		console.info(
			`restart ${round + 1}: away for ${awaySeconds.toFixed(1)} s, blind for ${blindSeconds.toFixed(1)} s${death === null ? "" : `; a run killed ${death}`}`,
		);
		expect(blindSeconds).toBeGreaterThan(0.9 * awaySeconds);
		expect(daemon.alerts).toEqual(story.verdicts);
	}
	await pause(quietMs);
	expect(daemon.alerts).toEqual(story.verdicts);
	expect(story.verdicts).toHaveLength(deaths.length);
	expect(await story.aliveCount()).toBe(healthyCount);
	expect(daemon.pid).toBe(pid);
	expect(daemon.groups).toEqual([]);
	await daemon.stop();
});
