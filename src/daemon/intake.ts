import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { ApiClient } from "../prefect/api-client.ts";
import { catchUp, catchUpLimits } from "../prefect/catch-up.ts";
import type { StreamListener } from "../prefect/event-stream.ts";
import type { Pipeline } from "./pipeline.ts";
import { listLive } from "./resync.ts";

/** How soon it is noticed that a server is back, or that it went together with the socket. */
const probeEveryMs = 5_000;

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
 * Brings everything Prefect says into the pipeline: live events while the socket is open, and after each opening the
 * catch-up over REST for what it missed.
 */
export class Intake {
	readonly #options: IntakeOptions;
	readonly #listener: StreamListener;
	/** A gap to be caught up: aborted when the next one opens, or the socket closes. */
	#gap: AbortController | null = null;
	#wake: (() => void) | null = null;
	#streamOpen = false;
	#restUp = true;

	constructor(options: IntakeOptions) {
		this.#options = options;
		const { pipeline } = options;
		this.#listener = {
			opened: (at) => {
				this.#streamOpen = true;
				pipeline.result({ kind: "stream_opened", at });
				this.#openGap();
			},
			event: (at, view, receivedMs) => pipeline.offer({ kind: "event", at, view, receivedMs }),
			heard: (at) => pipeline.result({ kind: "stream_heard", at }),
			closed: (at) => {
				this.#streamOpen = false;
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

	/** Asks for the server's health while the socket or REST is away, so that an outage is told from a lost socket. */
	async runProbe(signal: AbortSignal): Promise<void> {
		const { api, clock } = this.#options;
		while (!signal.aborted) {
			try {
				if (!this.#streamOpen || !this.#restUp) await api.health(signal);
			} catch (error) {
				passOver(error, signal);
				this.#sayWaiting(error);
			}
			await clock.sleep(probeEveryMs, signal).catch((error: unknown) => passOver(error, signal));
		}
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
			await this.#readStored(whileOpen);
			await this.#listLive(whileOpen);
			whileOpen.throwIfAborted();
			pipeline.result({ kind: "caught_up", at: clock.now() });
			if (this.#gap === gap) this.#gap = null;
		} catch (error) {
			passOver(error, whileOpen);
			await clock.sleep(probeEveryMs, whileOpen).catch((reason: unknown) => passOver(reason, whileOpen));
		}
	}

	async #readStored(signal: AbortSignal): Promise<void> {
		const { api, clock, random, reporter, pipeline, tracker, secondPassMs } = this.#options;
		const now = clock.now();
		const { observation } = tracker;
		const coveredUntilMs = observation.clock.toServerMs(observation.coveredUntilMonoMs ?? now.monoMs) ?? now.wallMs;
		await catchUp(
			{
				api,
				clock,
				random,
				reporter,
				coveredUntilMs,
				secondPassMs,
				limits: catchUpLimits,
				onViews: (views) => pipeline.result({ kind: "stored", at: clock.now(), views }),
			},
			signal,
		);
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
