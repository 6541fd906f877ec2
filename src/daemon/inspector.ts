import { setImmediate as nextTurn } from "node:timers/promises";
import type { Condition, Episode } from "../core/episode.ts";
import type { Explanation } from "../core/explanation.ts";
import type { Inspection, RunFilter } from "../core/inspection.ts";
import type { RunView } from "../core/run.ts";
import type { Attention } from "../core/telling.ts";
import type { RunSource } from "../http/api/api.ts";
import { coverageViewOf } from "../http/api/coverage-view.ts";
import { groupViewOf } from "../http/api/group-view.ts";
import type { ApiRunDetail, Happening } from "../http/api/run-schema.ts";
import {
	episodeViewOf,
	happening,
	happeningsOfEpisode,
	inOrder,
	type RunContext,
	type RunUrl,
	rememberedTimeline,
	runDetailOf,
	runViewOf,
} from "../http/api/run-view.ts";
import type {
	ApiCoverage,
	ApiDetails,
	ApiEpisodes,
	ApiLedger,
	ApiRuns,
	EpisodesQuery,
	LedgerQuery,
	RunsQuery,
} from "../http/api/schemas.ts";
import { silenceViewsOf } from "../http/api/silence-view.ts";
import type { Clock } from "../lib/clock.ts";
import type { RunHistory } from "../prefect/run-history.ts";
import type { EpisodePosition } from "../store/episode-query.ts";
import type { Store } from "../store/store.ts";
import { readLedger } from "./ledger.ts";
import type { OtherRuns } from "./stored-inspection.ts";

/** Of one run: more are nobody's reading. */
const episodesOfRunMax = 50;
const remediesOfRunMax = 50;
/** Of the ledger, when nothing is said. */
const ledgerMs = 7 * 86_400_000;
/** Prefect deletes its events after 7 days. */
const historyMs = 7 * 86_400_000;
/** Somebody waits for the page. */
const historyPatienceMs = 4_000;
const heartbeat = "heartbeat";

export interface InspectorOptions {
	readonly inspection: Inspection;
	readonly store: Pick<Store, "loadEpisodes" | "loadRun" | "remedies">;
	/** Null: the server is not to be asked. */
	readonly history: RunHistory | null;
	/** How a run stands that is not in memory, by its row, or by what the server says of it. */
	readonly inspectOther: (what: OtherRuns) => Inspection;
	/** Ids of stored runs of this name, where the server is not to be asked. */
	readonly storedNamesakes: (name: string) => readonly string[];
	/** How many, by condition. */
	readonly openEpisodes: () => Readonly<Partial<Record<Condition, number>>>;
	/** Who is told, and what waits. */
	readonly sinks: () => ApiDetails["sinks"];
	/** What people have said about alerts. */
	readonly attention: () => Attention;
	/** As set now. */
	readonly remedy: () => ApiDetails["remedy"];
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
		const { inspection, workspace, namespace, apiUrl, openEpisodes, remedy, sinks } = this.#options;
		return {
			namespace,
			workspace,
			prefect: apiUrl,
			group_incidents: inspection.openGroups.map(groupViewOf),
			remedy: remedy(),
			sinks: sinks(),
			silences: silenceViewsOf(this.#context.attention),
			open_by_condition: openEpisodes(),
		};
	}

