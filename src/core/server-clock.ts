/** Ten buckets of a minute: the least offset of the last ten minutes is the one with the least transit in it. */
const bucketMs = 60_000;
const bucketsMax = 10;
/** A bucket whose least offset lies this much higher than the one before means a stepped clock, not slow transit. */
const stepMs = 2_000;
/** A `Date` this far behind the events is no slow answer, which would have been given up by then. */
const dateStepMs = 60_000;
/** Upper edges of the lag histogram. */
const lagEdgesMs = [1_000, 2_000, 4_000, 8_000, 12_000, 16_000, 24_000, 32_000, 48_000, 64_000] as const;
const lagEdgeMaxMs = Math.max(...lagEdgesMs);
const lagQuantile = 0.999;

interface Bucket {
	readonly startMonoMs: number;
	offsetMs: number;
	/** How many events lagged up to each edge; infinity stands for those beyond the last. */
	readonly lags: Map<number, number>;
	lagsSeen: number;
}

/**
 * Maps the server's clock onto our monotonic one: `mono = server + offset`. The offset is the least difference between
 * an event's arrival and its `received`, since transit only adds. Mutable, because it is touched by every event.
 */
export class ServerClock {
	#buckets: Bucket[] = [];
	#dateOffsetMs: number | null = null;
	/** A `Date` has shown that the server's clock was set: told with the next event. */
	#setUnheard = false;
	/** The least of the buckets: a sweep asks for each run, and it changes with an event only. */
	#leastOffsetMs: number | null = null;

	/** Null until the server has been heard once. */
	get offsetMs(): number | null {
		return this.#leastOffsetMs ?? this.#dateOffsetMs;
	}

	/**
	 * From a REST answer's `Date`: whole seconds, so it serves only until the first live event; but while none comes it
	 * alone shows that the server's clock was set, and then what earlier events told is void.
	 */
	observeDate(arrivalMonoMs: number, serverDateMs: number): void {
		this.#dateOffsetMs = arrivalMonoMs - serverDateMs;
		if (this.#leastOffsetMs === null) return;
		const apartMs = this.#dateOffsetMs - this.#leastOffsetMs;
		if (apartMs >= -stepMs && apartMs <= dateStepMs) return;
		this.#buckets = [];
		this.#leastOffsetMs = null;
		this.#setUnheard = true;
	}

	/**
	 * A live event arrived. A clock set back shows when a minute's least offset has jumped; set forward, at once.
	 *
	 * @returns true when the server's clock has stepped
	 */
	observeEvent(arrivalMonoMs: number, receivedMs: number): boolean {
		const setUnheard = this.#setUnheard;
		this.#setUnheard = false;
		const stepped = this.#observe(arrivalMonoMs, arrivalMonoMs - receivedMs);
		return stepped || setUnheard;
	}

	/**
	 * What `min(arrival, received + offset)` will be once an event that arrives now has been observed, or less: it may show
	 * that the transit was faster than was known.
	 */
	leastInstantOf(arrivalMonoMs: number, receivedMs: number): number {
		const { offsetMs } = this;
		return offsetMs === null ? arrivalMonoMs : Math.min(arrivalMonoMs, receivedMs + offsetMs);
	}

	#observe(arrivalMonoMs: number, offsetMs: number): boolean {
		const current = this.#buckets.at(-1);
		// Against all buckets: a bucket that begins with slow transit must not make the next event look like a step.
		const setForward = this.#leastOffsetMs !== null && offsetMs < this.#leastOffsetMs - stepMs;
		if (current !== undefined && arrivalMonoMs - current.startMonoMs < bucketMs) {
			if (offsetMs < current.offsetMs) this.#lower(current, offsetMs);
			return setForward;
		}
		const previous = this.#buckets.at(-2);
		const setBack = current !== undefined && previous !== undefined && current.offsetMs - previous.offsetMs > stepMs;
		if (setBack) this.#buckets = [current];
		this.#buckets.push({
			startMonoMs: arrivalMonoMs,
			offsetMs,
			lags: new Map(),
			lagsSeen: 0,
		});
		const oldestMonoMs = arrivalMonoMs - bucketMs * bucketsMax;
		this.#buckets = this.#buckets.filter((bucket) => bucket.startMonoMs > oldestMonoMs);
		this.#leastOffsetMs = Math.min(...this.#buckets.map((bucket) => bucket.offsetMs));
		return setBack || setForward;
	}

	#lower(bucket: Bucket, offsetMs: number): void {
		bucket.offsetMs = offsetMs;
		this.#leastOffsetMs = Math.min(offsetMs, this.#leastOffsetMs ?? offsetMs);
	}

	/** The server's time on our monotonic clock; null before the server was heard. */
	toMonoMs(serverMs: number): number | null {
		const { offsetMs } = this;
		return offsetMs === null ? null : serverMs + offsetMs;
	}

	toServerMs(monoMs: number): number | null {
		const { offsetMs } = this;
		return offsetMs === null ? null : monoMs - offsetMs;
	}

	/** How late an event is, beyond the fastest transit seen. */
	lagOf(arrivalMonoMs: number, receivedMs: number): number {
		const { offsetMs } = this;
		return offsetMs === null ? 0 : Math.max(0, arrivalMonoMs - receivedMs - offsetMs);
	}

	countLag(lagMs: number): void {
		const bucket = this.#buckets.at(-1);
		if (bucket === undefined) return;
		const edgeMs = lagEdgesMs.find((upToMs) => lagMs <= upToMs) ?? Number.POSITIVE_INFINITY;
		bucket.lags.set(edgeMs, (bucket.lags.get(edgeMs) ?? 0) + 1);
		bucket.lagsSeen += 1;
	}

	/** The upper edge of the bin that holds the quantile (the last bin has none: its lower one); 0 without events. */
	get lagP999Ms(): number {
		const seen = this.#buckets.reduce((sum, bucket) => sum + bucket.lagsSeen, 0);
		if (seen === 0) return 0;
		let below = 0;
		for (const edgeMs of lagEdgesMs) {
			for (const bucket of this.#buckets) below += bucket.lags.get(edgeMs) ?? 0;
			if (below >= seen * lagQuantile) return edgeMs;
		}
		return lagEdgeMaxMs;
	}
}
