import { type Cell, type Counts, countsIn, everything, sums, type Tally } from "./disruption-count.ts";
import { byKey, type TrippedGroup } from "./disruption-group.ts";
import { type GroupKind, isFullLapse, isMassLapse } from "./group-incident.ts";

/** The next group to be told an incident of; null when those told explain what has lapsed. The rule: `Disruption`. */
export function nextTold(trips: ReadonlyMap<string, TrippedGroup>, tally: Tally): TrippedGroup | null {
	const untold = [...trips.values()].filter(({ reported }) => !reported).toSorted(byKey);
	if (untold.length === 0) return null;
	const whole = trips.get(everything.key);
	if (whole !== undefined && !whole.reported && isFullLapse(tally.whole.lapsed, tally.whole.armed)) return whole;
	const isTold = (cell: Cell): boolean => cell.groups.some(({ key }) => trips.get(key)?.reported === true);
	const outside = sums(tally.cells.filter((cell) => !isTold(cell)));
	const lapsedOutside = countsIn(outside, everything).lapsed;
	const candidates = untold
		.filter(({ group }) => isOverLine(countsIn(tally.groups, group)) && isOverLine(countsIn(outside, group)))
		.map((trip) => ({ trip, fit: fitOf(countsIn(outside, trip.group), lapsedOutside) }))
		.toSorted(byFit);
	return candidates[0]?.trip ?? null;
}

function isOverLine({ lapsed, armed }: Counts): boolean {
	return isMassLapse(lapsed, armed);
}

/** Dice's coefficient of a group's armed runs and the lapsed runs: 1 when they are the same ones. */
function fitOf(counts: Counts, lapsedOfAll: number): number {
	return (2 * counts.lapsed) / (counts.armed + lapsedOfAll);
}

/** The best fit first, then the more specific; the sort is stable, so that the rest goes by key. */
function byFit(a: { trip: TrippedGroup; fit: number }, b: { trip: TrippedGroup; fit: number }): number {
	const [one, other] = [a.trip.group, b.trip.group];
	return b.fit - a.fit || specificity[one.kind] - specificity[other.kind];
}

const specificity: Readonly<Record<GroupKind, number>> = { work_pool: 0, client_version: 1, everything: 2 };
