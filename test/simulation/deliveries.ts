import { type Condition, isOfEpisode, type Transition } from "../../src/core/episode.ts";
import type { Failures } from "./failures.ts";
import type { Ledger } from "./ledger.ts";
import { subjectOf } from "./subject.ts";

interface Delivered {
	readonly text: string;
	/** It was in the store when it was sent, so that a later process sends the same again. */
	readonly wasKept: boolean;
	life: number;
}

/** What the receivers of alerts have got: each alert raised once and resolved once (L4). */
export class Deliveries {
	readonly #failures: Failures;
	readonly #ledger: Ledger;
	readonly #byKey = new Map<string, Delivered>();
	readonly #openOf = new Map<string, Map<string, Condition>>();
	repeats = 0;

	constructor(options: { failures: Failures; ledger: Ledger }) {
		this.#failures = options.failures;
		this.#ledger = options.ledger;
	}

	/** Conditions of a run that were raised and not resolved, as the receivers know it. */
	openOf(runId: string): readonly Condition[] {
		return [...(this.#openOf.get(runId)?.values() ?? [])];
	}

	get count(): number {
		return this.#byKey.size;
	}

	/** @param life counts the processes of the daemon */
	received(transition: Transition, life: number): void {
		const { key } = transition;
		const text = JSON.stringify(transition);
		const before = this.#byKey.get(key);
		const wasKept = this.#ledger.isKept(key);
		if (before !== undefined) this.#repeated(transition, before, text, life);
		else {
			this.#byKey.set(key, { text, wasKept, life });
			this.#inOrder(transition, wasKept);
		}
		if (!isOfEpisode(transition)) return;
		const { kind, episode } = transition;
		const open = this.#openOf.get(episode.runId) ?? new Map<string, Condition>();
		if (kind === "raised" && !this.#byKey.has(`${episode.alertId}:resolved`)) {
			open.set(episode.alertId, episode.condition);
		} else open.delete(episode.alertId);
		this.#openOf.set(episode.runId, open);
	}

	/** A raise that was sent while the store failed and is lost by a kill: nobody knows any more that it is open. */
	forgetUnkept(): void {
		for (const [runId, open] of this.#openOf) {
			for (const alertId of open.keys()) if (!this.#ledger.isKept(`${alertId}:raised`)) open.delete(alertId);
			if (open.size === 0) this.#openOf.delete(runId);
		}
	}

	#repeated(transition: Transition, before: Delivered, text: string, life: number): void {
		const rule = "a line is repeated at most once after a kill, and is the same";
		const { key } = transition;
		const { runId } = subjectOf(transition);
		this.repeats += 1;
		if (before.life === life) this.#failures.report(rule, runId, `${key} is delivered twice by one process`);
		else if (this.#ledger.isDelivered(key)) this.#failures.report(rule, runId, `${key} was marked as delivered`);
		else if (before.wasKept && before.text !== text) this.#failures.report(rule, runId, `${key} differs from before`);
		before.life = life;
	}

	#inOrder(transition: Transition, wasKept: boolean): void {
		const { id, runId, isRaise } = subjectOf(transition);
		if (isRaise || !wasKept || this.#byKey.has(`${id}:raised`)) return;
		const words = `${transition.key} comes without its raise`;
		this.#failures.report("an alert is raised, then resolved", runId, words);
	}
}
