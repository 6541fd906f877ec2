import { isOfEpisode, type Outcome } from "../../../src/core/episode.ts";
import type { Inquiry } from "../../../src/core/input.ts";
import type { DetectorSettings } from "../../../src/core/settings.ts";
import { Tracker } from "../../../src/core/tracker.ts";
import type { Instant } from "../../../src/lib/clock.ts";
import { catchUpLimits, secondPassMsDefault } from "../../../src/prefect/catch-up.ts";
import { eventsPageRowsMax } from "../../../src/prefect/event-pages.ts";
import { Agenda } from "./agenda.ts";
import { epochMs, type PrefectWorld, serverMs } from "./prefect-world.ts";
import { RestLine } from "./rest-line.ts";
import type { ScriptEvent } from "./script.ts";
import type { Told } from "./told.ts";

const tickMs = 1_000;
/** Of the daemon's probe, reconciliation and socket pings. */
const probeEveryMs = 5_000;
const reconcileEveryMs = 60_000;
const pingEveryMs = 10_000;
/** Of the readings over REST alone: `daemon/intake.ts`. */
const restTurnEveryMs = 30_000;
const firstOpenMs = 500;
const listedRowsMax = 200;
const inquiriesPerCallMax = 50;
/** State, newest beats, log lines, task runs. */
const requestsPerInquiry = 4;
/** The monotonic clock's zero lies anywhere. */
const monoAheadMs = 5_000;

/** How a verdict's episode ended. */
export interface Closed {
	readonly run: number;
	readonly raisedMs: number;
	readonly atMs: number;
	readonly outcome: Outcome;
}

/** What our detector said of a script. */
export interface Watch {
	readonly told: readonly Told[];
	readonly closed: readonly Closed[];
	/** When group incidents opened. */
	readonly groupsMs: readonly number[];
}

/** The shipped core in the world, driven as `daemon/` drives it: see its intake, inquirer and watch. */
export function watchedByUs(world: PrefectWorld, settings: DetectorSettings): Watch {
	return new Driver(world, settings).play();
}

function instantOf(trueMs: number): Instant {
	return { monoMs: trueMs + monoAheadMs, wallMs: epochMs + trueMs };
}

class Driver {
	readonly #world: PrefectWorld;
	readonly #tracker: Tracker;
	readonly #agenda = new Agenda();
	readonly #rest: RestLine;
	readonly #watch: { told: Told[]; closed: Closed[]; groupsMs: number[] } = { told: [], closed: [], groupsMs: [] };
	#waiting: Inquiry[] = [];
	#isAsking = false;
	#isOpen = false;
	#restUp = true;
	/** The socket's end, or the last reading in its stead; null before it first opened. */
	#awaySinceMs: number | null = null;
	/** Counts what has to be caught up: a later gap, or the socket's loss, ends the work on an earlier one. */
	#gap = 0;

