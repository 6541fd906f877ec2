import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { RunningDaemon } from "../_util/daemon-process.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { StoreChild } from "../_util/store-child.ts";
import { TempFolder } from "../_util/temp-folder.ts";

const holdWrite = new URL("../conformance/children/hold-write.ts", import.meta.url);
/** A try a second: the database is held for some seconds. */
const failedTries = 4;

function storedRuns(path: string): unknown[] {
	const database = new Database(path, { readonly: true });
	try {
		return database.prepare("SELECT hex(run_id) FROM runs").pluck().all();
	} finally {
		database.close();
	}
}

test("a database that another process holds for some seconds: told once, nothing lost, recovered by itself", async () => {
	await using folder = await TempFolder.make("busy");
	await using stub = await PrefectStub.start();
	const storePath = folder.file("zombied.db");
	await using daemon = new RunningDaemon({ apiUrl: stub.url, folder: folder.path, storePath });
	await daemon.until(() => stub.subscribers === 1, "the socket");
	const begin = (): void => {
		const { id } = stub.addRun();
		stub.emit(heartbeat({ runId: id, occurredMs: stub.nowMs() }));
	};
	const knows = (runs: number): Promise<unknown> =>
		daemon.until(async () => {
			const { text } = await daemon.page("/metrics");
			return sumSeries(text, "zombied_runs", { coverage: "beating" }) === runs;
		}, `${runs} runs`);
	begin();
	await knows(1);
	await daemon.until(() => storedRuns(storePath).length === 1, "the first run to be stored");
	expect((await daemon.page("/-/ready")).status).toBe(200);

	await using other = new StoreChild(holdWrite, storePath);
	expect(await other.line()).toBe("held");
	begin();
	await daemon.until(async () => {
		const { text } = await daemon.page("/metrics");
		return sumSeries(text, "zombied_store_errors_total", { code: "SQLITE_BUSY" }) >= failedTries;
	}, "some failed tries");
	expect(await daemon.page("/-/ready")).toMatchObject({ status: 503, text: "not ready: the database fails\n" });
	expect((await daemon.page("/-/healthy")).status).toBe(200);
	// It hears, and knows, as ever.
	begin();
	await knows(3);
	expect(storedRuns(storePath)).toHaveLength(1);

	await other.kill();
	await daemon.untilLogged("store.recovered");
	await daemon.until(() => storedRuns(storePath).length === 3, "all runs to be stored");
	expect((await daemon.page("/-/ready")).status).toBe(200);
	expect(daemon.logged("store.failed")).toMatchObject([{ code: "SQLITE_BUSY", level: "error" }]);
	expect(daemon.logged("store.recovered")).toHaveLength(1);
	expect(daemon.logged("store.set_aside")).toEqual([]);
	expect(daemon.logged("loop.restarted")).toEqual([]);
});
