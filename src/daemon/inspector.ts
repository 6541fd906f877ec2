import { setImmediate as nextTurn } from "node:timers/promises";
import type { Condition, Episode } from "../core/episode.ts";
import type { Explanation } from "../core/explanation.ts";
import type { Inspection, RunFilter } from "../core/inspection.ts";
import type { RunView } from "../core/run.ts";
import type { RunSource } from "../http/api/api.ts";
import { coverageViewOf } from "../http/api/coverage-view.ts";
import { groupViewOf } from "../http/api/group-view.ts";
import type { ApiRunDetail, Happening } from "../http/api/run-schema.ts";
import {
	episodeViewOf,
	happening,
	happeningsOfEpisode,
	inOrder,
	type RunUrl,
	rememberedTimeline,
	runDetailOf,
	runViewOf,
} from "../http/api/run-view.ts";
import type { ApiCoverage, ApiDetails, ApiEpisodes, ApiRuns, EpisodesQuery, RunsQuery } from "../http/api/schemas.ts";
import type { Clock } from "../lib/clock.ts";
import type { RunHistory } from "../prefect/run-history.ts";
import type { EpisodePosition } from "../store/episode-query.ts";
import type { Store, StoredRun } from "../store/store.ts";

/** Of one run: more are nobody's reading. */
const episodesOfRunMax = 50;
/** Prefect deletes its events after 7 days. */
const historyMs = 7 * 86_400_000;
/** Somebody waits for the page. */
const historyPatienceMs = 4_000;
const heartbeat = "heartbeat";

export interface InspectorOptions {
	readonly inspection: Inspection;
	readonly store: Pick<Store, "loadEpisodes" | "loadRun">;
	/** Null: the server is not to be asked. */
	readonly history: RunHistory | null;
	/** What the row of a run that has left memory says: as if it had just been read at a start. */
	readonly inspectStored: (run: StoredRun) => Inspection;
	/** How many, by condition. */
	readonly openEpisodes: () => Readonly<Partial<Record<Condition, number>>>;
	readonly namespace: string;
	readonly workspace: string;
	/** Address of Prefect's API. */
	readonly apiUrl: string;
	readonly runUrl: RunUrl;
	readonly clock: Clock;
}

/** Answers whoever looks: from memory, from the store, and where it is asked about one run also from the server. */
export class Inspector implements RunSource {
	readonly #options: InspectorOptions;

	constructor(options: InspectorOptions) {
		this.#options = options;
	}

	details(): ApiDetails {
		const { inspection, workspace, namespace, apiUrl, openEpisodes } = this.#options;
		return {
			namespace,
			workspace,
			prefect: apiUrl,
			group_incidents: inspection.openGroups.map(groupViewOf),
			open_by_condition: openEpisodes(),
		};
	}

	async runs({ standing, condition, deployment, work_pool: workPool, limit, from }: RunsQuery): Promise<ApiRuns> {
		const { inspection, clock, runUrl } = this.#options;
		const filter: RunFilter = {
			standing: standing ?? null,
			condition: condition ?? null,
			deployment: deployment ?? null,
			workPool: workPool ?? null,
		};
		const { runs, next } = inspection.page(filter, from, limit, clock.now());
		const views = runs.map(async (explanation) => runViewOf(await this.#named(explanation), runUrl));
		return { runs: await Promise.all(views), next };
	}

	async run(runId: string, signal: AbortSignal): Promise<ApiRunDetail | null> {
		const { inspection, store, workspace, clock, runUrl } = this.#options;
		const live = inspection.explain(runId, clock.now());
		const explanation = live === null ? await this.#stored(runId) : await this.#named(live);
		if (explanation === null) return null;
		const query = { ...anyEpisode, workspace, runId, rowsMax: episodesOfRunMax };
		const episodes = await store.loadEpisodes(query);
		const told = await this.#history(runId, signal);
		const timeline =
			told === null ? rememberedTimeline(explanation, episodes) : timelineOf(told, explanation, episodes);
		const nowMs = clock.now().wallMs;
		const timelineSource = told === null ? "memory" : "prefect";
		return runDetailOf(explanation, { episodes, timeline, timelineSource, watched: live !== null, nowMs }, runUrl);
	}

	async episodes({ state, condition, run_id: runId, limit, before }: EpisodesQuery): Promise<ApiEpisodes> {
		const { store, workspace, runUrl } = this.#options;
		const episodes = await store.loadEpisodes({
			workspace,
			runId: runId?.toLowerCase() ?? null,
			condition: condition ?? null,
			isOpen: state === "any" ? null : state === "open",
			before: before === undefined ? null : positionOf(before),
			rowsMax: limit,
		});
		const last = episodes.length < limit ? undefined : episodes.at(-1);
		return {
			episodes: episodes.map((episode) => episodeViewOf(episode, runUrl)),
			next: last === undefined ? null : `${last.raisedAtMs}:${last.alertId}`,
		};
	}

	async coverage(): Promise<ApiCoverage> {
		const { inspection, clock } = this.#options;
		const count = inspection.coverage();
		while (count.countPart(clock.now())) await nextTurn();
		return coverageViewOf(count.rows);
	}

	/** Memory keeps no names but those of flagged runs: the store has them. */
	async #named(explanation: Explanation): Promise<Explanation> {
		const { store, workspace } = this.#options;
		const { run, episode } = explanation;
		if (run.labels.name !== null) return explanation;
		const name =
			episode?.labels.name ?? (await store.loadRun({ workspace, runId: run.runId }))?.row.labels.name ?? null;
		return { ...explanation, run: { ...run, labels: { ...run.labels, name } } };
	}

	/** Of a run that ended more than an hour ago. */
	async #stored(runId: string): Promise<Explanation | null> {
		const { store, workspace, inspectStored, clock } = this.#options;
		const stored = await store.loadRun({ workspace, runId });
		return stored === null ? null : inspectStored(stored).explain(runId, clock.now());
	}

	/** Null: the server could not be asked; what memory holds has to do. */
	async #history(runId: string, signal: AbortSignal): Promise<readonly RunView[] | null> {
		const { history, clock } = this.#options;
		if (history === null) return null;
		const patience = AbortSignal.any([signal, AbortSignal.timeout(historyPatienceMs)]);
		try {
			return await history.of(runId, clock.now().wallMs - historyMs, patience);
		} catch {
			// Reported where it failed; the page says where its timeline is from.
			return null;
		}
	}
}

const anyEpisode = { condition: null, isOpen: null, before: null } as const;

function positionOf(before: string): EpisodePosition {
	const at = before.indexOf(":");
	return { raisedAtMs: Number(before.slice(0, at)), alertId: before.slice(at + 1) };
}

function timelineOf(
	views: readonly RunView[],
	explanation: Explanation,
	episodes: readonly Episode[],
): readonly Happening[] {
	const told = views.flatMap(({ beat, state }): readonly Happening[] => {
		if (state !== null) return [{ ...happening("state", state.timestampMs, state.name), state_type: state.type }];
		const atMs = beat?.receivedMs ?? beat?.occurredMs ?? null;
		return atMs === null ? [] : [happening(heartbeat, atMs, heartbeat)];
	});
	const blind = rememberedTimeline(explanation, []).filter(({ kind }) => kind === "blind");
	return inOrder([...told, ...blind, ...episodes.flatMap(happeningsOfEpisode)]);
}
