import type { Cell, Notes } from "./figures.ts";
import type { Job, Played } from "./job.ts";

/** Something that our detector is to reach, and what it has come to. */
export interface Goal {
	readonly what: string;
	readonly cadenceSeconds: number;
	readonly most: number;
	/** Null: nothing to measure; not reached. */
	readonly measured: number | null;
}

export function isReached({ measured, most }: Goal): boolean {
	return measured !== null && measured <= most;
}

/** Three heartbeats lost for ever in a row are a silence of four cadences: 1.6 runs of 1000 meet that. */
const neverStoredMost = 3;
/** A stall of four cadences fools everybody; what is asked is that it recovers. */
const fooledBy = "stall-4";
const medianMost: Readonly<Record<number, number>> = { 30: 3.1, 180: 2.7 };
const p99Most: Readonly<Record<number, number>> = { 30: 3.6, 180: 3.2 };
const groupCadencesMost = 2;
const poolVerdictsMostSeconds = 600;
/** Beyond the deadline: the longest hold, and a minute. */
const fleetVerdictsMostSeconds = 15 * 60 + 60;

/** What is to be reached by what was played, in the order of the jobs. */
export function goalsOf(jobs: readonly Job[], played: readonly Played[]): readonly Goal[] {
	return played.flatMap(({ cells, notes }, index) => {
		const cell = cells.find(({ detector }) => detector === "zombied");
		const job = jobs[index];
		if (cell === undefined || notes === null || job === undefined) return [];
		return goalsOfCell(cell, notes).map((goal) => ({ ...goal, cadenceSeconds: job.cadenceSeconds }));
	});
}

function goalsOfCell(cell: Cell, notes: Notes): readonly Omit<Goal, "cadenceSeconds">[] {
	const { scenario, cadenceSeconds, falsePer1000 } = cell;
	const falseMost = scenario === "never-stored" ? neverStoredMost : 0;
	const wrong = { what: `${scenario}: false verdicts per 1000 runs`, most: falseMost, measured: falsePer1000 };
	const missed = { what: `${scenario}: deaths missed`, most: 0, measured: cell.missed };
	switch (scenario) {
		case "death":
			return [
				wrong,
				{
					what: "death: median latency, cadences",
					most: medianMost[cadenceSeconds] ?? 0,
					measured: cell.medianCadences,
				},
				{ what: "death: p99 latency, cadences", most: p99Most[cadenceSeconds] ?? 0, measured: cell.p99Cadences },
				missed,
			];
		case "pool-death":
			return [
				wrong,
				{ what: "pool-death: group incident, cadences", most: groupCadencesMost, measured: notes.groupCadences },
				lastVerdict(scenario, poolVerdictsMostSeconds, notes),
				missed,
			];
		case "fleet-death":
			return [wrong, lastVerdict(scenario, deadlineSeconds(cadenceSeconds) + fleetVerdictsMostSeconds, notes), missed];
		case "death-slow-clients":
			return [wrong, missed];
		case fooledBy:
			return [{ what: `${scenario}: not recovered within one beat`, most: 0, measured: notes.notRecovered }];
		default:
			return [wrong];
	}
}

function lastVerdict(scenario: string, most: number, notes: Notes): Omit<Goal, "cadenceSeconds"> {
	return { what: `${scenario}: last verdict after the death, seconds`, most, measured: notes.lastVerdictSeconds };
}

/** `T = 3 tau + m` with the least margin. */
function deadlineSeconds(cadenceSeconds: number): number {
	return 3 * cadenceSeconds + Math.max(15, 0.1 * cadenceSeconds);
}
