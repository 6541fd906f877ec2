import { expect, test } from "vitest";
import { batchOf, groupOf, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const open = groupOf("group-1");
const closed = groupOf("group-1", { closed: { outcome: "recovered", atMs: 5 } });

export function groupLaws(build: BuildHouse): void {
	test("an open group incident is as it was told last, through a restart, until it closes", async () => {
		await using house = await build(new StandingClock());
		const wider = groupOf("group-1", { extent: "full", runIds: ["a", "b", "c"], runsTotal: 900 });
		{
			await using store = await house.open();
			await store.commit(batchOf({ groups: [{ workspace, incident: open }] }));
			expect((await store.load(workspace)).openGroups).toStrictEqual([open]);
			await store.commit(batchOf({ groups: [{ workspace, incident: wider }] }));
		}
		await using store = await house.open();
		expect((await store.load(workspace)).openGroups).toStrictEqual([wider]);
		await store.commit(batchOf({ groups: [{ workspace, incident: closed }] }));
		expect((await store.load(workspace)).openGroups).toStrictEqual([]);
	});

	test.for([
		["closed before it comes open again", [open, closed, open]],
		["closed without its opening, which comes late", [closed, open]],
	] as const)("a group incident that is %s stays closed", async ([, told]) => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		for (const incident of told) {
			await store.commit(batchOf({ groups: [{ workspace, incident }] }));
		}
		expect((await store.load(workspace)).openGroups).toStrictEqual([]);
		await store.commit(batchOf({ groups: told.map((incident) => ({ workspace: "other", incident })) }));
		expect((await store.load("other")).openGroups).toStrictEqual([]);
	});

	test("the first closing stands: a second one does not move its time", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const later = groupOf("group-1", { closed: { outcome: "ended", atMs: 500 } });
		await store.commit(batchOf({ groups: [closed, later].map((incident) => ({ workspace, incident })) }));
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 6 });
		// It is gone, so that its id is free.
		await store.commit(batchOf({ groups: [{ workspace, incident: open }] }));
		expect((await store.load(workspace)).openGroups).toStrictEqual([open]);
	});

	test("group incidents come by the time they opened, then id, and only those of the workspace", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const incidents = [
			groupOf("b", { openedAtMs: 20 }),
			groupOf("c", { openedAtMs: 10 }),
			groupOf("a", { openedAtMs: 20 }),
		];
		const there = groupOf("b", { group: "another pool" });
		await store.commit(
			batchOf({
				groups: [...incidents.map((incident) => ({ workspace, incident })), { workspace: "other", incident: there }],
			}),
		);
		expect((await store.load(workspace)).openGroups.map(({ groupId }) => groupId)).toStrictEqual(["c", "a", "b"]);
		expect((await store.load("other")).openGroups).toStrictEqual([there]);
	});
}
