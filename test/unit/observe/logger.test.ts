import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger, type Logger, type LogLevel } from "../../../src/observe/logger.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";

const canary = "canary-51d0c";

function loggerTo(
	stream: NodeJS.WritableStream & { isTTY?: boolean },
	level: LogLevel = "info",
	colour = false,
): Logger {
	const clock = new SkippingClock(Date.UTC(2026, 7, 1, 12, 0, 0, 5));
	return createLogger({ stream, level, clock, secrets: [canary], colour });
}

test("a line is JSON with level, UTC time in milliseconds, event and message", () => {
	const stream = new CollectingStream();
	loggerTo(stream).log("warn", { event: "http.listening", address: "http://127.0.0.1:4290" }, "metrics at …");
	expect(stream.lines.map((line) => JSON.parse(line))).toEqual([
		{
			level: "warn",
			time: "2026-08-01T12:00:00.005Z",
			event: "http.listening",
			address: "http://127.0.0.1:4290",
			message: "metrics at …",
		},
	]);
});

test("lines under the level are left out", () => {
	const stream = new CollectingStream();
	const logger = loggerTo(stream, "warn");
	logger.log("info", { event: "a" }, "a");
	logger.log("warn", { event: "b" }, "b");
	expect(stream.lines).toHaveLength(1);
});

test("secrets appear in no part of a line, and facts named like secrets not at all", () => {
	const stream = new CollectingStream();
	const error = new Error(`wrong key ${canary}`, { cause: new Error(`Bearer ${canary}`) });
	const facts = {
		event: "x",
		url: `http://h/?k=${canary}`,
		err: error,
		list: [{ deep: canary }],
		authorization: "zzz",
		apiKey: "yyy",
	};
	loggerTo(stream).log("error", facts, `failed with ${canary}`);
	expect(stream.text).not.toContain(canary);
	expect(stream.text).not.toMatch(/zzz|yyy/u);
	expect(JSON.parse(stream.text)).toMatchObject({
		message: "failed with [redacted]",
		err: { message: "wrong key [redacted]", cause: { message: "Bearer [redacted]" } },
		authorization: "[redacted]",
	});
});

test.each([false, true])("texts from outside cannot end a line or act on a terminal (terminal: %s)", (isTTY) => {
	const stream = new CollectingStream(isTTY);
	const nasty = "x\u001b[2J\n\u202e\u2028{}";
	loggerTo(stream).log("info", { event: "x", name: nasty, [nasty]: 1, err: new Error(nasty) }, nasty);
	expect(stream.text).not.toMatch(/[^\P{Cc}\n]|[\u2028\u202e]/u);
	if (!isTTY) expect(stream.lines).toHaveLength(1);
});

test("on a terminal a line is readable, with colour only where wanted", () => {
	const plain = new CollectingStream(true);
	loggerTo(plain).log("info", { event: "daemon.ready" }, "watching 3 runs");
	expect(plain.text).toContain("watching 3 runs");
	expect(plain.text).not.toContain("\u001b");
	expect(() => JSON.parse(plain.text)).toThrow(SyntaxError);
	const coloured = new CollectingStream(true);
	loggerTo(coloured, "info", true).log("info", { event: "daemon.ready" }, "watching 3 runs");
	expect(coloured.text).toContain("\u001b[");
});

test("a fact of a megabyte, a circle and an endless list stay bounded", () => {
	const stream = new CollectingStream();
	const circle: Record<string, unknown> = {};
	circle.self = circle;
	const facts = {
		event: "x",
		text: "x".repeat(1_000_000),
		circle,
		list: Array.from({ length: 10_000 }, () => "y"),
		big: 1n,
	};
	loggerTo(stream).log("info", facts, "z".repeat(1_000_000));
	expect(stream.text.length).toBeLessThan(10_000);
	expect(JSON.parse(stream.text)).toMatchObject({ event: "x", big: "1" });
});

test("a stream that fails does not reach whoever logs", () => {
	const broken = new Writable({
		write() {
			throw new Error("broken");
		},
	});
	expect(() => loggerTo(broken).log("error", { event: "x" }, "x")).not.toThrow();
});
