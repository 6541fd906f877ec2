import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { buildSqliteHouse } from "../../_util/store-houses.ts";
import { runsIn } from "../../_util/store-runs.ts";
import {
	batchOf,
	deliveryOf,
	episodeOf,
	groupDeliveryOf,
	groupOf,
	heldRunOf,
	learnedSamples,
	rowOf,
	runIdOf,
	StandingClock,
	trippedGroup,
	workspace,
} from "../../_util/store-samples.ts";

const clock = new StandingClock();
const sight = { workspace, coveredUntilServerMs: 1, blindSpans: [], healthScore: 0, trippedGroups: [trippedGroup] };

/** Its labels are its own, so that they can be spoiled alone. */
const firstRow = rowOf(1, { labels: { ...rowOf(1).labels, tags: ["of the first"] } });

async function worldIn(store: Store) {
	const { runsTotal: _, ...world } = await store.load(workspace);
	return { ...world, runs: await runsIn(store, workspace) };
}

/** A house with two of everything, of which the first of each is spoiled by the SQL given. */
async function buildSpoiledHouse(sql: string) {
	const house = await buildSqliteHouse(clock);
	{
		await using store = await house.open();
		const episodes = [episodeOf(1, "alert-1"), episodeOf(2, "alert-2")];
		const outbox = [...episodes.map((episode) => deliveryOf(episode)), groupDeliveryOf(groupOf("group-1"))];
		const runs = [firstRow, rowOf(2)].map((row) => ({ row, version: 0 }));
		const groups = ["group-1", "group-2"].map((groupId) => ({ workspace, incident: groupOf(groupId) }));
		const heldRuns = [1, 2].map((n) => ({ workspace, runId: runIdOf(n), row: heldRunOf(n) }));
		const learned = learnedSamples.map((row) => ({ ...row, workspace }));
		await store.commit(batchOf({ runs, episodes, outbox, workspaces: [sight], groups, heldRuns, learned }));
	}
	const database = new Database(house.path);
	expect(database.prepare(sql).run().changes).toBe(1);
	database.close();
	const told: string[] = [];
	const open = () =>
		openStore(`sqlite:${house.path}`, {
			clock,
			appVersion: "0",
			onMalformedRow: (sample) => told.push(sample),
			onDamaged: null,
			knownDamage: null,
		});
	return { open, told, path: house.path, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

const whole = {
	runs: [firstRow, rowOf(2)].map((row) => ({ row, version: 1 })),
	openEpisodes: [episodeOf(1, "alert-1"), episodeOf(2, "alert-2")],
	spentAlerts: [],
	outbox: [
		deliveryOf(episodeOf(1, "alert-1")),
		deliveryOf(episodeOf(2, "alert-2")),
		groupDeliveryOf(groupOf("group-1")),
	],
	workspaces: [sight],
	openGroups: [groupOf("group-1"), groupOf("group-2")],
	heldRuns: [heldRunOf(1), heldRunOf(2)],
	learned: learnedSamples,
};
const hexOfFirst = runIdOf(1).replaceAll("-", "");
const firstRun = `WHERE run_id = x'${hexOfFirst}'`;
const firstLabels = "WHERE content LIKE '%of the first%'";

/** What tells which row was put aside. */
const contentOf: Readonly<Record<string, string>> = {
	workspaces: '"workspace":"prod"',
	group_incidents: '"group_id":"group-1"',
	learned: '"key":"deployment-1 3.8.8"',
};

describe("a row that cannot be understood", () => {
	test.for([
		[`UPDATE runs SET state_type = 'DOZING' ${firstRun}`, `runs ${hexOfFirst}: state_type: `],
		[`UPDATE run_labels SET content = 'not json' ${firstLabels}`, `runs ${hexOfFirst}: labels: not JSON`],
		[`UPDATE run_labels SET content = '[]' ${firstLabels}`, `runs ${hexOfFirst}: labels: `],
		[`UPDATE runs SET occurred_ms = '["x"]' ${firstRun}`, `runs ${hexOfFirst}: occurred_ms: `],
		[`UPDATE runs SET occurred_ms = x'0102' ${firstRun}`, `runs ${hexOfFirst}: occurred_ms: `],
		[`UPDATE runs SET occurred_ms = x'000000000000f07f' ${firstRun}`, `runs ${hexOfFirst}: occurred_ms: `],
		[`UPDATE runs SET beat_event_id = 7 ${firstRun}`, `runs ${hexOfFirst}: beat_event_id: `],
		[`UPDATE episodes SET condition = 'sleepy' WHERE alert_id = 'alert-1'`, "episodes alert-1: condition: "],
		[`UPDATE episodes SET evidence = '{}' WHERE alert_id = 'alert-1'`, "episodes alert-1: evidence.lastBeat"],
		[`UPDATE outbox SET transition = '{}' WHERE key = 'alert-1:raised'`, "outbox alert-1:raised: transition.kind: "],
		[`UPDATE episodes SET related_runs = '{}' WHERE alert_id = 'alert-1'`, "episodes alert-1: related_runs: "],
		[
			`UPDATE group_incidents SET incident = '{}' WHERE group_id = 'group-1'`,
			"group_incidents group-1: incident.groupId: ",
		],
		[
			`UPDATE group_incidents SET incident = json_set(incident, '$.extent', 'vast') WHERE group_id = 'group-1'`,
			"group_incidents group-1: incident.extent: ",
		],
		[`UPDATE learned SET content = 'not JSON' WHERE kind = 'prior'`, "learned deployment-1 3.8.8: content: not JSON"],
		[
			`UPDATE learned SET content = json_set(content, '$.runs[0].tauMs', '30') WHERE kind = 'prior'`,
			"learned deployment-1 3.8.8: row.runs.0.tauMs: ",
		],
		[`UPDATE learned SET kind = 'rumour' WHERE kind = 'prior'`, "learned deployment-1 3.8.8: kind: "],
		[`UPDATE workspaces SET blind_spans = '7'`, "workspaces prod: blind_spans: "],
		[
			`UPDATE workspaces SET tripped_groups = json_set(tripped_groups, '$[0].kind', 'planet')`,
			"workspaces prod: tripped_groups.0.kind: ",
		],
		[`UPDATE held_runs SET silence = '{}' ${firstRun}`, `held_runs ${hexOfFirst}: silence.runId: `],
	] as const)("%s: is told and skipped once, and nobody else suffers", async ([sql, sample]) => {
		await using house = await buildSpoiledHouse(sql);
		const source = sample.slice(0, sample.indexOf(" "));
		{
			await using store = await house.open();
			const world = await worldIn(store);
			expect(house.told).toStrictEqual([expect.stringContaining(sample)]);
			expect(world).toStrictEqual({
				...whole,
				...(source === "runs" && { runs: whole.runs.slice(1) }),
				...(source === "episodes" && { openEpisodes: whole.openEpisodes.slice(1) }),
				...(source === "outbox" && { outbox: whole.outbox.slice(1) }),
				...(source === "workspaces" && { workspaces: [] }),
				...(source === "group_incidents" && { openGroups: whole.openGroups.slice(1) }),
				...(source === "held_runs" && { heldRuns: whole.heldRuns.slice(1) }),
				...(source === "learned" && { learned: whole.learned.slice(1) }),
			});
			expect(await worldIn(store)).toStrictEqual(world);
			expect(house.told).toHaveLength(1);
		}
		const database = new Database(house.path, { readonly: true });
		const aside = database.prepare("SELECT source, content, set_aside_at_ms FROM unreadable_rows").all();
		database.close();
		const content = expect.stringContaining(contentOf[source] ?? `"run_id":"${hexOfFirst}"`);
		expect(aside).toStrictEqual([{ source, content, set_aside_at_ms: clock.wallMs }]);
	});

	test("a delivery of a group incident is told and skipped as well", async () => {
		const sql = `UPDATE outbox SET transition = json_remove(transition, '$.workspace') WHERE key = 'group-1:raised'`;
		await using house = await buildSpoiledHouse(sql);
		await using store = await house.open();
		expect((await store.load(workspace)).outbox).toStrictEqual(whole.outbox.slice(0, 2));
		expect(house.told).toStrictEqual([expect.stringContaining("outbox group-1:raised: transition.workspace: ")]);
	});

	test("a run so lost is new when it comes again", async () => {
		await using house = await buildSpoiledHouse(`UPDATE run_labels SET content = '' ${firstLabels}`);
		await using store = await house.open();
		expect(await store.loadRun(rowOf(1))).toBeNull();
		expect(house.told).toHaveLength(1);
		expect(await store.commit(batchOf({ runs: [{ row: rowOf(1), version: 0 }] }))).toMatchObject({ lost: [] });
		expect(await store.loadRun(rowOf(1))).toMatchObject({ row: rowOf(1), version: 1 });
	});

	test("an open episode so lost does not bar the next one of its run", async () => {
		await using house = await buildSpoiledHouse(`UPDATE episodes SET labels = '' WHERE alert_id = 'alert-1'`);
		await using store = await house.open();
		await store.load(workspace);
		const next = episodeOf(1, "alert-3", { raisedAtMs: clock.wallMs + 1 });
		await store.commit(batchOf({ episodes: [next] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([episodeOf(2, "alert-2"), next]);
	});

	test("where it cannot be set aside the load still gives all the others, and says that it stayed", async () => {
		await using house = await buildSpoiledHouse(`UPDATE run_labels SET content = '' ${firstLabels}`);
		await using store = await house.open();
		const other = new Database(house.path);
		other.exec("BEGIN IMMEDIATE");
		expect(await runsIn(store, workspace)).toStrictEqual(whole.runs.slice(1));
		expect(house.told).toStrictEqual([
			expect.stringContaining(hexOfFirst),
			expect.stringContaining("stay where they are: database is locked"),
		]);
		other.close();
		await runsIn(store, workspace);
		expect(house.told).toHaveLength(3);
		await runsIn(store, workspace);
		expect(house.told).toHaveLength(3);
	});

	test("what was set aside goes with retention", async () => {
		await using house = await buildSpoiledHouse(`UPDATE run_labels SET content = '' ${firstLabels}`);
		const countAside = () => {
			const database = new Database(house.path, { readonly: true });
			const count = database.prepare("SELECT count(*) FROM unreadable_rows").pluck().get();
			database.close();
			return count;
		};
		await using store = await house.open();
		await runsIn(store, workspace);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: clock.wallMs });
		expect(countAside()).toBe(1);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: clock.wallMs + 1 });
		expect(countAside()).toBe(0);
	});
});
