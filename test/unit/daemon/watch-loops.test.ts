import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stillLooksMax } from "../../../src/daemon/watchdog.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { ApiError } from "../../../src/prefect/api-error.ts";
import { newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { minute, second } from "../../_util/core-world.ts";
import { settle } from "../../_util/daemon-clock.ts";
import { beatView, stateView, workspace } from "../../_util/daemon-core.ts";
import { WatchUnderTest } from "../../_util/daemon-watch.ts";
import { batchOf, deliveryOf, episodeOf } from "../../_util/store-samples.ts";

let under: WatchUnderTest;

beforeEach(() => {
	under = new WatchUnderTest(newMemoryDisk());
});
afterEach(async () => {
	under.stop.abort();
	await under.running.catch(() => undefined);
});

const bug = new TypeError("a bug");
const away = new OutsideError("away for a while", { retryable: true });

/** Of each loop: how a failure gets into it by the ports of the watch. */
const failures: Readonly<Record<string, (error: Error) => Promise<void>>> = {
	stream: async (error) => {
		under.runStream = () => Promise.reject(error);
		await under.start();
	},
	"catch-up": async (error) => {
		under.failureOf = ({ endpoint }) => (endpoint === "flow_runs" ? error : null);
		await under.start();
		under.listener.opened(under.clock.now());
		await under.ticks(2);
	},
	probe: async (error) => {
		under.failureOf = ({ endpoint }) => (endpoint === "health" ? error : null);
		await under.start();
	},
	inquirer: async (error) => {
		under.failureOf = ({ body }) => (JSON.stringify(body ?? null).includes('"id":') ? error : null);
		await under.start();
		under.listener.opened(under.clock.now());
		// Nobody knows this run yet: the server is asked who it is.
		under.listener.event(under.clock.now(), beatView(1, second), null, null);
		await under.ticks(60);
	},
	lesson: async (error) => {
		under.failureOf = ({ isIdle }) => (isIdle === true ? error : null);
		await under.start();
		under.listener.opened(under.clock.now());
		await under.ticks(60);
	},
	persister: async (error) => {
		under.store.commit = () => Promise.reject(error);
		await under.start();
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		await under.ticks(2);
	},
	schedule: async (error) => {
		under.store.retain = () => Promise.reject(error);
		await under.start();
		await under.tick();
	},
	dispatcher: async (error) => {
		await under.store.commit(batchOf({ outbox: [deliveryOf(episodeOf(1, "alert-1", { workspace }))] }));
		under.sink.answer = () => Promise.reject(error);
		await under.start();
	},
	"dead-man": async (error) => {
		under.ping = () => Promise.reject(error);
		await under.start();
		await under.ticks(31);
	},
	backlog: async (error) => {
		const rows = Array.from({ length: 101 }, (_, n) => deliveryOf(episodeOf(n, `alert-${n}`, { workspace })));
		await under.store.commit(batchOf({ outbox: rows }));
		under.store.loadOutbox = () => Promise.reject(error);
		await under.start();
		for (let turn = 0; turn < 100; turn++) await settle();
	},
	pipeline: async (error) => {
		await under.start();
		const view = stateView(1, "RUNNING", 0);
		const unreadable = Object.defineProperty({ ...view }, "runId", {
			get: () => {
				throw error;
			},
		});
		under.listener.event(under.clock.now(), unreadable, null, null);
		await under.ticks(2);
	},
};

describe.for(Object.keys(failures))("the loop %s", (loop) => {
	test("ends the process, with its name, at a bug", async () => {
		await failures[loop]?.(bug);
		await expect(under.running).rejects.toMatchObject({ message: `the ${loop} loop failed`, cause: bug });
		expect(under.told.told("loopRestarted")).toEqual([]);
	});
});

/** These deal with it by themselves: it is their daily bread. */
test.for([
	["catch-up", new ApiError("unreachable", "nobody is there")],
	["probe", new ApiError("unreachable", "nobody is there")],
	["inquirer", new ApiError("timeout", "no answer")],
	["lesson", new ApiError("server_error", "500")],
	["persister", new StoreError("full", { code: "SQLITE_FULL", retryable: true })],
	["schedule", new StoreError("busy", { code: "SQLITE_BUSY", retryable: true })],
	["dispatcher", away],
	["dead-man", away],
	["backlog", new StoreError("busy", { code: "SQLITE_BUSY", retryable: true })],
] as const)("the loop %s goes on by itself after a failure that it expects", async ([loop, error]) => {
	await failures[loop]?.(error);
	await under.ticks(30);
	expect(under.told.told("loopRestarted")).toEqual([]);
	expect(under.watch.readiness().lastTickMonoMs).toBe(under.clock.now().monoMs);
});

/** What these do not expect, and what may pass: they are started again, and all others go on. */
test.for(["stream", "schedule", "backlog"])(
	"the loop %s is started again after any other that may pass",
	async (loop) => {
		await failures[loop]?.(away);
		expect(under.told.told("loopRestarted")).toEqual([[{ loop, reason: "away for a while", retryInMs: 500 }]]);
		await under.ticks(2);
		expect(under.slots.isStopped).toBe(loop === "schedule");
	},
);

test("a loop that was started again does its work", async () => {
	await failures.schedule?.(away);
	under.store.retain = async () => ({ runs: 0, episodes: 0 });
	await under.ticks(3);
	expect(under.watch.readiness().lastTickMonoMs).toBe(under.clock.now().monoMs);
	under.stop.abort();
	await expect(under.running).resolves.toBeUndefined();
});

test("a loop that fails again and again ends the process within minutes", async () => {
	await failures.stream?.(away);
	await under.ticks(60);
	await expect(under.running).rejects.toMatchObject({ message: "the stream loop failed", cause: away });
	expect(under.told.told("loopRestarted")).toHaveLength(10);
	expect(under.streamStarts).toBe(11);
});

test("a loop that ends unasked ends the process", async () => {
	under.runStream = () => Promise.resolve();
	await under.start();
	await expect(under.running).rejects.toThrow("the stream loop failed");
});

describe("what hangs without failing", () => {
	/** Time passes, and no tick comes. */
	async function pass(ms: number): Promise<void> {
		for (let passedMs = 0; passedMs < ms; passedMs += second) {
			under.clock.pass(second);
			await settle();
		}
	}

	test("a sweep that is not started any more ends the process after a minute", async () => {
		await under.start();
		await under.tick();
		let ended = false;
		void under.running.catch(() => {
			ended = true;
		});
		await pass(minute - second);
		expect(ended).toBe(false);
		await pass(10 * second);
		await expect(under.running).rejects.toMatchObject({
			message: "the watchdog loop failed",
			cause: { message: "the sweep has stood still for 60 s" },
		});
	});

	test("a commit that never ends ends the process, and the end does not wait for it", { timeout: 20_000 }, async () => {
		await under.start();
		under.store.hold();
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		await under.ticks(5 * (stillLooksMax + 2));
		await expect(under.running).rejects.toMatchObject({ cause: { message: "a commit has stood still for 60 s" } });
	});

	test("a sink that neither takes an alert nor refuses it is told each minute, and ends nothing", async () => {
		await under.store.commit(batchOf({ outbox: [deliveryOf(episodeOf(1, "alert-1", { workspace }))] }));
		const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
		under.sink.answer = () => answered;
		await under.start();
		await under.ticks(59);
		expect(under.told.told("deliveryFailed")).toEqual([]);
		await under.ticks(61);
		const told = ["log", "hung", "no answer for 60 s; this alert and those behind it wait"];
		expect(under.told.told("deliveryFailed")).toEqual([told, told]);
		answer();
		await under.ticks(120);
		expect(under.told.told("deliveryFailed")).toHaveLength(2);
		expect(under.told.told("delivered")).toEqual([["log"]]);
	});

	test("commits that are slow, one after another, are no standstill", async () => {
		await under.start();
		for (let n = 0; n < 2 * stillLooksMax; n++) {
			under.store.hold();
			under.listener.event(under.clock.now(), stateView(n, "RUNNING", 0), null, null);
			await under.ticks(5);
			expect(under.watch.isBusy).toBe(true);
			under.store.release();
			await settle();
		}
		under.stop.abort();
		await expect(under.running).resolves.toBeUndefined();
	});

	test("a loop that does not heed its end is named, and does not hold it up", { timeout: 20_000 }, async () => {
		under.runStream = () => new Promise(() => undefined);
		await under.start();
		under.stop.abort();
		await expect(under.running).rejects.toThrow("the stream loop did not end within 3 s of being told to");
	});

	test("a commit that has not ended when it is stopped is told", { timeout: 20_000 }, async () => {
		await under.start();
		under.store.hold();
		under.listener.event(under.clock.now(), stateView(1, "RUNNING", 0), null, null);
		await under.tick();
		under.stop.abort();
		await expect(under.running).rejects.toMatchObject({
			message: "stopped while the database had not ended a commit",
			retryable: true,
		});
	});
});
