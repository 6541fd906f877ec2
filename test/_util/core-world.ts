import type { Decisions } from "../../src/core/decisions.ts";
import type { RunSilenceRow } from "../../src/core/disruption-row.ts";
import {
	type Episode,
	type EpisodeTransition,
	isOfEpisode,
	isReopenable,
	type SpentAlert,
} from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import type { Input, Inquiry } from "../../src/core/input.ts";
import type { Learned } from "../../src/core/learning.ts";
import type { RunRow, WorkspaceRow } from "../../src/core/record.ts";
import type { DetectorSettings } from "../../src/core/settings.ts";
import { Tracker } from "../../src/core/tracker.ts";
import type { Instant } from "../../src/lib/clock.ts";
import { epochMs, type SimEvent, SimServer } from "./core-server.ts";

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;

const transitMs = 20;
const restLatencyMs = 200;
const secondPassMs = 15 * second;
const reconcileEveryMs = minute;
const catchUpRetryMs = 5 * second;
/** While the socket is away REST stands in for it. */
const restTurnEveryMs = 30 * second;
/** The server stores events so late. */
const storedAfterMs = 5 * second;

/** The defaults of `config/schema.ts`. */
export const defaultSettings: DetectorSettings = {
	k: 3,
	slowestCadenceMs: 10 * minute,
	stuckPendingMs: 30 * minute,
	stuckRetryMs: 5 * minute,
	stuckCancellingMs: 10 * minute,
	staleMs: 24 * hour,
	overrunMs: null,
	stuckScheduledMs: null,
	rules: [],
	confirmRunsMax: 50,
	unconfirmedRunsMax: 100_000,
};

/** A daemon's process: its tracker, and its own zero of the monotonic clock. */
interface Process {
	readonly tracker: Tracker;
	readonly zeroMs: number;
	connected: boolean;
	/** Passes of the catch-up still to come, by the world's time. */
	catchUpAtMs: number[];
	reconcileAtMs: number;
	restTurnAtMs: number;
}

interface Wired {
	readonly dueMs: number;
	readonly arrive: () => void;
	/** Dies with the connection or process it was sent to. */
	readonly over: () => boolean;
}

export interface Told {
	readonly atMs: number;
	readonly name: string;
	readonly what: string;
	readonly transition: EpisodeTransition;
	/** The daemon took itself for blind at that moment. */
	readonly isBlind: boolean;
}

/**
 * A tracker among a server, its runs, a stream, REST and a store, in virtual time. Everything that can go wrong between
 * them is a knob. `run(untilMs)` moves time on, a tick at a time; `at(ms, act)` schedules what a test wants to happen.
 */
export class World {
	readonly server = new SimServer();
	readonly told: Told[] = [];
	readonly oddities: { readonly kind: string; readonly runId: string | null; readonly detail: string }[] = [];
	readonly blindSeconds = new Map<string, number>();
	readonly asked: { readonly atMs: number; readonly inquiry: Inquiry }[] = [];
	readonly groups: { readonly atMs: number; readonly group: GroupIncident }[] = [];
	readonly evicted: string[] = [];
	/** Unconfirmed runs that were too many. */
	dropped = 0;
	readonly lagsMs: number[] = [];
	readonly askedPools: { readonly atMs: number; readonly workPool: string }[] = [];
	/** What REST says of pools' workers: true when all are offline. It has no answer about others. */
	readonly offline = new Map<string, boolean>();
	readonly shortThresholds: Decisions["shortThresholds"][number][] = [];
	nowMs = 0;
	/** Delays after which an event arrives: none is a loss on the stream, two are a duplicate. */
	transit: (event: SimEvent) => readonly number[] = () => [transitMs];
	restUp = true;
	/** The path of the socket is open. */
	socketUp = true;
	daemonFrozen = false;
	/** What our wall clock shows less the true time. */
	wallStepMs = 0;
	/** The store forgets the rows of which only the proof of life moved, as a crash may. */
	losesBeats = false;
	readonly #tickMs: number;
	/** What a reload changes. */
	readonly live: { current: DetectorSettings };
	#process: Process | null = null;
	#wire: Wired[] = [];
	#script: { readonly atMs: number; readonly act: () => void }[] = [];
	readonly #rows = new Map<string, RunRow>();
	readonly #openEpisodes = new Map<string, Episode>();
	readonly #learned = new Map<string, Learned>();
	readonly #openGroups = new Map<string, GroupIncident>();
	readonly #spentAlerts: SpentAlert[] = [];
	readonly #heldRuns = new Map<string, RunSilenceRow>();
	#workspace: WorkspaceRow | null = null;

