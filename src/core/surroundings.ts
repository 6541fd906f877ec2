import type { Treatment } from "./rules.ts";
import type { RunLabels } from "./run.ts";

/** What many runs share, kept once. */
export interface Surroundings {
	/** The labels, without those that are of one run only. */
	readonly labels: RunLabels;
	/** Runs that have them. */
	uses: number;
	/** What the rules say of these runs, as long as they are the rules in force. */
	ruled: { readonly by: unknown; readonly treatment: Treatment } | null;
	/** What looks at these runs rest on: see `next-look.ts`. Null: nothing yet. */
	tauFloorMs: number | null;
	mayBeHabitual: boolean | null;
}

/** The labels that are of one run. */
export interface OwnLabels {
	readonly name: string | null;
	readonly parentTaskRunId: string | null;
	readonly parentRunId: string | null;
}

/** Interned and counted: a run keeps a small integer. */
export class SurroundingsTable {
	readonly #all: Surroundings[] = [];
	readonly #byKey = new Map<string, number>();
	/** The latest of each deployment: mostly the one that is asked for. */
	readonly #latest = new Map<string | null, number>();
	readonly #free: number[] = [];

	/** One more than the greatest index in use. */
	get length(): number {
		return this.#all.length;
	}

	at(index: number): Surroundings {
		return this.#all[index] as Surroundings;
	}

	/** Those that nobody has any more are among them until their place is taken. */
	all(): readonly Surroundings[] {
		return this.#all;
	}

	/** For a run that had none. */
	take(labels: RunLabels): number {
		const index = this.#latestOf(labels) ?? this.#indexOf(labels);
		this.at(index).uses += 1;
		return index;
	}

	#latestOf(labels: RunLabels): number | null {
		const index = this.#latest.get(labels.deploymentId);
		if (index === undefined) return null;
		const surroundings = this.at(index);
		return surroundings.uses > 0 && belongsTo(surroundings, labels) ? index : null;
	}

	#indexOf(labels: RunLabels): number {
		const key = keyOf(labels);
		const index = this.#byKey.get(key) ?? this.#add(key, labels);
		this.#latest.set(labels.deploymentId, index);
		return index;
	}

	/** A run has them no more; once nobody has them they are forgotten. */
	release(index: number): void {
		const surroundings = this.at(index);
		surroundings.uses -= 1;
		if (surroundings.uses > 0) return;
		const { labels } = surroundings;
		this.#byKey.delete(keyOf(labels));
		if (this.#latest.get(labels.deploymentId) === index) this.#latest.delete(labels.deploymentId);
		this.#free.push(index);
	}

	#add(key: string, labels: RunLabels): number {
		const index = this.#free.pop() ?? this.#all.length;
		const shared = { ...labels, name: null, parentTaskRunId: null, parentRunId: null };
		this.#all[index] = { labels: shared, uses: 0, ruled: null, tauFloorMs: null, mayBeHabitual: null };
		this.#byKey.set(key, index);
		return index;
	}
}

/** Do these labels belong to these surroundings? Mostly they do, and are the very same texts. */
export function belongsTo({ labels: shared }: Surroundings, labels: RunLabels): boolean {
	return (
		labels.flowId === shared.flowId &&
		labels.flowName === shared.flowName &&
		labels.deploymentId === shared.deploymentId &&
		labels.deploymentName === shared.deploymentName &&
		labels.workPool === shared.workPool &&
		labels.clientVersion === shared.clientVersion &&
		isSameTags(labels.tags, shared.tags)
	);
}

function isSameTags(one: readonly string[], other: readonly string[]): boolean {
	return one === other || (one.length === other.length && one.every((tag, index) => tag === other[index]));
}

/** @param own undefined: none */
export function labelsOf({ labels }: Surroundings, own: OwnLabels | undefined): RunLabels {
	return own === undefined ? labels : { ...labels, ...own };
}

function keyOf(labels: RunLabels): string {
	const { flowId, flowName, deploymentId, deploymentName, workPool, clientVersion, tags } = labels;
	return JSON.stringify([flowId, flowName, deploymentId, deploymentName, workPool, clientVersion, tags]);
}
