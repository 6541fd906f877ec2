import { readFileSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/cli.ts";
import type { ExitCode } from "../../../src/cli/exit-code.ts";
import { cliContext, runCommand } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const runId = "a0000000-0000-4000-8000-000000000001";

let folder: TempFolder;
let stub: PrefectStub;
beforeEach(async () => {
	folder = await TempFolder.make("record");
	stub = await PrefectStub.start();
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

/** A recording that goes on until it is stopped, as by SIGINT. */
function recording(args: readonly string[] = [], env: Record<string, string> = {}) {
	const stop = new AbortController();
	const options = { folder: folder.path, env: { PREFECT_API_URL: stub.url, ...env } };
	const context = { ...cliContext(["record", ...args], options), signal: stop.signal };
	const ended = runCli(context);
	return {
		context,
		ended,
		/** Resolves with the exit code. */
		stop: async (): Promise<ExitCode> => {
			stop.abort(new DOMException("SIGINT", "AbortError"));
			return await ended;
		},
		untilSaid: (words: string) =>
			eventually(() => context.stderr.text.includes(words), { what: words, timeoutMs: 10_000, everyMs: 10 }),
	};
}

function linesIn(text: string): readonly Record<string, string>[] {
	return text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line));
}

describe("record", () => {
	test("writes each frame as it came, with the moment, and when the socket came and went", async () => {
		const { stop, context, untilSaid } = recording(["-o", "out.jsonl"]);
		await stub.until(() => stub.subscribers === 1, "it has subscribed");
		const beat = heartbeat({ runId, occurredMs: stub.nowMs() });
		stub.emit(beat);
		stub.sendText("no JSON at all");
		await untilFrames(2);
		expect(await stop()).toBe(0);
		const lines = linesIn(readFileSync(folder.file("out.jsonl"), "utf8"));
		expect(lines.map(({ at: _at, ...rest }) => rest)).toEqual([
			{ stream: "up" },
			{ text: JSON.stringify({ type: "event", event: beat }) },
			{ text: "no JSON at all" },
			{ stream: "down" },
		]);
		const times = lines.map(({ at }) => Date.parse(at ?? ""));
		expect(times).toEqual(times.toSorted((a, b) => a - b));
		expect(statSync(folder.file("out.jsonl")).mode & 0o777).toBe(0o600);
		await untilSaid("2 frames in ");
		expect(context.stderr.text).toMatch(
			/^zombied: recording ws:\S+ until it is stopped \(Ctrl-C\)\nzombied: 2 frames in \d+s\nzombied: play them with: zombied replay out\.jsonl\n$/u,
		);
		expect(context.stdout.text).toBe("");
	});

	async function untilFrames(count: number): Promise<void> {
		const look = () => readFileSync(folder.file("out.jsonl"), "utf8").split('"text"').length > count;
		await eventually(look, { what: `${count} frames`, timeoutMs: 10_000, everyMs: 10 });
	}

	test("goes to stdout without -o, and ends by itself after --for", async () => {
		const answer = await runCommand(["record", "--for", "1s"], {
			folder: folder.path,
			env: { PREFECT_API_URL: stub.url },
		});
		expect(answer.code).toBe(0);
		expect(linesIn(answer.stdout).map(({ stream }) => stream)).toEqual(["up", "down"]);
		expect(answer.stderr).toContain("for 1s (Ctrl-C ends it sooner)");
	});

	test("a lost socket is a gap that the recording tells, and it goes on", async () => {
		const { stop, context, untilSaid } = recording();
		await stub.until(() => stub.subscribers === 1, "it has subscribed");
		stub.closeAll(1012, "restart");
		await untilSaid("the socket is lost (closed with 1012: restart); trying again in ");
		await stub.until(() => stub.subscriptions.length === 2, "it has subscribed again");
		stub.emit(heartbeat({ runId, occurredMs: stub.nowMs() }));
		await eventually(() => context.stdout.text.includes("heartbeat"), { what: "the beat", timeoutMs: 10_000 });
		expect(await stop()).toBe(0);
		expect(linesIn(context.stdout.text).map(({ stream }) => stream ?? "frame")).toEqual([
			"up",
			"down",
			"up",
			"frame",
			"down",
		]);
		expect(context.stderr.text).toContain("1 frame in ");
		expect(context.stderr.text).toContain(", the socket was lost once");
	});

	test("L5: a secret of ours that the server echoes is not in it", async () => {
		await using guarded = await PrefectStub.start({ authString: "user:canary-7" });
		const env = { PREFECT_API_URL: guarded.url, PREFECT_API_AUTH_STRING: "user:canary-7" };
		const { stop, context } = recording([], env);
		await guarded.until(() => guarded.subscribers === 1, "it has subscribed");
		guarded.emit(heartbeat({ runId, occurredMs: guarded.nowMs(), tags: ["user:canary-7"] }));
		await eventually(() => context.stdout.text.includes("heartbeat"), { what: "the beat", timeoutMs: 10_000 });
		await stop();
		expect(context.stdout.text).toContain("[redacted]");
		expect(context.stdout.text + context.stderr.text).not.toContain("canary");
	});

	test("what is recorded can be replayed, and gives the verdict that its events deserve", async () => {
		const { stop, context } = recording(["-o", "out.jsonl"]);
		await stub.until(() => stub.subscribers === 1, "it has subscribed");
		const atMs = stub.nowMs();
		stub.emit(stateEvent({ runId, type: "CANCELLED", atMs: atMs - 60_000 }));
		stub.emit(...[1, 2, 3].map((n) => heartbeat({ runId, occurredMs: atMs + n * 30_000 })));
		await untilFrames(4);
		await stop();
		const text = readFileSync(folder.file("out.jsonl"), "utf8");
		writeFileSync(folder.file("spread.jsonl"), spread(text));
		const replayed = await runCommand(["replay", "out.jsonl"], { folder: folder.path });
		expect(replayed).toEqual({ code: 0, stdout: "", stderr: "" });
		const later = await runCommand(["replay", "spread.jsonl"], { folder: folder.path });
		expect(linesIn(later.stdout)).toMatchObject([{ condition: "undead", flow_run_id: runId }]);
		expect(context.stdout.text).toBe("");
	});

	/** The same recording, had its frames come 30 s apart. */
	function spread(text: string): string {
		const lines = linesIn(text).map((line, index) => {
			const at = new Date(Date.parse(linesIn(text)[0]?.at ?? "") + index * 30_000);
			const moved = line.text?.replace(/"received":"[^"]+"/u, `"received":"${at.toISOString()}"`);
			return { ...line, at: at.toISOString(), ...(moved === undefined ? {} : { text: moved }) };
		});
		return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
	}
});

describe("what cannot be recorded", () => {
	test.each([
		["nobody is there", "http://127.0.0.1:1/api", 75, /ECONNREFUSED.*is the server up/u],
		["it is no events socket", null, 75, /HTTP 404 on the upgrade/u],
	])("%s: one line, and no file is left", async (_what, url, code, words) => {
		const env = { PREFECT_API_URL: url ?? stub.url.replace(/api$/u, "other") };
		const answer = await runCommand(["record", "-o", "out.jsonl"], { folder: folder.path, env });
		expect(answer.code).toBe(code);
		expect(answer.stderr).toMatch(words);
		expect(answer.stderr.trimEnd().split("\n")).toHaveLength(1);
		expect(() => statSync(folder.file("out.jsonl"))).toThrow("ENOENT");
	});

	test("C13: a refused key is 1 and names the setting", async () => {
		await using guarded = await PrefectStub.start({ authString: "user:right" });
		const env = { PREFECT_API_URL: guarded.url, PREFECT_API_AUTH_STRING: "user:canary" };
		const { code, stderr } = await runCommand(["record"], { folder: folder.path, env });
		expect(code).toBe(1);
		expect(stderr).toMatch(/^zombied: the server says "Invalid token": check PREFECT_API_AUTH_STRING\n$/u);
	});

	test("a file that exists is left as it is", async () => {
		writeFileSync(folder.file("old.jsonl"), "mine");
		const env = { PREFECT_API_URL: stub.url };
		const { code, stderr } = await runCommand(["record", "-o", "old.jsonl"], { folder: folder.path, env });
		expect({ code, stderr }).toEqual({
			code: 1,
			stderr: "zombied: old.jsonl exists and was left as it is; name another file\n",
		});
		expect(readFileSync(folder.file("old.jsonl"), "utf8")).toBe("mine");
		expect(stub.upgrades).toEqual([]);
	});

	test.each(["10", "0s", "999ms", "8d"])("--for %s is refused, with what may be written", async (text) => {
		const { code, stderr } = await runCommand(["record", "--for", text], { folder: folder.path });
		expect(code).toBe(1);
		expect(stderr).toContain(`--for "${text}": expected a duration like 90s, 10m or 1h30m, from 1s to 7d`);
	});
});