	constructor(options: { settings?: Partial<DetectorSettings>; tickMs?: number; daemon?: boolean } = {}) {
		this.#tickMs = options.tickMs ?? second;
		this.live = { current: { ...defaultSettings, ...options.settings } };
		this.server.onEvent = (event) => this.#stream(event);
		if (options.daemon ?? true) this.startDaemon();
	}

	get tracker(): Tracker {
		if (this.#process === null) throw new Error("the daemon is not running");
		return this.#process.tracker;
	}

	get now(): Instant {
		return this.#instant(this.nowMs);
	}

	/** One line for each transition: the run's name, and `raised` or the outcome. */
	get story(): readonly string[] {
		return this.told.map(({ name, what }) => `${name} ${what}`);
	}

	count(kind: string): number {
		return this.oddities.filter((oddity) => oddity.kind === kind).length;
	}

	at(atMs: number, act: () => void): void {
		this.#script.push({ atMs, act });
		this.#script.sort((a, b) => a.atMs - b.atMs);
	}

	run(untilMs: number): void {
		while (this.nowMs < untilMs) {
			this.nowMs += this.#tickMs;
			this.#playDue();
			this.server.advance(this.nowMs);
			if (!this.daemonFrozen) this.#live();
		}
	}

	#playDue(): void {
		for (;;) {
			const [next] = this.#script;
			if (next === undefined || next.atMs > this.nowMs) return;
			this.#script.shift();
			this.server.advance(next.atMs);
			next.act();
		}
	}

	storedRow(runId: string): RunRow | null {
		return this.#rows.get(runId) ?? null;
	}

	get storedRows(): number {
		return this.#rows.size;
	}

