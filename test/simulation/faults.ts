import type { Chance } from "./chance.ts";
import { diskCodes } from "./disk.ts";
import { hour, minute, second } from "./units.ts";

/** What goes wrong now and then, for a while. */
export const faultKinds = [
	"socket drops",
	"socket refused",
	"socket hangs",
	"server restarts",
	"server crashes",
	"server away",
	"server clock set",
	"REST 503",
	"REST 429",
	"REST hangs",
	"REST slow",
	"disk fails",
	"disk slow",
	"commit fails",
	"daemon killed",
	"daemon stopped",
	"daemon frozen",
	"wall clock set",
	"receiver away",
	"pool dies",
	"pool cut off",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Where a process may be killed, besides between two inputs. */
export const killPoints = ["before a commit", "after a commit", "before a delivery", "after a delivery"] as const;
export type KillPoint = (typeof killPoints)[number];

export interface Fault {
	readonly atMs: number;
	readonly kind: FaultKind;
	/** Of those that last. */
	readonly lastsMs: number;
}

const lastsMs: Readonly<Record<FaultKind, readonly [number, number]>> = {
	"socket drops": [0, 0],
	"socket refused": [10 * second, 10 * minute],
	"socket hangs": [5 * second, 5 * minute],
	"server restarts": [5 * second, minute],
	"server crashes": [5 * second, 2 * minute],
	"server away": [minute, 20 * minute],
	"server clock set": [0, 0],
	"REST 503": [5 * second, 10 * minute],
	"REST 429": [5 * second, 5 * minute],
	"REST hangs": [10 * second, 5 * minute],
	"REST slow": [minute, 10 * minute],
	"disk fails": [second, 10 * minute],
	"disk slow": [10 * second, 5 * minute],
	"commit fails": [0, 0],
	"daemon killed": [0, 20 * minute],
	"daemon stopped": [0, 20 * minute],
	"daemon frozen": [2 * second, 10 * minute],
	"wall clock set": [0, 0],
	"receiver away": [5 * second, 10 * minute],
	"pool dies": [0, 0],
	"pool cut off": [minute, 10 * minute],
};

/** Rough weather and calm take turns: only in a calm can one say that what was owed is overdue. */
const roughMs = [10 * minute, 50 * minute] as const;
const calmMs = [80 * minute, 140 * minute] as const;
const faultsOfAPhaseMax = 12;

/** All that will go wrong, drawn before the world begins. The last of its hours are calm. */
export function drawFaults(chance: Chance, kinds: readonly FaultKind[], hours: number): readonly Fault[] {
	const faults: Fault[] = [];
	const endMs = hours * hour - calmMs[0];
	let atMs = chance.between(5 * minute, calmMs[0]);
	while (kinds.length > 0 && atMs < endMs) {
		const untilMs = Math.min(endMs, atMs + chance.between(...roughMs));
		for (let count = chance.whole(1, faultsOfAPhaseMax); count > 0; count--) {
			const kind = chance.pick(kinds);
			faults.push({ kind, atMs: chance.between(atMs, untilMs), lastsMs: skewedTowardsShort(chance, lastsMs[kind]) });
		}
		atMs = untilMs + chance.between(...calmMs);
	}
	return faults;
}

/** Most are short, and of the long ones some are as long as they get. */
function skewedTowardsShort(chance: Chance, [min, max]: readonly [number, number]): number {
	return min + (max - min) * chance.random() ** 2;
}

/** Where chance decides how, once a fault begins. */
export function drawDiskCode(chance: Chance): (typeof diskCodes)[number] {
	return chance.pick(diskCodes);
}

export function drawKillPoint(chance: Chance): KillPoint | null {
	return chance.happens(0.4) ? null : chance.pick(killPoints);
}

/** Seconds to an hour, either way. */
export function drawClockStepMs(chance: Chance): number {
	const size = chance.pick([3 * second, 30 * second, 5 * minute, hour]);
	return chance.happens(0.5) ? size : -size;
}
