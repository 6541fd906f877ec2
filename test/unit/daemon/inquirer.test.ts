import { afterEach, beforeEach, expect, test } from "vitest";
import type { Input, Inquiry, InquiryAnswer } from "../../../src/core/input.ts";
import { type Answerer, Inquirer } from "../../../src/daemon/inquirer.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { ApiError } from "../../../src/prefect/api-error.ts";
import { HandClock, settle } from "../../_util/daemon-clock.ts";
import { runIdOf } from "../../_util/store-samples.ts";

interface Call {
	readonly inquiries: readonly Inquiry[];
	readonly signal: AbortSignal;
	readonly answer: (unanswered?: readonly Inquiry[]) => void;
	readonly fail: (error: unknown) => void;
}

/** Answers when the test says so. */
class HeldAnswerer implements Answerer {
	readonly calls: Call[] = [];
	readonly pools: string[] = [];
	/** What every question about a pool comes to. */
	offline: () => Promise<boolean> = () => Promise.resolve(true);

	areWorkersOffline(workPool: string): Promise<boolean> {
		this.pools.push(workPool);
		return this.offline();
	}

	answer(inquiries: readonly Inquiry[], signal: AbortSignal): ReturnType<Answerer["answer"]> {
		return new Promise((resolve, reject) => {
			const answer = (unanswered: readonly Inquiry[] = []): void =>
				resolve({ answers: inquiries.filter((one) => !unanswered.includes(one)).map(answerTo), unanswered });
			this.calls.push({ inquiries, signal, answer, fail: reject });
		});
	}
}

function answerTo(inquiry: Inquiry): InquiryAnswer {
	return { inquiry, view: null, newestBeat: null, earlierBeats: [], newestSignMs: null };
}

function inquiries(count: number): readonly Inquiry[] {
	return Array.from({ length: count }, (_, n) => ({
		runId: runIdOf(n),
		stage: "due",
		condition: "zombie",
		isUnheard: false,
		parentTaskRunId: null,
		basis: { attempt: 1, stateId: null, aliveAtMonoMs: null },
		beatsSinceMs: 0,
	}));
}

let api: HeldAnswerer;
let inputs: Input[];
let inquirer: Inquirer;
let stop: AbortController;
let running: Promise<void>;
let clock: HandClock;

beforeEach(() => {
	api = new HeldAnswerer();
	inputs = [];
	clock = new HandClock();
	inquirer = new Inquirer({ api, clock, onResult: (input) => inputs.push(input) });
	stop = new AbortController();
	running = inquirer.run(stop.signal);
	running.catch(() => undefined);
});
afterEach(() => {
	stop.abort();
});

test("questions are put 50 a call, one call at a time, in the order asked", async () => {
	const asked = inquiries(101);
	inquirer.ask(asked.slice(0, 60));
	inquirer.ask(asked.slice(60));
	await settle();
	expect(api.calls.map((call) => call.inquiries.length)).toEqual([50]);
	api.calls[0]?.answer();
	await settle();
	expect(api.calls.map((call) => call.inquiries.length)).toEqual([50, 50]);
	api.calls[1]?.answer();
	await settle();
	api.calls[2]?.answer();
	await settle();
	expect(api.calls.flatMap((call) => call.inquiries)).toEqual(asked);
	expect(inputs.flatMap((input) => (input.kind === "answered" ? input.answers : []))).toEqual(asked.map(answerTo));
});

test("answers carry the moment at which they came", async () => {
	inquirer.ask(inquiries(1));
	await settle();
	clock.pass(500);
	api.calls[0]?.answer();
	await settle();
	expect(inputs).toEqual([{ kind: "answered", at: clock.now(), answers: inquiries(1).map(answerTo) }]);
});

test("questions asked while a call is under way are in the next one", async () => {
	inquirer.ask(inquiries(1));
	await settle();
	inquirer.ask(inquiries(2));
	await settle();
	expect(api.calls).toHaveLength(1);
	api.calls[0]?.answer();
	await settle();
	expect(api.calls[1]?.inquiries).toEqual(inquiries(2));
});

test("what the server's rows did not tell is unanswered, the rest answered", async () => {
	const asked = inquiries(3);
	inquirer.ask(asked);
	await settle();
	api.calls[0]?.answer(asked.slice(1));
	await settle();
	expect(inputs).toEqual([
		{ kind: "answered", at: clock.now(), answers: asked.slice(0, 1).map(answerTo) },
		{ kind: "unanswered", at: clock.now(), inquiries: asked.slice(1) },
	]);
});

test.each([true, false])(
	"a failure of the server (retryable: %s) leaves all unanswered, and the next call is made",
	async (retryable) => {
		inquirer.ask(inquiries(2));
		await settle();
		api.calls[0]?.fail(new OutsideError("no answer", { retryable }));
		await settle();
		expect(inputs).toEqual([{ kind: "unanswered", at: clock.now(), inquiries: inquiries(2) }]);
		inquirer.ask(inquiries(1));
		await settle();
		expect(api.calls).toHaveLength(2);
	},
);

test("abort while nothing is asked ends it", async () => {
	await settle();
	stop.abort();
	await expect(running).resolves.toBeUndefined();
});

test("abort during a call ends it without an answer", async () => {
	inquirer.ask(inquiries(60));
	await settle();
	const [call] = api.calls;
	stop.abort(new Error("stop"));
	expect(call?.signal.aborted).toBe(true);
	call?.fail(stop.signal.reason);
	await expect(running).resolves.toBeUndefined();
	expect(inputs).toEqual([]);
	expect(api.calls).toHaveLength(1);
});

test("anything but a failure of the server is a bug, and ends it", async () => {
	inquirer.ask(inquiries(1));
	await settle();
	api.calls[0]?.fail(new TypeError("a bug"));
	await expect(running).rejects.toThrow(new TypeError("a bug"));
});

test("pools are asked about one by one, beside runs, and the answers come back as inputs", async () => {
	inquirer.ask(inquiries(1), ["p", "q"]);
	await settle();
	expect(api.pools).toEqual([]);
	api.calls[0]!.answer();
	await settle();
	expect(api.pools).toEqual(["p", "q"]);
	expect(inputs.slice(1)).toEqual([
		{ kind: "workers", at: clock.now(), workPool: "p", offline: true },
		{ kind: "workers", at: clock.now(), workPool: "q", offline: true },
	]);
});

test("a pool is asked about once, however often that is wanted meanwhile, and fifty wait at most", async () => {
	const held = Promise.withResolvers<boolean>();
	api.offline = () => held.promise;
	inquirer.ask([], ["p"]);
	await settle();
	for (let n = 0; n < 60; n++) inquirer.ask([], ["q", `r${n}`]);
	held.resolve(false);
	await settle();
	expect(api.pools).toHaveLength(51);
	expect(api.pools.slice(0, 3)).toEqual(["p", "q", "r0"]);
});

test("a pool that the server does not answer about is told nothing of; what is no failure of the server is a bug", async () => {
	api.offline = () => Promise.reject(new ApiError("unreachable", "away"));
	inquirer.ask([], ["p"]);
	await settle();
	expect(inputs).toEqual([]);
	api.offline = () => Promise.reject(new TypeError("a bug"));
	inquirer.ask([], ["q"]);
	await expect(running).rejects.toThrow("a bug");
});
