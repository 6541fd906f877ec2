import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { alertLineSchema } from "../../../src/notify/alert-line.ts";
import { runCommand } from "../../_util/cli-session.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const cadenceMs = 30_000;

let folder: TempFolder;
let stub: PrefectStub;
beforeEach(async () => {
	folder = await TempFolder.make("scan");
	stub = await PrefectStub.start();
	meanwhile = () => undefined;
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

/** Between the two looks; called instead of waiting. */
let meanwhile: () => void;

function scan(args: readonly string[] = [], env: Record<string, string> = {}) {
	const clock: Clock = {
		now: () => systemClock.now(),
		sleep: async (ms) => {
			if (ms === 45_000) meanwhile();
		},
	};
	const options = { folder: folder.path, env: { PREFECT_API_URL: stub.url, ...env }, clock };
	return runCommand(["scan", "--limits.rest-per-second", "100", ...args], options);
}

/** A run that is RUNNING and whose last of nine heartbeats is that old. */
function runSilentFor(silentMs: number): string {
	const id = randomUUID();
	const lastMs = stub.nowMs() - silentMs;
	stub.addRun({ id, type: "RUNNING", atMs: lastMs - 9 * cadenceMs });
	for (let beat = 8; beat >= 0; beat--) stub.store(heartbeat({ runId: id, occurredMs: lastMs - beat * cadenceMs }));
	return id;
}

describe("one look over REST", () => {
	test("a server without runs has no zombies", async () => {
		expect(await scan()).toEqual({
			code: 0,
			stdout: `no zombies at ${stub.url}: 0 beating, 0 of them suspect; 0 unmonitored, 0 idle\n`,
			stderr: "",
		});
	});

	test("a run silent beyond its limit is one, and 10 says so; a beating and a merely late one are none", async () => {
		const dead = runSilentFor(10 * 60_000);
		runSilentFor(10_000);
		runSilentFor(80_000);
		stub.addRun({ type: "PENDING" });
		const { code, stdout, stderr } = await scan();
		expect({ code, stderr }).toEqual({ code: 10, stderr: "zombied: 1 look dead; looking again in 45s, to be sure\n" });
		const [head, row, ...rest] = stdout.trimEnd().split("\n");
		expect(head).toMatch(/^FLOW RUN +NAME +DEPLOYMENT +WORK POOL +SILENT FOR +LIMIT$/u);
		expect(row).toMatch(new RegExp(`^${dead}  brave-newt  - +- +(?:9m59s|10m\\d*s?) +1m45s$`, "u"));
		expect(rest).toEqual(["", `1 zombie at ${stub.url}: 3 beating, 1 of them suspect; 0 unmonitored, 1 idle`]);
	});

	test("O5: --json gives the zombies as alert lines, with the id a daemon would give", async () => {
		const dead = runSilentFor(10 * 60_000);
		const first = JSON.parse((await scan(["--json"])).stdout);
		expect(first).toMatchObject({ server: stub.url, suspects: 0, truncated: false, runs: { beating: 1 } });
		const [line] = first.zombies.map((zombie: unknown) => alertLineSchema.parse(zombie));
		expect(line).toMatchObject({ event: "alert.raised", condition: "zombie", flow_run: { id: dead } });
		const again = JSON.parse((await scan(["--json"])).stdout);
		expect(again.zombies[0].alert_id).toBe(line.alert_id);
	});

	test("T4: beats that clients held while the server was away come before the second look: none is called dead", async () => {
		const held = runSilentFor(10 * 60_000);
		meanwhile = () => {
			for (const agoMs of [61_000, 31_000, 1_000]) {
				stub.store(heartbeat({ runId: held, occurredMs: stub.nowMs() - agoMs, receivedMs: stub.nowMs() - 500 }));
			}
		};
		expect(await scan()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^no zombies/u) });
	});

	test("a run that ends before the second look is none", async () => {
		const ending = runSilentFor(10 * 60_000);
		meanwhile = () => stub.runs.delete(ending);
		expect((await scan()).code).toBe(0);
	});

	test("T2: a run that never beat is unmonitored, however long it runs", async () => {
		stub.addRun({ type: "RUNNING", atMs: stub.nowMs() - 86_400_000 });
		expect(await scan()).toMatchObject({ code: 0, stdout: expect.stringContaining("1 unmonitored") });
	});

	test("a death of hours ago, of which one beat is left, counts by the slowest cadence", async () => {
		const id = randomUUID();
		stub.addRun({ id, type: "RUNNING", atMs: stub.nowMs() - 6 * 3_600_000 });
		stub.store(heartbeat({ runId: id, occurredMs: stub.nowMs() - 5 * 3_600_000 }));
		const { code, stdout } = await scan(["--json"]);
		expect(code).toBe(10);
		expect(JSON.parse(stdout).zombies[0].evidence).toMatchObject({
			cadence_source: "unknown",
			threshold_seconds: 1260,
		});
	});

	test("both sides of the limit: K 3 holds where K 2 finds", async () => {
		runSilentFor(90_000);
		expect((await scan()).code).toBe(0);
		expect((await scan(["--detector.k", "2"])).code).toBe(10);
	});

	test("more zombies than one question holds are all found, each once", async () => {
		const dead = Array.from({ length: 60 }, () => runSilentFor(10 * 60_000));
		const { zombies } = JSON.parse((await scan(["--json"])).stdout);
		expect(zombies.map((zombie: { flow_run: { id: string } }) => zombie.flow_run.id).toSorted()).toEqual(
			dead.toSorted(),
		);
	});
});

describe("a server that cannot be asked", () => {
	test("C13: a refused key is 1, in a line that names the setting and not the key", async () => {
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		const { code, stdout, stderr } = await scan([], {
			PREFECT_API_URL: guarded.url,
			PREFECT_API_AUTH_STRING: "canary:no",
		});
		expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
		expect(stderr).toContain("PREFECT_API_AUTH_STRING");
		expect(stderr).not.toContain("canary");
		expect(stderr.trimEnd().split("\n")).toHaveLength(1);
	});

	test("nobody there is 75, in a line that names the address", async () => {
		const { code, stdout, stderr } = await scan([], { PREFECT_API_URL: "http://127.0.0.1:1/api" });
		expect({ code, stdout }).toEqual({ code: 75, stdout: "" });
		expect(stderr).toMatch(/^zombied: .*http:\/\/127\.0\.0\.1:1\/api.*\n$/u);
	});
});

test("names from outside cannot act on the terminal", async () => {
	const id = runSilentFor(10 * 60_000);
	const row = stub.runs.get(id);
	if (row !== undefined) stub.runs.set(id, { ...row, name: "bad\u001b[2J\nname" });
	const { stdout } = await scan();
	expect(stdout).toContain("bad\\u{1b}[2J\\u{a}name");
	expect(stdout).not.toContain("\u001b");
});
