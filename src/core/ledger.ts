import { type AlertFate, fateOf, remediedConditions } from "./alert-fate.ts";
import type { Condition, Episode } from "./episode.ts";
import type { RemedyEntry, RemedyResult } from "./remedy.ts";

/** The alerts of one deployment with one condition. Deployments null: runs of none. */
export interface LedgerRow {
	readonly deploymentId: string | null;
	/** "flow/deployment"; null: not told. */
	readonly deployment: string | null;
	readonly condition: Condition;
	readonly alerts: number;
	readonly fates: Readonly<Record<AlertFate, number>>;
	/** Alerts about which something was done, would have been, or was not; one may count in several. */
	readonly remedies: Readonly<Record<Exclude<RemedyResult, "intended">, number>>;
	readonly mistakes: number;
}

interface CountedRow {
	readonly deploymentId: string | null;
	deployment: string | null;
	readonly condition: Condition;
	alerts: number;
	readonly remedies: Record<RemedyResult, number>;
	mistakes: number;
}

/** What alerts have come to, deployment by deployment: the figures to look at before remedies are switched on. */
export class LedgerCount {
	readonly #rows = new Map<string, CountedRow>();
	readonly #judged: { readonly row: CountedRow; readonly runKey: string; readonly fate: AlertFate }[] = [];
	/** Runs that showed life after somebody had ended them: they were called dead, and were not. */
	readonly #undead = new Set<string>();

	/** @param nowMs our wall clock */
	addEpisode(episode: Episode, nowMs: number): void {
		const { condition, runId, attempt, labels } = episode;
		const runKey = `${runId} ${attempt}`;
		if (condition === "undead") this.#undead.add(runKey);
		if (!remediedConditions.some((one) => one === condition)) return;
		const { deploymentId, deploymentName, flowName } = labels;
		const name = deploymentName === null || flowName === null ? deploymentName : `${flowName}/${deploymentName}`;
		const row = this.#row(deploymentId, name, condition);
		row.alerts += 1;
		this.#judged.push({ row, runKey, fate: fateOf(episode, nowMs) });
	}

	addRemedy({ deploymentId, deployment, condition, action, result, mistake, runId, attempt }: RemedyEntry): void {
		if (action === "reschedule") return;
		const row = this.#row(deploymentId, deployment, condition);
		row.remedies[result] += 1;
		if (mistake === null) return;
		row.mistakes += 1;
		this.#undead.add(`${runId} ${attempt}`);
	}

	/** The most alerts first. */
	rows(): readonly LedgerRow[] {
		const fates = new Map([...this.#rows.values()].map((row) => [row, noFates()]));
		for (const { row, runKey, fate } of this.#judged) {
			const counted = fates.get(row);
			if (counted !== undefined) counted[this.#undead.has(runKey) ? "false_alarm" : fate] += 1;
		}
		return [...this.#rows.values()]
			.map((row) => ({ ...row, fates: fates.get(row) ?? noFates() }))
			.toSorted((a, b) => b.alerts - a.alerts || (nameOf(a) < nameOf(b) ? -1 : 1));
	}

	#row(deploymentId: string | null, deployment: string | null, condition: Condition): CountedRow {
		const key = JSON.stringify([deploymentId, condition]);
		const known = this.#rows.get(key);
		if (known !== undefined) {
			known.deployment ??= deployment;
			return known;
		}
		const remedies = { intended: 0, done: 0, would: 0, refused: 0, failed: 0 };
		const row = { deploymentId, deployment, condition, alerts: 0, remedies, mistakes: 0 };
		this.#rows.set(key, row);
		return row;
	}
}

function noFates(): Record<AlertFate, number> {
	return { dead: 0, false_alarm: 0, unclear: 0, open: 0 };
}

function nameOf({ deployment, deploymentId, condition }: LedgerRow): string {
	return `${deployment ?? deploymentId ?? ""} ${condition}`;
}
