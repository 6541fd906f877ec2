/**
 * An outage of Prefect, or of the way there, is Prefect's own affair for so long, and a restart of it always; after that
 * nobody watches the runs, whoever is to blame.
 */
const unableMsMax = 15 * 60_000;

/** What says whether zombied does its work. */
interface WorkFacts {
	/** Of our own affairs (the tick, the store), in words; null: nothing. */
	readonly notReady: string | null;
	/** Verdicts could be made now. */
	readonly mayJudge: boolean;
}

/** Knows for how long no verdict could have been made. Monotonic clock. */
export class DeadMan {
	#ableMonoMs: number;

	constructor(startMonoMs: number) {
		this.#ableMonoMs = startMonoMs;
	}

	/** Why the switch is not told that zombied works; null: it does. Asked again within minutes. */
	hesitation({ notReady, mayJudge }: WorkFacts, nowMonoMs: number): string | null {
		if (mayJudge) this.#ableMonoMs = nowMonoMs;
		if (notReady !== null) return notReady;
		const unableMs = nowMonoMs - this.#ableMonoMs;
		if (unableMs <= unableMsMax) return null;
		return "no verdict could be made for 15 minutes: Prefect is out of reach, or does not answer";
	}
}
