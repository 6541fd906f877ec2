import { describe, expect, test } from "vitest";
import { caseOf, minute, nowOf, stateAfter } from "../../_util/remedy-samples.ts";
import { RemedyStage } from "../../_util/remedy-stage.ts";
import { runIdOf } from "../../_util/store-samples.ts";

const second = 1_000;
const heldSlot = { limit: 1, taken: 1, leaseId: "lease-1", othersHolding: 0, othersAwaiting: 1 };

describe("a dead run whose alert is stored and whose grace is over", () => {
	test("is marked Crashed once, with the evidence and the alert in its message", async () => {
		const stage = new RemedyStage();
		const { episode } = await stage.raise(caseOf());
		await stage.round();
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		const [{ runId, type, message } = { runId: "", type: "", message: "" }] = stage.server.written;
		expect({ runId, type }).toEqual({ runId: runIdOf(1), type: "CRASHED" });
		expect(message).toContain(episode.reason);
		expect(message).toContain("likely cause: pod evicted");
		expect(message).toMatch(/\(zombied, alert alert-1\)$/u);
		expect(await stage.ledger()).toEqual(["crash done"]);
		expect(stage.notes.get("alert-1")).toBe("zombied did the remedy crash: set to CRASHED");
		expect(stage.told.told("remedied").map(([entry]) => entry.result)).toEqual(["done"]);
	});

	test("is only written down in a dry run, once, and marked when the scope is switched on", async () => {
		const stage = new RemedyStage();
		stage.settings = { ...stage.settings, mode: "dry-run" };
		await stage.raise(caseOf());
		stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { slot: heldSlot }));
		await stage.round();
		await stage.round();
		expect(stage.server.written).toEqual([]);
		expect(stage.server.renewed).toEqual([]);
		expect(await stage.ledger()).toEqual(["crash would"]);
		expect(stage.told.told("remedied")).toHaveLength(1);
		stage.settings = { ...stage.settings, mode: "on" };
		stage.clock.pass(minute);
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		expect(await stage.ledger()).toEqual(["crash done"]);
	});

	test("is left alone, and not even written down, where remedies are off", async () => {
		const stage = new RemedyStage();
		stage.settings = { ...stage.settings, mode: "off" };
		await stage.raise(caseOf());
		await stage.round();
		expect(stage.server.written).toEqual([]);
		expect(await stage.ledger()).toEqual([]);
	});

	test("is cancelled when it is being cancelled", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf({ state: { type: "CANCELLING" } }));
		await stage.round();
		expect(stage.server.written.map(({ type }) => type)).toEqual(["CANCELLED"]);
	});
});

describe("nothing is done", () => {
	test("while its alert is told from memory alone, since the store fails", async () => {
		const stage = new RemedyStage();
		const one = await stage.raise(caseOf(), false);
		await stage.round();
		expect(stage.server.written).toEqual([]);
		await stage.raise(one);
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
	});

	test("when it could not be written down first", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.onLook = () => {
			stage.store.failingWith = "SQLITE_FULL";
		};
		await stage.round();
		expect(stage.server.written).toEqual([]);
		expect(stage.told.told("remedyPutOff")).toHaveLength(1);
		stage.store.failingWith = null;
		stage.server.onLook = () => undefined;
		stage.clock.pass(minute);
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
	});

	test("when a beat comes while the server is asked", async () => {
		const stage = new RemedyStage();
		const one = await stage.raise(caseOf());
		stage.server.onLook = () => stage.over(one);
		await stage.round();
		expect(stage.server.written).toEqual([]);
		expect(await stage.ledger()).toEqual([]);
	});

	test("when we become blind while the server is asked", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.onLook = () => {
			stage.isBlind = true;
		};
		await stage.round();
		expect(stage.server.written).toEqual([]);
	});

	const refusals: readonly (readonly [reason: string, spoil: (stage: RemedyStage) => void])[] = [
		[
			"blind",
			(stage) => {
				stage.isBlind = true;
			},
		],
		[
			"denied",
			(stage) => {
				stage.settings = { ...stage.settings, deny: [{ workPool: "k8*" }] };
			},
		],
		["gone", (stage) => void stage.server.nows.set(runIdOf(1), null)],
		["changed", (stage) => void stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { stateId: "another" }))],
		["alive", (stage) => void stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { newestSignMs: 9e15 }))],
	];

	test.each(refusals)(
		"for a reason (%s) that is told and written down, once an hour while it stands",
		async (reason, spoil) => {
			const stage = new RemedyStage();
			await stage.raise(caseOf());
			spoil(stage);
			await stage.round();
			await stage.round();
			expect(stage.server.written).toEqual([]);
			expect(await stage.ledger()).toEqual([`crash refused ${reason}`]);
			expect(stage.notes.get("alert-1")).toContain("did not do the remedy crash");
			expect(stage.told.told("remedied")).toHaveLength(1);
			stage.clock.pass(60 * minute);
			await stage.round();
			const [entry] = await stage.entries();
			expect(entry).toMatchObject({ times: 2 });
			expect(entry?.firstAtMs).toBeLessThan(entry?.atMs ?? 0);
		},
	);

	test("what stood in the way for a while is done when it is over", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.isBlind = true;
		await stage.round();
		stage.isBlind = false;
		stage.clock.pass(second);
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash refused blind", "crash done"]);
	});
});

