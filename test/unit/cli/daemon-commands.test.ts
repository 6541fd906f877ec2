import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const nobody = "127.0.0.1:1";

let folder: TempFolder;
let stub: PrefectStub;
let env: Record<string, string>;
beforeEach(async () => {
	folder = await TempFolder.make("commands");
	stub = await PrefectStub.start();
	env = { PREFECT_API_URL: stub.url };
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function start(args: readonly string[] = []): Promise<DaemonSession> {
	return DaemonSession.start({ folder: folder.path, env, args });
}

function run(...args: readonly string[]) {
	return runCommand(args, { folder: folder.path, env });
}

describe("status and health", () => {
	test("tell of a running daemon, as text and as JSON, and name no run", async () => {
		stub.addRun({ type: "RUNNING" });
		await using daemon = await start();
		await stub.until(() => stub.requestsTo("/flow_runs/filter").length > 0, "the runs are listed");
		const text = await run("status", "--http.listen", daemon.listen);
		expect(text).toMatchObject({ code: 0, stderr: "" });
		expect(text.stdout).toMatch(/^runs +\d+ beating, \d+ unmonitored, \d+ idle$/mu);
		const json = await run("status", "--json", "--http.listen", daemon.listen);
		expect(JSON.parse(json.stdout)).toMatchObject({ open_episodes: 0, config_current: true });
		expect(text.stdout + json.stdout).not.toContain("brave-newt");
		expect(await run("health", "--http.listen", daemon.listen)).toMatchObject({ code: 0, stdout: "healthy\n" });
	});

	test.each([
		[{ tight: 0, too_short: 0 }, "as they should be"],
		[{ tight: 2, too_short: 0 }, "under 3 cadences of 2 runs: see the log"],
		[
			{ tight: 2, too_short: 1 },
			"under 3 cadences of 2 runs; under 2 cadences of 1 run, and not used there: see the log",
		],
	])("thresholds that are short beside a cadence are counted: %j", async (shortThresholds, text) => {
		await using daemon = await start();
		const json = JSON.parse((await run("status", "--json", "--http.listen", daemon.listen)).stdout);
		expect(json.short_thresholds).toEqual({ tight: 0, too_short: 0 });
		const answer = JSON.stringify({ ...json, short_thresholds: shortThresholds });
		await using other = createServer((_request, response) => response.end(answer)).listen(0, "127.0.0.1");
		await once(other, "listening");
		const { stdout } = await run("status", "--http.listen", `127.0.0.1:${(other.address() as AddressInfo).port}`);
		expect(/^thresholds +(.*)$/mu.exec(stdout)?.[1]).toBe(text);
	});

	test.each([
		[3, /^unmonitored +1 without a beat yet, 2 whose client is older than 3\.6\.22 or has its heart/mu],
		[0, /^(?!.*unmonitored +\d+ without)/su],
	])("%i unmonitored runs are told apart by the reason", async (unmonitored, text) => {
		await using daemon = await start();
		const json = JSON.parse((await run("status", "--json", "--http.listen", daemon.listen)).stdout);
		const runs = { beating: 0, unmonitored, idle: 0 };
		const answer = JSON.stringify({ ...json, runs, unmonitored: { no_beat_yet: 1, no_heartbeats: 2 } });
		await using other = createServer((_request, response) => response.end(answer)).listen(0, "127.0.0.1");
		await once(other, "listening");
		const { stdout } = await run("status", "--http.listen", `127.0.0.1:${(other.address() as AddressInfo).port}`);
		expect(stdout).toMatch(text);
	});

	test("O9: with no daemon, health is 1 and status 75, each in a line that says where it asked", async () => {
		for (const [command, code] of [
			["health", 1],
			["status", 75],
		] as const) {
			const answer = await run(command, "--http.listen", nobody);
			expect(answer).toMatchObject({ code, stdout: "" });
			expect(answer.stderr).toMatch(
				/^zombied: no zombied answers at http:\/\/127\.0\.0\.1:1 .*http\.listen the same\?\n$/u,
			);
		}
		const json = await run("health", "--json", "--http.listen", nobody);
		expect({ code: json.code, healthy: JSON.parse(json.stdout).healthy }).toEqual({ code: 1, healthy: false });
	});
});

describe("O11: reading the settings again", { timeout: 30_000 }, () => {
	const isReloaded = async (daemon: DaemonSession): Promise<number> =>
		sumSeries(await (await fetch(`${daemon.address}/metrics`)).text(), "zombied_config_last_reload_successful");
	const write = (yaml: string): void => writeFileSync(folder.file("z.yaml"), yaml);

	test("SIGHUP takes over what can change and names what cannot", async () => {
		write("log:\n  level: info\n");
		await using daemon = await start(["--config", "z.yaml"]);
		expect(await isReloaded(daemon)).toBe(1);
		write("log:\n  level: debug\nnamespace: other\n");
		daemon.hangUp();
		expect(await daemon.untilLogged("config.reloaded")).toMatchObject({
			level: "warn",
			changed: ["log.level"],
			needRestart: ["namespace"],
			message: "read the settings again, changed: log.level; needs a restart: namespace",
		});
		// The next reconciliation is told at the new level.
		write("log:\n  level: debug\nreconcile:\n  every: 5s\n");
		daemon.hangUp();
		await daemon.untilLogged("reconcile.done");
	});

	test("a bad file keeps the old settings, says so with line and column, and a good one mends it", async () => {
		write("log:\n  level: info\n");
		await using daemon = await start(["--config", "z.yaml"]);
		write("log:\n  levl: debug\n");
		daemon.hangUp();
		expect(await daemon.untilLogged("config.refused")).toMatchObject({
			level: "error",
			problems: ["z.yaml:2:3: there is no setting log.levl; did you mean log.level?"],
		});
		expect(await isReloaded(daemon)).toBe(0);
		expect((await run("status", "--http.listen", daemon.listen)).stdout).toContain("the last reload was refused");
		write("log:\n  level: warn\n");
		const response = await fetch(`${daemon.address}/-/reload`, {
			method: "POST",
			headers: { "x-zombied-reload": "1" },
		});
		expect(await response.json()).toEqual({ reloaded: true, changed: ["log.level"], needs_restart: [], warnings: [] });
		expect(await isReloaded(daemon)).toBe(1);
	});

	test("flags and variables stay as strong as they were", async () => {
		write("detector:\n  k: 4\n");
		await using daemon = await start(["--config", "z.yaml", "--detector.k", "3"]);
		write("detector:\n  k: 5\n");
		daemon.hangUp();
		expect(await daemon.untilLogged("config.reloaded")).toMatchObject({ changed: [], needRestart: [] });
	});
});

describe("one database, one daemon", () => {
	test("O3: a second one is refused with 1, in words, and the first goes on", async () => {
		await using daemon = await start();
		const second = await run("run", "--http.listen", "127.0.0.1:0");
		expect(second.code).toBe(1);
		expect(second.stderr).toContain("is in use by another zombied");
		expect((await fetch(`${daemon.address}/-/healthy`)).status).toBe(200);
	});

	test("O2: asked to stop it ends with 0, and the database is sound", async () => {
		const daemon = await start();
		expect(await daemon.stop()).toBe(0);
		expect(await run("db", "check")).toMatchObject({
			code: 0,
			stdout: expect.stringMatching(/is sound \(schema \d+\)\n$/u),
		});
	});
});

test("C5: key and auth string together: the one that is used is named, once", async () => {
	env = { ...env, PREFECT_API_KEY: "canary-key", PREFECT_API_AUTH_STRING: "canary:auth" };
	const { stdout, stderr, code } = await run("config", "check");
	expect({ code, stdout }).toEqual({ code: 0, stdout: "the settings are sound (no file)\n" });
	expect(stderr).toMatch(
		/^zombied: warning: .*both set: prefect\.apiAuthString is used, since .*remove prefect\.apiKey\n$/u,
	);
	expect(stderr).not.toContain("canary");
	env = { ...env, PREFECT_API_URL: "https://api.prefect.cloud/api/accounts/a/workspaces/b" };
	expect((await run("config", "check")).stderr).toContain("prefect.apiKey is used");
});
