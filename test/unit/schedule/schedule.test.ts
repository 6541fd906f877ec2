import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Job, Schedule } from "../../../src/schedule/schedule.ts";
import { HandClock, HandSlots, settle } from "../../_util/daemon-clock.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";

/** A job that is busy until it is told to end. */
class HeldJob implements Job {
	readonly name;
	readonly everyMs: number;
	readonly starts: number[] = [];
	signal: AbortSignal | null = null;
	#end = Promise.withResolvers<void>();

	constructor(name: Job["name"], everyMs: number) {
		this.name = name;
		this.everyMs = everyMs;
	}

	async run(signal: AbortSignal): Promise<void> {
		this.signal = signal;
		this.starts.push(clock.nowMs);
		this.#end = Promise.withResolvers();
		await this.#end.promise;
	}

	end(): void {
		this.#end.resolve();
	}

	fail(error: unknown): void {
		this.#end.reject(error);
	}
}

let clock: HandClock;
let slots: HandSlots;
let told: ToldReporter;
let stop: AbortController;
let running: Promise<void>;

function run(...jobs: readonly Job[]): void {
	running = new Schedule(jobs, { slots, reporter: told.reporter, clock }).run(stop.signal);
	running.catch(() => undefined);
}

/** A slot, `ms` after the last one. */
async function slot(ms: number): Promise<void> {
	clock.pass(ms);
	slots.fire();
	await settle();
}

beforeEach(() => {
	clock = new HandClock();
	slots = new HandSlots();
	told = new ToldReporter();
	stop = new AbortController();
});
afterEach(() => {
	stop.abort();
});

function quickJob(everyMs: number): Job & { readonly starts: number[] } {
	const starts: number[] = [];
	return {
		name: "reconcile",
		everyMs,
		starts,
		run: async () => {
			starts.push(clock.nowMs);
		},
	};
}

describe("when jobs start", () => {
	test("each in the first slot, and then after its own period", async () => {
		const [eachSecond, eachThird] = [quickJob(1_000), quickJob(3_000)];
		run(eachSecond, eachThird);
		for (let second = 1; second <= 7; second++) await slot(1_000);
		expect(eachSecond.starts).toEqual([1, 2, 3, 4, 5, 6, 7].map((second) => second * 1_000));
		expect(eachThird.starts).toEqual([1_000, 4_000, 7_000]);
	});

	test("a slot may come half a second early by the monotonic clock, but no earlier", async () => {
		const job = quickJob(1_000);
		run(job);
		await slot(0);
		await slot(499);
		expect(job.starts).toEqual([0]);
		await slot(1);
		expect(job.starts).toEqual([0, 500]);
	});

	test("a period that changes counts from the next slot on", async () => {
		const job = { ...quickJob(10_000), everyMs: 10_000 };
		run(job);
		await slot(0);
		await slot(2_000);
		expect(job.starts).toEqual([0]);
		job.everyMs = 2_000;
		await slot(1_000);
		expect(job.starts).toEqual([0, 3_000]);
	});
});

describe("a job that is still busy", () => {
	test("misses its slot, is counted by its name, and is never run twice at once", async () => {
		const job = new HeldJob("retention", 1_000);
		run(job);
		await slot(1_000);
		await slot(1_000);
		await slot(1_000);
		expect(job.starts).toEqual([1_000]);
		expect(told.told("scheduleMissed")).toEqual([["retention"], ["retention"]]);
		job.end();
		await settle();
		await slot(1_000);
		expect(job.starts).toEqual([1_000, 4_000]);
	});

	test("does not hold up others", async () => {
		const sweep = quickJob(1_000);
		run(new HeldJob("reconcile", 1_000), sweep);
		await slot(1_000);
		await slot(1_000);
		expect(sweep.starts).toEqual([1_000, 2_000]);
	});

	test("misses nothing between its slots", async () => {
		const job = new HeldJob("reconcile", 3_000);
		run(job);
		await slot(1_000);
		await slot(1_000);
		await slot(1_000);
		expect(told.told("scheduleMissed")).toEqual([]);
	});
});

describe("the end", () => {
	test("abort waits for started jobs, and fires no more", async () => {
		const job = new HeldJob("reconcile", 1_000);
		run(job);
		await slot(1_000);
		stop.abort();
		let isOver = false;
		const over = running.then(() => {
			isOver = true;
		});
		await settle();
		expect(slots.isStopped).toBe(true);
		expect(job.signal?.aborted).toBe(true);
		expect(isOver).toBe(false);
		await slot(1_000);
		expect(job.starts).toEqual([1_000]);
		job.end();
		await over;
		expect(isOver).toBe(true);
	});

	test("a signal that is aborted already starts nothing", async () => {
		const job = quickJob(1_000);
		stop.abort();
		run(job);
		await running;
		slots.fire();
		expect(job.starts).toEqual([]);
	});

	test("a job that rejects ends it, and the others are told to stop", async () => {
		const broken = new HeldJob("retention", 1_000);
		const other = new HeldJob("reconcile", 1_000);
		run(broken, other);
		await slot(1_000);
		broken.fail(new TypeError("a bug"));
		await settle();
		expect(other.signal?.aborted).toBe(true);
		other.end();
		await expect(running).rejects.toThrow(new TypeError("a bug"));
		expect(slots.isStopped).toBe(true);
	});
});
