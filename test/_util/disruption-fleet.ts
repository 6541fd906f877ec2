import { Disruption, type DisruptionSweep } from "../../src/core/disruption.ts";
import type { ArmedFleet, ArmedRun } from "../../src/core/disruption-count.ts";
import type { Pipe } from "../../src/core/disruption-group.ts";
import type { RunSilenceRow } from "../../src/core/disruption-row.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import type { Instant } from "../../src/lib/clock.ts";

export const second = 1_000;
export const minute = 60 * second;

/** The wall clock when the monotonic one is 0; the server's clock is an hour ahead of it. */
const epochMs = Date.UTC(2026, 4, 13);
export const serverOffsetMs = epochMs + 60 * minute;

export type FleetRun = { -readonly [Key in keyof ArmedRun]: ArmedRun[Key] };

export function at(monoMs: number): Instant {
	return { monoMs, wallMs: epochMs + monoMs };
}

/** As the table counts them: runs that are well are not named. */
export function armedFleet(runs: () => Iterable<ArmedRun>): ArmedFleet {
	const steady = new Map<string, { workPool: string | null; clientVersion: string | null; runs: number }>();
	const steadyHeard = { lastMonoMs: Number.NEGATIVE_INFINITY, fastestCadenceMs: Number.POSITIVE_INFINITY };
	for (const run of runs()) {
		if (run.lapsed || run.hasOpenEpisode) continue;
		const { workPool, clientVersion } = run;
		const key = JSON.stringify([workPool, clientVersion]);
		steady.set(key, { workPool, clientVersion, runs: (steady.get(key)?.runs ?? 0) + 1 });
		steadyHeard.lastMonoMs = Math.max(steadyHeard.lastMonoMs, run.aliveAtMonoMs);
		steadyHeard.fastestCadenceMs = Math.min(steadyHeard.fastestCadenceMs, run.cadenceMs);
	}
	return {
		steady: [...steady.values()],
		steadyHeard,
		others: () => chosen(runs, ({ lapsed }) => lapsed),
		othersAnd: (runIds) => {
			const named = new Set(runIds);
			return chosen(runs, ({ runId, lapsed }) => lapsed || named.has(runId));
		},
		all: runs,
	};
}

function* chosen(runs: () => Iterable<ArmedRun>, isChosen: (run: ArmedRun) => boolean): Generator<ArmedRun> {
	for (const run of runs()) if (isChosen(run)) yield run;
}

export const quietPipe: Pipe = { lastOtherEventMonoMs: null, lastLossMonoMs: null, offlinePools: new Set() };

/** What a process leaves behind: written after each sweep, and only what the module says has changed. */
export class DisruptionDisk {
	readonly silences = new Map<string, RunSilenceRow>();
	readonly open = new Map<string, GroupIncident>();
	#tripped = "[]";

	save(disruption: Disruption, { opened, closed }: Pick<DisruptionSweep, "opened" | "closed">): void {
		for (const incident of closed) this.open.delete(incident.groupId);
		for (const incident of opened) this.open.set(incident.groupId, incident);
		const toServerMs = (monoMs: number): number => monoMs + serverOffsetMs;
		for (const runId of disruption.takeChangedSilences()) {
			const row = disruption.silenceRow(runId, toServerMs);
			if (row === null) this.silences.delete(runId);
			else this.silences.set(runId, row);
		}
		this.#tripped = JSON.stringify(disruption.groupRows(toServerMs));
	}

	/** Another process, with a monotonic clock that is `shiftMs` ahead. */
	restart(shiftMs: number, now: Instant): Disruption {
		const disruption = new Disruption({ namespace: "here", workspace: "main" });
		const known = {
			tripped: JSON.parse(this.#tripped),
			silences: [...this.silences.values()],
			open: [...this.open.values()],
		};
		const closed = disruption.restore(known, (serverMs) => serverMs - serverOffsetMs + shiftMs, now);
		for (const incident of closed) this.open.delete(incident.groupId);
		return disruption;
	}
}

/** Runs whose facts the test sets, and the module under test as the tracker calls it. */
export class Fleet {
	readonly runs = new Map<string, FleetRun>();
	disruption = new Disruption({ namespace: "here", workspace: "main" });
	pipe: Pipe = quietPipe;
	readonly disk = new DisruptionDisk();

	/** Ids are `prefix-00` and so on; all of them have last been heard at 0. */
	add(prefix: string, count: number, facts: Partial<FleetRun> = {}): readonly string[] {
		const ids = Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(2, "0")}`);
		for (const runId of ids) {
			this.runs.set(runId, {
				runId,
				aliveAtMonoMs: 0,
				anchorMs: serverOffsetMs,
				cadenceMs: 30 * second,
				workPool: null,
				clientVersion: null,
				lapsed: false,
				hasOpenEpisode: false,
				...facts,
			});
		}
		return ids;
	}

	set(ids: readonly string[], facts: Partial<FleetRun>): void {
		for (const id of ids) Object.assign(this.runs.get(id)!, facts);
	}

	lapse(ids: readonly string[]): void {
		this.set(ids, { lapsed: true });
	}

	beat(ids: readonly string[], monoMs: number): void {
		this.set(ids, { lapsed: false, hasOpenEpisode: false, aliveAtMonoMs: monoMs, anchorMs: serverOffsetMs + monoMs });
	}

	judge(ids: readonly string[]): void {
		this.set(ids, { hasOpenEpisode: true });
	}

	end(ids: readonly string[]): void {
		for (const id of ids) this.runs.delete(id);
	}

	sweep(monoMs: number): DisruptionSweep {
		const swept = this.disruption.sweep(
			at(monoMs),
			armedFleet(() => this.runs.values()),
			this.pipe,
		);
		this.disk.save(this.disruption, swept);
		this.set(swept.resetRuns, { lapsed: false, aliveAtMonoMs: monoMs });
		return swept;
	}

	heldUntil(runId: string): number | null {
		return this.disruption.heldUntil(runId, this.runs.get(runId)!.aliveAtMonoMs);
	}

	/** A new process, with another monotonic clock, from what the old one had written as JSON. */
	restart(shiftMs: number, nowMonoMs: number): void {
		this.disruption = this.disk.restart(shiftMs, at(nowMonoMs));
		for (const run of this.runs.values()) run.aliveAtMonoMs += shiftMs;
	}
}
