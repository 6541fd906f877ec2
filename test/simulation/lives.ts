import type { BeatView } from "../../src/core/run.ts";
import type { RunRow } from "../../src/store/store.ts";
import type { Failures } from "./failures.ts";
import type { SimServer } from "./server.ts";
import { minute, second } from "./units.ts";

interface KeptLife {
	readonly row: RunRow;
	readonly keptMs: number;
	/** Its proof of life by the world's time, as the server's clock stood when it was kept. Null: there is none. */
	readonly aliveMs: number | null;
}

const rule = "proof of life never goes back";
const never = Number.NEGATIVE_INFINITY;
/** Between two readings of one proof of life: what mapping it from our clock to the server's can do. */
const mappingErrorMs = 10 * second;
/** The mapping forgets an old clock within ten minutes. */
const clockSetNoticedMs = 15 * minute;

/** What the store keeps of each run's liveness, row after row: none may know less than the one before. */
export class Lives {
	readonly #failures: Failures;
	readonly #server: SimServer;
	readonly #kept = new Map<string, KeptLife>();
	/** When a run's proof of life last moved on without a beat: as its group is left. By the world's time. */
	readonly #resets = new Map<string, number>();
	/** When the server's clock was set, by the world's time. */
	readonly #setMs: number[] = [];
	/** When the process that writes began. */
	#startedMs = 0;

	constructor(options: { failures: Failures; server: SimServer }) {
		this.#failures = options.failures;
		this.#server = options.server;
	}

	serverClockSet(nowMs: number): void {
		this.#setMs.push(nowMs);
	}

	/** A process starts, with what earlier ones have kept. */
	loaded(nowMs: number): void {
		this.#startedMs = nowMs;
	}

	resetMs(runId: string): number {
		return this.#resets.get(runId) ?? never;
	}

	/** @returns the row before it; null when it is the first */
	kept(row: RunRow, nowMs: number): RunRow | null {
		const { aliveAtServerMs, runId } = row;
		const aliveMs = aliveAtServerMs === null ? null : nowMs - (this.#server.clockMs - aliveAtServerMs);
		const life = { row, keptMs: nowMs, aliveMs };
		const before = this.#kept.get(runId);
		this.#kept.set(runId, life);
		if (before === undefined) return null;
		this.#compareBeat(before.row, row);
		this.#compareInstant(before, life);
		this.#compareAttempt(before.row, row);
		return before.row;
	}

	/** By when the server took it in. A server that was set back since may call an older beat the later one. */
	#compareBeat(before: RunRow, row: RunRow): void {
		const backMs = this.#acceptedMs(row.runId, before.lastBeat) - this.#acceptedMs(row.runId, row.lastBeat);
		const isCalledLater = receivedMs(row) > receivedMs(before);
		if (backMs > 0 && !isCalledLater) this.#fail(row, `its last beat is ${backMs} ms older than before`);
	}

	#compareInstant(before: KeptLife, { row, keptMs, aliveMs }: KeptLife): void {
		if (before.aliveMs === null || !this.#isOneClock(before.keptMs, keptMs)) return;
		if (aliveMs === null) {
			this.#fail(row, "it is gone");
			return;
		}
		const movedMs = aliveMs - before.aliveMs;
		if (movedMs < -mappingErrorMs) this.#fail(row, `it went back by ${-movedMs} ms`);
		if (movedMs > mappingErrorMs && row.lastBeat?.eventId === before.row.lastBeat?.eventId) {
			this.#resets.set(row.runId, keptMs);
		}
	}

	#compareAttempt(before: RunRow, row: RunRow): void {
		if (row.attempt < before.attempt) this.#fail(row, `attempt ${before.attempt} became ${row.attempt}`);
		if ((row.endedAtMs ?? never) < (before.endedAtMs ?? never)) this.#fail(row, "its end is forgotten");
		if (row.attempt !== before.attempt || row.state?.id !== before.state?.id) return;
		if (row.occurredMs.length < before.occurredMs.length) this.#fail(row, "its cadence is forgotten");
	}

	/**
	 * Neither was written while a step of the server's clock may have been unnoticed, nor the earlier one read by a process
	 * that began after a step and cannot know of it.
	 */
	#isOneClock(beforeMs: number, nowMs: number): boolean {
		return this.#setMs.every((setMs) => {
			const isNoticed = [beforeMs, nowMs].every((atMs) => atMs < setMs || atMs > setMs + clockSetNoticedMs);
			return isNoticed && !(beforeMs < setMs && setMs < this.#startedMs);
		});
	}

	#acceptedMs(runId: string, beat: BeatView | null): number {
		if (beat === null) return never;
		const accepted = this.#server.runs.get(runId)?.accepted ?? [];
		return accepted.findLast(({ eventId }) => eventId === beat.eventId)?.acceptedMs ?? never;
	}

	#fail(row: RunRow, words: string): void {
		this.#failures.report(rule, row.runId, words);
	}
}

function receivedMs({ lastBeat }: RunRow): number {
	return lastBeat?.receivedMs ?? never;
}
