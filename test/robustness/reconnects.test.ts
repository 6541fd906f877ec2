import { expect, test } from "vitest";
import { eventually } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat, stateEvent } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { residentKib } from "../_util/resident-memory.ts";
import { isSoak, timesOf } from "./extent.ts";

const reconnects = timesOf({ short: 20, long: 500 });
/** Node takes its time to fill and to clear its heap: what grows before is no leak. */
const warmUpReconnects = Math.floor(reconnects / 5);
const growthKibMax = 10 * 1024;
const patienceMs = 30_000;
/** In the daemon's process every wait with jitter is then the least it can be: half a second rather than up to half a minute. */
const leastChance = "data:text/javascript,Math.random=()=>0";

function medianOf(numbers: readonly number[]): number {
	return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** A run begins and beats, with the socket open. */
function begin(stub: PrefectStub): string {
	const { id } = stub.addRun();
	stub.emit(heartbeat({ runId: id, occurredMs: stub.nowMs() }));
	return id;
}

/** It ends while no socket is open: in the database alone. */
function endUnheard(stub: PrefectStub, runId: string): void {
	const atMs = stub.nowMs();
	const { state } = stub.addRun({ id: runId, type: "COMPLETED", atMs });
	stub.store(stateEvent({ runId, type: "COMPLETED", atMs, id: state.id }));
}

test(`R6: after each of ${reconnects} lost sockets it is back, and knows what it missed`, {
	timeout: reconnects * 5_000 + 30_000,
}, async () => {
	await using stub = await PrefectStub.start();
	await using daemon = await DaemonProcess.start({
		apiUrl: stub.url,
		signal: new AbortController().signal,
		environment: {
			ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
			ZOMBIED_LIMITS_REST_PER_SECOND: "100",
			NODE_OPTIONS: `--import=${leastChance}`,
		},
	});
	const knows = (beating: 0 | 1, lost: number): Promise<unknown> =>
		eventually(
			async () => {
				const known = sumSeries(await daemon.metricsPage(), "zombied_runs", { coverage: "beating" });
				return known === beating && stub.subscribers === 1;
			},
			{ what: `${beating} run to beat at socket ${lost}`, timeoutMs: patienceMs, everyMs: 50, why: () => daemon.tail },
		);
	await eventually(() => stub.subscribers === 1, { what: "the first socket", timeoutMs: patienceMs });
	const resident: number[] = [];
	for (let lost = 1; lost <= reconnects; lost++) {
		// One that is lost before it has brought anything is another matter: the server may not take the filter.
		const runId = begin(stub);
		await knows(1, lost);
		stub.dropAll();
		endUnheard(stub, runId);
		await knows(0, lost);
		resident.push(residentKib(daemon.pid as number));
		// The stub's own memory of what it was asked.
		stub.requests.length = 0;
	}
	expect(sumSeries(await daemon.metricsPage(), "zombied_stream_reconnects_total")).toBe(reconnects);
	const atFirstKib = medianOf(resident.slice(warmUpReconnects, 2 * warmUpReconnects));
	const atLastKib = medianOf(resident.slice(-warmUpReconnects));
	if (isSoak) {
		console.info(`resident memory: ${atFirstKib} KiB after the warm-up, ${atLastKib} KiB in the end`);
		expect(atLastKib - atFirstKib).toBeLessThan(growthKibMax);
	}
	await daemon.stop();
});
