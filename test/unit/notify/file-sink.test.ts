import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Episode, groupTransitionOf } from "../../../src/core/episode.ts";
import { alertLineSchema } from "../../../src/notify/alert-line.ts";
import { FileSink } from "../../../src/notify/file/file-sink.ts";
import { type Notice, noticeOf } from "../../../src/notify/sink.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";
import { groupOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const signal = new AbortController().signal;
const closed: Episode["closed"] = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) };
const child = fileURLToPath(new URL("../../_util/file-sink-child.ts", import.meta.url));

let folder: TempFolder;
let path: string;
beforeEach(async () => {
	folder = await TempFolder.make("file-sink");
	path = folder.file("alerts.jsonl");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

/** A process of its own, as far as the file is concerned: a sink remembers nothing. */
function sink(at = path): FileSink {
	const uiUrl = (id: string): string => `http://prefect.test/runs/flow-run/${id}`;
	return new FileSink({ namespace: "prod", uiUrl, name: "file", wants: () => true, path: at });
}

function notice(alertId: string, changes: Partial<Episode> = {}): Notice {
	return noticeOf(sampleTransition({ alertId, ...changes }));
}

/** What happened to which alert, by line; throws for what is no alert line. */
function linesOf(file = path): readonly string[] {
	const text = readFileSync(file, "utf8");
	expect(text.endsWith("\n")).toBe(true);
	return text
		.slice(0, -1)
		.split("\n")
		.map((line) => alertLineSchema.parse(JSON.parse(line)))
		.map((line) => `${line.event} ${"alert_id" in line ? line.alert_id : line.group_id}`);
}

async function errorOf(sending: Promise<void>): Promise<unknown> {
	return await sending.then(
		() => null,
		(error: unknown) => error,
	);
}

/** A child that appends alerts of these ids; killed when it has said so. Its words. */
async function killedAfterWriting(alertIds: readonly string[], fileKibMax: number | null = null): Promise<string[]> {
	const limit = fileKibMax === null ? "" : `ulimit -f ${fileKibMax}; `;
	const command = `${limit}exec "$@"`;
	const args = ["-c", command, "bash", process.execPath, child, path, ...alertIds];
	const started = spawn("bash", args, { stdio: ["ignore", "pipe", "inherit"] });
	const words: string[] = [];
	for await (const line of createInterface({ input: started.stdout })) {
		if (line === "done") break;
		words.push(line);
	}
	started.kill("SIGKILL");
	return words;
}

describe("a file of alerts", () => {
	test("gets a line of JSON for each, in order, behind what is there, and is not everybody's to read", async () => {
		await sink().send([notice("a"), notice("b")], signal);
		const group = noticeOf(groupTransitionOf(groupOf("g"), "default"));
		await sink().send([notice("a", { closed }), group], signal);
		expect(linesOf()).toEqual(["alert.raised a", "alert.raised b", "alert.resolved a", "group.raised g"]);
		expect(statSync(path).mode & 0o007).toBe(0);
	});

	test("gets each line once, whatever is sent again, by whatever process", async () => {
		expect(await killedAfterWriting(["a", "b"])).toEqual(["a: written", "b: written"]);
		await sink().send([notice("b"), notice("c")], signal);
		await sink().send([notice("c"), notice("c", { closed })], signal);
		expect(linesOf()).toEqual(["alert.raised a", "alert.raised b", "alert.raised c", "alert.resolved c"]);
	});

	test("knows a line although a setting that is in it was changed meanwhile", async () => {
		await sink().send([notice("a")], signal);
		const uiUrl = (id: string): string => `http://moved.test/${id}`;
		const other = new FileSink({ namespace: "prod", uiUrl, name: "file", wants: () => true, path });
		await other.send([notice("a")], signal);
		expect(linesOf()).toEqual(["alert.raised a"]);
	});

	test.each([1, 9, 10, 200])("is rid of a line that was torn %i bytes from its beginning", async (bytes) => {
		await sink().send([notice("a"), notice("b")], signal);
		const [first = "", second = ""] = readFileSync(path, "utf8").split("\n");
		writeFileSync(path, `${first}\n${second.slice(0, bytes)}`);
		await sink().send([notice("b")], signal);
		expect(readFileSync(path, "utf8")).toBe(`${first}\n${second}\n`);
	});

	test("is left as it is where the last line is somebody else's: what follows begins a new one", async () => {
		writeFileSync(path, "mine\nalso mine");
		await sink().send([notice("a")], signal);
		expect(readFileSync(path, "utf8")).toMatch(/^mine\nalso mine\n\{"time":"[^\n]+\}\n$/u);
	});

	test("is followed by a new one when it is renamed, without a signal", async () => {
		await sink().send([notice("a")], signal);
		renameSync(path, `${path}.1`);
		await sink().send([notice("b")], signal);
		expect([linesOf(`${path}.1`), linesOf()]).toEqual([["alert.raised a"], ["alert.raised b"]]);
	});

	test("finds what it has written behind a megabyte of other lines no more, and behind less it does", async () => {
		await sink().send([notice("a")], signal);
		appendFileSync(path, `${"x".repeat(1023)}\n`.repeat(1024));
		await sink().send([notice("a")], signal);
		const count = (): number => readFileSync(path, "utf8").split('"alert_id":"a"').length - 1;
		expect(count()).toBe(1);
		appendFileSync(path, `${"x".repeat(1023)}\n`.repeat(1024));
		await sink().send([notice("a")], signal);
		expect(count()).toBe(2);
	});
});

describe("a file that cannot be written", () => {
	test("for want of room keeps nothing of the line, and has it when there is room", async () => {
		// The kernel takes 2 KiB and no more: the first line goes in whole, the second in part.
		const [first, second] = await killedAfterWriting(["a", "b"], 2);
		expect(first).toBe("a: written");
		expect(second).toMatch(/^b: OutsideError: the file .* cannot be written: .*EFBIG/u);
		expect(readFileSync(path, "utf8").endsWith("\n")).toBe(false);
		await sink().send([notice("b")], signal);
		expect(linesOf()).toEqual(["alert.raised a", "alert.raised b"]);
	});

	test("is told in one line that says how to mend it, and tried again", async () => {
		const missing = folder.file("missing/alerts.jsonl");
		expect(await errorOf(sink(missing).send([notice("a")], signal))).toMatchObject({
			retryable: true,
			message: `the file ${missing} cannot be written: its folder does not exist; make it`,
		});
		mkdirSync(folder.file("missing"));
		await sink(missing).send([notice("a")], signal);
		expect(linesOf(missing)).toEqual(["alert.raised a"]);
		expect(await errorOf(sink(folder.path).send([notice("a")], signal))).toMatchObject({
			retryable: true,
			message: expect.stringContaining("it is a folder"),
		});
		expect(await errorOf(sink("/dev/null").send([notice("a")], signal))).toMatchObject({
			retryable: true,
			message: expect.stringContaining("regular file"),
		});
	});

	test("never gives an alert up, as the alert log does not", () => expect(sink().givesUp).toBe(false));
});
