import { pause } from "../_util/eventually.ts";
import type { PrefectRest } from "../_util/prefect-rest.ts";

export interface FleetOptions {
	readonly rest: PrefectRest;
	readonly runsCount: number;
	readonly cadenceMs: number;
	/** By the index of the run, milliseconds after the first beat of all: from then on it is silent. */
	readonly silencedAfterMs: ReadonlyMap<number, number>;
	readonly signal: AbortSignal;
}

/** With so many unanswered the server is behind by seconds, and a beat more is not sent. */
const postsInFlightMax = 50;

/**
 * Runs without processes: RUNNING on a real server, with beats posted as Prefect's client does. They beat in turn, evenly
 * over the cadence, since a server on SQLite answers 503 to many writes at a time.
 */
export class PostedFleet {
	readonly #options: FleetOptions;
	readonly #runs: readonly string[];
	readonly #failures: unknown[] = [];
	#beats = 0;
	#inFlight = 0;
	#held = 0;

	private constructor(options: FleetOptions, runs: readonly string[]) {
		this.#options = options;
		this.#runs = runs;
	}

	/** Resolves when every run is RUNNING; none has beaten yet. */
	static async make(options: FleetOptions): Promise<PostedFleet> {
		const runs: string[] = [];
		while (runs.length < options.runsCount) {
			options.signal.throwIfAborted();
			runs.push(await options.rest.createBareRun(`posted-${runs.length}`));
		}
		return new PostedFleet(options, runs);
	}

	/** The runs that fall silent sooner or later. */
	get silenced(): readonly string[] {
		return [...this.#options.silencedAfterMs.keys()].map((index) => this.#runs[index] as string);
	}

	/** That the server has taken. */
	get beats(): number {
		return this.#beats;
	}

	/** Beats that the server has not taken, and beats that were not sent because it was so far behind. */
	get lostBeats(): { readonly refused: number; readonly held: number; readonly firstRefusal: unknown } {
		return { refused: this.#failures.length, held: this.#held, firstRefusal: this.#failures[0] ?? null };
	}

	/** Beats until then; rejects on abort. */
	async beatUntil(isOver: () => boolean): Promise<void> {
		const { runsCount, cadenceMs, signal } = this.#options;
		const startedMs = performance.now();
		const spacingMs = cadenceMs / runsCount;
		for (let turn = 0; !isOver(); turn++) {
			const dueMs = turn * spacingMs;
			await pause(Math.max(0, startedMs + dueMs - performance.now()), signal);
			const index = turn % runsCount;
			if (dueMs < (this.#options.silencedAfterMs.get(index) ?? Number.POSITIVE_INFINITY)) this.#beat(index);
		}
	}

	#beat(index: number): void {
		if (this.#inFlight >= postsInFlightMax) {
			this.#held += 1;
			return;
		}
		this.#inFlight += 1;
		this.#options.rest
			.postHeartbeat(this.#runs[index] as string, `posted-${index}`)
			.then(() => {
				this.#beats += 1;
			})
			.catch((error: unknown) => this.#failures.push(error))
			.finally(() => {
				this.#inFlight -= 1;
			});
	}
}
