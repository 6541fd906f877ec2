import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import type { RunChange } from "../../../src/store/store.ts";
import { RunningDaemon } from "../../_util/daemon-process.ts";
import { freePort } from "../../_util/free-port.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { openFile } from "../../_util/store-houses.ts";
import { runsIn } from "../../_util/store-runs.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const stopMsMax = 10_000;

let folder: TempFolder;
let port: number;

beforeEach(async () => {
	folder = await TempFolder.make("daemon");
	port = await freePort();
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function startDaemon(): RunningDaemon {
	return new RunningDaemon({
		apiUrl: `http://127.0.0.1:${port}/api`,
		folder: folder.path,
		storePath: folder.file("zombied.db"),
	});
}

/** What is in the file; the daemon must have ended. */
async function storedRuns(): Promise<readonly RunChange[]> {
	await using store = await openFile(folder.file("zombied.db"), systemClock);
	return await runsIn(store, "default");
}

async function isReady(daemon: RunningDaemon): Promise<boolean> {
	return (await daemon.page("/-/ready")).status === 200;
}

/** Connected, and everything that the socket did not bring is in. */
async function untilCaughtUp(daemon: RunningDaemon): Promise<void> {
	await daemon.untilLogged("stream.connected");
	await daemon.untilLogged("catch_up.done", 2);
}

async function metric(daemon: RunningDaemon, name: string, labels: Record<string, string> = {}): Promise<number> {
	return sumSeries((await daemon.page("/metrics")).text, name, labels);
}

test("while the server is away it waits, says so, and is healthy and ready (O1); when it comes it connects", async () => {
	await using daemon = startDaemon();
	await daemon.until(() => isReady(daemon), "it to be ready");
	expect(await daemon.page("/-/healthy")).toEqual({ status: 200, text: "healthy\n" });
	const waiting = await daemon.untilLogged("prefect.waiting");
	expect(waiting.apiUrl).toBe(`http://127.0.0.1:${port}/api`);
	expect(await metric(daemon, "zombied_stream_connected")).toBe(0);
	await using stub = await PrefectStub.start({ port });
	const { id } = stub.addRun();
	await untilCaughtUp(daemon);
	await daemon.until(async () => (await metric(daemon, "zombied_runs")) === 1, "the run to be counted");
	expect(await metric(daemon, "zombied_stream_connected")).toBe(1);
	expect(await isReady(daemon)).toBe(true);
	expect(await daemon.stop()).toBeLessThan(stopMsMax);
	expect((await storedRuns()).map(({ row }) => row.runId)).toEqual([id]);
}, 30_000);

test("runs are tracked into the database, whatever else comes over the socket", async () => {
	await using stub = await PrefectStub.start({ port });
	await using daemon = startDaemon();
	await untilCaughtUp(daemon);
	stub.sendText("{ this is no JSON");
	stub.sendText('["neither", "an", "object"]');
	stub.sendText(JSON.stringify({ type: "event", event: { id: "x", event: "prefect.flow-run.heartbeat" } }));
	stub.sendText(JSON.stringify({ type: "unheard_of" }));
	stub.pingAll();
	const { id } = stub.addRun({ type: "PENDING", atMs: stub.nowMs() - 1_000 });
	stub.emit(
		stateEvent({ runId: id, type: "RUNNING", atMs: stub.nowMs() }),
		heartbeat({ runId: id, occurredMs: stub.nowMs() }),
	);
	await daemon.until(
		async () => (await metric(daemon, "zombied_runs", { coverage: "beating" })) === 1,
		"the run to be watched",
	);
	expect(await metric(daemon, "zombied_frames_rejected_total")).toBe(4);
	expect(await metric(daemon, "zombied_stream_reconnects_total")).toBe(0);
	await daemon.stop();
	const [stored] = await storedRuns();
	expect(stored?.row).toMatchObject({ runId: id, state: { type: "RUNNING" } });
	// A beat that was not due to be written yet is saved at the stop.
	expect(stored?.row.lastBeat?.receivedMs).toBeGreaterThan(0);
	expect(daemon.stdout.text).toBe("");
}, 30_000);

test("a socket that is lost is opened again, and what was missed meanwhile is read over REST", async () => {
	await using stub = await PrefectStub.start({ port });
	const { id } = stub.addRun();
	await using daemon = startDaemon();
	await untilCaughtUp(daemon);
	stub.dropAll();
	stub.store(heartbeat({ runId: id, occurredMs: stub.nowMs() }));
	await daemon.untilLogged("stream.connected", 2);
	await daemon.until(
		async () => (await metric(daemon, "zombied_runs", { coverage: "beating" })) === 1,
		"the beat to be known",
	);
	expect(await metric(daemon, "zombied_stream_reconnects_total")).toBe(1);
}, 30_000);

test("a restart knows the runs before the server is there, and the next one after it", async () => {
	{
		await using stub = await PrefectStub.start({ port });
		stub.addRun();
		stub.addRun({ type: "PAUSED" });
		await using daemon = startDaemon();
		await untilCaughtUp(daemon);
		await daemon.stop();
	}
	await using daemon = startDaemon();
	expect(await daemon.untilLogged("daemon.ready")).toMatchObject({ runs: 2, openEpisodes: 0 });
	await daemon.until(async () => (await metric(daemon, "zombied_runs")) === 2, "the runs to be counted");
	await daemon.stop();
	const versions = (await storedRuns()).map(({ version }) => version);
	expect(versions).toEqual([1, 1]);
}, 30_000);

test("stopped at any moment of its start it ends within 10 s, without a bug, and the database is whole (O2)", async () => {
	await using stub = await PrefectStub.start({ port });
	stub.addRun();
	for (const event of ["http.listening", "stream.connected", "reconcile.done"]) {
		await using daemon = startDaemon();
		await daemon.untilLogged(event);
		expect(await daemon.stop()).toBeLessThan(stopMsMax);
		expect(daemon.logged("daemon.stopped")).toHaveLength(1);
		expect(daemon.logged("bug")).toEqual([]);
	}
	expect((await storedRuns()).length).toBe(1);
}, 60_000);

test("stopped before it listens it ends with the signal's reason", async () => {
	await using daemon = startDaemon();
	await expect(daemon.stop()).rejects.toThrow(new DOMException("SIGTERM", "AbortError"));
});

test("stopped while requests hang it ends all the same (O2)", async () => {
	await using stub = await PrefectStub.start({ port });
	stub.ignoresRequests = true;
	await using daemon = startDaemon();
	await stub.until(() => stub.requests.length > 0, "something was asked");
	await daemon.untilLogged("http.listening");
	expect(await daemon.stop()).toBeLessThan(stopMsMax);
}, 30_000);
