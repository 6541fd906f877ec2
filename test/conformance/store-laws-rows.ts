import fc from "fast-check";
import { expect, test } from "vitest";
import { stateTypes } from "../../src/core/run.ts";
import {
	arbitraryEpisode,
	arbitraryGroup,
	arbitraryHeldRun,
	arbitraryLearned,
	arbitraryRow,
	arbitraryWorkspaceRow,
} from "../_util/store-arbitraries.ts";
import { runsIn } from "../_util/store-runs.ts";
import {
	bareRowOf,
	batchOf,
	deliveryOf,
	emptyWorld,
	episodeOf,
	groupDeliveryOf,
	heldRunOf,
	rowOf,
	runIdOf,
	StandingClock,
	stateOf,
	workspace,
} from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

export function rowLaws(build: BuildHouse): void {
	test("a run comes back field by field through a restart, with all of it known and with nothing known", async () => {
		await using house = await build(new StandingClock());
		const rows = [
			rowOf(1),
			bareRowOf(2),
			rowOf(3, { lastBeat: { eventId: "beat", occurredMs: null, receivedMs: null } }),
			...stateTypes.map((type, index) => rowOf(index + 4, { state: { ...stateOf(type), fromRest: true } })),
		];
		{
			await using store = await house.open();
			await store.commit(batchOf({ runs: rows.map((row) => ({ row, version: 0 })) }));
		}
		await using store = await house.open();
		expect(await runsIn(store, workspace)).toStrictEqual(rows.map((row) => ({ row, version: 1 })));
	});

	test("a stored name stays when a later row of the run has none, and gives way to another one", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const named = (name: string | null) => rowOf(1, { labels: { ...rowOf(1).labels, name } });
		const nameAfter = async (name: string | null, version: number): Promise<string | null | undefined> => {
			await store.commit(batchOf({ runs: [{ row: named(name), version }] }));
			return (await store.loadRun({ workspace, runId: runIdOf(1) }))?.row.labels.name;
		};
		expect(await nameAfter(null, 0)).toBeNull();
		expect(await nameAfter(null, 1)).toBeNull();
		expect(await nameAfter('quaint "owl"', 2)).toBe('quaint "owl"');
		expect(await nameAfter(null, 3)).toBe('quaint "owl"');
		expect(await nameAfter("other", 4)).toBe("other");
	});

	test("any run, episode, delivery, workspace, group and lesson comes back as it was committed", {
		timeout: 60_000,
	}, async () => {
		const rows = fc.record({
			row: arbitraryRow,
			episode: arbitraryEpisode,
			sight: arbitraryWorkspaceRow,
			group: arbitraryGroup,
			held: arbitraryHeldRun,
			learned: arbitraryLearned,
		});
		await fc.assert(
			fc.asyncProperty(rows, async ({ row, episode, sight, group, held, learned }) => {
				await using house = await build(new StandingClock());
				const open = { ...episode, closed: null };
				const incident = { ...group, closed: null };
				const place = sight.workspace;
				const owed = [deliveryOf(episode), groupDeliveryOf(group, { workspace: episode.workspace, sink: "slack" })];
				{
					await using store = await house.open();
					await store.commit(
						batchOf({
							runs: [{ row, version: 0 }],
							episodes: [open],
							outbox: owed,
							workspaces: [sight],
							groups: [{ workspace: place, incident }],
							heldRuns: [{ workspace: place, runId: held.runId, row: held }],
							learned: [{ ...learned, workspace: place }],
						}),
					);
				}
				await using store = await house.open();
				expect(await store.loadRun(row)).toStrictEqual({ row, version: 1, place: 1 });
				expect(await runsIn(store, row.workspace)).toStrictEqual([{ row, version: 1 }]);
				const world = await store.load(episode.workspace);
				expect(world.openEpisodes).toStrictEqual([open]);
				expect(world.outbox).toStrictEqual(owed);
				const { workspaces, openGroups, heldRuns, learned: known } = await store.load(place);
				expect({ workspaces, openGroups, heldRuns, known }).toStrictEqual({
					workspaces: [sight],
					openGroups: [incident],
					heldRuns: [held],
					known: [learned],
				});
			}),
			{ numRuns: 60 },
		);
	});

	test("a run's part in a mass lapse is as it was written last, until it is forgotten; they come by run id", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const at = (n: number, row = heldRunOf(n), place = workspace) => ({ workspace: place, runId: runIdOf(n), row });
		const later = heldRunOf(1, { held: null, groupId: null });
		await store.commit(batchOf({ heldRuns: [at(255), at(16), at(1), at(1, heldRunOf(1), "other")] }));
		await store.commit(batchOf({ heldRuns: [at(1, later), { ...at(16), row: null }, { ...at(9), row: null }] }));
		expect((await store.load(workspace)).heldRuns).toStrictEqual([later, heldRunOf(255)]);
		expect((await store.load("other")).heldRuns).toStrictEqual([heldRunOf(1)]);
	});

	test("runs come in the order in which they were first stored, a part at a time, open episodes by the time they were raised", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const runs = [3, 1, 255, 16].map((n) => ({ row: rowOf(n), version: 0 }));
		const episodes = [
			episodeOf(3, "b", { raisedAtMs: 20 }),
			episodeOf(1, "c", { raisedAtMs: 10 }),
			episodeOf(255, "a", { raisedAtMs: 20 }),
		];
		await store.commit(batchOf({ runs, episodes }));
		const world = await store.load(workspace);
		expect((await runsIn(store, workspace)).map(({ row }) => row.runId)).toStrictEqual([3, 1, 255, 16].map(runIdOf));
		const part = await store.loadRuns({ workspace, afterPlace: 0, rowsMax: 3 });
		expect(part.map(({ row }) => row.runId)).toStrictEqual([3, 1, 255].map(runIdOf));
		const rest = await store.loadRuns({ workspace, afterPlace: part[2]?.place ?? 0, rowsMax: 3 });
		expect(rest.map(({ row }) => row.runId)).toStrictEqual([16].map(runIdOf));
		expect(world.runsTotal).toBe(4);
		expect(world.openEpisodes.map(({ alertId }) => alertId)).toStrictEqual(["c", "a", "b"]);
	});

	test("what a workspace could see is as it was told last", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const first = { workspace, coveredUntilServerMs: null, blindSpans: [], healthScore: 0, trippedGroups: [] };
		const span = { fromServerMs: 1.5, untilServerMs: 2.5, cause: "socket" as const };
		const last = { workspace, coveredUntilServerMs: 9.25, blindSpans: [span], healthScore: 7, trippedGroups: [] };
		await store.commit(batchOf({ workspaces: [first] }));
		await store.commit(batchOf({ workspaces: [last, { ...first, workspace: "other" }] }));
		expect((await store.load(workspace)).workspaces).toStrictEqual([last]);
	});

	test("what the caller does to a batch after its commit does not reach the store", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const tags = ["before"];
		const row = rowOf(1, { labels: { ...rowOf(1).labels, tags } });
		await store.commit(batchOf({ runs: [{ row, version: 0 }] }));
		tags.push("after");
		expect((await store.loadRun(row))?.row.labels.tags).toStrictEqual(["before"]);
	});

	test("a run that was never stored is null, and an unknown workspace empty", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }));
		expect(await store.loadRun({ workspace, runId: runIdOf(2) })).toBeNull();
		expect(await store.loadRun({ workspace: "other", runId: runIdOf(1) })).toBeNull();
		expect(await store.load("other")).toStrictEqual(emptyWorld);
	});
}
