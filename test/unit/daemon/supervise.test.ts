import { expect, test } from "vitest";
import { type Loop, supervise } from "../../../src/daemon/supervise.ts";
import { settle } from "../../_util/daemon-clock.ts";

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
	const supervised = supervise({ one: untilAborted(ended, "one"), two: untilAborted(ended, "two") }, stop.signal);
	await settle();
	expect(ended).toEqual([]);
	stop.abort();
	await expect(supervised).resolves.toBeUndefined();
	expect(ended).toEqual(["one", "two"]);
});

test("a signal that is aborted already ends loops as they start", async () => {
	const ended: string[] = [];
	await supervise({ one: untilAborted(ended, "one") }, AbortSignal.abort());
	expect(ended).toEqual(["one"]);
});

test("one loop's bug stops the others, and is thrown with the loop's name", async () => {
	const ended: string[] = [];
	const bug = new TypeError("a bug");
	const supervised = supervise(
		{ healthy: untilAborted(ended, "healthy"), broken: () => Promise.reject(bug) },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toMatchObject({ message: "the broken loop failed", cause: bug });
	expect(ended).toEqual(["healthy"]);
});

test("a loop that throws before it awaits anything is no different", async () => {
	const broken: Loop = () => {
		throw new TypeError("a bug");
	};
	await expect(supervise({ broken }, new AbortController().signal)).rejects.toThrow("the broken loop failed");
});

test("it waits for the others to end before it throws", async () => {
	const { promise: closed, resolve: close } = Promise.withResolvers<void>();
	let isOver = false;
	const supervised = supervise(
		{ broken: () => Promise.reject(new Error("a bug")), slow: () => closed },
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
		{ healthy: untilAborted(ended, "healthy"), tired: () => Promise.resolve() },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toMatchObject({
		message: "the tired loop failed",
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
		{ rude, broken: () => Promise.reject(new Error("a bug")) },
		new AbortController().signal,
	);
	await expect(supervised).rejects.toThrow("the broken loop failed");
});

test("a loop that fails while it is being stopped is a failure", async () => {
	const stop = new AbortController();
	const rude: Loop = (signal) =>
		new Promise((_resolve, reject) => {
			signal.addEventListener("abort", () => reject(new Error("at the end")), { once: true });
		});
	const supervised = supervise({ rude }, stop.signal);
	stop.abort();
	await expect(supervised).rejects.toThrow("the rude loop failed");
});
