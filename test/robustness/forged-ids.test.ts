import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { eventually } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { residentKib } from "../_util/resident-memory.ts";
import { isSoak, timesOf } from "./extent.ts";

const ids = timesOf({ short: 20_000, long: 1_000_000 });
const runsMax = timesOf({ short: 1_000, long: 100_000 });
/** A million in ten minutes. */
const idsASecond = 1_667;
/** More of one call the stub drops, as a server does. */
const atOnceMax = 250;
/** From when it has as many as it keeps. */
const growthKibMax = 100 * 1024;
const patienceMs = 60_000;

function deliverMadeUp(stub: PrefectStub, beats: number): void {
	const occurredMs = stub.nowMs();
	stub.deliver(...Array.from({ length: beats }, () => heartbeat({ runId: randomUUID(), occurredMs })));
}

test(`R10: of ${ids} made-up ids it keeps ${runsMax}, and a real run is watched among them`, {
	timeout: isSoak ? 20 * 60_000 : 3 * patienceMs,
}, async () => {
	await using stub = await PrefectStub.start();
	await using daemon = await DaemonProcess.start({
		apiUrl: stub.url,
		signal: new AbortController().signal,
		environment: { ZOMBIED_LIMITS_UNCONFIRMED_RUNS: `${runsMax}` },
	});
	const why = (): string => daemon.tail;
	const figure = async (name: string, labels = {}): Promise<number> =>
		sumSeries(await daemon.metricsPage(), `zombied_${name}`, labels);
	await eventually(() => stub.subscribers === 1, { what: "the socket", timeoutMs: patienceMs, why });
	const { id } = stub.addRun();
	const resident = (): number => residentKib(daemon.pid as number);
	const beforeKib = resident();
	let fullKib: number | null = null;
	let most = 0;
	for (let sent = 0; sent < ids; ) {
		const next = isSoak ? pause(1_000) : null;
		stub.deliver(heartbeat({ runId: id, occurredMs: stub.nowMs() }));
		const some = Math.min(idsASecond, ids - sent);
		for (let left = some; left > 0; left -= atOnceMax) deliverMadeUp(stub, Math.min(left, atOnceMax));
		sent += some;
		const isRead = async (): Promise<boolean> => (await figure("frames_total", { kind: "heartbeat" })) >= sent;
		await eventually(isRead, { what: `${sent} beats to be read`, timeoutMs: patienceMs, everyMs: 100, why });
		most = Math.max(most, await figure("unconfirmed_runs"));
		if (most === runsMax) fullKib ??= resident();
		// The stub's own memory of what it was asked.
		stub.requests.length = 0;
		await next;
	}
	expect(await figure("unconfirmed_runs_dropped_total")).toBeGreaterThan(ids / 2);
	expect(most).toBeLessThanOrEqual(runsMax);
	const isWatched = async (): Promise<boolean> => (await figure("runs", { coverage: "beating" })) === 1;
	await eventually(isWatched, { what: "the real run", timeoutMs: patienceMs, why });
	expect(await figure("queue_overflows_total")).toBe(0);
	expect(daemon.alerts).toEqual([]);
	if (isSoak) {
		console.info(`resident memory: ${beforeKib} KiB before, ${fullKib} KiB when full, ${resident()} KiB in the end`);
		expect(resident() - (fullKib ?? 0)).toBeLessThan(growthKibMax);
	}
	await daemon.stop();
});