	get storedHolds(): readonly RunSilenceRow[] {
		return [...this.#heldRuns.values()];
	}

	/** As a database of a release that kept incidents, and not what it held. */
	forgetHolds(): void {
		this.#heldRuns.clear();
		if (this.#workspace !== null) this.#workspace = { ...this.#workspace, trippedGroups: [] };
	}

	startDaemon(): void {
		const zeroMs = this.nowMs - 3_000;
		const startedAt = { monoMs: this.nowMs - zeroMs, wallMs: epochMs + this.nowMs + this.wallStepMs };
		const tracker = new Tracker({
			namespace: "test",
			workspace: "w",
			live: this.live,
			holdsMassLapses: true,
			startedAt,
		});
		this.#process = {
			tracker,
			zeroMs,
			connected: false,
			catchUpAtMs: [],
			reconcileAtMs: this.nowMs,
			restTurnAtMs: this.nowMs + restTurnEveryMs,
		};
		const openEpisodes = [...this.#openEpisodes.values()];
		const learned = [...this.#learned.values()];
		const openGroups = [...this.#openGroups.values()];
		const heldRuns = [...this.#heldRuns.values()];
		const runs = [...this.#rows.values()].map((row) => ({ row, version: 1, place: 0 }));
		const workspace = this.#workspace;
		tracker.restoreRuns(runs, startedAt);
		tracker.restore(
			{ openEpisodes, workspace, learned, openGroups, heldRuns, spentAlerts: this.#spentAlerts },
			startedAt,
		);
	}

	/** As `kill -9` does. */
	stopDaemon(): void {
		this.#process = null;
	}

	apply(input: Input): void {
		this.tracker.apply(input);
		this.#carryOut(this.tracker.drain());
	}

	#instant(atMs: number): Instant {
		return { monoMs: atMs - (this.#process?.zeroMs ?? 0), wallMs: epochMs + atMs + this.wallStepMs };
	}

	#stream(event: SimEvent): void {
		const process = this.#process;
		if (process === null || !process.connected) return;
		for (const delayMs of this.transit(event)) {
			const dueMs = event.receivedAtMs + delayMs;
			const { view, receivedMs, follows } = event;
			this.#wire.push({
				dueMs,
				arrive: () =>
					this.apply({ kind: "event", at: this.#instant(Math.max(dueMs, this.#lateMs)), view, receivedMs, follows }),
				over: () => this.#process !== process || !process.connected,
			});
		}
	}

	/** Whatever came while the daemon was frozen arrives when it thaws. */
	get #lateMs(): number {
		return this.nowMs - this.#tickMs;
	}

	#live(): void {
		const process = this.#process;
		if (process === null) return;
		const reachable = this.server.up && this.socketUp;
		if (process.connected !== reachable) this.#connect(process, reachable);
		this.#wire = this.#wire.filter((wired) => !wired.over());
		const due = this.#wire.filter((wired) => wired.dueMs <= this.nowMs).sort((a, b) => a.dueMs - b.dueMs);
		this.#wire = this.#wire.filter((wired) => wired.dueMs > this.nowMs);
		for (const wired of due) wired.arrive();
		if (process.connected && this.nowMs % (10 * second) === 0) this.apply({ kind: "stream_heard", at: this.now });
		this.#catchUp(process);
		if (!process.connected) this.#standIn(process);
		this.#reconcile(process);
		this.apply({ kind: "tick", at: this.now });
	}

	#connect(process: Process, open: boolean): void {
		process.connected = open;
		process.restTurnAtMs = this.nowMs + restTurnEveryMs;
		process.catchUpAtMs = open ? [this.nowMs, this.nowMs + secondPassMs] : [];
		this.apply({ kind: open ? "stream_opened" : "stream_closed", at: this.now });
	}

	#catchUp(process: Process): void {
		const [passAtMs, ...later] = process.catchUpAtMs;
		if (passAtMs === undefined || passAtMs > this.nowMs) return;
		if (!this.#callRest()) {
			process.catchUpAtMs = [this.nowMs + catchUpRetryMs, this.nowMs + catchUpRetryMs + secondPassMs];
			return;
		}
		process.catchUpAtMs = later;
		const { coveredUntilMonoMs } = process.tracker.observation;
		const sinceMs =
			coveredUntilMonoMs === null ? this.nowMs - 15 * minute : coveredUntilMonoMs + process.zeroMs - minute;
		this.apply({ kind: "stored", at: this.now, views: this.server.storedSince(this.server.clockMs(sinceMs)) });
		if (later.length === 0) this.apply({ kind: "caught_up", at: this.now });
	}

	#standIn(process: Process): void {
		if (process.restTurnAtMs > this.nowMs || !this.#callRest()) return;
		process.restTurnAtMs = this.nowMs + restTurnEveryMs;
		const { coveredUntilMonoMs } = process.tracker.observation;
		const sinceMs = this.server.clockMs((coveredUntilMonoMs ?? this.now.monoMs) + process.zeroMs - 30 * second);
		const stored = this.server.storedSince(sinceMs, this.server.clockMs(this.nowMs - storedAfterMs));
		this.apply({ kind: "stored", at: this.now, views: stored });
		this.apply({ kind: "covered_over_rest", at: this.now, untilMonoMs: this.now.monoMs - secondPassMs });
	}

	#reconcile(process: Process): void {
		if (process.reconcileAtMs > this.nowMs) return;
		process.reconcileAtMs = this.nowMs + reconcileEveryMs;
		if (!this.#callRest()) return;
		this.apply({ kind: "listed", at: this.now, views: this.server.listing() });
		this.apply({ kind: "reconciled", at: this.now, startedMonoMs: this.now.monoMs });
	}

	#callRest(): boolean {
		const ok = this.server.up && this.restUp;
		const serverDateMs = Math.floor(this.server.clockMs(this.nowMs) / second) * second;
		this.apply(ok ? { kind: "rest_answered", at: this.now, serverDateMs } : { kind: "rest_failed", at: this.now });
		return ok;
	}

	#carryOut({ inquiries, ...decisions }: Decisions): void {
		for (const transition of decisions.transitions) {
			if (isOfEpisode(transition)) this.#tell(transition);
			else this.#tellGroup(transition.incident);
		}
		this.oddities.push(...decisions.oddities);
		for (const runId of decisions.evictedRuns) this.evicted.push(runId);
		this.dropped += decisions.unconfirmedDropped;
		this.lagsMs.push(...decisions.lagsMs);
		for (const [cause, seconds] of decisions.blind) {
			this.blindSeconds.set(cause, (this.blindSeconds.get(cause) ?? 0) + seconds);
		}
		this.shortThresholds.push(...decisions.shortThresholds);
		this.#store(decisions);
		for (const workPool of decisions.workPools) this.#askPool(workPool);
		if (inquiries.length === 0) return;
		for (const inquiry of inquiries) this.asked.push({ atMs: this.nowMs, inquiry });
		const [process, dueMs] = [this.#process, this.nowMs + restLatencyMs];
		this.#wire.push({ dueMs, arrive: () => this.#answer(inquiries, dueMs), over: () => this.#process !== process });
	}

	#askPool(workPool: string): void {
		this.askedPools.push({ atMs: this.nowMs, workPool });
		const process = this.#process;
		const dueMs = this.nowMs + restLatencyMs;
		const arrive = (): void => {
			const offline = this.offline.get(workPool);
			if (this.#callRest() && offline !== undefined) this.apply({ kind: "workers", at: this.now, workPool, offline });
		};
		this.#wire.push({ dueMs, arrive, over: () => this.#process !== process });
	}

	#answer(inquiries: readonly Inquiry[], dueMs: number): void {
		const ok = this.#callRest();
		const at = this.#instant(Math.max(dueMs, this.#lateMs));
		if (ok) this.apply({ kind: "answered", at, answers: inquiries.map((inquiry) => this.server.answer(inquiry)) });
		else this.apply({ kind: "unanswered", at, inquiries });
	}

	#tellGroup(group: GroupIncident): void {
		this.groups.push({ atMs: this.nowMs, group });
		if (group.closed === null) this.#openGroups.set(group.groupId, group);
		else this.#openGroups.delete(group.groupId);
	}

