import type { Instant } from "../lib/clock.ts";
import { type BlindCause, type BlindSpan, blindMs, withSpan } from "./blindness.ts";
import { Downtime } from "./downtime.ts";
import { Lag } from "./lag.ts";
import { Outage } from "./outage.ts";
import { afterTick, type OwnHealth, withTrouble } from "./own-health.ts";
import { sleptMsBetween } from "./own-pause.ts";
import type { KnownObservation } from "./record.ts";
import { ServerClock } from "./server-clock.ts";

/** Nothing is flagged until REST has been back this long: clients have resent what they held by then. */
const restSettleMs = 45_000;
const silentStreamMinMs = 30_000;
/** Three turns of reading over REST: without one for so long we no longer hear anything. */
const restAloneLapseMs = 90_000;
/** Eight expected events missing in a row: chance explains that once in 3,000 times. */
const silentStreamEvents = 8;
const silentStreamMaxMs = 15 * 60_000;

/**
 * What we could have heard, and when. Owns the five kinds of blind time, our own health, and the mapping of the
 * server's clock; decides nothing about runs.
 */
export class Observation {
	readonly clock = new ServerClock();
	#spans: readonly BlindSpan[] = [];
	#health: OwnHealth;
	#streamOpen = false;
	/** When REST last stood in for the socket; null while it does not. */
	#restTurnMonoMs: number | null = null;
	/** Since then everything has come over the socket; null while it does not. */
	#hearingSinceMonoMs: number | null = null;
	#hasCaughtUp = false;
	/** Everything up to here has been seen; null before the first catch-up of a new database. */
	#coveredUntilMonoMs: number | null = null;
	readonly #outage = new Outage();
	readonly #downtime = new Downtime();
	/** A new process knows nothing of what was before: server and daemon may have come back together, and it settles too. */
	#rest: { readonly up: boolean; readonly sinceMonoMs: number };
	#lastEventAtMs: number | null = null;
	/** Since then no event has come over the open stream; null before it first opened. */
	#quietSinceMonoMs: number | null = null;
	#silentSinceMonoMs: number | null = null;
	readonly #lag = new Lag();
	#lastTick: Instant | null = null;

	constructor(startedAt: Instant) {
		this.#rest = { up: true, sinceMonoMs: startedAt.monoMs };
		this.#health = { score: 0, sinceMonoMs: startedAt.monoMs };
	}

	/** What an earlier process knew, mapped to our clock by the caller. */
	restore(known: KnownObservation): void {
		this.#coveredUntilMonoMs ??= known.coveredUntilMonoMs;
		for (const span of known.spans) this.#spans = withSpan(this.#spans, span);
		this.#health = { ...this.#health, score: Math.max(this.#health.score, known.healthScore) };
	}

	get streamOpen(): boolean {
		return this.#streamOpen;
	}

	/** The socket is away, and what it would have brought is read over REST. */
	get isOverRestAlone(): boolean {
		return this.#restTurnMonoMs !== null;
	}

	/** Everything that was stored while nobody listened has been read at least once, over the socket's catch-up or REST alone. */
	get hasCaughtUp(): boolean {
		return this.#hasCaughtUp;
	}

	/** The last request to the server's API was answered. */
	get restAnswers(): boolean {
		return this.#rest.up;
	}

	/** Since when the socket has brought everything, what it had missed included; null while it does not. */
	get hearingSinceMonoMs(): number | null {
		return this.#hearingSinceMonoMs;
	}

	get lastEventAtMs(): number | null {
		return this.#lastEventAtMs;
	}

	get healthScore(): number {
		return this.#health.score;
	}

	get coveredUntilMonoMs(): number | null {
		return this.#coveredUntilMonoMs;
	}

	/** What a later process is to take for the end of coverage: a downtime that may hide an outage counts on. */
	coverageToKeep(nowMonoMs: number): number | null {
		return this.#downtime.doubtfulFrom(nowMonoMs) ?? this.#coveredUntilMonoMs;
	}

	/** Finished spans and those still open, the latter up to now. */
	spansAt(nowMonoMs: number): readonly BlindSpan[] {
		let spans = this.#spans;
		for (const [cause, fromMonoMs] of this.#openSpans()) {
			spans = withSpan(spans, { fromMonoMs, untilMonoMs: nowMonoMs, cause });
		}
		return spans;
	}

	/** While this holds nobody is flagged, whatever the silence. */
	get isBlind(): boolean {
		const isDeaf = !this.#isHearing && !this.isOverRestAlone;
		return isDeaf || this.#lag.sinceMonoMs !== null || this.#silentSinceMonoMs !== null;
	}