describe("the server is asked", () => {
	test("about an alert that is refused once a minute", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		let asked = 0;
		stage.server.onLook = () => {
			asked += 1;
			stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { stateId: "another" }));
		};
		for (let round = 0; round < 12; round += 1) {
			await stage.round();
			stage.clock.pass(5 * second);
		}
		expect(asked).toBe(1);
		await stage.round();
		expect(asked).toBe(2);
	});

	test("about three alerts in one round, and about the others in the next", async () => {
		const stage = new RemedyStage();
		const asked: number[] = [];
		let asks = 0;
		stage.server.onLook = () => {
			asks += 1;
		};
		for (const n of [1, 2, 3, 4, 5]) {
			await stage.raise(caseOf({ n }));
			stage.server.nows.set(runIdOf(n), null);
		}
		for (let round = 0; round < 3; round += 1) {
			await stage.round();
			asked.push(asks);
		}
		expect(asked).toEqual([3, 5, 5]);
	});
});

describe("the slot of its deployment", () => {
	test("is kept for it while it is marked, though others wait for it", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { slot: heldSlot }));
		await stage.round();
		expect(stage.server.renewed).toEqual(["lease-1"]);
		expect(stage.server.written).toHaveLength(1);
	});

	test("is its own without a lease, where its client is older than leases", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { slot: heldSlot }));
		stage.server.isLeaseGone = true;
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
	});

	test("is another run's when its lease passed a moment ago: then it is not marked", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		let isFirst = true;
		stage.server.onLook = () => {
			const slot = isFirst ? heldSlot : { ...heldSlot, taken: 1, othersHolding: 1, othersAwaiting: 0 };
			stage.server.nows.set(runIdOf(1), nowOf(caseOf(), { slot }));
			isFirst = false;
		};
		stage.server.isLeaseGone = true;
		await stage.round();
		expect(stage.server.written).toEqual([]);
		expect(await stage.ledger()).toEqual(["crash refused slot"]);
	});
});

describe("the budget", () => {
	test("of a pool holds for its runs, and those that are left follow as it fills", async () => {
		const stage = new RemedyStage();
		for (const n of [1, 2, 3]) await stage.raise(caseOf({ n }));
		await stage.round();
		expect(stage.server.written).toHaveLength(2);
		expect(await stage.ledger()).toContain("crash refused pool_budget");
		stage.clock.pass(30 * second);
		await stage.round();
		expect(stage.server.written).toHaveLength(3);
	});

	test("is not full again after a restart", async () => {
		const stage = new RemedyStage();
		for (const n of [1, 2]) await stage.raise(caseOf({ n }));
		await stage.round();
		stage.restart();
		await stage.raise(caseOf({ n: 3 }));
		await stage.round();
		expect(stage.server.written).toHaveLength(2);
	});

	test("of dry runs is one of its own", async () => {
		const stage = new RemedyStage();
		const scopes = [{ match: { tag: "a" }, mode: "dry-run" as const, reschedule: null }];
		stage.settings = { ...stage.settings, perMinute: 1, scopes };
		await stage.raise(caseOf());
		await stage.raise(caseOf({ n: 2, run: { labels: { ...caseOf().run.labels, tags: ["b"] } } }));
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash would", "crash done"]);
	});
});

