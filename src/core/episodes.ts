import type { Instant } from "../lib/clock.ts";
import { type Episode, type EpisodeTransition, isReopenable, type Outcome, transitionOf } from "./episode.ts";
import type { Learning } from "./learning.ts";
import type { Slot } from "./slot.ts";
import { outcomeOf } from "./verdict.ts";
import type { Yardstick } from "./yardstick.ts";

/** Opens and closes the episodes of runs: at most one is open a run, and a stronger condition takes over a weaker one. */
export class Episodes {
	readonly #yardstick: Yardstick;
	readonly #learning: Learning;
	readonly #onTransition: (transition: EpisodeTransition) => void;

	constructor(options: {
		yardstick: Yardstick;
		learning: Learning;
		onTransition: (transition: EpisodeTransition) => void;
	}) {
		this.#yardstick = options.yardstick;
		this.#learning = options.learning;
		this.#onTransition = options.onTransition;
	}

	open(slot: Slot, episode: Episode, at: Instant): void {
		if (slot.episode !== null) this.#close(slot, slot.episode, "superseded", at);
		slot.episode = episode;
		this.#onTransition(transitionOf(episode));
	}

	/** After anything was learned of the run. */
	closeIfOver(slot: Slot, at: Instant): void {
		if (slot.episode === null) return;
		const outcome = outcomeOf(slot.episode, slot.run);
		if (outcome !== null) this.#close(slot, slot.episode, outcome, at);
	}

	/** What ends by itself: an undead that falls quiet, and what the operator has switched off meanwhile. */
	closeWithTime(slot: Slot, at: Instant): void {
		const { episode, run } = slot;
		if (episode === null) return;
		if (this.#yardstick.treatment(run).off.has(episode.condition)) this.#close(slot, episode, "disabled", at);
		else if (episode.condition === "undead") {
			const { countedMs } = this.#yardstick.silence(run, at.monoMs);
			if (countedMs >= this.#yardstick.deadline(run).suspectAfterMs) this.#close(slot, episode, "quiet", at);
		}
	}

	#close(slot: Slot, episode: Episode, outcome: Outcome, at: Instant): void {
		if (episode.condition === "zombie" && outcome === "recovered") {
			// Our mistake, or a stall longer than we waited for: this deployment is given more time.
			const { k } = this.#yardstick.treatment(slot.run);
			this.#learning.patience.raise(slot.run.labels.deploymentId, k, at.wallMs);
		}
		if (isReopenable(outcome)) slot.spentAlertIds = [...slot.spentAlertIds, episode.alertId];
		slot.episode = null;
		slot.passed = "nothing";
		const { state } = slot.run;
		const ended = state === null ? {} : { stateType: state.type };
		this.#onTransition(transitionOf({ ...episode, closed: { outcome, atMs: at.wallMs, ...ended } }));
	}
}
