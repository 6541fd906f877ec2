import { z } from "zod";
import type { Inquiry, InquiryAnswer } from "../core/input.ts";
import { type BeatView, isTerminal, type RunView } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";
import { CircumstanceReader, type Suspect } from "./circumstance-reader.ts";
import { eventPages, eventsPageRowsMax } from "./event-pages.ts";
import { Evidence } from "./evidence.ts";
import { PageSize } from "./page-size.ts";
import { type ReadRows, readEventRows, readRunRows } from "./row-reading.ts";
import { type NamedIds, type Names, Surroundings } from "./surroundings.ts";
import { aheadMsMax, farFuture } from "./timestamp.ts";
import { flowRunEventPrefix, heartbeatEvent } from "./to-input.ts";
import type { Transport } from "./transport.ts";
import { areWorkersOffline } from "./work-pools.ts";

export interface ApiClientOptions {
	/** Whoever made it disposes of it. */
	readonly transport: Transport;
	readonly clock: Clock;
	readonly reporter: Reporter;
}

/** A page of what the server has stored, in ascending order of `occurred`. */
export interface StoredPage {
	readonly views: readonly RunView[];
	/** Events on the page, those without a view included. */
	readonly events: number;
	/** More is stored, but `pagesMax` is reached: on the last page only. */
	readonly truncated: boolean;
}

export interface Answers {
	readonly answers: readonly InquiryAnswer[];
	/** The server's rows about these could not be read: whether the runs exist, and beat, is not known. */
	readonly unanswered: readonly Inquiry[];
}

/** `PREFECT_SERVER_API_DEFAULT_LIMIT`: the most that Prefect's server gives of anything but events. */
const runsPageRowsMax = 200;
/** Runs that end while pages are read move later ones up; pages overlap so that those are not missed. */
const overlapRowsMax = 10;
/** Runs asked about at once: their ids are in the page token too, which travels in a URL. */
const inquiriesMax = 50;
/** States that a run may go on from. Scheduled runs are many and of no concern, unless they await a retry. */
const liveStates = {
	operator: "or_",
	type: { any_: ["PENDING", "RUNNING", "CANCELLING", "PAUSED"] },
	name: { any_: ["AwaitingRetry"] },
};

const rowsSchema = z.array(z.unknown());

interface RunRows extends ReadRows {
	/** Rows of the answer, unreadable ones included. */
	readonly rows: number;
	readonly serverNowMs: number;
}

/** Prefect's REST API, as far as zombied asks it. Every call may throw ApiError, or the signal's reason when aborted. */
export class ApiClient {
	readonly #options: ApiClientOptions;
	readonly #transport: Transport;
	readonly #runsPage = new PageSize(runsPageRowsMax);
	readonly #eventsPage = new PageSize(eventsPageRowsMax);
	readonly #evidence: Evidence;
	readonly #surroundings: Surroundings;
	readonly #circumstances: CircumstanceReader;

