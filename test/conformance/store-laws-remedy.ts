import { expect, test } from "vitest";
import type { ScopeHold } from "../../src/core/remedy.ts";
import type { RemedyChange } from "../../src/store/remedy-store.ts";
import { entryOf } from "../_util/remedy-samples.ts";
import { batchOf, closedOf, episodeOf, runIdOf, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const all = { workspace, sinceMs: 0, runId: null, withUnsettled: false, rowsMax: 100 };
const hold: ScopeHold = { scope: "all", runId: runIdOf(1), alertId: "alert-1", why: "it beat", sinceMs: 7.5 };

function changeOf(change: Partial<RemedyChange>): RemedyChange {
	return { workspace, entries: [], holds: [], released: [], ...change };
}

export function remedyLaws(build: BuildHouse): void {
	test("what was done is there after a restart, field by field, as it was written last", async () => {
		await using house = await build(new StandingClock());
		const intended = entryOf(1, { result: "intended", markedServerMs: null });
		const done = entryOf(1, { times: 2, mistake: { kind: "beat", atMs: 3.25 } });
		{
			await using store = await house.open();
			await store.remedies.write(changeOf({ entries: [intended] }));
			expect(await store.remedies.entries(all)).toStrictEqual([intended]);
			await store.remedies.write(changeOf({ entries: [done] }));
		}
		await using store = await house.open();
		expect(await store.remedies.entries(all)).toStrictEqual([done]);
	});

	test("an alert has an entry for each action and each reason of refusal, in the order of time", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const entries = [
			entryOf(1, { atMs: 30 }),
			entryOf(1, { atMs: 10, result: "refused", reason: "blind" }),
			entryOf(1, { atMs: 20, result: "refused", reason: "group" }),
			entryOf(1, { atMs: 40, action: "reschedule", newRunId: runIdOf(9) }),
			entryOf(2, { atMs: 40 }),
		];
		await store.remedies.write(changeOf({ entries }));
		const [done, blind, group, again, other] = entries;
		expect(await store.remedies.entries(all)).toStrictEqual([blind, group, done, again, other]);
		expect(await store.remedies.entries({ ...all, runId: runIdOf(2) })).toStrictEqual([other]);
		expect(await store.remedies.entries({ ...all, sinceMs: 40 })).toStrictEqual([again, other]);
		expect(await store.remedies.entries({ ...all, rowsMax: 1 })).toStrictEqual([other]);
		expect(await store.remedies.entries({ ...all, workspace: "other" })).toStrictEqual([]);
	});

	test("what is unsettled, or about an open alert, can be had however old it is", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [open, over] = [episodeOf(1, "alert-1"), episodeOf(2, "alert-2")];
		await store.commit(batchOf({ episodes: [open, over] }));
		await store.commit(batchOf({ episodes: [closedOf(over, 5)] }));
		const entries = [1, 2, 3].map((n) => entryOf(n, { atMs: n, result: n === 3 ? "intended" : "would" }));
		await store.remedies.write(changeOf({ entries }));
		expect(await store.remedies.entries({ ...all, sinceMs: 100 })).toStrictEqual([]);
		const unsettled = await store.remedies.entries({ ...all, sinceMs: 100, withUnsettled: true });
		expect(unsettled).toStrictEqual([entries[0], entries[2]]);
	});

	test("a scope is held until it is released, through a restart, and in its workspace alone", async () => {
		await using house = await build(new StandingClock());
		{
			await using store = await house.open();
			await store.remedies.write(changeOf({ holds: [{ ...hold, why: "first" }] }));
			await store.remedies.write(changeOf({ holds: [hold] }));
		}
		await using store = await house.open();
		expect(await store.remedies.holds(workspace)).toStrictEqual([hold]);
		expect(await store.remedies.holds("other")).toStrictEqual([]);
		await store.remedies.write(changeOf({ workspace: "other", released: ["all"] }));
		expect(await store.remedies.holds(workspace)).toStrictEqual([hold]);
		await store.remedies.write(changeOf({ released: ["all"] }));
		expect(await store.remedies.holds(workspace)).toStrictEqual([]);
	});

	test("what is older than resolved alerts are kept is deleted, but for what is not settled", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const entries = [1, 2, 3].map((n) => entryOf(n, { atMs: n * 10, result: n === 1 ? "intended" : "done" }));
		await store.remedies.write(changeOf({ entries }));
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 30 });
		expect(await store.remedies.entries(all)).toStrictEqual([entries[0], entries[2]]);
	});

	test("an alert that closes keeps the state in which its run ended", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const open = episodeOf(1, "alert-1");
		const closed = { ...open, closed: { outcome: "ended" as const, atMs: 5, stateType: "CRASHED" as const } };
		await store.commit(batchOf({ episodes: [open] }));
		await store.commit(batchOf({ episodes: [closed] }));
		const query = { workspace, runId: null, condition: null, isOpen: null, before: null, rowsMax: 5 };
		expect(await store.loadEpisodes(query)).toStrictEqual([closed]);
	});

	test("after disposal nothing is read or written", async () => {
		await using house = await build(new StandingClock());
		const store = await house.open();
		await store[Symbol.asyncDispose]();
		for (const call of [
			() => store.remedies.write(changeOf({})),
			() => store.remedies.entries(all),
			() => store.remedies.holds(workspace),
		]) {
			await expect(call()).rejects.toMatchObject({ code: "CLOSED" });
		}
	});
}