	constructor(world: PrefectWorld, settings: DetectorSettings) {
		this.#world = world;
		const startedAt = instantOf(0);
		const live = { current: settings };
		this.#tracker = new Tracker({ namespace: "table", workspace: "default", live, holdsMassLapses: true, startedAt });
		this.#tracker.restore(
			{ openEpisodes: [], spentAlerts: [], workspace: null, learned: [], openGroups: [], heldRuns: [] },
			startedAt,
		);
		this.#rest = new RestLine({
			agenda: this.#agenda,
			isUp: (atMs) => world.isUp(atMs),
			onEnd: (atMs, ok) => this.#restEnded(atMs, ok),
		});
	}

	play(): Watch {
		const { socketDown, arrivals, untilMs } = this.#world.script;
		this.#agenda.at(firstOpenMs, (atMs) => this.#open(atMs));
		if (socketDown !== null) {
			this.#agenda.at(socketDown.fromMs, (atMs) => this.#close(atMs));
			this.#agenda.at(socketDown.untilMs, (atMs) => this.#open(atMs));
		}
		this.#every(pingEveryMs, (atMs) => {
			if (this.#isOpen) this.#tracker.apply({ kind: "stream_heard", at: instantOf(atMs) });
		});
		this.#every(probeEveryMs, (atMs) => {
			if (!this.#isOpen || !this.#restUp) this.#rest.call(atMs, 1, () => this.#standIn(atMs));
		});
		this.#every(reconcileEveryMs, (atMs) => {
			if (this.#restUp) this.#list(atMs, () => undefined);
		});
		this.#every(tickMs, (atMs) => {
			this.#tracker.apply({ kind: "tick", at: instantOf(atMs) });
			this.#carryOut(atMs);
		});
		for (const event of arrivals) {
			this.#actUntil(event.arrivesMs);
			this.#hear(event);
		}
		this.#actUntil(untilMs);
		return this.#watch;
	}

	#actUntil(untilMs: number): void {
		while (this.#agenda.nextMs <= untilMs) this.#agenda.actNext();
	}

	#every(everyMs: number, act: (atMs: number) => void): void {
		const turn = (atMs: number): void => {
			act(atMs);
			this.#agenda.at(atMs + everyMs, turn);
		};
		this.#agenda.at(everyMs, turn);
	}

	#hear(event: ScriptEvent): void {
		const at = instantOf(event.arrivesMs);
		const view = this.#world.viewOf(event);
		this.#tracker.apply({ kind: "event", at, view, receivedMs: serverMs(event.receivedMs) });
	}

	#open(atMs: number): void {
		this.#isOpen = true;
		this.#gap += 1;
		this.#tracker.apply({ kind: "stream_opened", at: instantOf(atMs) });
		this.#catchUp(atMs, this.#gap);
	}

	#close(atMs: number): void {
		this.#isOpen = false;
		this.#gap += 1;
		this.#awaySinceMs = atMs;
		this.#tracker.apply({ kind: "stream_closed", at: instantOf(atMs) });
	}

	/** While the socket is away, a reading over REST alone each so often. */
	#standIn(atMs: number): void {
		if (this.#isOpen || !this.#restUp || this.#awaySinceMs === null || atMs - this.#awaySinceMs < restTurnEveryMs)
			return;
		this.#awaySinceMs = atMs;
		const sinceMs = this.#coveredUntilMs(atMs) - catchUpLimits.overlapMs;
		this.#read(sinceMs, atMs, this.#gap, (nowMs, ok) => {
			if (!ok || this.#isOpen) return;
			const untilMonoMs = instantOf(atMs).monoMs - secondPassMsDefault;
			this.#tracker.apply({ kind: "covered_over_rest", at: instantOf(nowMs), untilMonoMs });
		});
	}

	#restEnded(atMs: number, ok: boolean): void {
		this.#restUp = ok;
		const at = instantOf(atMs);
		const serverDateMs = Math.floor(serverMs(atMs) / 1_000) * 1_000;
		this.#tracker.apply(ok ? { kind: "rest_answered", at, serverDateMs } : { kind: "rest_failed", at });
	}

	/** A listing, both passes of stored events, and a listing; what fails begins again. */
	#catchUp(atMs: number, gap: number): void {
		const again = (failedMs: number): void => {
			this.#agenda.at(failedMs + probeEveryMs, (nowMs) => {
				if (gap === this.#gap) this.#catchUp(nowMs, gap);
			});
		};
		const next = (act: (nowMs: number) => void) => (nowMs: number, ok: boolean) => {
			if (gap !== this.#gap) return;
			if (ok) act(nowMs);
			else again(nowMs);
		};
		const finish = next((nowMs) => this.#tracker.apply({ kind: "caught_up", at: instantOf(nowMs) }));
		const listAgain = next((nowMs) => this.#list(nowMs, finish));
		this.#list(
			atMs,
			next((listedMs) => {
				const sinceMs = this.#coveredUntilMs(listedMs) - catchUpLimits.overlapMs;
				const secondPass = next((readMs) => {
					this.#agenda.at(readMs + secondPassMsDefault, (nowMs) => this.#read(sinceMs, nowMs, gap, listAgain));
				});
				this.#read(sinceMs, listedMs, gap, secondPass);
			}),
		);
	}

	/** Server's clock. */
	#coveredUntilMs(atMs: number): number {
		const { clock, coveredUntilMonoMs } = this.#tracker.observation;
		const { monoMs, wallMs } = instantOf(atMs);
		return clock.toServerMs(coveredUntilMonoMs ?? monoMs) ?? wallMs;
	}

	/** One pass over what has been stored since then, page by page. */
	#read(sinceMs: number, atMs: number, gap: number, then: (atMs: number, ok: boolean) => void): void {
		const stored = this.#world.storedSince(sinceMs, atMs, catchUpLimits.pagesMax * eventsPageRowsMax);
		const readPage = (page: number, beginMs: number): void => {
			this.#rest.call(beginMs, 1, (nowMs, ok) => {
				if (!ok || gap !== this.#gap) return then(nowMs, ok);
				const events = stored.slice(page * eventsPageRowsMax, (page + 1) * eventsPageRowsMax);
				const views = events.map((event) => this.#world.viewOf(event));
				this.#tracker.apply({ kind: "stored", at: instantOf(nowMs), views });
				if ((page + 1) * eventsPageRowsMax < stored.length) readPage(page + 1, nowMs);
				else then(nowMs, true);
			});
		};
		readPage(0, atMs);
	}

	#list(atMs: number, then: (atMs: number, ok: boolean) => void): void {
		const requests = 1 + Math.floor(this.#world.listing(atMs).length / listedRowsMax);
		this.#rest.call(atMs, requests, (nowMs, ok) => {
			if (ok) {
				this.#tracker.apply({ kind: "listed", at: instantOf(nowMs), views: this.#world.listing(nowMs) });
				this.#tracker.apply({ kind: "reconciled", at: instantOf(nowMs), startedMonoMs: instantOf(atMs).monoMs });
			}
			then(nowMs, ok);
		});
	}

	/** One call at a time, as the inquirer puts them. */
	#ask(atMs: number): void {
		if (this.#isAsking || this.#waiting.length === 0) return;
		const inquiries = this.#waiting.splice(0, inquiriesPerCallMax);
		this.#isAsking = true;
		this.#rest.call(atMs, requestsPerInquiry, (nowMs, ok) => {
			this.#isAsking = false;
			const at = instantOf(nowMs);
			const answers = ok ? inquiries.map((inquiry) => this.#world.answer(inquiry, nowMs)) : [];
			this.#tracker.apply(ok ? { kind: "answered", at, answers } : { kind: "unanswered", at, inquiries });
			this.#carryOut(nowMs);
			this.#ask(nowMs);
		});
	}

	#carryOut(atMs: number): void {
		const { transitions, inquiries } = this.#tracker.drain();
		for (const transition of transitions) {
			if (!isOfEpisode(transition)) {
				const { openedAtMs, closed } = transition.incident;
				if (closed === null) this.#watch.groupsMs.push(openedAtMs - epochMs);
				continue;
			}
			const { runId, condition, raisedAtMs, closed } = transition.episode;
			const run = this.#world.runOf(runId);
			const raisedMs = raisedAtMs - epochMs;
			if (closed === null) this.#watch.told.push({ run, atMs: raisedMs, condition });
			else this.#watch.closed.push({ run, raisedMs, atMs: closed.atMs - epochMs, outcome: closed.outcome });
		}
		this.#waiting.push(...inquiries);
		this.#ask(atMs);
	}
}
