import { readFile } from "node:fs/promises";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { operations } from "../../../src/http/api/openapi.ts";
import { runDetailSchema } from "../../../src/http/api/run-schema.ts";
import { coverageSchema, ledgerSchema } from "../../../src/http/api/schemas.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { type Actors, hostileName, setStage } from "../../_util/page-stage.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { entryOf } from "../../_util/remedy-samples.ts";
import { runIdOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const nobody = "127.0.0.1:1";

let folder: TempFolder;
let stub: PrefectStub;
let actors: Actors;
let env: Record<string, string>;
beforeEach(async () => {
	folder = await TempFolder.make("looking");
	stub = await PrefectStub.start();
	({ actors } = setStage(stub, 3));
	env = {
		PREFECT_API_URL: stub.url,
		ZOMBIED_STORE_URL: `sqlite:${folder.file("zombied.db")}`,
		ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
		ZOMBIED_LIMITS_REST_PER_SECOND: "100",
	};
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function run(listen: string, ...args: readonly string[]) {
	return runCommand([...args, "--http.listen", listen], { folder: folder.path, env });
}

/** Resolves when every run that beats is known to. */
async function startSettled(): Promise<DaemonSession> {
	const daemon = await DaemonSession.start({ folder: folder.path, env });
	const armed = [...actors.healthy, actors.suspect, actors.zombie].length;
	const look = async () => {
		const page = await fetch(`${daemon.address}/metrics`);
		return sumSeries(await page.text(), "zombied_runs", { coverage: "beating" }) === armed;
	};
	await eventually(look, { what: "all to be armed", timeoutMs: 20_000, why: () => daemon.context.stderr.text });
	return daemon;
}

describe("beside a running daemon", () => {
	test("O7: explain tells of a silent run why it is suspect, its limit, where that comes from, and its past", async () => {
		await using daemon = await startSettled();
		const { code, stdout, stderr } = await run(daemon.listen, "explain", actors.suspect);
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		expect(stdout).toMatch(/^slow-sloth \(/u);
		expect(stdout).toMatch(/It beats every 30s \(learned from its own heartbeats\); it may be silent for 1m45s/u);
		expect(stdout).toMatch(/Silent for 1m\d+s/u);
		expect(stdout.match(/ {2}heartbeat$/gmu)).toHaveLength(10);
		expect(stdout).toMatch(/state Running$/mu);
	});

	test.each([
		[
			"a healthy run",
			(): string => actors.healthy[0] ?? "",
			"beating",
			/It is alive: RUNNING, last heard of \d+s ago/u,
		],
		["an unmonitored run", () => actors.unmonitored, "unmonitored", /has never sent a heartbeat/u],
		["a waiting run", () => actors.stuck, "idle", /It is PENDING: no heartbeats are expected/u],
	])("O7: of %s too", async (_what, actor, standing, verdict) => {
		await using daemon = await startSettled();
		const { stdout } = await run(daemon.listen, "explain", actor(), "--json");
		const told = runDetailSchema.parse(JSON.parse(stdout));
		expect(told).toMatchObject({ standing, watched: true, timeline_source: "prefect" });
		expect(told.explanation[0]).toMatch(verdict);
	});

	test("every path of the API answers as its schema says, and goes on with 200 while Prefect is away", async () => {
		await using daemon = await startSettled();
		const answers = async (): Promise<unknown[]> =>
			await Promise.all(
				operations.map(async ({ path, answer }) => {
					const response = await fetch(`${daemon.address}/api/v1${path.replace("{id}", actors.suspect)}`);
					const { success } = z.fromJSONSchema(z.toJSONSchema(answer)).safeParse(await response.json());
					return { path, status: response.status, success };
				}),
			);
		const all = operations.map(({ path }) => ({ path, status: 200, success: true }));
		expect(await answers()).toEqual(all);
		stub.refusesConnections = true;
		stub.cutConnections();
		await daemon.untilLogged("stream.ended");
		expect(await answers()).toEqual(all);
	});

	test("while Prefect is away, what zombied remembers is told", async () => {
		await using daemon = await startSettled();
		stub.planAnswer({ path: /events\/filter/u, status: 500, times: 100 });
		const { code, stdout } = await run(daemon.listen, "explain", actors.suspect);
		expect(code).toBe(0);
		expect(stdout).toContain("What happened, as far as zombied remembers:");
		expect(stdout.match(/ {2}heartbeat$/gmu)?.length).toBeGreaterThanOrEqual(1);
	});

	test("O7: a run is named by its name, or by the address of its page in Prefect; several of one name are told apart", async () => {
		await using daemon = await startSettled();
		const page = `http://prefect/runs/flow-run/${actors.suspect.toUpperCase()}?tab=logs`;
		expect((await run(daemon.listen, "explain", page)).stdout).toMatch(/^slow-sloth/u);
		expect((await run(daemon.listen, "explain", "slow-sloth")).stdout).toMatch(/^slow-sloth \(/u);
		const { id } = stub.addRun({ name: "slow-sloth", type: "COMPLETED" });
		const both = await run(daemon.listen, "explain", "slow-sloth");
		expect(both.code).toBe(1);
		expect(both.stderr).toMatch(/several runs are named "slow-sloth"; give the id of one:/u);
		expect(both.stderr).toContain(`${id}  Completed`);
		expect(both.stderr).toContain(`${actors.suspect}  Running`);
		expect(await run(daemon.listen, "explain", "nobody")).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/no run is named "nobody"/u),
		});
		const unknown = await run(daemon.listen, "explain", "00000000-0000-4000-8000-000000000000");
		expect(unknown).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/neither zombied nor Prefect knows that run/u),
		});
	});

	test("O7: of a run that ended before zombied ever ran, the server is asked", async () => {
		await using daemon = await startSettled();
		const atMs = stub.nowMs() - 7_200_000;
		const { id, state } = stub.addRun({ name: "old-owl", type: "FAILED", atMs, deployed: true });
		stub.store(stateEvent({ id: state.id, runId: id, runName: "old-owl", type: "FAILED", atMs }));
		stub.store(heartbeat({ runId: id, runName: "old-owl", occurredMs: atMs - 30_000 }));
		const { code, stdout } = await run(daemon.listen, "explain", id);
		expect(code).toBe(0);
		expect(stdout).toMatch(/^old-owl \(.*\) of nightly\nIt has ended: FAILED/u);
		expect(stdout).toMatch(/does not watch it.*heartbeat\n.*state Failed/su);
		expect((await run(daemon.listen, "explain", "old-owl")).stdout).toBe(stdout);
		// It is asked after, and not taken into memory.
		expect((await run(daemon.listen, "runs", "--standing", "ended")).stdout).not.toContain(id);
		stub.planAnswer({ path: /flow_runs\/filter/u, status: 500, times: 100 });
		expect(await run(daemon.listen, "explain", id)).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/or Prefect does not answer and zombied has forgotten it/u),
		});
	});

	test("runs are listed as they stand, by what was asked for, and names do no harm", async () => {
		await using daemon = await startSettled();
		const all = await run(daemon.listen, "runs");
		expect(all.stdout.split("\n")[0]).toMatch(/^FLOW RUN +NAME +STANDING/u);
		expect(all.stdout).toContain("<img src=x");
		expect(all.stdout).not.toContain(hostileName.slice(-1));
		const json = await run(daemon.listen, "runs", "--standing", "beating", "--json");
		const ids = json.stdout
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).id);
		expect(new Set(ids)).toEqual(new Set(actors.healthy));
		expect((await run(daemon.listen, "runs", "--limit", "2", "--json")).stdout.trimEnd().split("\n")).toHaveLength(2);
		expect((await run(daemon.listen, "runs", "--condition", "undead")).stdout).toBe("no such runs\n");
		expect(await run(daemon.listen, "runs", "--limit", "none")).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/whole number/u),
		});
	});

	test("coverage counts by deployment what is watched, and what can die unseen", async () => {
		await using daemon = await startSettled();
		const { stdout } = await run(daemon.listen, "coverage", "--json");
		const { rows } = coverageSchema.parse(JSON.parse(stdout));
		expect(rows.reduce((sum, { standings }) => sum + (standings.unmonitored ?? 0), 0)).toBe(1);
		expect(rows.every(({ deployment }) => deployment?.name === "nightly")).toBe(true);
		expect((await run(daemon.listen, "coverage")).stdout).toContain("1 unmonitored: no heartbeat yet");
	});
});

