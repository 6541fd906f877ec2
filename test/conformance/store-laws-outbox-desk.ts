import { expect, test } from "vitest";
import { deliveredToSink, type Hold } from "../../src/core/delivery.ts";
import type { OutboxStore } from "../../src/store/outbox-store.ts";
import type { Store } from "../../src/store/store.ts";
import { batchOf, closedOf, deliveryOf, episodeOf, groupOf, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const all = { workspace, sink: null, key: null };
const silenced: Hold = { reason: "silenced", detail: "silence 1: upgrade", untilMs: 500.5 };
const folded: Hold = { reason: "folded", detail: "part of group incident g", untilMs: null };
const refused = { fate: "refused", detail: "answers 400" } as const;

function clockAt(wallMs: number): StandingClock {
	const clock = new StandingClock();
	clock.wallMs = wallMs;
	return clock;
}

function rowOf(n: number, sink = "slack", where = workspace) {
	return deliveryOf(episodeOf(n, `alert-${n}`, { workspace: where }), { sink, createdAtMs: n });
}

function keyOf(n: number, sink = "slack") {
	return { sink, key: `alert-${n}:raised` };
}

async function pendingOf(store: Store, sink = "slack"): Promise<readonly string[]> {
	return (await store.loadOutbox({ workspace, sink, rowsMax: 99 })).map(({ transition }) => transition.key);
}

async function undeliverable(outbox: OutboxStore) {
	return await outbox.entries({ ...all, which: "undeliverable", rowsMax: 9 });
}

export function outboxDeskLaws(build: BuildHouse): void {
	test("what is held is not to be sent, through a restart, until it is released", async () => {
		await using house = await build(new StandingClock());
		{
			await using store = await house.open();
			await store.commit(batchOf({ outbox: [1, 2, 3].map((n) => rowOf(n)) }));
			const held = [
				{ ...keyOf(1), ...silenced },
				{ ...keyOf(2), ...folded },
			];
			await store.commit(batchOf({ held }));
		}
		await using store = await house.open();
		expect(await pendingOf(store)).toEqual(["alert-3:raised"]);
		expect((await store.load(workspace)).outbox).toStrictEqual([rowOf(3)]);
		expect(new Set(await store.outbox.held(workspace))).toEqual(
			new Set([
				{ ...keyOf(1), reason: "silenced", untilMs: 500.5 },
				{ ...keyOf(2), reason: "folded", untilMs: null },
			]),
		);
		expect(await store.outbox.release({ workspace, dueMs: 500 })).toEqual([]);
		expect(await store.outbox.release({ workspace, dueMs: 500.5 })).toEqual([{ sink: "slack", rows: 1 }]);
		expect(await pendingOf(store)).toEqual(["alert-1:raised", "alert-3:raised"]);
		expect(await store.outbox.release({ workspace: "other", dueMs: null })).toEqual([]);
		expect(await store.outbox.release({ workspace, dueMs: null })).toEqual([{ sink: "slack", rows: 1 }]);
		expect(await pendingOf(store)).toEqual(["alert-1:raised", "alert-2:raised", "alert-3:raised"]);
		expect(await store.outbox.held(workspace)).toEqual([]);
	});

	test("a row may be held in the batch that brings it, and settled while it is held", async () => {
		await using house = await build(clockAt(77));
		await using store = await house.open();
		await store.commit(batchOf({ outbox: [rowOf(1)], held: [{ ...keyOf(1), ...silenced }] }));
		expect(await pendingOf(store)).toEqual([]);
		await store.commit(batchOf({ settled: [{ ...keyOf(1), fate: "silenced", detail: "over" }] }));
		await store.commit(
			batchOf({
				held: [
					{ ...keyOf(1), ...folded },
					{ ...keyOf(9), ...folded },
				],
			}),
		);
		expect(await store.outbox.held(workspace)).toEqual([]);
		expect(await undeliverable(store.outbox)).toStrictEqual([
			{ ...rowOf(1), fate: "silenced", detail: "over", heldUntilMs: null, settledAtMs: 77 },
		]);
	});

	test("what is owed and what was undeliverable can be seen, oldest first, of one sink or of one key", async () => {
		await using house = await build(clockAt(77));
		await using store = await house.open();
		const rows = [rowOf(3), rowOf(1), rowOf(2), rowOf(4, "pager"), rowOf(5, "slack", "other"), rowOf(6)];
		await store.commit(batchOf({ outbox: rows, held: [{ ...keyOf(2), ...silenced }] }));
		await store.commit(
			batchOf({
				settled: [
					{ ...keyOf(1), ...refused },
					{ ...keyOf(6), ...deliveredToSink },
				],
			}),
		);
		const nothing = { detail: null, heldUntilMs: null, settledAtMs: null };
		const owed = { ...all, which: "owed" as const, rowsMax: 9 };
		const [two, three, four] = [
			{ ...rowOf(2), fate: "silenced", detail: silenced.detail, heldUntilMs: 500.5, settledAtMs: null },
			{ ...rowOf(3), fate: "pending", ...nothing },
			{ ...rowOf(4, "pager"), fate: "pending", ...nothing },
		];
		expect(await store.outbox.entries(owed)).toStrictEqual([two, three, four]);
		expect(await store.outbox.entries({ ...owed, rowsMax: 1 })).toStrictEqual([two]);
		expect(await store.outbox.entries({ ...owed, sink: "pager" })).toStrictEqual([four]);
		expect(await store.outbox.entries({ ...owed, key: "alert-3:raised" })).toStrictEqual([three]);
		expect(await undeliverable(store.outbox)).toStrictEqual([
			{ ...rowOf(1), ...refused, heldUntilMs: null, settledAtMs: 77 },
		]);
	});

	test("what died is pending again once it is retried, and nothing else is", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ outbox: [1, 2, 3, 4, 5].map((n) => rowOf(n)) }));
		const settled = [
			{ ...keyOf(1), ...refused },
			{ ...keyOf(2), fate: "given_up", detail: "after a day" } as const,
			{ ...keyOf(3), fate: "silenced", detail: "over" } as const,
			{ ...keyOf(4), ...deliveredToSink },
		];
		await store.commit(batchOf({ settled }));
		expect(await store.outbox.retry({ ...all, sink: "pager" })).toEqual([]);
		expect(await store.outbox.retry({ ...all, key: "alert-2:raised" })).toEqual([{ sink: "slack", rows: 1 }]);
		expect(await pendingOf(store)).toEqual(["alert-2:raised", "alert-5:raised"]);
		expect(await store.outbox.retry(all)).toEqual([{ sink: "slack", rows: 1 }]);
		expect(await pendingOf(store)).toEqual(["alert-1:raised", "alert-2:raised", "alert-5:raised"]);
		// A settlement that comes now is of the new try.
		await store.commit(batchOf({ settled: [{ ...keyOf(1), ...deliveredToSink }] }));
		expect(await pendingOf(store)).toEqual(["alert-2:raised", "alert-5:raised"]);
	});

	test("what is dropped is never sent, whether it was held or not, and can be retried", async () => {
		await using house = await build(clockAt(77));
		await using store = await house.open();
		const outbox = [rowOf(1), rowOf(2), rowOf(3, "pager")];
		await store.commit(batchOf({ outbox, held: [{ ...keyOf(2), ...silenced }] }));
		const why = { detail: "the channel is gone" };
		expect(await store.outbox.drop({ ...all, sink: "slack", ...why })).toEqual([{ sink: "slack", rows: 2 }]);
		expect([await pendingOf(store), await pendingOf(store, "pager")]).toEqual([[], ["alert-3:raised"]]);
		expect(await store.outbox.held(workspace)).toEqual([]);
		expect((await undeliverable(store.outbox)).map(({ fate, detail }) => [fate, detail])).toEqual([
			["dropped", why.detail],
			["dropped", why.detail],
		]);
		expect(await store.outbox.retry(all)).toEqual([{ sink: "slack", rows: 2 }]);
	});

	test("what is owed to sinks that are gone is given up once it is old", async () => {
		await using house = await build(clockAt(77));
		await using store = await house.open();
		const outbox = [rowOf(1), rowOf(2), rowOf(1, "pager"), rowOf(1, "slack", "other")];
		await store.commit(batchOf({ outbox, held: [{ ...keyOf(1), ...folded }] }));
		const owed = { workspace, sinks: ["log", "pager"], createdBeforeMs: 2, detail: "no such sink" };
		expect(await store.outbox.giveUpOthers(owed)).toEqual([{ sink: "slack", rows: 1 }]);
		expect([await pendingOf(store), await pendingOf(store, "pager")]).toEqual([["alert-2:raised"], ["alert-1:raised"]]);
	});

	test("what was settled long ago is deleted, whatever became of it", async () => {
		await using house = await build(clockAt(77));
		await using store = await house.open();
		await store.commit(batchOf({ outbox: [rowOf(1), rowOf(2)], settled: [{ ...keyOf(1), ...refused }] }));
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 77 });
		expect(await undeliverable(store.outbox)).toHaveLength(1);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 78 });
		expect(await undeliverable(store.outbox)).toEqual([]);
		expect(await pendingOf(store)).toEqual(["alert-2:raised"]);
	});

	test("after disposal nothing is read or changed", async () => {
		await using house = await build(new StandingClock());
		const store = await house.open();
		await store[Symbol.asyncDispose]();
		for (const call of [
			() => store.outbox.entries({ ...all, which: "owed", rowsMax: 1 }),
			() => store.outbox.held(workspace),
			() => store.outbox.release({ workspace, dueMs: null }),
			() => store.outbox.retry(all),
			() => store.outbox.drop({ ...all, detail: "" }),
		]) {
			await expect(call()).rejects.toMatchObject({ code: "CLOSED" });
		}
	});
}

