import type { Input, Inquiry, InquiryAnswer } from "../core/input.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";

/** Where questions about runs are put; `ApiClient` is one. */
export interface Answerer {
	/** @throws OutsideError when the server did not answer */
	answer(
		inquiries: readonly Inquiry[],
		signal: AbortSignal,
	): Promise<{ readonly answers: readonly InquiryAnswer[]; readonly unanswered: readonly Inquiry[] }>;
	/** Whether a pool has workers, and all are offline. @throws OutsideError */
	areWorkersOffline(workPool: string, signal: AbortSignal): Promise<boolean>;
}

/** Runs in one call: REST's page of events holds 50. */
const inquiriesPerCallMax = 50;
/** Further ones are dropped while REST hangs: the core asks again. */
const poolsWaitingMax = 50;

/** Puts the core's questions about runs and pools to REST, one call at a time, and feeds the answers back as inputs. */
export class Inquirer {
	readonly #api: Answerer;
	readonly #clock: Clock;
	readonly #onResult: (input: Input) => void;
	/** Bounded by the core, which keeps at most `limits.confirmRuns` questions open. */
	readonly #waiting: Inquiry[] = [];
	readonly #pools = new Set<string>();
	#wake: (() => void) | null = null;

	constructor(options: { api: Answerer; clock: Clock; onResult: (input: Input) => void }) {
		this.#api = options.api;
		this.#clock = options.clock;
		this.#onResult = options.onResult;
	}

	/** @param workPools names of pools whose workers are to be asked after */
	ask(inquiries: readonly Inquiry[], workPools: readonly string[] = []): void {
		this.#waiting.push(...inquiries);
		for (const workPool of workPools) if (this.#pools.size < poolsWaitingMax) this.#pools.add(workPool);
		this.#wake?.();
	}

	/** Resolves on abort; rejects on anything that is not a failure of the server. */
	async run(signal: AbortSignal): Promise<void> {
		signal.addEventListener("abort", () => this.#wake?.(), { once: true });
		while (!signal.aborted) {
			const batch = this.#waiting.splice(0, inquiriesPerCallMax);
			const [workPool] = this.#pools;
			if (batch.length > 0) await this.#put(batch, signal);
			if (workPool !== undefined) await this.#putPool(workPool, signal);
			if (batch.length === 0 && workPool === undefined) await this.#untilAsked();
		}
	}

	#untilAsked(): Promise<void> {
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}

	async #putPool(workPool: string, signal: AbortSignal): Promise<void> {
		this.#pools.delete(workPool);
		try {
			const offline = await this.#api.areWorkersOffline(workPool, signal);
			this.#onResult({ kind: "workers", at: this.#clock.now(), workPool, offline });
		} catch (error) {
			if (!signal.aborted && !(error instanceof OutsideError)) throw error;
		}
	}

	async #put(inquiries: readonly Inquiry[], signal: AbortSignal): Promise<void> {
		try {
			const { answers, unanswered } = await this.#api.answer(inquiries, signal);
			const at = this.#clock.now();
			this.#onResult({ kind: "answered", at, answers });
			if (unanswered.length > 0) this.#onResult({ kind: "unanswered", at, inquiries: unanswered });
		} catch (error) {
			if (signal.aborted) return;
			if (!(error instanceof OutsideError)) throw error;
			this.#onResult({ kind: "unanswered", at: this.#clock.now(), inquiries });
		}
	}
}
