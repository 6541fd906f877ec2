import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { ApiClient } from "../prefect/api-client.ts";
import { catchUp, catchUpLimits, type ReadingOptions, readStored } from "../prefect/catch-up.ts";
import type { StreamListener } from "../prefect/event-stream.ts";
import type { Pipeline } from "./pipeline.ts";
import { listLive } from "./resync.ts";

/** How soon it is noticed that a server is back, or that it went together with the socket. */
const probeEveryMs = 5_000;

/** While the socket is away, from one reading over REST to the next; the first comes when it has been away as long. */
const restTurnEveryMs = 30_000;

export interface IntakeOptions {
	readonly api: Pick<ApiClient, "storedEvents" | "listLiveRuns" | "health">;
	readonly pipeline: Pipeline;
	readonly tracker: Tracker;
	readonly clock: Clock;
	readonly random: Random;
	readonly reporter: Reporter;
	readonly secondPassMs: number;
	readonly apiUrl: string;
}

/**
 * Brings everything Prefect says into the pipeline: live events while the socket is open, after each opening the catch-up
 * over REST for what it missed, and while it stays away REST in its stead.
 */
export class Intake {
	readonly #options: IntakeOptions;
	readonly #listener: StreamListener;
	/** A gap to be caught up: aborted when the next one opens, or the socket closes. */
	#gap: AbortController | null = null;
	#wake: (() => void) | null = null;
	#streamOpen = false;
	#restUp = true;
	/** Our monotonic clock; null while the socket is open and caught up. */
	#awaySinceMonoMs: number | null;
	/** When the last reading in the socket's stead began; null: none since it went away. */
	#turnMonoMs: number | null = null;

