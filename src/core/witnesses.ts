import type { Instant } from "../lib/clock.ts";
import type { RunView } from "./run.ts";

/** A verdict that needs a witness may wait so much longer for one. */
const asGoodMs = 1_000;

interface Heard {
	readonly runId: string;
	readonly atMonoMs: number;
}

/**
 * The newest events that the server is known to have received, whoever brought us word of them. Over REST alone a
 * silence means something only when somebody else was heard after it began: what keeps our socket shut (an ingress, a
 * proxy) may keep the clients' shut as well.
 */
export class Witnesses {
	/** The newest heartbeats of two runs: whichever run is asked about, one of them is another's. */
	#newest: Heard | null = null;
	#second: Heard | null = null;
	/** The newest event that is no heartbeat, of any run. */
	#otherAtMonoMs = Number.NEGATIVE_INFINITY;

	/** @param toMonoMs from the server's clock; null while that is unknown */
	note({ runId, beat, state }: RunView, at: Instant, toMonoMs: (serverMs: number) => number | null): void {
		const receivedMs = beat === null ? state?.timestampMs : beat.receivedMs;
		const receivedMonoMs = receivedMs == null ? null : toMonoMs(receivedMs);
		if (receivedMonoMs === null) return;
		const atMonoMs = Math.min(at.monoMs, receivedMonoMs);
		if (beat === null) {
			this.#otherAtMonoMs = Math.max(this.#otherAtMonoMs, atMonoMs);
			return;
		}
		this.noteBeat(runId, atMonoMs);
	}

	/** False: the heartbeats that are known are as good, to the second, so that this one need not be noted. */
	wants(atMonoMs: number): boolean {
		return this.#second === null || atMonoMs - this.#second.atMonoMs > asGoodMs;
	}

	/** @param atMonoMs when the server received it, and not after its arrival */
	noteBeat(runId: string, atMonoMs: number): void {
		const heard = { runId, atMonoMs };
		if (this.#newest === null || this.#newest.runId === runId) {
			this.#newest = later(this.#newest, heard);
		} else if (atMonoMs > this.#newest.atMonoMs) {
			this.#second = this.#newest;
			this.#newest = heard;
		} else {
			this.#second = later(this.#second, heard);
		}
	}

	/** When the newest event was received that is another run's, or no heartbeat; negative infinity: there was none. */
	newestBeside(runId: string): number {
		const other = this.#newest?.runId === runId ? this.#second : this.#newest;
		return Math.max(this.#otherAtMonoMs, other?.atMonoMs ?? Number.NEGATIVE_INFINITY);
	}
}

function later(known: Heard | null, told: Heard): Heard {
	return known !== null && known.atMonoMs >= told.atMonoMs ? known : told;
}
