import type { Episode } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import { isTerminal } from "../../src/core/run.ts";
import type { CommitBatch, RunKey, RunRow, StoredWorld } from "../../src/store/store.ts";
import type { Failures } from "./failures.ts";
import { Lives } from "./lives.ts";
import type { SimServer } from "./server.ts";
import { subjectOf } from "./subject.ts";

interface KeptEpisode {
	readonly episode: Episode;
	isOpen: boolean;
}

/** Everything that a store has said it keeps: what is there must agree with it, after any kill. */
export class Ledger {
	readonly #failures: Failures;
	readonly #server: SimServer;
	readonly #episodes = new Map<string, KeptEpisode>();
	readonly #openOf = new Map<string, string>();
	/** By id: whether the incident is open. */
	readonly #groups = new Map<string, boolean>();
	/** By key of the delivery: whether it has been marked as delivered. */
	readonly #outbox = new Map<string, boolean>();
	readonly #lives: Lives;
	/** A delivery is owed from now on. */
	onKept: (key: string, runId: string | null) => void = () => undefined;

	constructor(options: { failures: Failures; server: SimServer }) {
		this.#failures = options.failures;
		this.#server = options.server;
		this.#lives = new Lives(options);
	}

	serverClockSet(nowMs: number): void {
		this.#lives.serverClockSet(nowMs);
	}

	isKept(key: string): boolean {
		return this.#outbox.has(key);
	}

	isDelivered(key: string): boolean {
		return this.#outbox.get(key) === true;
	}

	resetMs(runId: string): number {
		return this.#lives.resetMs(runId);
	}

	get pendingKeys(): readonly string[] {
		return [...this.#outbox].filter(([, isDelivered]) => !isDelivered).map(([key]) => key);
	}

	committed(batch: CommitBatch, lost: readonly RunKey[], nowMs: number): void {
		const lostIds = new Set(lost.map(({ runId }) => runId));
		for (const { row } of batch.runs) if (!lostIds.has(row.runId)) this.#keepRun(row, nowMs);
		for (const episode of batch.episodes) this.#keepEpisode(episode);
		for (const { incident } of batch.groups) this.#keepGroup(incident);
		for (const { transition } of batch.outbox) this.#keepDelivery(transition.key, subjectOf(transition).runId);
		for (const { key } of batch.settled) this.#outbox.set(key, true);
		this.#compareOutbox(batch);
	}

	/** A process that starts reads what earlier ones have committed. */
	loaded(world: StoredWorld, nowMs: number): void {
		this.#lives.loaded(nowMs);
		const open = [...this.#episodes.values()].filter(({ isOpen }) => isOpen).map(({ episode }) => episode.alertId);
		this.#compare(
			"open episodes",
			open,
			world.openEpisodes.map(({ alertId }) => alertId),
		);
		this.#compare(
			"open group incidents",
			[...this.#groups].filter(([, isOpen]) => isOpen).map(([groupId]) => groupId),
			world.openGroups.map(({ groupId }) => groupId),
		);
		this.#compare(
			"deliveries owed",
			this.pendingKeys,
			world.outbox.map(({ transition }) => transition.key),
		);
	}

	#compare(what: string, kept: readonly string[], found: readonly string[]): void {
		const missing = kept.filter((one) => !found.includes(one));
		const extra = found.filter((one) => !kept.includes(one));
		if (missing.length + extra.length === 0) return;
		const words = `${what}: ${missing.length} were committed and are not there, ${extra.length} are there and were never committed`;
		this.#failures.report("what was committed is there after a kill", null, words);
	}

	#keepDelivery(key: string, runId: string | null): void {
		if (this.#outbox.has(key)) return;
		this.#outbox.set(key, false);
		this.onKept(key, runId);
	}

	#keepEpisode(episode: Episode): void {
		const { alertId, runId, attempt } = episode;
		const of = `${runId} ${attempt}`;
		const known = this.#episodes.get(alertId);
		if (episode.closed !== null) {
			if (known !== undefined) known.isOpen = false;
			else this.#episodes.set(alertId, { episode, isOpen: false });
			if (this.#openOf.get(of) === alertId) this.#openOf.delete(of);
			return;
		}
		if (known !== undefined) return;
		const other = this.#openOf.get(of);
		if (other !== undefined) {
			const words = `${episode.condition} opens beside ${this.#episodes.get(other)?.episode.condition}`;
			this.#failures.report("at most one open episode a run and attempt", runId, words);
		}
		this.#episodes.set(alertId, { episode, isOpen: true });
		this.#openOf.set(of, alertId);
	}

	#keepGroup({ groupId, group, closed }: GroupIncident): void {
		const isOpen = closed === null;
		if (isOpen === (this.#groups.get(groupId) ?? false)) {
			const words = `${group} is committed as ${isOpen ? "open" : "closed"} a second time, or was never open`;
			this.#failures.report("a group incident opens once and closes once", null, words);
		}
		this.#groups.set(groupId, isOpen);
	}

	#compareOutbox(batch: CommitBatch): void {
		const rule = "an outbox row if and only if an episode or an incident";
		const rows = new Map(batch.outbox.map(({ transition }) => [transition.key, subjectOf(transition).runId]));
		const told = new Map([
			...batch.episodes.map((one) => [keyOf(one.alertId, one), one.runId] as const),
			...batch.groups.map(({ incident }) => [keyOf(incident.groupId, incident), null] as const),
		]);
		for (const [key, runId] of told) {
			if (!rows.has(key)) this.#failures.report(rule, runId, `${key} is committed without its row`);
		}
		for (const [key, runId] of rows) {
			if (!told.has(key)) this.#failures.report(rule, runId, `a row is committed without its cause, ${key}`);
		}
	}

	#keepRun(row: RunRow, nowMs: number): void {
		const before = this.#lives.kept(row, nowMs);
		if (before !== null) this.#compareEnd(before, row);
	}

	#compareEnd(before: RunRow, row: RunRow): void {
		if (before.state === null || !isTerminal(before.state.type)) return;
		if (row.state === null || isTerminal(row.state.type)) return;
		const states = this.#server.runs.get(row.runId)?.states ?? [];
		const end = states.findIndex(({ id }) => id === before.state?.id);
		const now = states.findIndex(({ id }) => id === row.state?.id);
		if (now > end) return;
		const words = `${before.state.type} became ${row.state.type}, which the server had said before`;
		this.#failures.report("ended stays ended", row.runId, words);
	}
}

function keyOf(id: string, { closed }: { readonly closed: object | null }): string {
	return `${id}:${closed === null ? "raised" : "resolved"}`;
}
