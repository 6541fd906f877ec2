import type { Agenda } from "./agenda.ts";

/** A request's time, and how many may begin within a second: `limits.restPerSecond` by default. */
const requestMs = 40;
const requestsPerSecond = 5;

/** Our way to REST: one request after another, within the daemon's own budget. */
export class RestLine {
	readonly #agenda: Agenda;
	readonly #isUp: (atMs: number) => boolean;
	readonly #onEnd: (atMs: number, ok: boolean) => void;
	/** When the last few requests began, oldest first. */
	readonly #begunMs: number[] = [];

	/** @param options.onEnd called with each call's end, before its caller hears of it */
	constructor(options: {
		agenda: Agenda;
		isUp: (atMs: number) => boolean;
		onEnd: (atMs: number, ok: boolean) => void;
	}) {
		this.#agenda = options.agenda;
		this.#isUp = options.isUp;
		this.#onEnd = options.onEnd;
	}

	/** A call that takes so many requests; one that meets a server that is down ends there. */
	call(atMs: number, requests: number, then: (atMs: number, ok: boolean) => void): void {
		let endMs = atMs;
		for (let made = 0; made < requests; made++) {
			endMs = this.#begin(endMs) + requestMs;
			if (!this.#isUp(endMs)) break;
		}
		this.#agenda.at(endMs, () => {
			const ok = this.#isUp(endMs);
			this.#onEnd(endMs, ok);
			then(endMs, ok);
		});
	}

	#begin(atMs: number): number {
		const [oldestMs] = this.#begunMs;
		const isFull = this.#begunMs.length >= requestsPerSecond && oldestMs !== undefined;
		const beginMs = isFull ? Math.max(atMs, oldestMs + 1_000) : atMs;
		if (isFull) this.#begunMs.shift();
		this.#begunMs.push(beginMs);
		return beginMs;
	}
}