	async runs({ standing, condition, deployment, work_pool: workPool, name, limit, from }: RunsQuery): Promise<ApiRuns> {
		const { inspection, clock } = this.#options;
		const filter: RunFilter = {
			standing: standing ?? null,
			condition: condition ?? null,
			deployment: deployment ?? null,
			workPool: workPool ?? null,
			name: name ?? null,
		};
		const { runs, next } = inspection.page(filter, from, limit, clock.now());
		const known = await Promise.all(runs.map((explanation) => this.#named(explanation)));
		// Once, at the beginning: the server names its runs all at a time.
		const others = name === undefined || from > 0 ? [] : await this.#namesakes(name, known, filter);
		return {
			runs: [...known, ...others].slice(0, limit).map((explanation) => runViewOf(explanation, this.#context)),
			next,
		};
	}

	async run(runId: string, signal: AbortSignal): Promise<ApiRunDetail | null> {
		const { inspection, store, workspace, clock } = this.#options;
		const told = await this.#asked(signal, (history, patience) =>
			history.of(runId, clock.now().wallMs - historyMs, patience),
		);
		const live = inspection.explain(runId, clock.now());
		const explanation = live === null ? await this.#unwatched(runId, told ?? [], signal) : await this.#named(live);
		if (explanation === null) return null;
		const query = { ...anyEpisode, workspace, runId, rowsMax: episodesOfRunMax };
		const episodes = await store.loadEpisodes(query);
		const remedies = await store.remedies.entries({ ...anyRemedy, workspace, runId });
		const timeline =
			told === null ? rememberedTimeline(explanation, episodes) : timelineOf(told, explanation, episodes);
		const nowMs = clock.now().wallMs;
		const timelineSource = told === null ? "memory" : "prefect";
		return runDetailOf(
			explanation,
			{ episodes, remedies, timeline, timelineSource, watched: live !== null, nowMs },
			this.#context,
		);
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

	ledger({ since }: LedgerQuery): Promise<ApiLedger> {
		const { store, workspace, clock } = this.#options;
		const nowMs = clock.now().wallMs;
		const sinceMs = since === undefined ? nowMs - ledgerMs : Date.parse(since);
		return readLedger({ store, workspace, nowMs, sinceMs });
	}

	async coverage(): Promise<ApiCoverage> {
		const { inspection, clock } = this.#options;
		const count = inspection.coverage();
		while (count.countPart(clock.now())) await nextTurn();
		return coverageViewOf(count.rows);
	}

	get #context(): RunContext {
		const { runUrl, attention } = this.#options;
		return { runUrl, attention: attention() };
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

	/** A run that is not in memory: it ended more than an hour ago, or has never been heard of here. */
	async #unwatched(runId: string, told: readonly RunView[], signal: AbortSignal): Promise<Explanation | null> {
		const { store, workspace, inspectOther, clock } = this.#options;
		const stored = await store.loadRun({ workspace, runId });
		if (stored !== null) return inspectOther({ runs: [stored], views: [] }).explain(runId, clock.now());
		const view = await this.#asked(signal, (history, patience) => history.run(runId, patience));
		if (view === null) return null;
		return inspectOther({ runs: [], views: [...told, view] }).explain(runId, clock.now());
	}

	/** Runs of this name that memory does not name, as far as the server knows them. */
	async #namesakes(name: string, known: readonly Explanation[], filter: RunFilter): Promise<readonly Explanation[]> {
		const { inspection, inspectOther, storedNamesakes, clock } = this.#options;
		const stored = storedNamesakes(name).flatMap((runId) => inspection.explain(runId, clock.now()) ?? []);
		const views = (await this.#asked(null, (history, patience) => history.named(name, patience))) ?? [];
		const told = views
			.filter(({ runId }) => known.every(({ run }) => run.runId !== runId))
			.flatMap((view) => {
				const live = inspection.explain(view.runId, clock.now());
				return live ?? inspectOther({ runs: [], views: [view] }).explain(view.runId, clock.now()) ?? [];
			});
		return [...stored, ...told]
			.filter((found) => isWanted(found, filter))
			.map((found) => ({ ...found, run: { ...found.run, labels: { ...found.run.labels, name } } }));
	}

	/** Null: the server could not be asked, or knows nothing; what memory holds has to do. */
	async #asked<Answer>(
		signal: AbortSignal | null,
		ask: (history: RunHistory, patience: AbortSignal) => Promise<Answer | null>,
	): Promise<Answer | null> {
		const { history } = this.#options;
		if (history === null) return null;
		const patience = AbortSignal.timeout(historyPatienceMs);
		try {
			return await ask(history, signal === null ? patience : AbortSignal.any([signal, patience]));
		} catch {
			// Reported where it failed; the answer says what it rests on.
			return null;
		}
	}
}

function isWanted({ run: { labels }, standing, episode }: Explanation, wanted: RunFilter): boolean {
	if (wanted.standing !== null && wanted.standing !== standing) return false;
	if (wanted.condition !== null && wanted.condition !== episode?.condition) return false;
	if (wanted.workPool !== null && wanted.workPool !== labels.workPool) return false;
	return wanted.deployment === null || [labels.deploymentId, labels.deploymentName].includes(wanted.deployment);
}

const anyRemedy = { sinceMs: 0, withUnsettled: false, rowsMax: remediesOfRunMax } as const;
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
	const remembered = rememberedTimeline(explanation, []);
	const blind = remembered.filter(({ kind }) => kind === "blind");
	// The change to it may be older than what is stored, or than the newest events that were read.
	const isStateTold = told.some(({ kind }) => kind === "state");
	const state = isStateTold ? [] : remembered.filter(({ kind }) => kind === "state");
	return inOrder([...state, ...told, ...blind, ...episodes.flatMap(happeningsOfEpisode)]);
}
