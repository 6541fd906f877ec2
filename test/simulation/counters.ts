import type { EpisodeTransition } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import type { Failures } from "./failures.ts";
import type { Counted } from "./stray-frames.ts";

/** What one process of the daemon counts, beside what the world counted. */
export class Counters {
	readonly #failures: Failures;
	readonly #open = new Map<string, string>();
	readonly #openGroups = new Set<string>();
	#opened = 0;
	#closed = 0;
	/** By what they were counted as, less those that were sent: each is 0 when all were counted as what they are. */
	readonly #frames = new Map<Counted, number>();
	#delivered = 0;
	#received = 0;
	readonly #openAtStart: number;

	constructor(options: {
		failures: Failures;
		open: readonly { runId: string; attempt: number; alertId: string }[];
		openGroups: readonly GroupIncident[];
	}) {
		this.#failures = options.failures;
		for (const { groupId } of options.openGroups) this.#openGroups.add(groupId);
		this.#openAtStart = options.open.length;
		for (const { runId, attempt, alertId } of options.open) this.#open.set(`${runId} ${attempt}`, alertId);
	}

	transition({ kind, episode }: EpisodeTransition): void {
		const of = `${episode.runId} ${episode.attempt}`;
		const open = this.#open.get(of);
		if (kind === "raised") {
			this.#opened += 1;
			const words = `${episode.condition} opens beside another`;
			if (open !== undefined) this.#failures.report("at most one open episode a run and attempt", episode.runId, words);
			this.#open.set(of, episode.alertId);
			return;
		}
		this.#closed += 1;
		const words = `${episode.condition} is closed, and was not open`;
		if (open !== episode.alertId) this.#failures.report("an episode closes once", episode.runId, words);
		this.#open.delete(of);
	}

	groupIncident({ groupId, group, closed }: GroupIncident): void {
		const rule = "a group incident opens once and closes once";
		const isOpen = this.#openGroups.has(groupId);
		if (isOpen === (closed !== null)) {
			if (closed === null) this.#openGroups.add(groupId);
			else this.#openGroups.delete(groupId);
			return;
		}
		this.#failures.report(rule, null, `${group} ${closed === null ? "opens again" : "is closed, and was not open"}`);
	}

	frame(counted: Counted, count = 1): void {
		this.#frames.set(counted, (this.#frames.get(counted) ?? 0) + count);
	}

	frameSent(counted: Counted): void {
		this.#frames.set(counted, (this.#frames.get(counted) ?? 0) - 1);
	}

	delivered(): void {
		this.#delivered += 1;
	}

	received(): void {
		this.#received += 1;
	}

	/** While nothing is under way. */
	addUp(openEpisodes: number): void {
		const rule = "counters add up";
		const expected = this.#openAtStart + this.#opened - this.#closed;
		if (openEpisodes !== expected) {
			const sum = `${this.#openAtStart} at the start, ${this.#opened} opened, ${this.#closed} closed`;
			this.#failures.report(rule, null, `${openEpisodes} episodes are open: ${sum}`);
		}
		for (const [counted, surplus] of this.#frames) {
			if (surplus !== 0) this.#failures.report(rule, null, `${surplus} frames too many are counted as ${counted}`);
		}
		if (this.#delivered !== this.#received) {
			this.#failures.report(rule, null, `${this.#received} alerts were received, ${this.#delivered} were counted`);
		}
	}
}
