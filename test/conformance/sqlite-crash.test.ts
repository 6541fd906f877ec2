import { expect, test } from "vitest";
import { isOfEpisode } from "../../src/core/episode.ts";
import { StoreChild } from "../_util/store-child.ts";
import { buildSqliteHouse } from "../_util/store-houses.ts";
import { runsIn } from "../_util/store-runs.ts";
import { runsPerNumberedBatch, StandingClock, workspace } from "../_util/store-samples.ts";

const commitLoop = new URL("./children/commit-loop.ts", import.meta.url);

/** Reads the child's numbers up to `count`, kills it, and gives the last number that it told at all. */
async function killAfter(child: StoreChild, count: number): Promise<number> {
	let last = 0;
	for (let seen = 0; seen < count; seen += 1) {
		last = Number((await child.line()) ?? expect.fail("the child ended by itself"));
	}
	await child.kill();
	for (let line = await child.line(); line !== null; line = await child.line()) {
		last = Number(line);
	}
	return last;
}

test("after kill -9 at any point every acknowledged batch is there, and each batch whole or not at all", {
	timeout: 60_000,
}, async () => {
	await using house = await buildSqliteHouse(new StandingClock());
	let stored = 0;
	for (const acknowledgements of [1, 2, 3, 5, 8, 13, 40]) {
		await using child = new StoreChild(commitLoop, house.path);
		expect(await child.line()).toBe("opening");
		const acknowledged = await killAfter(child, acknowledgements);
		await using store = await house.open();
		const world = await store.load(workspace);

		const before = stored;
		stored = world.openEpisodes.length;
		expect(acknowledged).toBeGreaterThanOrEqual(before + acknowledgements);
		expect([acknowledged, acknowledged + 1]).toContain(stored);
		const numbers = Array.from({ length: stored }, (_, index) => index + 1);
		expect(world.openEpisodes.map(({ attempt }) => attempt).toSorted((one, other) => one - other)).toStrictEqual(
			numbers,
		);
		expect(world.outbox.map(({ transition }) => isOfEpisode(transition) && transition.episode.attempt)).toStrictEqual(
			numbers,
		);
		expect(world.workspaces.map(({ coveredUntilServerMs }) => coveredUntilServerMs)).toStrictEqual([stored]);
		const runsPerBatch = Map.groupBy(await runsIn(store, workspace), ({ row }) => row.attempt);
		expect([...runsPerBatch.keys()]).toStrictEqual(numbers);
		expect([...runsPerBatch.values()].every((runs) => runs.length === runsPerNumberedBatch)).toBe(true);
	}
});

test("after kill -9 while the file is made, the next start makes or finds it whole", { timeout: 60_000 }, async () => {
	for (const round of [1, 2, 3, 4, 5]) {
		await using house = await buildSqliteHouse(new StandingClock());
		await using child = new StoreChild(commitLoop, house.path);
		expect(await child.line(), `round ${round}`).toBe("opening");
		await child.kill();
		await using store = await house.open();
		expect((await runsIn(store, workspace)).length % runsPerNumberedBatch).toBe(0);
	}
});
