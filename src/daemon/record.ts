import type { Settings } from "../config/schema.ts";
import type { Clock } from "../lib/clock.ts";
import { OperatorError, OutsideError } from "../lib/errors.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { redactionOf } from "../observe/redaction.ts";
import { eventsUrl } from "../prefect/connection.ts";
import { reconnectDelayMs, streamTiming } from "../prefect/event-stream.ts";
import { RawStream } from "../prefect/raw-stream.ts";
import { isOperatorsTurn, streamEndOf } from "../prefect/stream-end.ts";
import { recordingText } from "../replay/incident-file.ts";
import { connectionOf } from "./connection.ts";

export interface RecordOptions {
	readonly settings: Settings;
	/** Of the process: which proxy leads to the server. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly random: Random;
	/** Values that must not be in the recording. */
	readonly secrets: readonly string[];
	/** From the first connection on; null: until the signal aborts. */
	readonly forMs: number | null;
	/** Where lines go, each with its line break. May throw, which ends the recording. */
	readonly write: (line: string) => void;
	readonly onConnected: (facts: { readonly url: string }) => void;
	readonly onLost: (facts: { readonly detail: string; readonly retryInMs: number }) => void;
}

export interface Recorded {
	readonly frames: number;
	/** The socket was lost so often, and found again or not. */
	readonly gaps: number;
	readonly durationMs: number;
}

/**
 * Writes every frame of the events socket with the moment of its arrival, and when the socket came and went, in the form
 * that a replay reads. Frames are the server's words, cleared of our secrets.
 *
 * @throws OutsideError (75) when there is no way to the server at the start; OperatorError when it refuses us
 */
export async function recordStream(options: RecordOptions, signal: AbortSignal): Promise<Recorded> {
	return await new Recording(options).run(signal);
}

class Recording {
	readonly #options: RecordOptions;
	readonly #settings: ReturnType<typeof connectionOf>;
	readonly #clean: (text: string) => string;
	readonly #over = new AbortController();
	#frames = 0;
	#gaps = 0;
	#isUp = false;
	#beganMonoMs: number | null = null;
	#lastMs = Number.NEGATIVE_INFINITY;
	#failure: { readonly error: unknown } | null = null;

	constructor(options: RecordOptions) {
		this.#options = options;
		this.#settings = connectionOf(options.settings, options.version, options.environment);
		this.#clean = redactionOf(options.secrets);
	}

	async run(signal: AbortSignal): Promise<Recorded> {
		const { clock } = this.#options;
		const either = AbortSignal.any([signal, this.#over.signal]);
		let failures = 0;
		let isFilterSuspect = false;
		while (!either.aborted) {
			const end = await this.#listen(isFilterSuspect, either);
			this.#down();
			if (this.#failure !== null) throw this.#failure.error;
			if (either.aborted) break;
			this.#refuse(end);
			isFilterSuspect = end.isFilterSuspect;
			failures = end.wasUp ? 1 : failures + 1;
			const retryInMs = reconnectDelayMs(end, failures, streamTiming, this.#options.random);
			if (end.wasUp) this.#gaps += 1;
			this.#options.onLost({ detail: end.detail, retryInMs });
			await clock.sleep(retryInMs, either).catch(() => undefined);
		}
		const durationMs = this.#beganMonoMs === null ? 0 : clock.now().monoMs - this.#beganMonoMs;
		return { frames: this.#frames, gaps: this.#gaps, durationMs };
	}

	async #listen(isFilterSuspect: boolean, signal: AbortSignal) {
		const stream = new RawStream({
			settings: this.#settings,
			clock: this.#options.clock,
			timing: streamTiming,
			isFilterSuspect,
			listener: {
				subscribed: () => this.#guarded(() => this.#up(signal)),
				frame: (_at, text) => this.#guarded(() => this.#frame(text)),
			},
		});
		const facts = await stream.run(signal);
		return { ...streamEndOf(facts, this.#settings), wasUp: this.#isUp };
	}

	/** What does not pass by itself ends the command; so does a server that is not there when it begins. */
	#refuse({ reason, detail, isFilterSuspect }: ReturnType<typeof streamEndOf>): void {
		if (isOperatorsTurn(reason)) throw new OperatorError(detail);
		if (this.#beganMonoMs === null && !isFilterSuspect) throw new OutsideError(detail, { retryable: true });
	}

	#up(signal: AbortSignal): void {
		const { clock, forMs, onConnected } = this.#options;
		this.#isUp = true;
		this.#write({ stream: "up" });
		onConnected({ url: eventsUrl(this.#settings) });
		if (this.#beganMonoMs !== null) return;
		this.#beganMonoMs = clock.now().monoMs;
		if (forMs === null) return;
		clock.sleep(forMs, signal).then(
			() => this.#over.abort(),
			() => undefined,
		);
	}

	#frame(text: string): void {
		this.#write({ text: this.#clean(text) });
		this.#frames += 1;
	}

	/** The last line also tells a replay when the recording ended. */
	#down(): void {
		if (this.#isUp && this.#failure === null) this.#guarded(() => this.#write({ stream: "down" }));
		this.#isUp = false;
	}

	/** Times in a recording never go back, whatever is done to the wall clock. */
	#write(what: Parameters<typeof recordingText>[1]): void {
		this.#lastMs = Math.max(this.#lastMs, this.#options.clock.now().wallMs);
		this.#options.write(recordingText(this.#lastMs, what));
	}

	/** Called from the socket, where nothing may be thrown. */
	#guarded(act: () => void): void {
		if (this.#failure !== null) return;
		try {
			act();
		} catch (error) {
			this.#failure = { error };
			this.#over.abort();
		}
	}
}
