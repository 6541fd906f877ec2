import { describe, expect, test } from "vitest";
import type { Episode, Outcome } from "../../src/core/episode.ts";
import type { EpisodeQuery } from "../../src/store/episode-query.ts";
import { batchOf, closedOf, episodeOf, runIdOf, StandingClock, workspace } from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

export function episodeLaws(build: BuildHouse): void {
	test("an episode committed twice is there once, and stays as it opened", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const first = episodeOf(1, "alert-1");
		await store.commit(batchOf({ episodes: [first] }));
		await store.commit(batchOf({ episodes: [episodeOf(1, "alert-1", { reason: "told anew", raisedAtMs: 1 })] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([first]);
	});

	test("an episode stays open through a restart until it closes", async () => {
		await using house = await build(new StandingClock());
		const episode = episodeOf(1, "alert-1");
		{
			await using store = await house.open();
			await store.commit(batchOf({ episodes: [episode] }));
		}
		{
			await using store = await house.open();
			expect((await store.load(workspace)).openEpisodes).toStrictEqual([episode]);
			await store.commit(batchOf({ episodes: [closedOf(episode, 5)] }));
			expect((await store.load(workspace)).openEpisodes).toStrictEqual([]);
		}
		await using store = await house.open();
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([]);
	});

	test("the ids of episodes that may come again are remembered, for as long as the episodes", async () => {
		await using house = await build(new StandingClock());
		const of = (n: number, outcome: Outcome, atMs = 5) => closedOf(episodeOf(n, `alert-${n}`), atMs, outcome);
		const there = closedOf(episodeOf(9, "alert-0", { workspace: "other" }), 5, "disabled");
		{
			await using store = await house.open();
			const closed = [of(1, "superseded", 50), of(2, "disabled"), of(3, "recovered"), of(4, "ended"), of(5, "moved")];
			await store.commit(batchOf({ episodes: [...closed, episodeOf(6, "alert-6"), there] }));
		}
		await using store = await house.open();
		const one = { runId: runIdOf(1), alertId: "alert-1" };
		expect((await store.load(workspace)).spentAlerts).toStrictEqual([one, { runId: runIdOf(2), alertId: "alert-2" }]);
		await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 6 });
		expect((await store.load(workspace)).spentAlerts).toStrictEqual([one]);
	});

	describe("read by whoever looks", () => {
		const any = { workspace, runId: null, condition: null, isOpen: null, before: null, rowsMax: 10 };
		const first = closedOf(episodeOf(1, "alert-1", { raisedAtMs: 100 }), 150, "recovered");
		const second = episodeOf(1, "alert-2", { raisedAtMs: 200, attempt: 7 });
		const twin = episodeOf(2, "alert-3", { raisedAtMs: 200, condition: "deaf" });
		const elsewhere = episodeOf(3, "alert-4", { raisedAtMs: 300, workspace: "other" });

		async function read(query: Partial<EpisodeQuery>): Promise<readonly Episode[]> {
			await using house = await build(new StandingClock());
			await using store = await house.open();
			await store.commit(batchOf({ episodes: [twin, first, elsewhere, second] }));
			return await store.loadEpisodes({ ...any, ...query });
		}

		test("they come the latest first, as they opened and closed, of one workspace", async () => {
			expect(await read({})).toStrictEqual([twin, second, first]);
			expect(await read({ rowsMax: 2 })).toStrictEqual([twin, second]);
			expect(await read({ workspace: "nowhere" })).toStrictEqual([]);
		});

		test("one run's, one condition's, open ones, or closed ones alone", async () => {
			expect(await read({ runId: runIdOf(1) })).toStrictEqual([second, first]);
			expect(await read({ condition: "deaf" })).toStrictEqual([twin]);
			expect(await read({ isOpen: true })).toStrictEqual([twin, second]);
			expect(await read({ isOpen: false })).toStrictEqual([first]);
		});

		test("page after page, also through episodes of one moment", async () => {
			expect(await read({ before: twin })).toStrictEqual([second, first]);
			expect(await read({ before: second })).toStrictEqual([first]);
			expect(await read({ before: first })).toStrictEqual([]);
		});
	});

	test("a closed episode never reopens", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episode = episodeOf(1, "alert-1");
		await store.commit(batchOf({ episodes: [episode] }));
		await store.commit(batchOf({ episodes: [closedOf(episode, 5)] }));
		await store.commit(batchOf({ episodes: [episode] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([]);
	});

	test("a closing without its opening is stored as closed, so that the late opening opens nothing", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episode = episodeOf(1, "alert-1");
		await store.commit(batchOf({ episodes: [closedOf(episode, 5)] }));
		await store.commit(batchOf({ episodes: [episode] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([]);
		expect(await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 6 })).toMatchObject({ runs: 0, episodes: 1 });
	});

	test("the first closing stands: a second one moves neither outcome nor time", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episode = episodeOf(1, "alert-1");
		await store.commit(batchOf({ episodes: [episode] }));
		await store.commit(batchOf({ episodes: [closedOf(episode, 5)] }));
		await store.commit(batchOf({ episodes: [closedOf(episode, 500, "ended")] }));
		expect(await store.retain({ runsBeforeMs: 0, episodesBeforeMs: 6 })).toMatchObject({ runs: 0, episodes: 1 });
	});

	test("an episode opened and closed in one batch is closed, whichever comes first", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [one, other] = [episodeOf(1, "alert-1"), episodeOf(2, "alert-2")];
		await store.commit(batchOf({ episodes: [one, closedOf(one, 5), closedOf(other, 5), other] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([]);
	});

	test("a run's attempt has one open episode: the next one waits for the first to close", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const [first, second] = [episodeOf(1, "alert-1"), episodeOf(1, "alert-2")];
		await store.commit(batchOf({ episodes: [first] }));
		await expect(store.commit(batchOf({ episodes: [second] }))).rejects.toMatchObject({ retryable: false });
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([first]);
		await store.commit(batchOf({ episodes: [second, closedOf(first, 5)] }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual([second]);
	});

	test("another attempt, run or workspace has an open episode of its own", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const episodes = [
			episodeOf(1, "alert-1"),
			episodeOf(1, "alert-2", { attempt: 3 }),
			episodeOf(2, "alert-3"),
			episodeOf(1, "alert-4", { workspace: "other" }),
		];
		await store.commit(batchOf({ episodes }));
		expect((await store.load(workspace)).openEpisodes).toStrictEqual(episodes.slice(0, 3));
		expect((await store.load("other")).openEpisodes).toStrictEqual(episodes.slice(3));
	});
}
