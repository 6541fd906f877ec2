import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lesson } from "../../../src/daemon/lesson.ts";
import { RestTransport } from "../../../src/prefect/rest-transport.ts";
import type { RestCall, Transport } from "../../../src/prefect/transport.ts";
import { hour, minute, second } from "../../_util/core-world.ts";
import { HandClock, settle } from "../../_util/daemon-clock.ts";
import { HeardTracker } from "../../_util/daemon-core.ts";
import { eventually } from "../../_util/eventually.ts";
import { connectionTo } from "../../_util/prefect-client.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";
import { type LoggedRequest, PrefectStub } from "../../_util/prefect-stub.ts";
import { learnedSamples } from "../../_util/store-samples.ts";

const day = 24 * hour;
const version = "3.8.8";
const [etl, report] = ["d0000000-0000-4000-8000-00000000000a", "d0000000-0000-4000-8000-00000000000b"] as const;
/** Looks of a week at 67 minutes each, and three more while the first span grows. */
const looksOfAnEmptyWeek = 151 + 3;

function idOf(n: number): string {
	return `a0000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

/** A lesson that asks a real server on loopback, while time passes only when a test moves it on. */
class LessonUnderTest implements AsyncDisposable {
	readonly clock = new HandClock();
	readonly told = new ToldReporter();
	readonly tracker = new HeardTracker(this.clock);
	readonly stop = new AbortController();
	failures = 0;
	#running: Promise<void> = Promise.resolve();
	readonly #transport: RestTransport;
	readonly #lesson: Lesson;

	constructor(
		stub: PrefectStub,
		{
			isDue = true,
			restPerSecond = 5,
			transport,
		}: { isDue?: boolean; restPerSecond?: number; transport?: Transport } = {},
	) {
		const { clock, tracker } = this;
		const { reporter } = this.told;
		this.#transport = new RestTransport({
			settings: connectionTo(stub.url),
			clock,
			random: () => 0,
			reporter,
			restPerSecond,
			csrfClientId: "c0000000-0000-4000-8000-000000000001",
			onAnswer: ({ serverDateMs }) => tracker.apply({ kind: "rest_answered", at: clock.now(), serverDateMs }),
			onFailure: () => {
				this.failures += 1;
			},
		});
		this.#lesson = new Lesson({
			world: { learned: learnedSamples.filter(({ kind }) => kind !== "lesson" || !isDue) },
			settings: { limits: { restPerSecond } },
			transport: transport ?? this.#transport,
			tracker,
			pipeline: { result: tracker.apply.bind(tracker) },
			clock,
			reporter,
		});
		tracker.apply({ kind: "rest_answered", at: clock.now(), serverDateMs: stub.nowMs() });
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.stop.abort();
		await this.#running;
		await this.#transport[Symbol.asyncDispose]();
	}

	start(): void {
		this.#running = this.#lesson.run(this.stop.signal);
	}

	/** Detection has all that it needs. */
	catchUp(): void {
		this.tracker.apply({ kind: "stream_opened", at: this.clock.now() });
		this.tracker.apply({ kind: "caught_up", at: this.clock.now() });
		this.clock.pass(45 * second);
	}

	get isOver(): boolean {
		return this.told.told("priorsLearned").length > 0;
	}

	/** Time goes on, a turn at a time, until then. */
	async until(condition: () => boolean, turnMs = second): Promise<void> {
		while (!condition()) {
			const asleep = () => this.clock.sleepers === 1 || condition();
			await eventually(asleep, { what: "the lesson's next turn", timeoutMs: 10_000, everyMs: 1 });
			if (!condition()) this.clock.pass(turnMs);
		}
	}

	get learnedRows() {
		return this.tracker.heard.flatMap((input) => (input.kind === "lesson" ? input.rows : []));
	}
}

interface Filter {
	readonly event: { readonly name: readonly string[] };
	readonly resource?: { readonly id: readonly string[] };
	readonly occurred: { readonly since: string; readonly until: string };
}

function filterOf({ body }: LoggedRequest): Filter {
	return body?.filter as Filter;
}

/** On every page beat 50 more runs, each of a deployment of its own, and none of them tells its cadence. */
function endlessServer(): Transport {
	let runs = 0;
	const row = () => heartbeat({ runId: idOf(++runs), deploymentId: idOf(runs), occurredMs: 1_700_000_000_000 });
	return {
		call: async <T>({ schema, rows = 1 }: RestCall<T>) => {
			const events = Array.from({ length: rows === 50 ? rows : 1 }, row);
			return { value: schema.parse({ events, next_page: "?page-token=more" }), serverDateMs: null };
		},
	};
}

let stub: PrefectStub;

beforeEach(async () => {
	stub = await PrefectStub.start();
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
});

/** A run that has beaten and is over. */
function store(n: number, facts: { deploymentId?: string; agoMs: number; cadenceMs?: number; beats?: number }): void {
	const { deploymentId = etl, agoMs, cadenceMs = 3 * minute, beats = 9 } = facts;
	const fromMs = stub.nowMs() - agoMs;
	for (let beat = 0; beat < beats; beat++) {
		stub.store(heartbeat({ runId: idOf(n), occurredMs: fromMs + beat * cadenceMs, deploymentId }));
	}
}

async function learned(options: { restPerSecond?: number } = {}): Promise<LessonUnderTest> {
	const under = new LessonUnderTest(stub, options);
	under.catchUp();
	under.start();
	await under.until(() => under.isOver);
	return under;
}

describe("the lesson of the first start", () => {
	test("learns what the runs of the last 7 days agree on, and says so once", async () => {
		for (const [n, days] of [1, 2, 4, 6].entries()) store(n, { agoMs: days * day });
		store(8, { deploymentId: report, agoMs: 3 * day });
		await using under = await learned();
		expect(under.tracker.priors.isSettled(etl, version)).toBe(true);
		expect(under.tracker.priors.isSettled(report, version)).toBe(false);
		const requests = looksOfAnEmptyWeek + 5;
		expect(under.told.told("priorsLearned")).toEqual([[{ deployments: 2, runs: 5, requests }]]);
		expect(stub.requests).toHaveLength(requests);
		expect(under.tracker.drain().learned).toContainEqual(expect.objectContaining({ kind: "lesson" }));
	});

	test("reads nothing older than 7 days", async () => {
		for (let n = 0; n < 4; n++) store(n, { agoMs: 7 * day + 2 * hour });
		await using under = await learned();
		expect(under.learnedRows).toEqual([]);
		expect(under.told.told("priorsLearned")).toEqual([[{ deployments: 0, runs: 0, requests: looksOfAnEmptyWeek }]]);
	});

	test("asks about no more runs of a deployment once they agree, and about 12 when they never do", async () => {
		for (let n = 0; n < 20; n++) store(n, { agoMs: (n + 1) * 8 * hour });
		for (let n = 20; n < 40; n++) {
			store(n, { deploymentId: report, agoMs: (n - 19) * 8 * hour + hour, cadenceMs: (n - 19) * minute });
		}
		await using under = await learned();
		const runsOf = (id: string) => under.learnedRows.filter(({ deploymentId }) => deploymentId === id);
		expect(runsOf(etl).map(({ runId }) => runId)).toEqual([0, 1, 2, 3].map(idOf));
		expect(runsOf(report)).toHaveLength(12);
	});

	test("reads at most nine beats of a run, its newest, in one request", async () => {
		store(1, { agoMs: 2 * day, beats: 30 });
		await using under = await learned();
		const [row] = under.learnedRows;
		expect(row?.occurredMs).toHaveLength(9);
		expect(stub.nowMs() - row!.occurredMs.at(-1)!).toBeLessThan(2 * day - 29 * 3 * minute + 10 * minute);
		const asked = stub.requests.filter((request) => filterOf(request).resource !== undefined);
		expect(asked.map(({ body }) => body?.limit)).toEqual([9]);
	});

	test("a busy server's heartbeats are neither counted over more than a minute nor read but for a page", async () => {
		for (let n = 0; n < 60; n++) store(n, { deploymentId: idOf(n), agoMs: second + n, beats: 1 });
		await using under = new LessonUnderTest(stub);
		under.catchUp();
		under.start();
		await under.until(() => stub.requests.length > 1);
		const { occurred } = filterOf(stub.requests[0]!);
		expect(Date.parse(occurred.until) - Date.parse(occurred.since)).toBe(minute);
		expect(filterOf(stub.requests[1]!).resource?.id).toHaveLength(1);
	});

	test("ends after 1,500 requests, whatever is left", async () => {
		await using under = new LessonUnderTest(stub, { transport: endlessServer() });
		under.catchUp();
		under.start();
		while (!under.isOver) {
			await settle();
			under.clock.pass(second);
		}
		expect(under.told.told("priorsLearned")).toEqual([[{ deployments: 0, runs: 0, requests: 1_500 }]]);
	});

	test("that was interrupted is not marked as held", async () => {
		store(1, { agoMs: second });
		await using under = new LessonUnderTest(stub);
		under.catchUp();
		under.start();
		await under.until(() => under.learnedRows.length > 0);
		under.stop.abort();
		await settle();
		expect(under.tracker.drain().learned.map(({ kind }) => kind)).toEqual(["prior"]);
		expect(under.isOver).toBe(false);
	});

	test("is not held again once a database knows it", async () => {
		store(1, { agoMs: day });
		await using under = new LessonUnderTest(stub, { isDue: false });
		under.catchUp();
		under.start();
		expect(under.clock.sleepers).toBe(0);
		expect(stub.requests).toEqual([]);
	});
});

describe("the lesson gives way", () => {
	test("it takes one request in five of the budget", async () => {
		await using under = new LessonUnderTest(stub, { restPerSecond: 2 });
		under.catchUp();
		under.start();
		under.clock.pass(2.5 * second - 1);
		expect(stub.requests).toEqual([]);
		await under.until(() => stub.requests.length === 3, 100);
		expect(under.clock.nowMs).toBeGreaterThanOrEqual(45 * second + 4 * 2.5 * second - 100);
	});

	test("it waits for the first catch-up, and while detection lacks the socket", async () => {
		await using under = new LessonUnderTest(stub);
		under.start();
		await under.until(() => under.clock.nowMs > minute);
		expect(stub.requests).toEqual([]);
		under.catchUp();
		await under.until(() => stub.requests.length === 3);
		under.tracker.apply({ kind: "stream_closed", at: under.clock.now() });
		const until = under.clock.nowMs + minute;
		await under.until(() => under.clock.nowMs > until);
		expect(stub.requests.length).toBeLessThanOrEqual(4);
	});

	test("a failure is told once, counts against nobody's detection, and is tried again", async () => {
		store(1, { agoMs: 30 * second, beats: 1 });
		stub.planAnswer({ path: /events\/filter$/u, status: 400, times: 2 });
		await using under = new LessonUnderTest(stub);
		under.catchUp();
		under.start();
		await under.until(() => stub.requests.length === 2, minute);
		expect(under.clock.nowMs).toBeGreaterThan(10 * minute);
		await under.until(() => stub.requests.length === 4, minute);
		expect(under.told.told("priorsPutOff")).toHaveLength(1);
		expect(under.told.told("apiFailed")).toHaveLength(2);
		expect(under.failures).toBe(0);
		expect(under.tracker.observation.mayJudge(under.clock.now().monoMs)).toBe(true);
	});
});
