import { beforeEach, describe, expect, test } from "vitest";
import {
	isOverWithin,
	type Loop,
	restartsMax,
	restartsWithinMs,
	supervise as superviseBy,
} from "../../../src/daemon/supervise.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { minute, second } from "../../_util/core-world.ts";
import { HandClock, settle } from "../../_util/daemon-clock.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";

let clock: HandClock;
let told: ToldReporter;

beforeEach(() => {
	clock = new HandClock();
	told = new ToldReporter();
});

/** A minute to end in, unless told: long beside any test, so that only a loop that hangs is one. */
function supervise(
	loops: Parameters<typeof superviseBy>[0],
	signal: AbortSignal,
	{ stopMsMax = minute, chance = 0 } = {},
): Promise<void> {
	return superviseBy(loops, signal, { stopMsMax, clock, random: () => chance, reporter: told.reporter });
}

/** As loops do: runs until aborted, then resolves. */
function untilAborted(ended: string[], name: string): Loop {
	return (signal) =>
		new Promise((resolve) => {
			const end = (): void => {
				ended.push(name);
				resolve();
			};
			if (signal.aborted) end();
			else signal.addEventListener("abort", end, { once: true });
		});
}

test("abort ends all loops, and it resolves", async () => {
	const ended: string[] = [];
	const stop = new AbortController();
	const supervised = supervise({ stream: untilAborted(ended, "one"), probe: untilAborted(ended, "two") }, stop.signal);
	await settle();
	expect(ended).toEqual([]);
	stop.abort();
	await expect(supervised).resolves.toBeUndefined();
	expect(ended).toEqual(["one", "two"]);
});

test("a signal that is aborted already ends loops as they start", async () => {
	const ended: string[] = [];
	await supervise({ stream: untilAborted(ended, "one") }, AbortSignal.abort());
	expect(ended).toEqual(["one"]);
});