	constructor(options: ApiClientOptions) {
		this.#options = options;
		this.#transport = options.transport;
		this.#evidence = new Evidence({ ...options, eventsPage: this.#eventsPage, rowsPage: this.#runsPage });
		this.#surroundings = new Surroundings({ ...options, rowsPage: this.#runsPage, evidence: this.#evidence });
		const pages = { rowsPage: this.#runsPage, eventsPage: this.#eventsPage };
		this.#circumstances = new CircumstanceReader({ ...options, ...pages });
	}

	/** Resolves when the server answers now; asks once. */
	async health(signal: AbortSignal): Promise<void> {
		const call = { endpoint: "health", method: "GET", path: "/health", schema: z.unknown(), retries: false } as const;
		await this.#transport.call(call, signal);
	}

	/**
	 * Pages of all runs that live or wait to live on: PENDING, RUNNING, CANCELLING, PAUSED, and those that await a retry.
	 * A run is on one page only.
	 */
	async *listLiveRuns(signal: AbortSignal): AsyncGenerator<readonly RunView[]> {
		const seen = new Set<string>();
		let offset = 0;
		for (;;) {
			const page = await this.#runsPage.adapt(async (limit) => {
				const body = { flow_runs: { state: liveStates }, sort: "ID_DESC", limit, offset };
				return { limit, ...(await this.#runRows(body, signal)) };
			});
			const news = page.views.filter((view) => !seen.has(view.runId));
			for (const view of news) {
				seen.add(view.runId);
			}
			// A custom state may be named AwaitingRetry and be terminal all the same.
			const live = news.filter((view) => view.state === null || !isTerminal(view.state.type));
			yield await this.#surroundings.withNames(live, signal);
			// A full page without a new run: the server does not heed the offset.
			if (page.rows < page.limit || news.length + page.unread.length === 0) {
				return;
			}
			offset += page.limit - Math.min(overlapRowsMax, Math.floor(page.limit / 4));
		}
	}

	/** State and newest stored heartbeat of each run asked about. */
	async answer(inquiries: readonly Inquiry[], signal: AbortSignal): Promise<Answers> {
		const answers: InquiryAnswer[] = [];
		const unanswered: Inquiry[] = [];
		let rest = inquiries;
		while (rest.length > 0) {
			const some = await this.#answerSome(rest, signal);
			answers.push(...some.answers);
			unanswered.push(...some.unanswered);
			rest = rest.slice(some.answers.length + some.unanswered.length);
		}
		return { answers, unanswered };
	}

	/**
	 * All stored events of flow runs that occurred (by the workers' clocks) since then.
	 *
	 * @param options.pagesMax pages of up to 50 events; what lies beyond is not read, and the last page says so
	 */
	async *storedEvents(
		options: { readonly sinceMs: number; readonly pagesMax: number },
		signal: AbortSignal,
	): AsyncGenerator<StoredPage> {
		const filter = {
			event: { prefix: [flowRunEventPrefix] },
			occurred: { since: isoOf(options.sinceMs), until: farFuture },
			order: "ASC",
		};
		let pages = 0;
		for await (const { rows, hasMore } of eventPages(this.#transport, this.#eventsPage, filter, signal)) {
			pages += 1;
			const truncated = hasMore && pages >= options.pagesMax;
			yield { views: readEventRows(rows, this.#options.reporter).views, events: rows.length, truncated };
			if (truncated) {
				return;
			}
		}
	}

	/** Names by id of flows and deployments, remembered; ids that the server does not know are missing. */
	describe(ids: NamedIds, signal: AbortSignal): Promise<Names> {
		return this.#surroundings.describe(ids, signal);
	}

	/** The same, put into what is known of runs. */
	withNames(views: readonly RunView[], signal: AbortSignal): Promise<readonly RunView[]> {
		return this.#surroundings.withNames(views, signal);
	}

	/** What shows that a pool is down, and not the way of its events: false also when nothing is known of it. */
	areWorkersOffline(workPool: string, signal: AbortSignal): Promise<boolean> {
		return areWorkersOffline({ transport: this.#transport, rowsPage: this.#runsPage }, workPool, signal);
	}

	/** The first of the inquiries, as many as one page holds. */
	async #answerSome(inquiries: readonly Inquiry[], signal: AbortSignal): Promise<Answers> {
		const runs = await this.#runsPage.adapt(async (limit) => {
			const asked = inquiries.slice(0, Math.min(limit, inquiriesMax));
			const ids = asked.map((inquiry) => inquiry.runId);
			return { asked, ...(await this.#runRows({ limit: asked.length, flow_runs: { id: { any_: ids } } }, signal)) };
		});
		const beats = await this.#newestBeats(runs.asked, runs.serverNowMs, signal);
		const known = await this.#surroundings.withParents(
			await this.#surroundings.withNames(runs.views, signal),
			runs.asked,
			signal,
		);
		const views = new Map(known.map((view) => [view.runId, view]));
		const signs = await this.#evidence.newestSigns(runs.asked.filter(needsSigns), signal);
		const circumstances = await this.#circumstances.of(suspectsOf(runs.asked, known), signal);
		const unread = [...runs.unread, ...beats.unread].join("\n");
		const answers: InquiryAnswer[] = [];
		const unanswered: Inquiry[] = [];
		for (const inquiry of runs.asked) {
			const { runId } = inquiry;
			if (unread.includes(runId)) {
				unanswered.push(inquiry);
			} else {
				const newestBeat = beats.byRun.get(runId) ?? null;
				const hasHistory = newestBeat !== null && inquiry.isUnheard;
				answers.push({
					inquiry,
					view: views.get(runId) ?? null,
					newestBeat,
					earlierBeats: hasHistory ? await this.#evidence.storedBeats(inquiry, signal) : [],
					newestSignMs: signs.get(runId) ?? null,
					circumstances: circumstances.get(runId) ?? null,
				});
			}
		}
		return { answers, unanswered };
	}

	/** The stored heartbeat with the newest `occurred` of each run that has one in the window. */
	async #newestBeats(
		asked: readonly Inquiry[],
		serverNowMs: number,
		signal: AbortSignal,
	): Promise<{ readonly byRun: ReadonlyMap<string, BeatView>; readonly unread: readonly string[] }> {
		const filter = {
			event: { name: [heartbeatEvent] },
			resource: { id: asked.map((inquiry) => `${flowRunEventPrefix}${inquiry.runId}`), distinct: true },
			occurred: {
				since: isoOf(Math.min(...asked.map((inquiry) => inquiry.beatsSinceMs))),
				// As far as a skewed clock may be ahead, and no farther: a beat of the year 9999 would hide all others.
				until: isoOf(serverNowMs + aheadMsMax),
			},
			order: "DESC",
		};
		const byRun = new Map<string, BeatView>();
		const unread: string[] = [];
		let pages = 0;
		for await (const { rows } of eventPages(this.#transport, this.#eventsPage, filter, signal)) {
			const read = readEventRows(rows, this.#options.reporter);
			unread.push(...read.unread);
			for (const { runId, beat } of read.views) {
				if (beat !== null && !byRun.has(runId)) {
					byRun.set(runId, beat);
				}
			}
			pages += 1;
			// There cannot be more: a server that goes on for ever is not followed.
			if (pages >= asked.length) {
				break;
			}
		}
		return { byRun, unread };
	}

	async #runRows(
		body: { readonly limit: number; readonly [field: string]: unknown },
		signal: AbortSignal,
	): Promise<RunRows> {
		const asked = { path: "/flow_runs/filter", body, rows: body.limit };
		const call = { endpoint: "flow_runs", method: "POST", ...asked, schema: rowsSchema, retries: true } as const;
		const { value, serverDateMs } = await this.#transport.call(call, signal);
		const serverNowMs = serverDateMs ?? this.#options.clock.now().wallMs;
		return { ...readRunRows(value, serverNowMs, this.#options.reporter), rows: value.length, serverNowMs };
	}
}

/** Other signs of life matter where silence is about to be judged. */
function needsSigns({ stage }: Inquiry): boolean {
	return stage !== "identify" && stage !== "missed";
}

/** What surrounds a run is told with the verdict, and asked for when that is due. What has ended is in nobody's way. */
function suspectsOf(asked: readonly Inquiry[], views: readonly RunView[]): readonly Suspect[] {
	const due = new Map(asked.filter(({ stage }) => stage === "due").map((inquiry) => [inquiry.runId, inquiry]));
	return views.flatMap(({ runId, state, labels: { deploymentId, workPool } }) => {
		const inquiry = due.get(runId);
		if (inquiry === undefined || state === null || isTerminal(state.type)) return [];
		return [{ runId, deploymentId, workPool, sinceMs: inquiry.beatsSinceMs }];
	});
}

function isoOf(ms: number): string {
	return new Date(Math.floor(ms)).toISOString();
}
