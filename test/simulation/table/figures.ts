import type { Script } from "./script.ts";
import type { Told } from "./told.ts";
import type { Watch } from "./watched-by-us.ts";

/** One cell of the table; the contract of `--json`. Null where a figure does not apply. */
export interface Cell extends Figures {
	readonly detector: string;
	readonly scenario: string;
	readonly cadenceSeconds: number;
}

export interface Figures {
	/** Runs of which a detector said that something is wrong while nothing was, per 1000 runs. */
	readonly falsePer1000: number;
	/** From a death to the verdict, in cadences. */
	readonly medianCadences: number | null;
	readonly p99Cadences: number | null;
	/** Deaths without a verdict. */
	readonly missed: number | null;
}

/** What else is worth telling of our detector. */
export interface Notes {
	/** Wrong episodes that ended as `recovered` with the run's next heartbeat. */
	readonly recoveredInOneBeat: number;
	/** All the other wrong episodes. */
	readonly notRecovered: number;
	/** From the first death to the first group incident, in cadences; null: no death, or no incident. */
	readonly groupCadences: number | null;
	/** From the first death to the last verdict, seconds. */
	readonly lastVerdictSeconds: number | null;
}

const cadenceDecimals = 3;

export function cellOf(script: Script, told: readonly Told[]): Figures {
	const mistaken = new Set<number>();
	const foundMs = new Map<number, number>();
	for (const { run, atMs, condition } of told) {
		const isDead = atMs >= deathOf(script, run);
		if (!isDead) mistaken.add(run);
		else if (condition === "zombie" && !foundMs.has(run)) foundMs.set(run, atMs);
	}
	const { cadenceMs } = script.size;
	const deaths = script.runs.filter(({ deathMs }) => deathMs < Infinity).length;
	const delays = [...foundMs].map(([run, atMs]) => (atMs - deathOf(script, run)) / cadenceMs).sort((a, b) => a - b);
	return {
		falsePer1000: round((mistaken.size / script.size.runs) * 1_000, 1),
		medianCadences: quantile(delays, 0.5),
		p99Cadences: quantile(delays, 0.99),
		missed: deaths === 0 ? null : deaths - foundMs.size,
	};
}

export function notesOf(script: Script, { told, closed, groupsMs }: Watch): Notes {
	const { cadenceMs } = script.size;
	const wrong = told.filter(({ run, atMs }) => atMs < deathOf(script, run));
	const recovered = wrong.filter(({ run, atMs }) => {
		const end = closed.find((one) => one.run === run && one.raisedMs === atMs);
		return end?.outcome === "recovered" && beatsWithin(script, run, atMs, end.atMs) <= 1;
	});
	const firstDeathMs = Math.min(...script.runs.map(({ deathMs }) => deathMs));
	const afterMs = groupsMs.filter((atMs) => atMs >= firstDeathMs);
	const lastMs = Math.max(...told.map(({ atMs }) => atMs));
	const hasDeaths = firstDeathMs < Infinity;
	return {
		recoveredInOneBeat: recovered.length,
		notRecovered: wrong.length - recovered.length,
		groupCadences: hasDeaths && afterMs.length > 0 ? round((Math.min(...afterMs) - firstDeathMs) / cadenceMs, 3) : null,
		lastVerdictSeconds: hasDeaths && told.length > 0 ? round((lastMs - firstDeathMs) / 1_000, 1) : null,
	};
}

function deathOf(script: Script, run: number): number {
	return script.runs[run]?.deathMs ?? Infinity;
}

function beatsWithin(script: Script, run: number, afterMs: number, untilMs: number): number {
	const { beats } = script.runs[run] ?? { beats: [] };
	return beats.filter(({ arrivesMs }) => arrivesMs > afterMs && arrivesMs <= untilMs).length;
}

/** The least value that so large a share does not exceed; null without values. */
function quantile(sorted: readonly number[], share: number): number | null {
	const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
	return value === undefined ? null : round(value, cadenceDecimals);
}

function round(value: number, decimals: number): number {
	return Math.round(value * 10 ** decimals) / 10 ** decimals;
}