describe("Prefect", () => {
	test.each(["REJECT", "ABORT", "WAIT"] as const)(
		"answers %s: it is not done, and is tried three times in all",
		async (status) => {
			const stage = new RemedyStage();
			await stage.raise(caseOf());
			stage.server.answer = { status, reason: "no", stateTimestampMs: null };
			for (let round = 0; round < 5; round += 1) {
				await stage.round();
				stage.clock.pass(minute);
			}
			expect(stage.server.written).toHaveLength(3);
			expect(await stage.ledger()).toEqual(["crash failed"]);
			expect((await stage.entries())[0]?.detail).toBe(`Prefect answered ${status} to CRASHED: no`);
		},
	);

	test("does not answer at all: other runs wait for nobody", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.isAway = true;
		await stage.round();
		expect(stage.told.told("remedyPutOff").length).toBeGreaterThan(0);
		stage.server.isAway = false;
		stage.clock.pass(minute);
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
	});
});

describe("a process that dies, or loses the answer, between writing down and hearing", () => {
	test("finds its own mark, and does nothing twice", async () => {
		const stage = new RemedyStage();
		const one = await stage.raise(caseOf());
		stage.server.losesAnswers = true;
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash intended"]);
		stage.over(one);
		stage.restart();
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		expect(await stage.ledger()).toEqual(["crash done"]);
		expect((await stage.entries())[0]?.markedServerMs).toBe(stage.server.answer.stateTimestampMs);
	});

	test("finds the run as it was, and tries again", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.server.losesAnswers = true;
		stage.server.answer = { ...stage.server.answer, status: "WAIT" };
		await stage.round();
		stage.server.losesAnswers = false;
		stage.server.answer = { ...stage.server.answer, status: "ACCEPT" };
		stage.restart();
		await stage.round();
		expect(stage.server.written).toHaveLength(2);
		expect((await stage.entries()).map(({ result, times }) => [result, times])).toEqual([["done", 2]]);
	});

	test("finds that somebody else has set another state, and leaves it", async () => {
		const stage = new RemedyStage();
		const one = await stage.raise(caseOf());
		stage.server.losesAnswers = true;
		await stage.round();
		stage.over(one);
		const known = { attempt: 2, stateTimestampMs: null, isSubflow: false };
		stage.server.states.set(runIdOf(1), { ...known, stateId: "x", stateType: "CANCELLED", message: "by hand" });
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		expect((await stage.entries())[0]).toMatchObject({
			result: "failed",
			detail: "somebody else has set the run to CANCELLED",
		});
	});

	test("tells its open alerts again what was done about them", async () => {
		const stage = new RemedyStage();
		await stage.raise(caseOf());
		stage.settings = { ...stage.settings, mode: "dry-run" };
		await stage.round();
		stage.clock.pass(48 * 60 * minute);
		stage.restart();
		await stage.round();
		expect(stage.notes.get("alert-1")).toContain("would have done the remedy crash");
		expect(stage.told.told("remedied")).toHaveLength(1);
	});
});

describe("a run that was alive", () => {
	async function marked(): Promise<{ stage: RemedyStage; one: ReturnType<typeof caseOf> }> {
		const stage = new RemedyStage();
		stage.settings = { ...stage.settings, scopes: [{ match: { workPool: "k8s" }, mode: "on", reschedule: null }] };
		const one = await stage.raise(caseOf());
		await stage.round();
		return { stage, one };
	}
	const beatAfter = (stage: RemedyStage) => ({
		eventId: "late",
		occurredMs: null,
		receivedMs: stage.clock.now().wallMs + second,
	});

	test("is told as our mistake once, and its scope does nothing more until an operator says so", async () => {
		const { stage, one } = await marked();
		stage.over(one, { lastBeat: beatAfter(stage) });
		await stage.round();
		await stage.round();
		expect(stage.told.told("remedyMistaken").map(([facts]) => [facts.scope, facts.kind])).toEqual([
			["workPool=k8s", "beat"],
		]);
		expect((await stage.entries())[0]?.mistake?.kind).toBe("beat");
		stage.clock.pass(minute);
		await stage.raise(caseOf({ n: 2 }));
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		expect(await stage.ledger()).toEqual(["crash done", "crash would"]);

		stage.restart();
		await stage.round();
		expect(stage.server.written).toHaveLength(1);
		expect(stage.remedier.holds.map(({ scope }) => scope)).toEqual(["workPool=k8s"]);

		expect(await stage.remedier.release("another")).toBe(false);
		expect(await stage.remedier.release("workPool=k8s")).toBe(true);
		await stage.round();
		expect(stage.server.written).toHaveLength(2);
		stage.restart();
		await stage.round();
		expect(stage.remedier.holds).toEqual([]);
	});

	test("is one that completes as well", async () => {
		const { stage, one } = await marked();
		const nowMs = stage.clock.now().wallMs;
		stage.over(one, { state: { ...stateAfter("COMPLETED", 0), timestampMs: nowMs + second } });
		await stage.round();
		expect(stage.told.told("remedyMistaken").map(([facts]) => facts.kind)).toEqual(["went_on"]);
	});

	test("is noticed by a later process, and where remedies have been switched off since", async () => {
		const { stage, one } = await marked();
		stage.settings = { ...stage.settings, scopes: [], mode: "off" };
		stage.over(one, { lastBeat: beatAfter(stage) });
		stage.restart();
		await stage.round();
		expect(stage.told.told("remedyMistaken")).toHaveLength(1);
	});

	test("is not one that stays as it was marked", async () => {
		const { stage, one } = await marked();
		stage.over(one);
		await stage.round();
		expect(stage.told.told("remedyMistaken")).toEqual([]);
		expect(stage.remedier.holds).toEqual([]);
	});
});