describe("the ledger", () => {
	const wall = { monoMs: 0, wallMs: Date.now() };

	/** What earlier daemons did in this workspace. */
	async function rememberRemedies(): Promise<void> {
		await using store = await openStore(env.ZOMBIED_STORE_URL ?? "", {
			clock: systemClock,
			appVersion: "test",
			onMalformedRow: () => undefined,
			onDamaged: null,
			knownDamage: null,
		});
		const place = { workspace: "default", alertId: "alert-1", runId: runIdOf(1) };
		const entry = entryOf(1, { ...place, atMs: wall.wallMs, mistake: { kind: "beat", atMs: wall.wallMs } });
		const hold = { scope: "tag=safe", runId: runIdOf(1), alertId: "alert-1", why: "it beat", sinceMs: wall.wallMs };
		await store.remedies.write({ workspace: "default", entries: [entry], holds: [hold], released: [] });
	}

	test("is told from the database where no daemon runs, and a scope can be released there", async () => {
		await rememberRemedies();
		const { code, stdout } = await run(nobody, "ledger");
		expect(code).toBe(0);
		expect(stdout).toMatch(/^DEPLOYMENT +CONDITION +ALERTS +DEAD +FALSE/u);
		expect(stdout).toMatch(/etl\/nightly +zombie +0 +0 +0 +0 +0 +1 +0 +0 +0/u);
		expect(stdout).toContain('scope tag=safe is a dry run until "zombied remedies release tag=safe": it beat');
		expect(stdout).toContain("1 of what was done were mistakes");
		expect(await run(nobody, "remedies", "release", "tag=other")).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/no scope tag=other is held/u),
		});
		expect((await run(nobody, "remedies", "release", "tag=safe")).stdout).toBe("scope tag=safe may act again\n");
		expect(ledgerSchema.parse(JSON.parse((await run(nobody, "ledger", "--json")).stdout)).held_scopes).toEqual([]);
	});

	test("is told by the daemon, with the alerts that are open, and it releases a scope", async () => {
		await rememberRemedies();
		await using daemon = await startSettled();
		const ledger = async () => ledgerSchema.parse(JSON.parse((await run(daemon.listen, "ledger", "--json")).stdout));
		expect((await ledger()).held_scopes.map(({ scope }) => scope)).toEqual(["tag=safe"]);
		expect((await run(daemon.listen, "remedies", "release", "tag=safe")).code).toBe(0);
		expect((await ledger()).held_scopes).toEqual([]);
		expect((await run(daemon.listen, "remedies", "release", "tag=safe")).code).toBe(1);
		expect((await run(daemon.listen, "ledger", "--since", "1m")).code).toBe(0);
		expect(await run(daemon.listen, "ledger", "--since", "soon")).toMatchObject({ code: 1 });
	});
});

