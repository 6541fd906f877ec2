import { RecentMap } from "./recent-map.ts";

/** Deployments that are remembered. */
const patienceDeploymentsMax = 5_000;
/** Beyond this a death is told too late to be of use. */
const kMax = 6;
const fallsByOneEachMs = 7 * 24 * 60 * 60_000;

/** As stored: how much more patient than it was told to be the detector is with one deployment. */
export interface PatienceRow {
	/** The deployment's id. */
	readonly key: string;
	/** Cadences on top of K as they stood at `raisedAtMs`: more than 0, at most 4. */
	readonly extraK: number;
	/** Our wall clock. */
	readonly raisedAtMs: number;
}

/**
 * K that learns: a verdict that recovers in the same attempt was a mistake, or a stall that this deployment is given to,
 * so one more cadence is waited for from then on. A week without another takes it back.
 */
export class Patience {
	readonly #raised = new RecentMap<PatienceRow>(patienceDeploymentsMax);

	/**
	 * A verdict on one of the deployment's runs has recovered: to be called once for each such episode.
	 *
	 * @param baseK as set for the run, without what is learned here
	 */
	raise(deploymentId: string | null, baseK: number, nowWallMs: number): void {
		if (deploymentId === null) return;
		// Not more than can be used: what lies beyond the greatest K would only take more weeks to fall.
		const extraK = Math.min(this.#extraOf(deploymentId, nowWallMs) + 1, kMax - baseK);
		if (extraK > 0) this.#raised.set(deploymentId, { key: deploymentId, extraK, raisedAtMs: nowWallMs });
	}

	/** `baseK` and what is learned, at most 6; without a deployment nothing is learned. */
	kOf(deploymentId: string | null, baseK: number, nowWallMs: number): number {
		return deploymentId === null ? baseK : Math.min(kMax, baseK + this.#extraOf(deploymentId, nowWallMs));
	}

	/** What an earlier process stored; a wall clock that was ahead then must not keep K up for longer than weeks. */
	restore(rows: readonly PatienceRow[], nowWallMs: number): void {
		this.#raised.restore(
			rows.map((row) => [row.key, { ...row, raisedAtMs: Math.min(row.raisedAtMs, nowWallMs) }] as const),
		);
	}

	/** The keys of the rows that have changed since the last call. */
	takeChanged(): readonly string[] {
		return this.#raised.takeChanged();
	}

	/** Null once it has left memory: the stored row is to be deleted. */
	rowOf(key: string): PatienceRow | null {
		return this.#raised.get(key) ?? null;
	}

	#extraOf(deploymentId: string, nowWallMs: number): number {
		// A sweep asks for each run, and mostly nothing has been learned of any deployment.
		if (this.#raised.isEmpty) return 0;
		const row = this.#raised.get(deploymentId);
		if (row === undefined) return 0;
		const weeks = Math.floor(Math.max(0, nowWallMs - row.raisedAtMs) / fallsByOneEachMs);
		return Math.max(0, row.extraK - weeks);
	}
}