export function silenceLaws(build: BuildHouse): void {
	const silence = {
		silenceId: "s1",
		match: { deployment: "etl/*" },
		conditions: ["zombie" as const],
		fromMs: 10.5,
		untilMs: 100.5,
		why: "upgrade",
	};

	test("a silence is there until it ends, field by field, through a restart and in its workspace alone", async () => {
		await using house = await build(new StandingClock());
		const other = { ...silence, silenceId: "s2", match: {}, conditions: [], untilMs: 50 };
		{
			await using store = await house.open();
			await store.silences.putSilence({ workspace, ...silence, why: "first" });
			await store.silences.putSilence({ workspace, ...silence });
			await store.silences.putSilence({ workspace, ...other });
		}
		await using store = await house.open();
		expect(await store.silences.silences({ workspace, afterMs: 49 })).toStrictEqual([other, silence]);
		expect(await store.silences.silences({ workspace, afterMs: 50 })).toStrictEqual([silence]);
		expect(await store.silences.silences({ workspace: "other", afterMs: 0 })).toEqual([]);
		expect(await store.silences.endSilence({ workspace: "other", silenceId: "s1", atMs: 60 })).toBe(false);
		expect(await store.silences.endSilence({ workspace, silenceId: "s1", atMs: 60 })).toBe(true);
		expect(await store.silences.endSilence({ workspace, silenceId: "s1", atMs: 61 })).toBe(false);
		expect(await store.silences.silences({ workspace, afterMs: 59 })).toStrictEqual([{ ...silence, untilMs: 60 }]);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 60 });
		expect(await store.silences.silences({ workspace, afterMs: 0 })).toHaveLength(1);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 61 });
		expect(await store.silences.silences({ workspace, afterMs: 0 })).toEqual([]);
	});

	test("an acknowledgement is there while its alert is open, the last word of several", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episode = episodeOf(1, "alert-1");
		const word = { alertId: "alert-1", why: "Kim", atMs: 5.5 };
		await store.commit(batchOf({ episodes: [episode] }));
		await store.silences.acknowledge({ workspace, ...word, why: "first" });
		await store.silences.acknowledge({ workspace, ...word });
		await store.silences.acknowledge({ workspace, ...word, alertId: "unknown" });
		expect(await store.silences.acknowledgements(workspace)).toStrictEqual([word]);
		expect(await store.silences.acknowledgements("other")).toEqual([]);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 50 });
		expect(await store.silences.acknowledgements(workspace)).toStrictEqual([word]);
		await store.commit(batchOf({ episodes: [closedOf(episode, 60)] }));
		expect(await store.silences.acknowledgements(workspace)).toEqual([]);
	});

	test("open alerts and group incidents are found by the beginning of their ids", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [one, two] = [episodeOf(1, "abc1"), episodeOf(2, "abc2")];
		const groups = [{ workspace, incident: groupOf("abc3") }];
		await store.commit(batchOf({ episodes: [one, two], groups }));
		const idsOf = (idPrefix: string, rowsMax = 9) => store.silences.openAlerts({ workspace, idPrefix, rowsMax });
		expect(await idsOf("abc")).toEqual(["abc1", "abc2", "abc3"]);
		expect(await idsOf("abc", 2)).toEqual(["abc1", "abc2"]);
		expect(await idsOf("abc2")).toEqual(["abc2"]);
		expect(await idsOf("%")).toEqual([]);
		await store.commit(batchOf({ episodes: [closedOf(two, 5)] }));
		expect(await idsOf("abc2")).toEqual([]);
	});
}
