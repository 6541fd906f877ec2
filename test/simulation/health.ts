import type { Timeline } from "./timeline.ts";

/** What is out of order between the workers and the receivers of alerts at the moment, and since when nothing is. */
export class Health {
	readonly #timeline: Timeline;
	readonly #troubles = new Map<string, number>();
	#wellSinceMs = 0;

	constructor(timeline: Timeline) {
		this.#timeline = timeline;
	}

	begin(trouble: string): void {
		this.#troubles.set(trouble, (this.#troubles.get(trouble) ?? 0) + 1);
	}

	end(trouble: string): void {
		const left = (this.#troubles.get(trouble) ?? 0) - 1;
		if (left > 0) this.#troubles.set(trouble, left);
		else this.#troubles.delete(trouble);
		this.#wellSinceMs = this.#timeline.nowMs;
	}

	/** Over in the moment it happens: a clock that is set. */
	strike(): void {
		this.#wellSinceMs = this.#timeline.nowMs;
	}

	/** Now, while anything is out of order. */
	get wellSinceMs(): number {
		return this.#troubles.size > 0 ? this.#timeline.nowMs : this.#wellSinceMs;
	}
}