	constructor(options: IntakeOptions) {
		this.#options = options;
		const { pipeline } = options;
		this.#awaySinceMonoMs = options.clock.now().monoMs;
		this.#listener = {
			opened: (at) => {
				this.#streamOpen = true;
				pipeline.result({ kind: "stream_opened", at });
				this.#openGap();
			},
			event: (at, view, receivedMs, follows) => pipeline.offer({ kind: "event", at, view, receivedMs, follows }),
			beat: (at, beat) => pipeline.beat(at, beat),
			heard: (at) => pipeline.result({ kind: "stream_heard", at }),
			knowsLabels: (runId) => options.tracker.knowsLabels(runId),
			closed: (at) => {
				this.#streamOpen = false;
				this.#awaySinceMonoMs ??= at.monoMs;
				pipeline.result({ kind: "stream_closed", at });
				this.#gap?.abort();
				this.#gap = null;
				this.#wake?.();
			},
		};
	}

	get listener(): StreamListener {
		return this.#listener;
	}

	/** Every REST call's end is told here: it dates the server's clock, and says whether REST is there. */
	restEnded(serverDateMs: number | null, ok: boolean): void {
		const { pipeline, clock } = this.#options;
		this.#restUp = ok;
		const at = clock.now();
		pipeline.result(ok ? { kind: "rest_answered", at, serverDateMs } : { kind: "rest_failed", at });
		if (!ok) this.#wake?.();
	}

	/** Events were dropped at our own queue: what the socket brought since is not whole until it has been read again. */
	resync(): void {
		if (!this.#streamOpen) return;
		this.#options.pipeline.result({ kind: "stream_opened", at: this.#options.clock.now() });
		this.#openGap();
	}

	/** Compares with REST's listing of live runs. A failure has been reported; the next turn makes up for it. */
	async reconcile(signal: AbortSignal): Promise<void> {
		if (!this.#restUp) return;
		await this.#listLive(signal).catch((error: unknown) => passOver(error, signal));
	}

	/** Catches up after each opening of the socket, until aborted. */
	async runCatchUp(signal: AbortSignal): Promise<void> {
		signal.addEventListener("abort", () => this.#wake?.(), { once: true });
		while (!signal.aborted) {
			const gap = this.#gap;
			if (gap === null || gap.signal.aborted) await this.#untilWoken();
			else await this.#closeGap(gap, signal);
		}
	}

	/**
	 * Asks for the server's health while the socket or REST is away, so that an outage is told from a lost socket; and
	 * while the socket alone is away, lets REST stand in for it.
	 */
	async runProbe(signal: AbortSignal): Promise<void> {
		const { api, clock } = this.#options;
		while (!signal.aborted) {
			try {
				if (!this.#streamOpen || !this.#restUp) await api.health(signal);
				if (this.#isTurnDue()) await this.#standIn(signal);
			} catch (error) {
				passOver(error, signal);
				this.#sayWaiting(error);
			}
			await clock.sleep(probeEveryMs, signal).catch((error: unknown) => passOver(error, signal));
		}
	}

	#isTurnDue(): boolean {
		if (this.#streamOpen || !this.#restUp || this.#awaySinceMonoMs === null) return false;
		return this.#options.clock.now().monoMs - (this.#turnMonoMs ?? this.#awaySinceMonoMs) >= restTurnEveryMs;
	}

	/** One reading in the socket's stead. What the server got lately may not be stored yet, and is left to the next one. */
	async #standIn(signal: AbortSignal): Promise<void> {
		const { pipeline, clock, reporter, secondPassMs } = this.#options;
		// Runs that no stored event tells of, and the server's clock; later on the periodic listing is enough.
		if (this.#turnMonoMs === null) await this.#listLive(signal);
		pipeline.drain();
		const startedMonoMs = clock.now().monoMs;
		const reading = await readStored(this.#readingOptions(), signal);
		if (reading.truncated) reporter.caughtUp({ pass: 1, ...reading });
		// It has come back meanwhile, and brings its own catch-up.
		if (this.#streamOpen) return;
		pipeline.result({
			kind: "covered_over_rest",
			at: clock.now(),
			untilMonoMs: startedMonoMs - secondPassMs,
		});
		if (this.#turnMonoMs === null) reporter.overRestAlone({ everyMs: restTurnEveryMs });
		this.#turnMonoMs = startedMonoMs;
	}

	#sayWaiting(error: unknown): void {
		const { reporter, apiUrl } = this.#options;
		if (error instanceof OutsideError) {
			reporter.waitingForServer({ apiUrl, reason: error.message, retryInMs: probeEveryMs });
		}
	}

	#openGap(): void {
		this.#gap?.abort();
		this.#gap = new AbortController();
		this.#wake?.();
	}

	async #closeGap(gap: AbortController, signal: AbortSignal): Promise<void> {
		const { pipeline, clock } = this.#options;
		const whileOpen = AbortSignal.any([signal, gap.signal]);
		try {
			// First the listing: its answer, once in the core, dates the server's clock; from it, and from what an earlier
			// process had covered, the catch-up knows where to begin.
			await this.#listLive(whileOpen);
			pipeline.drain();
			await this.#readMissed(whileOpen);
			await this.#listLive(whileOpen);
			whileOpen.throwIfAborted();
			pipeline.result({ kind: "caught_up", at: clock.now() });
			if (this.#gap === gap) this.#gap = null;
			this.#awaySinceMonoMs = null;
			this.#turnMonoMs = null;
		} catch (error) {
			passOver(error, whileOpen);
			await clock.sleep(probeEveryMs, whileOpen).catch((reason: unknown) => passOver(reason, whileOpen));
		}
	}

	async #readMissed(signal: AbortSignal): Promise<void> {
		const { clock, random, reporter, secondPassMs } = this.#options;
		await catchUp({ ...this.#readingOptions(), clock, random, reporter, secondPassMs }, signal);
	}

	#readingOptions(): ReadingOptions {
		const { api, clock, pipeline, tracker } = this.#options;
		const now = clock.now();
		const { observation } = tracker;
		return {
			api,
			coveredUntilMs: observation.clock.toServerMs(observation.coveredUntilMonoMs ?? now.monoMs) ?? now.wallMs,
			limits: catchUpLimits,
			onViews: (views) => pipeline.result({ kind: "stored", at: clock.now(), views }),
		};
	}

	async #listLive(signal: AbortSignal): Promise<void> {
		const { api, clock, reporter, pipeline } = this.#options;
		await listLive({ api, clock, reporter, onResult: (input) => pipeline.result(input) }, signal);
	}

	#untilWoken(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}
}

/** The server's failures are reported where they happen, and being aborted is no failure; anything else is a bug. */
function passOver(error: unknown, signal: AbortSignal): void {
	if (!signal.aborted && !(error instanceof OutsideError)) throw error;
}