test("one loop's bug stops the others, and is thrown with the loop's name", async () => {
	const ended: string[] = [];
	const bug = new TypeError("a bug");
	const supervised = supervise(
		{ probe: untilAborted(ended, "healthy"), stream: () => Promise.reject(bug) },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toMatchObject({ message: "the stream loop failed", cause: bug });
	expect(ended).toEqual(["healthy"]);
});

test("a loop that throws before it awaits anything is no different", async () => {
	const stream: Loop = () => {
		throw new TypeError("a bug");
	};
	await expect(supervise({ stream }, new AbortController().signal)).rejects.toThrow("the stream loop failed");
});

test("it waits for the others to end before it throws", async () => {
	const { promise: closed, resolve: close } = Promise.withResolvers<void>();
	let isOver = false;
	const supervised = supervise(
		{ stream: () => Promise.reject(new Error("a bug")), probe: () => closed },
		new AbortController().signal,
	);
	const over = supervised.catch(() => {
		isOver = true;
	});
	await settle();
	expect(isOver).toBe(false);
	close();
	await over;
	expect(isOver).toBe(true);
});

test("a loop that ends by itself is a failure", async () => {
	const ended: string[] = [];
	const supervised = supervise(
		{ probe: untilAborted(ended, "healthy"), stream: () => Promise.resolve() },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toMatchObject({
		message: "the stream loop failed",
		cause: { message: "it ended although nobody asked it to" },
	});
	expect(ended).toEqual(["healthy"]);
});

test("the loop that failed first is the one that is named, whatever others do when stopped", async () => {
	const rude: Loop = (signal) =>
		new Promise((_resolve, reject) => {
			signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		});
	const supervised = supervise(
		{ probe: rude, stream: () => Promise.reject(new Error("a bug")) },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toThrow("the stream loop failed");
});

test("a loop that fails while it is being stopped is a failure", async () => {
	const stop = new AbortController();
	const rude: Loop = (signal) =>
		new Promise((_resolve, reject) => {
			signal.addEventListener("abort", () => reject(new Error("at the end")), { once: true });
		});
	const supervised = supervise({ stream: rude }, stop.signal);
	stop.abort();
	await expect(supervised).rejects.toThrow("the stream loop failed");
});

/** Fails in this way at every start, and counts them. */
function failing(starts: number[], error: unknown): Loop {
	return () => {
		starts.push(clock.nowMs);
		return Promise.reject(error);
	};
}

const away = new OutsideError("the server is away", { retryable: true });

describe("a failure that may pass", () => {
	test("restarts the loop after a pause, is counted, and stops no other", async () => {
		const ended: string[] = [];
		const starts: number[] = [];
		const stop = new AbortController();
		const supervised = supervise({ stream: failing(starts, away), probe: untilAborted(ended, "probe") }, stop.signal);
		await settle();
		expect(starts).toEqual([0]);
		expect(told.told("loopRestarted")).toEqual([[{ loop: "stream", reason: "the server is away", retryInMs: 500 }]]);
		clock.pass(499);
		await settle();
		expect(starts).toEqual([0]);
		clock.pass(1);
		await settle();
		expect(starts).toEqual([0, 500]);
		expect(ended).toEqual([]);
		stop.abort();
		await expect(supervised).resolves.toBeUndefined();
	});

	test("backs off with full jitter, up to 10 s", async () => {
		const stop = new AbortController();
		const supervised = supervise({ stream: failing([], away) }, stop.signal, { chance: 1 });
		for (let turn = 0; turn < 6; turn++) {
			await settle();
			clock.pass(10 * second);
		}
		const waits = told.told("loopRestarted").map(([{ retryInMs }]) => retryInMs);
		expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
		stop.abort();
		await supervised;
	});

	test("that comes back all the time is thrown in the end, and the others are stopped", async () => {
		const ended: string[] = [];
		const starts: number[] = [];
		const supervised = supervise(
			{ stream: failing(starts, away), probe: untilAborted(ended, "probe") },
			new AbortController().signal,
		);
		supervised.catch(() => undefined);
		for (let turn = 0; turn < restartsMax; turn++) {
			await settle();
			expect(ended).toEqual([]);
			clock.pass(second);
		}
		await expect(supervised).rejects.toMatchObject({ message: "the stream loop failed", cause: away });
		expect(starts).toHaveLength(restartsMax + 1);
		expect(ended).toEqual(["probe"]);
	});

	test("is forgiven when it comes rarely, however often it comes", async () => {
		const starts: number[] = [];
		const stop = new AbortController();
		const eachMs = restartsWithinMs / restartsMax;
		const tired: Loop = async (signal) => {
			starts.push(clock.nowMs);
			await clock.sleep(eachMs, signal).catch(() => undefined);
			throw away;
		};
		const supervised = supervise({ stream: tired }, stop.signal);
		for (let turn = 0; turn < 4 * restartsMax; turn++) {
			await settle();
			clock.pass(eachMs);
		}
		expect(starts.length).toBeGreaterThan(restartsMax + 1);
		stop.abort();
		await expect(supervised).resolves.toBeUndefined();
	});

	test("while the loop is being stopped is no failure", async () => {
		const stop = new AbortController();
		const rude: Loop = (signal) =>
			new Promise((_resolve, reject) => {
				signal.addEventListener("abort", () => reject(away), { once: true });
			});
		const supervised = supervise({ stream: rude }, stop.signal);
		stop.abort();
		await expect(supervised).resolves.toBeUndefined();
		expect(told.told("loopRestarted")).toEqual([]);
	});

	test("ends the wait for the next start when it is told to stop", async () => {
		const starts: number[] = [];
		const stop = new AbortController();
		const supervised = supervise({ stream: failing(starts, away) }, stop.signal);
		await settle();
		stop.abort();
		await expect(supervised).resolves.toBeUndefined();
		expect(starts).toHaveLength(1);
	});
});

test("a failure that cannot pass is thrown at once, as a bug is", async () => {
	const final = new OutsideError("never", { retryable: false });
	const supervised = supervise({ stream: failing([], final) }, new AbortController().signal);
	await expect(supervised).rejects.toMatchObject({ message: "the stream loop failed", cause: final });
	expect(told.told("loopRestarted")).toEqual([]);
});

describe("a loop that does not end", () => {
	const hung: Loop = () => new Promise(() => undefined);

	test("when told to is a failure with its name, and does not hold up the end", async () => {
		const supervised = supervise({ stream: hung, probe: untilAborted([], "probe") }, AbortSignal.abort(), {
			stopMsMax: 20,
		});
		await expect(supervised).rejects.toThrow("the stream loop did not end within 0.02 s of being told to");
	});

	test("is not what is told when another one has failed before", async () => {
		const supervised = supervise(
			{ stream: hung, probe: () => Promise.reject(new TypeError("a bug")) },
			new AbortController().signal,
			{ stopMsMax: 20 },
		);
		await expect(supervised).rejects.toMatchObject({ message: "the probe loop failed" });
	});
});

describe("work that has some time", () => {
	test("is over, or is not", async () => {
		expect(await isOverWithin(Promise.resolve(), minute)).toBe(true);
		expect(await isOverWithin(new Promise(() => undefined), 5)).toBe(false);
	});

	test("and fails: so does the wait", async () => {
		await expect(isOverWithin(Promise.reject(new TypeError("a bug")), minute)).rejects.toThrow("a bug");
	});
});
