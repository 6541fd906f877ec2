/** Deeper than this nobody calls subflows; it also ends a walk through a circle. */
const depthMax = 32;
/** Relatives looked at for one run. */
const relativesMax = 1_000;

/** Who called whom: flow runs and their subflows, known through the parents' task runs. */
export class Family {
	readonly #parents = new Map<string, string>();
	readonly #children = new Map<string, Set<string>>();

	link(childId: string, parentId: string): void {
		if (childId === parentId || this.#parents.get(childId) === parentId) return;
		this.forget(childId);
		this.#parents.set(childId, parentId);
		const children = this.#children.get(parentId) ?? new Set();
		children.add(childId);
		this.#children.set(parentId, children);
	}

	/** The run has left memory: it is nobody's child any more. Its own children keep naming it. */
	forget(runId: string): void {
		const parentId = this.#parents.get(runId);
		if (parentId === undefined) return;
		this.#parents.delete(runId);
		const siblings = this.#children.get(parentId);
		siblings?.delete(runId);
		if (siblings?.size === 0) this.#children.delete(parentId);
	}

	/** Subflows, theirs, and so on: nearest first. */
	descendantsOf(runId: string): readonly string[] {
		const found: string[] = [];
		let generation = [runId];
		for (let depth = 0; depth < depthMax && generation.length > 0 && found.length < relativesMax; depth++) {
			generation = generation.flatMap((id) => [...(this.#children.get(id) ?? [])]);
			found.push(...generation);
		}
		return found.slice(0, relativesMax);
	}

	/** The caller, its caller, and so on: nearest first. */
	ancestorsOf(runId: string): readonly string[] {
		const found: string[] = [];
		let id = this.#parents.get(runId);
		while (id !== undefined && found.length < depthMax) {
			found.push(id);
			id = this.#parents.get(id);
		}
		return found;
	}

	hasChildren(runId: string): boolean {
		return this.#children.has(runId);
	}
}