describe("where no daemon runs", () => {
	test("what the last one had stored is told, and said to be that", async () => {
		{
			await using daemon = await startSettled();
			await daemon.stop();
		}
		const { code, stdout, stderr } = await run(nobody, "explain", actors.suspect);
		expect(code).toBe(0);
		expect(stderr).toMatch(/no daemon answers; this is what the last one had stored/u);
		expect(stdout).toMatch(/It beats every 30s/u);
		expect((await run(nobody, "runs", "--json")).stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(6);
		expect((await run(nobody, "coverage")).stdout).toContain("nightly");
		expect((await run(nobody, "explain", "slow-sloth")).stdout).toMatch(/^slow-sloth \(/u);
	});

	test("the database is read beside one who writes to it, and not changed", async () => {
		{
			await using daemon = await startSettled();
			await daemon.stop();
		}
		const database = folder.file("zombied.db");
		const before = await readFile(database);
		const writer = new SqliteDatabase(database);
		try {
			writer.exec("BEGIN IMMEDIATE");
			expect(await run(nobody, "explain", actors.suspect)).toMatchObject({ code: 0 });
			expect((await run(nobody, "runs", "--name", "slow-sloth")).stdout).toContain(actors.suspect);
		} finally {
			writer.exec("ROLLBACK");
			writer.close();
		}
		expect(await readFile(database)).toEqual(before);
	});

	test("and with no database either that is what is said", async () => {
		expect(await run(nobody, "runs")).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(
				/^zombied: no zombied answers at .*; and without a daemon, .*there is none yet; start zombied once/u,
			),
		});
	});
});