	#tell(transition: EpisodeTransition): void {
		const { episode } = transition;
		const name = this.server.runs.get(episode.runId)?.labels.name ?? episode.runId;
		const { isBlind } = this.tracker.observation;
		this.told.push({ atMs: this.nowMs, name, what: whatOf(episode), transition, isBlind });
		if (episode.closed === null) {
			this.#openEpisodes.set(episode.alertId, episode);
			return;
		}
		this.#openEpisodes.delete(episode.alertId);
		if (isReopenable(episode.closed.outcome)) this.#spentAlerts.push(episode);
	}

	#storeHeld(runIds: Iterable<string>): void {
		for (const runId of runIds) {
			const row = this.tracker.heldRowOf(runId);
			if (row === null) this.#heldRuns.delete(runId);
			else this.#heldRuns.set(runId, row);
		}
	}

	#store(decisions: Omit<Decisions, "inquiries">): void {
		// Nothing here has a place, so that all is written whole.
		const wanted = { everything: true, rowsMax: Number.MAX_SAFE_INTEGER };
		const { slots, wholeRuns } = this.tracker.stored.takeBeats(wanted, this.now);
		if (slots.length > 0) throw new Error("a beat would be written to a place that nobody gave");
		const kept = this.losesBeats ? decisions.changedRuns : new Set([...decisions.changedRuns, ...wholeRuns]);
		for (const runId of kept) {
			const row = this.tracker.stored.takeRun(runId, this.now)?.row ?? null;
			if (row !== null) this.#rows.set(runId, row);
		}
		for (const runId of decisions.forgottenRuns) this.#rows.delete(runId);
		this.#storeHeld(decisions.heldRuns);
		for (const { kind, key, row } of decisions.learned) {
			if (row === null) this.#learned.delete(`${kind} ${key}`);
			// Its kind settles its shape.
			else this.#learned.set(`${kind} ${key}`, { kind, row } as Learned);
		}
		this.#workspace = this.tracker.workspaceRow(this.now) ?? this.#workspace;
	}
}

/** A verdict of zombie is `raised`, what most tests are about; of another condition it names that. */
function whatOf({ condition, closed }: Episode): string {
	const what = closed?.outcome ?? "raised";
	return condition === "zombie" ? what : `${condition} ${what}`;
}