describe("a run of a deployment that was marked Crashed", () => {
	async function markedWith(reschedule: number): Promise<RemedyStage> {
		const stage = new RemedyStage();
		stage.settings = { ...stage.settings, reschedule };
		const one = await stage.raise(caseOf());
		await stage.round();
		stage.over(one);
		return stage;
	}

	test("is run again once, where that is allowed", async () => {
		const stage = await markedWith(1);
		await stage.round();
		await stage.round();
		expect([...stage.server.made]).toEqual([["zombied-alert-1", `again-${runIdOf(1)}`]]);
		expect(await stage.ledger()).toEqual(["crash done", "reschedule done"]);
		expect((await stage.entries()).at(-1)?.newRunId).toBe(`again-${runIdOf(1)}`);
	});

	test("is not run again where nobody asked for it", async () => {
		const stage = await markedWith(0);
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash done"]);
		expect(stage.server.made.size).toBe(0);
	});

	test("is made once though the answer was lost", async () => {
		const stage = await markedWith(1);
		stage.server.losesAnswers = true;
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash done", "reschedule intended"]);
		stage.server.losesAnswers = false;
		stage.restart();
		await stage.round();
		expect(stage.server.made.size).toBe(1);
		expect(await stage.ledger()).toEqual(["crash done", "reschedule done"]);
	});

	test("is not run again when it is a subflow, or no longer as it was marked", async () => {
		const subflow = await markedWith(1);
		const state = subflow.server.states.get(runIdOf(1));
		if (state === undefined) throw new Error("it was not marked");
		subflow.server.states.set(runIdOf(1), { ...state, isSubflow: true });
		await subflow.round();
		expect(await subflow.ledger()).toEqual(["crash done", "reschedule refused subflow"]);

		const taken = await markedWith(1);
		taken.server.states.set(runIdOf(1), { ...state, message: "set by hand" });
		await taken.round();
		await taken.round();
		expect(await taken.ledger()).toEqual(["crash done", "reschedule refused not_crashed"]);
		expect(taken.server.made.size).toBe(0);
	});

	test("is run again so often a day, its new runs counted with it", async () => {
		const stage = await markedWith(1);
		await stage.round();
		const again = caseOf({ n: 2 });
		stage.server.made.set("zombied-alert-1", again.episode.runId);
		const [, entry] = await stage.entries();
		if (entry === undefined) throw new Error("it was not run again");
		await stage.store.remedies.write({
			workspace: "prod",
			entries: [{ ...entry, newRunId: again.episode.runId }],
			holds: [],
			released: [],
		});
		stage.restart();
		stage.clock.pass(minute);
		const one = await stage.raise(again);
		await stage.round();
		stage.over(one);
		stage.clock.pass(second);
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash done", "reschedule done", "crash done", "reschedule refused often"]);
	});

	test("is told by a dry run, and none is made", async () => {
		const stage = new RemedyStage();
		stage.settings = { ...stage.settings, mode: "dry-run", reschedule: 1 };
		await stage.raise(caseOf());
		await stage.round();
		await stage.round();
		expect(await stage.ledger()).toEqual(["crash would", "reschedule would"]);
		expect(stage.server.made.size).toBe(0);
	});
});
