import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../_util/cli-session.ts";
import { type EventJson, heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const minute = 60_000;
const nightly = "d0000000-0000-4000-8000-000000000001";
const hourly = "d0000000-0000-4000-8000-000000000002";

let folder: TempFolder;
let stub: PrefectStub;
beforeEach(async () => {
	folder = await TempFolder.make("since");
	stub = await PrefectStub.start();
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function idOf(run: number): string {
	return `a0000000-0000-4000-8000-${String(run).padStart(12, "0")}`;
}

/** The same id for the same thing, so that two tellings are one. */
function eventId(run: number, index: number): string {
	return `e0000000-0000-4000-8000-${String(run * 10_000 + index).padStart(12, "0")}`;
}

/** Heartbeats each minute from one to another, minutes after the story's beginning. */
function beatsOf(
	run: number,
	startMs: number,
	[from, to]: readonly [number, number],
	deploymentId: string,
): EventJson[] {
	return Array.from({ length: Math.floor(to - from) + 1 }, (_, index) =>
		heartbeat({
			runId: idOf(run),
			occurredMs: startMs + (from + index) * minute,
			deploymentId,
			id: eventId(run, Math.round((from + index) * 10)),
		}),
	);
}

function stateOf(run: number, startMs: number, atMinute: number, type: string): EventJson {
	const id = eventId(run, Math.round(atMinute * 10) + 5_000);
	return stateEvent({ runId: idOf(run), type, atMs: startMs + atMinute * minute, id });
}

/**
 * Two hours of a small fleet: 1 was under way before and goes on, 2 completes and one of its heartbeats comes after that,
 * 3 is killed, 4 stalls for 2.8 cadences and goes on.
 */
function fleet(startMs: number): readonly EventJson[] {
	return [
		...beatsOf(1, startMs, [0, 119], nightly),
		stateOf(2, startMs, 1, "RUNNING"),
		named(stateOf(2, startMs, 40.4, "COMPLETED")),
		...beatsOf(2, startMs, [1, 40], nightly).map((beat, index) =>
			index === 39 ? late(beat, startMs + 40.5 * minute) : beat,
		),
		stateOf(3, startMs, 1, "RUNNING"),
		...beatsOf(3, startMs, [1, 60], hourly),
		stateOf(4, startMs, 1, "RUNNING"),
		...beatsOf(4, startMs, [1, 50], hourly),
		...beatsOf(4, startMs, [52.8, 119], hourly),
	];
}

/** State events name the deployment, heartbeats do not. */
function named(event: EventJson): EventJson {
	const id = `prefect.deployment.${nightly}`;
	const deployment = {
		"prefect.resource.id": id,
		"prefect.resource.role": "deployment",
		"prefect.resource.name": "nightly",
	};
	return { ...event, related: [...event.related, deployment] };
}

function late(beat: EventJson, receivedMs: number): EventJson {
	return { ...beat, received: new Date(receivedMs).toISOString() };
}

function replay(args: readonly string[]) {
	const env = { PREFECT_API_URL: stub.url, ZOMBIED_LIMITS_REST_PER_SECOND: "100" };
	return runCommand(["replay", ...args], { folder: folder.path, env });
}

function recorded(): string {
	const events = fleet(Date.UTC(2026, 7, 1)).toSorted((a, b) => Date.parse(a.received) - Date.parse(b.received));
	const lines = events.map((event) => ({ at: event.received, text: JSON.stringify({ type: "event", event }) }));
	const text = [...lines, { at: "2026-08-01T02:00:00Z", stream: "down" }].map((line) => `${JSON.stringify(line)}\n`);
	writeFileSync(folder.file("fleet.jsonl"), text.join(""));
	return "fleet.jsonl";
}

describe("replay --since", { timeout: 60_000 }, () => {
	test("says what zombied would have said: the killed run, and no other", async () => {
		stub.store(...fleet(stub.nowMs() - 120 * minute));
		const { code, stdout, stderr } = await replay(["--since", "2h"]);
		expect(code).toBe(0);
		const lines = stdout
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line));
		expect(lines).toMatchObject([
			{ incident: "stored", transition: "raised", condition: "zombie", flow_run_id: idOf(3), outcome: null },
		]);
		expect(stderr).toMatch(/^zombied: reading what http:\S+ has stored, with 100 requests a second\n/u);
		expect(stderr).toMatch(/\nzombied: 3\d\d events of 2h from 20\S+Z on; now playing them\n$/u);
		expect(stub.requestsTo("/events/filter").every(({ body }) => JSON.stringify(body).includes("until"))).toBe(true);
	});

	test("with other rules beside ours: Prefect's recipe also takes the run that ended for dead", async () => {
		stub.store(...fleet(stub.nowMs() - 120 * minute));
		const policies = ["--policy", "prefect-automation", "--policy", "fixed:150s"];
		const { code, stdout } = await replay(["--since", "2h", "--json", ...policies]);
		expect(code).toBe(0);
		const found = { deaths: 1, deaths_found: 1, unknown: 0 };
		const told = JSON.parse(stdout);
		expect(told).toMatchObject({ incident: "stored", runs: 4, deaths: 1, deployments: [], deployments_left_off: 0 });
		expect(told.policies).toMatchObject([
			{ policy: "zombied (k=3)", alerts: 1, false_alerts: 0, ...found },
			{ policy: "prefect-automation:9m", alerts: 2, false_alerts: 1, ...found },
			{ policy: "fixed:150s", alerts: 2, false_alerts: 1, ...found },
		]);
		const seconds = told.policies.map((one: { median_latency_seconds: number }) => one.median_latency_seconds);
		// T = 3 × 60 s + 15 s, and a tick more for each.
		for (const [index, expected] of [195, 540, 150].entries()) {
			expect(seconds[index]).toBeGreaterThanOrEqual(expected);
			expect(seconds[index]).toBeLessThan(expected + 3);
		}
	});

	test("a server that nobody answers for is 75, a refused key 1: in one line after what is done", async () => {
		expect((await replay(["--since", "2h", "--prefect.api-url", "http://127.0.0.1:1/api"])).code).toBe(75);
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		const env = { PREFECT_API_URL: guarded.url };
		const { code, stderr } = await runCommand(["replay", "--since", "1h"], { folder: folder.path, env });
		expect(code).toBe(1);
		expect(stderr).toContain("set PREFECT_API_AUTH_STRING");
	});

	test("a server without events has nothing to play", async () => {
		expect(await replay(["--since", "1h"])).toMatchObject({ code: 0, stdout: "" });
	});
});

describe("a recording, compared", { timeout: 60_000 }, () => {
	test("--compare: K 2 takes a stall for a death where 3 does not; deployments with most alerts come first", async () => {
		const { code, stdout, stderr } = await replay([recorded(), "--compare", "k=2,3"]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		const [head, empty, ...rows] = stdout.trimEnd().split("\n");
		expect(head).toMatch(/^fleet: 2h from 2026-08-01 00:00:00 UTC on, 3\d\d events of 4 runs, 1 death$/u);
		expect(empty).toBe("");
		expect(rows.map((row) => row.split(/ {2,}/u).slice(0, -1))).toEqual([
			["DEPLOYMENT", "K", "ALERTS", "FALSE", "UNKNOWN", "DEATHS FOUND"],
			["all runs", "2", "2", "1", "0", "1 of 1"],
			["all runs", "3", "1", "0", "0", "1 of 1"],
			[`etl/${hourly}`, "2", "2", "1", "0", "1 of 1"],
			[`etl/${hourly}`, "3", "1", "0", "0", "1 of 1"],
			["etl/nightly", "2", "0", "0", "0", "0 of 0"],
			["etl/nightly", "3", "0", "0", "0", "0 of 0"],
		]);
	});

	test("O8: the same file gives the same bytes, in both forms", async () => {
		const file = recorded();
		for (const form of [[], ["--json"]]) {
			const args = [file, "--policy", "phi", "--compare", "k=3", ...form];
			const once = await replay(args);
			expect(once.stdout.length).toBeGreaterThan(100);
			expect(await replay(args)).toEqual(once);
		}
	});

	test("deployments beyond the twentieth are counted, not shown", async () => {
		const startMs = Date.UTC(2026, 7, 1);
		const events = Array.from({ length: 22 }, (_, n) =>
			beatsOf(n, startMs, [0, 2], `d0000000-0000-4000-8000-${String(n).padStart(12, "0")}`),
		).flat();
		const ordered = events.toSorted((a, b) => Date.parse(a.received) - Date.parse(b.received));
		const lines = ordered.map(
			(event) => `${JSON.stringify({ at: event.received, frame: { type: "event", event } })}\n`,
		);
		writeFileSync(folder.file("many.jsonl"), lines.join(""));
		const { stdout } = await replay(["many.jsonl", "--compare", "k=3"]);
		expect(stdout.trimEnd().split("\n").slice(2)).toHaveLength(1 + 1 + 20 + 1);
		expect(stdout).toMatch(/\nand 2 deployments more, with fewer alerts\n$/u);
		const json = JSON.parse((await replay(["many.jsonl", "--compare", "k=3", "--json"])).stdout);
		expect(json).toMatchObject({ deployments_left_off: 2, policies: [] });
	});
});

describe("usage", () => {
	test.each([
		[[], /name a file to replay, or --since 24h/u],
		[["x.jsonl", "--since", "1h"], /--since is instead of files/u],
		[["--since", "1h", "--expect"], /--expect needs files/u],
		[["x.jsonl", "--expect", "--policy", "phi"], /--expect goes with neither/u],
		[["--since", "24"], /--since "24": expected a duration/u],
		[["--since", "59s"], /from 1m to 30d/u],
		[["x.jsonl", "--policy", "best"], /--policy "best": expected fixed:540s/u],
		[["x.jsonl", "--compare", "3,4"], /--compare "3,4": expected values from 2 to 6, as k=2,3,4/u],
		[["x.jsonl", "--compare", "k=1"], /from 2 to 6/u],
		[["x.jsonl", "--compare", "k=3,,4"], /from 2 to 6/u],
	])("%j is 1, in one line", async (args, words) => {
		const { code, stdout, stderr } = await replay(args);
		expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
		const lines = stderr.trimEnd().split("\n");
		expect(lines.at(-1)).toMatch(words);
		expect(stub.requests).toEqual([]);
	});
});
