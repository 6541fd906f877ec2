import type { Decisions } from "../core/decisions.ts";
import { type Episode, isOfEpisode, type Transition } from "../core/episode.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { HeardBeat } from "../core/heard-beat.ts";
import type { Input, Inquiry } from "../core/input.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import type { Sink } from "../notify/sink.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { OutboxRow } from "../store/store.ts";
import type { Persister } from "./persister.ts";

/**
 * Inputs taken in one go before the event loop gets its turn: sockets must be read all the time. As many as a socket that
 * is full brings in one turn (32 reads of 64 KiB): with fewer the queue would grow however fast they are processed.
 */
const batchInputsMax = 5_000;

export interface PipelineOptions {
	readonly tracker: Tracker;
	readonly persister: Persister;
	readonly reporter: Reporter;
	readonly clock: Clock;
	/** Live events waiting for their turn; beyond it they are dropped, counted, and read again over REST. */
	readonly queueInputsMax: number;
	/** Each transition is owed to those that want it. */
	readonly sinks: readonly Pick<Sink, "name" | "wants">[];
	/** @param workPools names of pools whose workers are to be asked after */
	readonly onInquiries: (inquiries: readonly Inquiry[], workPools: readonly string[]) => void;
	/** Live events were dropped: what they said has to be fetched. */
	readonly onOverflow: () => void;
}

/**
 * The only way into the core: bounded lane for live events, a lane of its own for the results of our own questions and
 * for ticks, which are few and never dropped. Decisions go to the persister, the inquirer and the reporter.
 */
export class Pipeline {
	readonly #options: PipelineOptions;
	readonly #events: Input[] = [];
	readonly #results: Input[] = [];
	#dropped = 0;
	/** Heartbeats that were taken in the short way, and not counted yet. */
	#beats = 0;
	#lastTickMonoMs: number | null = null;
	#scheduled = false;
	readonly #bug = Promise.withResolvers<never>();

	constructor(options: PipelineOptions) {
		this.#options = options;
		// Whoever runs it is told; before that nobody is.
		this.#bug.promise.catch(() => undefined);
	}

	/** A live event; dropped when the queue is full. */
	offer(input: Input): void {
		if (this.#events.length >= this.#options.queueInputsMax) {
			this.#dropped += 1;
			return;
		}
		this.#events.push(input);
		this.#schedule();
	}

	/**
	 * A live heartbeat, in the short way: it takes effect at once, after the events that wait before it.
	 *
	 * @returns false when it is not that simple: then it has to be offered as an event
	 */
	beat(at: Instant, beat: HeardBeat): boolean {
		if (this.#events.length > 0) this.#apply(this.#events.splice(0));
		if (!this.#options.tracker.beat(at, beat)) return false;
		this.#beats += 1;
		this.#schedule();
		return true;
	}

	/** A result of an effect, or a tick: never dropped, bounded by what is in flight. */
	result(input: Input): void {
		this.#results.push(input);
		this.#schedule();
	}

	/** Resolves on abort; rejects on a bug in the core. */
	async run(signal: AbortSignal): Promise<void> {
		const { promise: aborted, resolve } = Promise.withResolvers<void>();
		signal.addEventListener("abort", () => resolve(), { once: true });
		if (signal.aborted) resolve();
		await Promise.race([aborted, this.#bug.promise]);
	}

	/** Processes all that waits, at once. */
	drain(): void {
		while (this.isBusy) this.#process();
	}

	/** Inputs wait for their turn, or what they have come to does. */
	get isBusy(): boolean {
		return this.#events.length + this.#results.length + this.#beats > 0;
	}

	/** Our monotonic clock; null before the first tick. */
	get lastTickMonoMs(): number | null {
		return this.#lastTickMonoMs;
	}

	#schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		setImmediate(() => {
			this.#scheduled = false;
			try {
				this.#process();
			} catch (error) {
				this.#bug.reject(error);
				return;
			}
			if (this.isBusy) this.#schedule();
		});
	}

	#process(): void {
		// Results first: an answer that rests on an old proof of life is harmless, a late one delays a verdict.
		const batch = this.#results.splice(0);
		batch.push(...this.#events.splice(0, batchInputsMax));
		this.#apply(batch);
		this.#reportBeats();
		this.#reportOverflow();
		this.#carryOut(this.#options.tracker.drain());
	}

	#apply(inputs: readonly Input[]): void {
		for (const input of inputs) {
			if (input.kind === "tick") this.#sweep(input);
			else this.#options.tracker.apply(input);
		}
	}