	/** Causes that are open now, for the counter of blind seconds: what REST reads soon after is not lost. */
	get openCauses(): readonly BlindCause[] {
		const causes = this.#openSpans().map(([cause]) => cause);
		if (this.isOverRestAlone) return causes.filter((cause) => cause !== "socket");
		if (this.#coveredUntilMonoMs === null) causes.push("socket");
		return causes;
	}

	/** REST is the truth: without it, or just after it came back, there are no verdicts. */
	mayJudge(nowMonoMs: number): boolean {
		return !this.isBlind && this.#rest.up && nowMonoMs - this.#rest.sinceMonoMs >= restSettleMs;
	}

	streamOpened(): void {
		this.#streamOpen = true;
		this.#hearingSinceMonoMs = null;
	}

	streamClosed(at: Instant): void {
		if (!this.#streamOpen) return;
		this.#streamOpen = false;
		this.#hearingSinceMonoMs = null;
		this.#endSilence(at.monoMs);
		this.#trouble(at.monoMs);
		if (!this.#rest.up) this.#outage.goesOn(this.#coveredUntilMonoMs ?? at.monoMs);
	}

	/** Any sign that the open socket works: it covers the time up to now. */
	streamHeard({ monoMs }: Instant): void {
		if (this.#isHearing) this.#coveredUntilMonoMs = monoMs;
	}

	/**
	 * Both passes of a catch-up are in. What the socket missed has been read, so that it was not blind after all, except
	 * for an outage of the server: its clients still held their beats.
	 */
	caughtUp(at: Instant): void {
		if (!this.#streamOpen) return;
		this.#hearingSinceMonoMs ??= at.monoMs;
		this.#restTurnMonoMs = null;
		// A stream that has just opened has not been silent for long.
		this.#quietSinceMonoMs = at.monoMs;
		this.#covered(at, at.monoMs);
	}

	/**
	 * The socket is away, and REST has given what the server stored: everything that it had received by then is known.
	 * An outage of the server is over only when what came after it has been read.
	 */
	coveredOverRest(at: Instant, untilMonoMs: number): void {
		if (this.#isHearing || !this.#rest.up || this.#outage.lasts(untilMonoMs)) return;
		this.#restTurnMonoMs = at.monoMs;
		this.#covered(at, untilMonoMs);
	}

	restAnswered(at: Instant, serverDateMs: number | null): void {
		if (serverDateMs !== null) this.clock.observeDate(at.monoMs, serverDateMs);
		if (this.#rest.up) return;
		this.#rest = { up: true, sinceMonoMs: at.monoMs };
		this.#outage.restIsBack(at.monoMs);
	}

	restFailed(at: Instant): void {
		if (this.#rest.up) {
			this.#rest = { up: false, sinceMonoMs: at.monoMs };
			this.#trouble(at.monoMs);
		}
		if (this.#isHearing) return;
		this.#restTurnMonoMs = null;
		this.#outage.goesOn(this.#coveredUntilMonoMs ?? at.monoMs);
	}

	/**
	 * A live event arrived.
	 *
	 * @param isNews false for a redelivery, which says nothing of the lag, nor of the server's clock
	 * @returns its lag, and whether it shows that the server's clock has stepped
	 */
	eventArrived(
		at: Instant,
		receivedMs: number | null,
		isNews: boolean,
	): { readonly lagMs: number | null; readonly clockStepped: boolean } {
		this.streamHeard(at);
		this.#lastEventAtMs = at.wallMs;
		this.#quietSinceMonoMs = at.monoMs;
		this.#endSilence(at.monoMs);
		if (receivedMs === null || !isNews) return { lagMs: null, clockStepped: false };
		const clockStepped = this.clock.observeEvent(at.monoMs, receivedMs);
		if (clockStepped) this.#trouble(at.monoMs);
		const lagMs = this.clock.lagOf(at.monoMs, receivedMs);
		this.clock.countLag(lagMs);
		this.#noteLag(at.monoMs, lagMs);
		return { lagMs, clockStepped };
	}

	/**
	 * Once a second.
	 *
	 * @param eventsPerMs the rate at which beats should arrive, from the armed runs that are not suspect
	 * @returns the time since the last tick, and how long we slept in it, or by how much the wall clock was set: mostly 0
	 */
	tick(at: Instant, eventsPerMs: number): { readonly elapsedMs: number; readonly sleptMs: number } {
		const last = this.#lastTick;
		this.#lastTick = at;
		this.#health = afterTick(this.#health, at.monoMs);
		this.#watchSilence(at.monoMs, eventsPerMs);
		if (this.#restTurnMonoMs !== null && at.monoMs - this.#restTurnMonoMs > restAloneLapseMs)
			this.#restTurnMonoMs = null;
		this.#addSpan(this.#lag.takeEnded(at.monoMs));
		if (last === null) return { elapsedMs: 0, sleptMs: 0 };
		const elapsedMs = at.monoMs - last.monoMs;
		const sleptMs = sleptMsBetween(last, at);
		if (sleptMs === 0) return { elapsedMs, sleptMs };
		this.#addSpan({ fromMonoMs: last.monoMs, untilMonoMs: at.monoMs, cause: "own_pause" });
		// What was sent meanwhile is only now read: the stream has not been silent in that time.
		if (this.#quietSinceMonoMs !== null) this.#quietSinceMonoMs = at.monoMs;
		this.#trouble(at.monoMs);
		return { elapsedMs, sleptMs };
	}

	/** Blind time within [fromMonoMs, now] for a run of this cadence. */
	blindMs(fromMonoMs: number, nowMonoMs: number, cadenceMs: number): number {
		const spans = this.#downtime.addedTo(this.spansAt(nowMonoMs), nowMonoMs, cadenceMs);
		return blindMs(spans, fromMonoMs, nowMonoMs, cadenceMs);
	}

	/** The same for questions about the stream itself, in which its silence must not excuse itself. */
	withoutSilentStream(nowMonoMs: number): (fromMonoMs: number, cadenceMs: number) => number {
		const spans = this.spansAt(nowMonoMs).filter((span) => span.cause !== "silent_stream");
		const spansOf = (cadenceMs: number) => this.#downtime.addedTo(spans, nowMonoMs, cadenceMs);
		return (from, cadenceMs) => blindMs(spansOf(cadenceMs), from, nowMonoMs, cadenceMs);
	}

	/** What was stored up to then has been read. */
	#covered(at: Instant, untilMonoMs: number): void {
		if (!this.#hasCaughtUp) this.#downtime.isOver(this.#coveredUntilMonoMs, at.monoMs);
		this.#hasCaughtUp = true;
		this.#coveredUntilMonoMs = Math.max(untilMonoMs, this.#coveredUntilMonoMs ?? untilMonoMs);
		this.#addSpan(this.#outage.take(at.monoMs));
	}

	#openSpans(): [BlindCause, number][] {
		const open: [BlindCause, number][] = [];
		if (!this.#isHearing && this.#coveredUntilMonoMs !== null) {
			open.push([this.#outage.isOpen ? "server_outage" : "socket", this.#coveredUntilMonoMs]);
		}
		if (this.#silentSinceMonoMs !== null) open.push(["silent_stream", this.#silentSinceMonoMs]);
		const { sinceMonoMs: lagSinceMonoMs } = this.#lag;
		if (lagSinceMonoMs !== null) open.push(["lag", lagSinceMonoMs]);
		return open;
	}

	/** The socket is open, and what it had missed has been read. */
	get #isHearing(): boolean {
		return this.#hearingSinceMonoMs !== null;
	}

	#addSpan(span: BlindSpan | null): void {
		if (span !== null) this.#spans = withSpan(this.#spans, span);
	}

	#watchSilence(nowMonoMs: number, eventsPerMs: number): void {
		if (!this.#isHearing || this.#quietSinceMonoMs === null) return;
		const silentMs = nowMonoMs - this.#quietSinceMonoMs;
		const boundMs =
			eventsPerMs > 0 ? Math.max(silentStreamMinMs, silentStreamEvents / eventsPerMs) : Number.POSITIVE_INFINITY;
		if (silentMs >= boundMs && silentMs < silentStreamMaxMs) this.#silentSinceMonoMs ??= this.#quietSinceMonoMs;
		else this.#endSilence(nowMonoMs);
	}

	#endSilence(nowMonoMs: number): void {
		if (this.#silentSinceMonoMs === null) return;
		this.#addSpan({ fromMonoMs: this.#silentSinceMonoMs, untilMonoMs: nowMonoMs, cause: "silent_stream" });
		this.#silentSinceMonoMs = null;
	}

	#noteLag(nowMonoMs: number, lagMs: number): void {
		if (this.#lag.begins(nowMonoMs, lagMs)) this.#trouble(nowMonoMs);
		this.#addSpan(this.#lag.takeEnded(nowMonoMs));
	}

	#trouble(nowMonoMs: number): void {
		this.#health = withTrouble(this.#health, nowMonoMs);
	}
}
