import fc from "fast-check";
import { expect, test } from "vitest";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import type { CommitBatch, CommitResult, Store } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { arbitraryBatch, fewWorkspaces } from "../_util/store-arbitraries.ts";
import { buildMemoryHouse, buildSqliteHouse } from "../_util/store-houses.ts";
import { placedRunsIn } from "../_util/store-runs.ts";
import { StandingClock } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

type Step =
	| { readonly kind: "commit"; readonly batch: CommitBatch }
	| { readonly kind: "retain"; readonly beforeMs: number }
	| { readonly kind: "restart" };

const steps: fc.Arbitrary<Step[]> = fc.array(
	fc.oneof(
		{ weight: 6, arbitrary: arbitraryBatch.map((batch): Step => ({ kind: "commit", batch })) },
		{ weight: 1, arbitrary: fc.double({ noNaN: true }).map((beforeMs): Step => ({ kind: "retain", beforeMs })) },
		{ weight: 1, arbitrary: fc.constant<Step>({ kind: "restart" }) },
	),
	{ maxLength: 12 },
);

async function outcomeOf(store: Store, batch: CommitBatch): Promise<CommitResult | "refused"> {
	try {
		return await store.commit(batch);
	} catch (error) {
		if (error instanceof StoreError && !error.retryable) return "refused";
		throw error;
	}
}

function idsOf(groups: readonly GroupIncident[]): readonly string[] {
	return groups.map(({ groupId }) => groupId).toSorted();
}

async function worldOf(store: Store) {
	return Promise.all(
		fewWorkspaces.map(async (workspace) => {
			const all = { workspace, sink: null, key: null, rowsMax: 1_000 };
			return {
				...(await store.load(workspace)),
				runs: await placedRunsIn(store, workspace),
				owed: await store.outbox.entries({ ...all, which: "owed" }),
				undeliverable: await store.outbox.entries({ ...all, which: "undeliverable" }),
				held: new Set((await store.outbox.held(workspace)).map((held) => JSON.stringify(held))),
			};
		}),
	);
}

test("whatever is committed, deleted and restarted, a store in memory and one in a file say the same", async () => {
	await fc.assert(
		fc.asyncProperty(steps, async (plan) => {
			const clock = new StandingClock();
			await using memoryHouse = await buildMemoryHouse(clock);
			await using fileHouse = await buildSqliteHouse(clock);
			let [memory, file] = [await memoryHouse.open(), await fileHouse.open()];
			for (const step of plan) {
				if (step.kind === "commit") {
					expect(await outcomeOf(file, step.batch)).toStrictEqual(await outcomeOf(memory, step.batch));
				} else if (step.kind === "retain") {
					const limits = { runsBeforeMs: step.beforeMs, episodesBeforeMs: step.beforeMs };
					expect(await file.retain(limits)).toMatchObject(await memory.retain(limits));
				} else {
					await Promise.all([memory[Symbol.asyncDispose](), file[Symbol.asyncDispose]()]);
					[memory, file] = [await memoryHouse.open(), await fileHouse.open()];
				}
				expect(await worldOf(file)).toStrictEqual(await worldOf(memory));
			}
			await file[Symbol.asyncDispose]();
		}),
		{ numRuns: 150 },
	);
}, 60_000);

const houses: ReadonlyMap<string, BuildHouse> = new Map<string, BuildHouse>([
	["memory", buildMemoryHouse],
	["SQLite", buildSqliteHouse],
]);

test.for([...houses.keys()])(
	"batches that come again open nothing and owe nothing anew: %s store",
	{ timeout: 60_000 },
	async (name) => {
		const build = houses.get(name) ?? expect.fail();
		await fc.assert(
			fc.asyncProperty(fc.array(arbitraryBatch, { maxLength: 6 }), fc.array(fc.nat()), async (batches, again) => {
				await using house = await build(new StandingClock());
				await using store = await house.open();
				const accepted: CommitBatch[] = [];
				for (const batch of batches) {
					if ((await outcomeOf(store, batch)) !== "refused") accepted.push(batch);
				}
				const before = await worldOf(store);
				for (const pick of again) {
					const batch = accepted[pick % Math.max(1, accepted.length)];
					if (batch !== undefined) await store.commit(batch);
				}
				const after = await worldOf(store);
				for (const [index, { openEpisodes, outbox, openGroups }] of after.entries()) {
					expect(openEpisodes).toStrictEqual(before[index]?.openEpisodes);
					expect(idsOf(openGroups)).toStrictEqual(idsOf(before[index]?.openGroups ?? []));
					// Fewer may be owed: a delivery whose row was unknown when its batch first came may be known by now.
					expect(before[index]?.outbox).toStrictEqual(expect.arrayContaining([...outbox]));
				}
				const open = after.flatMap(({ openEpisodes }) => openEpisodes);
				const attempts = open.map(({ workspace, runId, attempt }) => `${workspace} ${runId} ${attempt}`);
				expect(new Set(attempts).size).toBe(attempts.length);
			}),
			{ numRuns: 60 },
		);
	},
);
