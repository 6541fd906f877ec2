import type { Clock, Instant } from "../../src/lib/clock.ts";
import type { Slots } from "../../src/schedule/schedule.ts";
import { epochMs } from "./core-server.ts";

/** Time passes only when a test moves it on: by the world's time, of which every process has a zero of its own. */
export class HandClock implements Clock {
	readonly #zeroMs: number;
	readonly #sleepers = new Map<symbol, { readonly untilMs: number; readonly wake: () => void }>();
	#nowMs: number;

	/**
	 * @param nowMs the world's time, milliseconds
	 * @param zeroMs when by the world's time the monotonic clock showed 0
	 */
	constructor(nowMs = 0, zeroMs = -3_000) {
		this.#nowMs = nowMs;
		this.#zeroMs = zeroMs;
	}

	get nowMs(): number {
		return this.#nowMs;
	}

	/** How many wait for time to pass. */
	get sleepers(): number {
		return this.#sleepers.size;
	}

	now(): Instant {
		return { monoMs: this.#nowMs - this.#zeroMs, wallMs: epochMs + this.#nowMs };
	}

	async sleep(ms: number, signal: AbortSignal): Promise<void> {
		signal.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const id = Symbol("sleeper");
		const onAbort = (): void => reject(signal.reason);
		this.#sleepers.set(id, { untilMs: this.#nowMs + ms, wake: resolve });
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			await promise;
		} finally {
			this.#sleepers.delete(id);
			signal.removeEventListener("abort", onAbort);
		}
	}

	pass(ms: number): void {
		this.moveTo(this.#nowMs + ms);
	}

	moveTo(ms: number): void {
		this.#nowMs = Math.max(this.#nowMs, ms);
		for (const { untilMs, wake } of this.#sleepers.values()) {
			if (untilMs <= this.#nowMs) wake();
		}
	}
}

/** Fires when the test says so. */
export class HandSlots implements Slots {
	fire: () => void = () => {
		throw new Error("nothing was started");
	};
	isStopped = false;

	start(fire: () => void): () => Promise<void> {
		this.fire = fire;
		return async () => {
			this.isStopped = true;
		};
	}
}

/** What is ready to go on, goes on: everything but sockets, files and timers comes to rest. */
export async function settle(): Promise<void> {
	for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
}