	#sweep(tick: Input & { readonly kind: "tick" }): void {
		const { tracker, reporter, clock } = this.#options;
		const startedMonoMs = clock.now().monoMs;
		tracker.apply(tick);
		this.#lastTickMonoMs = tick.at.monoMs;
		const { beating, unmonitored, idle, suspects, openEpisodes, openGroups, oldestBeatsMs } = tracker.census;
		reporter.swept({
			durationMs: clock.now().monoMs - startedMonoMs,
			atMs: tick.at.wallMs,
			runs: { beating, unmonitored, idle },
			suspects,
			unconfirmed: tracker.unconfirmedRuns,
			openEpisodes,
			openGroups,
			oldestBeatsMs,
			streamConnected: tracker.observation.streamOpen,
			lastEventAtMs: tracker.observation.lastEventAtMs,
			ownHealth: tracker.observation.healthScore,
		});
	}

	#reportOverflow(): void {
		if (this.#dropped === 0) return;
		this.#options.reporter.queueOverflowed(this.#dropped);
		this.#dropped = 0;
		this.#options.onOverflow();
	}

	#reportBeats(): void {
		if (this.#beats > 0) this.#options.reporter.frame("heartbeat", this.#beats);
		this.#beats = 0;
	}

	/** Tells of what has opened or closed, and what is owed to whom of it. */
	#tell(transitions: readonly Transition[]) {
		const { reporter, sinks, clock } = this.#options;
		const { wallMs } = clock.now();
		const episodes: Episode[] = [];
		const groups: GroupIncident[] = [];
		const outbox: OutboxRow[] = [];
		for (const transition of transitions) {
			for (const { name } of sinks.filter((sink) => sink.wants(transition))) {
				outbox.push({ sink: name, transition, createdAtMs: wallMs });
			}
			if (isOfEpisode(transition)) {
				episodes.push(transition.episode);
				reporter.transition(transition);
			} else {
				groups.push(transition.incident);
				reporter.groupIncident(transition.incident);
			}
		}
		return { episodes, groups, outbox };
	}

	#carryOut(decisions: Decisions): void {
		const { persister, reporter, onInquiries } = this.#options;
		for (const lagMs of decisions.lagsMs) reporter.eventLag(lagMs);
		for (const cadenceMs of decisions.cadencesMs) reporter.beatOfCadence(cadenceMs);
		for (const oddity of decisions.oddities) reporter.anomaly(oddity.kind, oddity);
		for (const threshold of decisions.shortThresholds) reporter.thresholdShort(threshold);
		for (const [cause, seconds] of decisions.blind) reporter.blind(cause, seconds);
		if (decisions.unconfirmedDropped > 0) reporter.unconfirmedDropped(decisions.unconfirmedDropped);
		const { episodes, groups, outbox } = this.#tell(decisions.transitions);
		persister.record({
			changedRuns: decisions.changedRuns,
			evictedRuns: decisions.evictedRuns,
			forgottenRuns: decisions.forgottenRuns,
			episodes,
			outbox,
			groups,
			heldRuns: decisions.heldRuns,
			learned: decisions.learned,
		});
		const { inquiries, workPools } = decisions;
		if (inquiries.length + workPools.length > 0) onInquiries(inquiries, workPools);
	}
}
