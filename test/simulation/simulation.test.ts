import { describe, expect, test } from "vitest";
import type { Episode } from "../../src/core/episode.ts";
import type { CommitBatch, RunRow, Store } from "../../src/store/store.ts";
import { deliveryOf } from "../_util/store-samples.ts";
import type { Fault } from "./faults.ts";
import { type PlayOptions, play } from "./play.ts";
import { failedSeeds, isWholeDay } from "./seeds.ts";
import { hour, minute } from "./units.ts";
import type { Sabotage } from "./world.ts";

const short = { hours: 2, runs: 20, wild: false, onFiles: null } as const;

/** All of one, so that there is something to tell. */
const poolDies: readonly Fault[] = [{ kind: "pool dies", atMs: 20 * minute, lastsMs: 0 }];

async function ruleBrokenIn(options: Partial<PlayOptions> & { readonly sabotage: Sabotage }): Promise<string | null> {
	const { failure } = await play({ ...short, runs: 60, seed: 8, onFiles: false, faults: poolDies, ...options });
	return failure?.rule ?? null;
}

/** Everything that the store does, with every batch changed first. */
function committing(change: (batch: CommitBatch) => CommitBatch): (store: Store) => Store {
	return (store) => ({
		remedies: store.remedies,
		outbox: store.outbox,
		silences: store.silences,
		load: (workspace) => store.load(workspace),
		loadRuns: (runs) => store.loadRuns(runs),
		loadRun: (key) => store.loadRun(key),
		loadOutbox: (owed) => store.loadOutbox(owed),
		loadEpisodes: (query) => store.loadEpisodes(query),
		retain: (limits) => store.retain(limits),
		commit: (batch) => store.commit(change(batch)),
		[Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
	});
}

/** Every row as the change makes it of itself and of the run's first one. */
function writing(change: (row: RunRow, first: RunRow) => RunRow): (store: Store) => Store {
	const firstRows = new Map<string, RunRow>();
	return committing((batch) => ({
		...batch,
		runs: batch.runs.map(({ row, version }) => {
			if (!firstRows.has(row.runId)) firstRows.set(row.runId, row);
			return { version, row: change(row, firstRows.get(row.runId) ?? row) };
		}),
	}));
}

describe("R1: no rule is broken", () => {
	test.each(failedSeeds.filter((failed) => !isWholeDay(failed)))(
		"by seed $seed, which failed once: $why",
		async ({ why: _why, ...seed }) => {
			expect((await play({ ...seed, onFiles: null })).report).toEqual([]);
		},
	);

	test.each([1, 2, 3, 10])("by seed %i", async (seed) => {
		const played = await play({ ...short, seed });

		expect(played.report).toEqual([]);
		expect(played.lines).toBeGreaterThan(100);
	});

	test("by an outage of the server that hides in a downtime of the daemon", async () => {
		const played = await play({ ...short, seed: 2, runs: 60, faults: awayTogether });

		expect(played.report).toEqual([]);
	});
});

/** The daemon goes a minute after the server, and comes back a little after it. */
const awayTogether: readonly Fault[] = [
	{ kind: "server away", atMs: 60 * minute, lastsMs: 19 * minute },
	{ kind: "daemon killed", atMs: 61 * minute, lastsMs: 18.3 * minute },
];

describe("a seed", () => {
	test("is played the same way twice", async () => {
		const one = await play({ ...short, seed: 8 });
		const other = await play({ ...short, seed: 8 });

		expect(other).toEqual(one);
	});

	test("is played the same way on files as in memory", async () => {
		const inMemory = await play({ ...short, seed: 8, onFiles: false });
		const onFiles = await play({ ...short, seed: 8, onFiles: true });

		expect(onFiles.digest).toBe(inMemory.digest);
	});

	test("tells another story than the next one", async () => {
		const one = await play({ ...short, seed: 8, hours: 1 });
		const other = await play({ ...short, seed: 9, hours: 1 });

		expect(other.digest).not.toBe(one.digest);
	});
});

describe("the simulation notices", () => {
	const killed: readonly Fault[] = [
		...poolDies,
		{ kind: "receiver away", atMs: 21 * minute, lastsMs: 2 * hour },
		{ kind: "daemon killed", atMs: 1.5 * hour, lastsMs: 0 },
	];

	test("nothing in a daemon that is sound", async () => {
		expect(await ruleBrokenIn({ sabotage: {} })).toBeNull();
		expect(await ruleBrokenIn({ sabotage: {}, faults: killed })).toBeNull();
	});

	test("a detector that does not wait for a beat that is due", async () => {
		// A threshold of an operator's own, for runs that beat more slowly than that.
		const rule = { match: {}, threshold: { ms: minute } };
		const settings: Sabotage["settings"] = (sound) => ({ ...sound, rules: [rule] });
		expect(await ruleBrokenIn({ sabotage: { settings } })).toBe("no verdict on a run that beats");
	});

	test("a detector that waits for ever", async () => {
		const settings: Sabotage["settings"] = (sound) => ({ ...sound, detector: { ...sound.detector, k: 600 } });
		expect(await ruleBrokenIn({ sabotage: { settings } })).toBe("every death is flagged");
	});

	test("a receiver that gets a line twice", async () => {
		expect(await ruleBrokenIn({ sabotage: { deliveredTimes: 2 } })).toBe(
			"a line is repeated at most once after a kill, and is the same",
		);
	});

	test.each(["lastBeat", "aliveAtServerMs", "attempt"] as const)(
		"a daemon that writes of each run the first and the newest %s by turns",
		async (field) => {
			let writes = 0;
			const daemon = writing((row, first) => ({ ...row, [field]: (writes++ % 2 === 0 ? row : first)[field] }));
			expect(await ruleBrokenIn({ sabotage: { daemon } })).toBe("proof of life never goes back");
		},
	);

	test("a daemon that forgets the cadence of a run when it writes it again", async () => {
		const written = new Set<string>();
		const daemon = writing((row) => {
			const isAgain = row.lastBeat === null || written.has(row.lastBeat.eventId);
			written.add(row.lastBeat?.eventId ?? "");
			return isAgain ? { ...row, occurredMs: row.occurredMs.slice(-1) } : row;
		});
		expect(await ruleBrokenIn({ sabotage: { daemon } })).toBe("proof of life never goes back");
	});

	test("a daemon that writes an ended run once more, and forgets its end", async () => {
		// A sound one has no reason to: a late beat is written by itself.
		let ended: CommitBatch["runs"] = [];
		const daemon = committing((batch) => {
			const again = ended.map(({ row, version }) => ({ row: { ...row, endedAtMs: null }, version: version + 1 }));
			ended = batch.runs.filter(({ row }) => row.endedAtMs !== null);
			return { ...batch, runs: [...batch.runs, ...again] };
		});
		expect(await ruleBrokenIn({ sabotage: { daemon } })).toBe("proof of life never goes back");
	});

	test("a daemon that brings an ended run back to life", async () => {
		const alive = new Map<string, RunRow["state"]>();
		const ended = new Set<string>();
		const daemon = writing((row) => {
			if (row.endedAtMs === null) alive.set(row.runId, row.state);
			else if (ended.has(row.runId)) return { ...row, state: alive.get(row.runId) ?? null };
			else ended.add(row.runId);
			return row;
		});
		expect(await ruleBrokenIn({ sabotage: { daemon } })).toBe("ended stays ended");
	});

	test("a daemon that opens two episodes of a run at once, in a store that takes them", async () => {
		const twinOf = (episode: Episode): Episode => ({ ...episode, alertId: `twin of ${episode.alertId}` });
		const isTwin = ({ alertId }: Episode): boolean => alertId.startsWith("twin of ");
		const daemon = committing((batch) => {
			const twins = batch.episodes.filter(({ closed }) => closed === null).map(twinOf);
			const outbox = twins.map((episode) => deliveryOf(episode));
			return { ...batch, episodes: [...batch.episodes, ...twins], outbox: [...batch.outbox, ...outbox] };
		});
		const store = committing((batch) => ({ ...batch, episodes: batch.episodes.filter((one) => !isTwin(one)) }));
		expect(await ruleBrokenIn({ sabotage: { daemon, store } })).toBe("at most one open episode a run and attempt");
		expect(await ruleBrokenIn({ sabotage: { daemon } })).toBe("a sound store refuses nothing");
	});

	test.each(["outbox", "episodes", "groups"] as const)("a store that forgets committed %s", async (forgotten) => {
		const store = committing((batch) => ({ ...batch, [forgotten]: [] }));
		expect(await ruleBrokenIn({ sabotage: { store }, faults: killed })).toBe(
			"what was committed is there after a kill",
		);
	});
});
