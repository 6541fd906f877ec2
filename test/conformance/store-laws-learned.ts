import { expect, test } from "vitest";
import { batchOf, learnedSamples, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const [prior, habit, patience] = learnedSamples;
const more = { ...patience, row: { ...patience.row, extraK: 2 } };

export function learnedLaws(build: BuildHouse): void {
	test("each kind comes back in its shape through a restart", async () => {
		await using house = await build(new StandingClock());
		{
			await using store = await house.open();
			await store.commit(batchOf({ learned: learnedSamples.map((row) => ({ ...row, workspace })) }));
		}
		await using store = await house.open();
		expect((await store.load(workspace)).learned).toStrictEqual(learnedSamples);
	});

	test("a row is there once, as it was written last, and rows come in the order of their last writing", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ learned: [patience, habit, prior].map((row) => ({ ...row, workspace })) }));
		await store.commit(batchOf({ learned: [habit, patience, more].map((row) => ({ ...row, workspace })) }));
		expect((await store.load(workspace)).learned).toStrictEqual([prior, habit, more]);
	});

	test("the key is workspace, kind and key: what differs in one of them is another row", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const another = { ...patience, key: "deployment-2", row: { ...patience.row, key: "deployment-2" } };
		await store.commit(batchOf({ learned: [habit, patience, another].map((row) => ({ ...row, workspace })) }));
		await store.commit(batchOf({ learned: [{ ...more, workspace: "other" }] }));
		expect((await store.load(workspace)).learned).toStrictEqual([habit, patience, another]);
		expect((await store.load("other")).learned).toStrictEqual([more]);
		await store.commit(batchOf({ learned: [{ ...patience, workspace, row: null }] }));
		expect((await store.load(workspace)).learned).toStrictEqual([habit, another]);
		expect((await store.load("other")).learned).toStrictEqual([more]);
	});

	test("what is forgotten is gone, may be forgotten again, and is the last when it is learned anew", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const forgotten = { ...patience, workspace, row: null };
		await store.commit(batchOf({ learned: [forgotten] }));
		await store.commit(batchOf({ learned: [patience, prior].map((row) => ({ ...row, workspace })) }));
		await store.commit(batchOf({ learned: [forgotten, forgotten] }));
		expect((await store.load(workspace)).learned).toStrictEqual([prior]);
		await store.commit(batchOf({ learned: [forgotten, { ...more, workspace }] }));
		expect((await store.load(workspace)).learned).toStrictEqual([prior, more]);
	});

	test("retention leaves it alone", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ learned: [{ ...patience, workspace }] }));
		const endMs = Number.MAX_SAFE_INTEGER;
		await store.retain({ runsBeforeMs: endMs, episodesBeforeMs: endMs });
		expect((await store.load(workspace)).learned).toStrictEqual([patience]);
	});
}
