import { expect, test } from "vitest";
import { eventually } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import type { PrefectRest } from "../_util/prefect-rest.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { ToxicProxy } from "../_util/toxic-proxy.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { rounds } from "./rounds.ts";

/** In turn, so that it shows when the runs of the round before are still taken to live. */
const beginningCounts = [3, 5] as const;
const spanMs = 5_000;
const patienceMs = 60_000;
/** After the second pass, and before anything else could find what it missed. */
const digestMsMax = 10_000;
/** In the daemon's process every wait with jitter is the least it can be: it is back as soon as it is let. */
const leastChance = "data:text/javascript,Math.random=()=>0";

/** Runs begin and beat, and those of the round before end, one after another until the span is over. */
async function publish(rest: PrefectRest, ending: readonly string[], count: number): Promise<string[]> {
	const begun: string[] = [];
	const events = [
		...ending.map((run) => () => rest.setState(run, "COMPLETED", "Completed")),
		...Array.from({ length: count }, () => async () => {
			const run = await rest.createBareRun("begun");
			await rest.postHeartbeat(run, "begun");
			begun.push(run);
		}),
	];
	for (const event of events) await event();
	return begun;
}

test(`T7: ${rounds} times, what is published in the ${spanMs / 1000} s before subscribing is all there after the second pass`, {
	timeout: rounds * 3 * patienceMs + 600_000,
}, async () => {
	const { signal } = new AbortController();
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	await using server = await PrefectServer.start({ python, signal });
	await using proxy = await ToxicProxy.start(Number(new URL(server.apiUrl).port), () => 0);
	let secondPasses = 0;
	await using daemon = await DaemonProcess.start({
		apiUrl: `http://127.0.0.1:${proxy.port}/api`,
		// The comparison with REST would heal what the second pass misses.
		environment: { ZOMBIED_RECONCILE_EVERY: "1h", NODE_OPTIONS: `--import=${leastChance}` },
		onLogLine: (line) => {
			secondPasses += line.includes('"catch_up.done"') && line.includes('"pass":2') ? 1 : 0;
		},
		signal,
	});
	const metric = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> =>
		sumSeries(await daemon.metricsPage(), name, labels);
	const until = (what: string, look: () => boolean | Promise<boolean>, timeoutMs = patienceMs): Promise<unknown> =>
		eventually(look, { what, timeoutMs, why: () => daemon.tail });

	await until("the first second pass", () => secondPasses === 1);
	let living: readonly string[] = [];
	const spansMs: number[] = [];
	for (let round = 0; round < rounds; round++) {
		proxy.toxic = { kind: "reset", withinMs: 0 };
		await until("the socket to be lost", async () => (await metric("zombied_stream_connected")) === 0);
		const startedMs = performance.now();
		const passesBefore = secondPasses;
		living = await publish(server.rest, living, beginningCounts[round % 2] as number);
		proxy.toxic = { kind: "none" };
		await until("the socket to be back", async () => (await metric("zombied_stream_connected")) === 1);
		spansMs.push(performance.now() - startedMs);
		await until("the second pass", () => secondPasses > passesBefore);
		await until(
			"the runs to be known",
			async () => (await metric("zombied_runs", { coverage: "beating" })) === living.length,
			digestMsMax,
		);
		expect(await metric("zombied_runs", { coverage: "unmonitored" })).toBe(0);
	}
	console.info(`from the first event to being subscribed: ${spansMs.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s`);
	expect(daemon.alerts).toEqual([]);
	expect(daemon.groups).toEqual([]);
	await daemon.stop();
});
