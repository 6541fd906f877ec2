import { execFileSync } from "node:child_process";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { checkDatabase } from "../../src/store/maintenance.ts";
import { eventually } from "../_util/eventually.ts";
import { stateEvent } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";

const stuckMs = 60_000;
/** A new process tells nothing before it has listened for 45 s. */
const settleMs = 45_000;
const runsCount = 12;
/** Until the next commit, which comes with the next change of a run, and a second for the try after it. */
const detectMsMax = 5_000;
const recoverMsMax = 10_000;
const toldMsMax = 90_000;

/** Runs that come due one after the other, and one that is well. */
function fill(stub: PrefectStub): string {
	for (let n = 0; n < runsCount; n++) {
		stub.addRun({ type: "PENDING", atMs: stub.nowMs() + settleMs + n * 300 - stuckMs });
	}
	return stub.addRun({ type: "SCHEDULED" }).id;
}

function startDaemon(stub: PrefectStub): Promise<DaemonProcess> {
	return DaemonProcess.start({
		apiUrl: stub.url,
		signal: new AbortController().signal,
		environment: { ZOMBIED_DETECTOR_STUCK_PENDING: `${stuckMs / 1000}s` },
	});
}

/** The kernel lets the process write no file beyond this size: the disk has no room left, or has again. */
function limitFiles(daemon: DaemonProcess, bytesMax: "0" | "unlimited"): void {
	execFileSync("prlimit", ["--pid", String(daemon.pid), `--fsize=${bytesMax}:unlimited`]);
}

async function isReady(daemon: DaemonProcess): Promise<boolean> {
	const { status } = await fetch(`${daemon.address}/-/ready`, { signal: AbortSignal.timeout(5_000) });
	return status === 200;
}

/** A run changes, so that there is something to be written; resolves when the daemon has noticed that it cannot. */
async function untilNoticed(stub: PrefectStub, daemon: DaemonProcess, runId: string): Promise<void> {
	stub.emit(stateEvent({ runId, type: "PENDING", atMs: stub.nowMs() }));
	await eventually(async () => !(await isReady(daemon)), {
		what: "the full disk to be noticed",
		timeoutMs: detectMsMax,
		why: () => daemon.tail,
	});
}

async function untilAllIsTold(daemon: DaemonProcess): Promise<void> {
	await eventually(() => daemon.alerts.length >= runsCount, {
		what: "every verdict to be told",
		timeoutMs: toldMsMax,
		why: () => daemon.tail,
	});
}

function keptIn(daemon: DaemonProcess, sql: string): unknown[] {
	const database = new Database(daemon.databasePath, { readonly: true });
	try {
		return database.prepare(sql).pluck().all();
	} finally {
		database.close();
	}
}

describe.concurrent("R3: the disk is full when verdicts come", { timeout: 180_000 }, () => {
	test("it is noticed, alerts go on from memory, and within 10 s of room all is saved", async () => {
		await using stub = await PrefectStub.start();
		const well = fill(stub);
		await using daemon = await startDaemon(stub);
		await eventually(() => isReady(daemon), { what: "the daemon to be ready", timeoutMs: detectMsMax });
		limitFiles(daemon, "0");
		await untilNoticed(stub, daemon, well);
		await untilAllIsTold(daemon);
		expect(await isReady(daemon)).toBe(false);
		expect(keptIn(daemon, "SELECT alert_id FROM episodes")).toEqual([]);

		limitFiles(daemon, "unlimited");
		await eventually(() => isReady(daemon), { what: "the daemon to recover", timeoutMs: recoverMsMax });
		const told = daemon.alerts.map(({ alert_id }) => alert_id).toSorted();
		expect(new Set(told).size).toBe(runsCount);
		expect(keptIn(daemon, "SELECT alert_id FROM episodes WHERE closed_at_ms IS NULL ORDER BY 1")).toEqual(told);
		// Nothing is told again on the way out, or owed.
		await daemon.stop();
		expect(daemon.alerts).toHaveLength(runsCount);
		expect(keptIn(daemon, "SELECT count(*) FROM outbox WHERE delivered_at_ms IS NOT NULL")).toEqual([runsCount]);
		expect(checkDatabase(`sqlite:${daemon.databasePath}`).faults).toEqual([]);
	});

	test("stopped meanwhile it says that verdicts are lost, and the next start finds the database sound", async () => {
		await using stub = await PrefectStub.start();
		const well = fill(stub);
		await using daemon = await startDaemon(stub);
		await eventually(() => isReady(daemon), { what: "the daemon to be ready", timeoutMs: detectMsMax });
		limitFiles(daemon, "0");
		await untilNoticed(stub, daemon, well);
		await untilAllIsTold(daemon);
		await expect(daemon.stop()).rejects.toThrow(/^the daemon ended with code 75,/u);
		expect(checkDatabase(`sqlite:${daemon.databasePath}`).faults).toEqual([]);
		await daemon.startAgain();
		await eventually(() => isReady(daemon), { what: "the daemon to be ready again", timeoutMs: recoverMsMax });
		await daemon.stop();
	});
});
