import { type Episode, isOfEpisode, isReopenable, workspaceOf } from "../core/episode.ts";
import { isTerminal } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import { learnedSchema } from "./core-schema.ts";
import { closingsFirst } from "./episode-order.ts";
import { type EpisodeQuery, selected } from "./episode-query.ts";
import { keepingName, withBeat } from "./kept-row.ts";
import { forgetRun, type MemoryDisk, nameOfRun } from "./memory-disk.ts";
import { deleteWhere, putAll } from "./memory-maps.ts";
import { MemoryOutbox } from "./memory-outbox.ts";
import { MemoryRemedies } from "./memory-remedies.ts";
import { MemorySilences } from "./memory-silences.ts";
import { bytesOfRunId } from "./run-id.ts";
import type {
	BeatRows,
	CommitBatch,
	CommitResult,
	GroupRow,
	HeldRunChange,
	LearnedChange,
	OutboxRow,
	OwedQuery,
	RetentionLimits,
	RunChange,
	RunKey,
	RunsQuery,
	Store,
	StoredLearned,
	StoredRun,
	StoredWorld,
} from "./store.ts";
import { StoreError } from "./store-error.ts";

/** A store for tests, simulation and replay: the laws of `Store`, without a file. */
export class MemoryStore implements Store {
	readonly #disk: MemoryDisk;
	readonly #clock: Clock;
	readonly remedies: MemoryRemedies;
	readonly outbox: MemoryOutbox;
	readonly silences: MemorySilences;
	#isClosed = false;

	constructor(parts: { readonly disk: MemoryDisk; readonly clock: Clock }) {
		this.#disk = parts.disk;
		this.#clock = parts.clock;
		const common = { disk: parts.disk, refuseWhenClosed: () => this.#refuseWhenClosed() };
		this.outbox = new MemoryOutbox({ ...common, nowMs: () => this.#clock.now().wallMs });
		this.silences = new MemorySilences(common);
		this.remedies = new MemoryRemedies({
			disk: this.#disk.remedies,
			refuseWhenClosed: () => this.#refuseWhenClosed(),
			isAlertOpen: (alertId) => this.#disk.episodes.get(alertId)?.closed === null,
		});
	}

	async load(workspace: string): Promise<StoredWorld> {
		this.#refuseWhenClosed();
		const { episodes, workspaces, groups, heldRuns, learned } = this.#disk;
		const kept = workspaces.get(workspace);
		return {
			runsTotal: [...this.#disk.runs.values()].filter(({ row }) => row.workspace === workspace).length,
			openEpisodes: [...episodes.values()]
				.filter((episode) => episode.workspace === workspace && episode.closed === null)
				.toSorted((one, other) => one.raisedAtMs - other.raisedAtMs || compareText(one.alertId, other.alertId)),
			spentAlerts: [...episodes.values()]
				.filter(
					({ workspace: place, closed }) => place === workspace && closed !== null && isReopenable(closed.outcome),
				)
				.map(({ runId, alertId }) => ({ runId, alertId }))
				.toSorted((one, other) => compareText(one.alertId, other.alertId)),
			workspaces: kept === undefined ? [] : [kept],
			outbox: this.#owed(workspace),
			openGroups: [...groups.values()]
				.filter((row) => row.workspace === workspace && row.incident.closed === null)
				.map(({ incident }) => incident)
				.toSorted((one, other) => one.openedAtMs - other.openedAtMs || compareText(one.groupId, other.groupId)),
			heldRuns: [...heldRuns.values()]
				.filter((change) => change.workspace === workspace)
				.toSorted((one, other) => compareText(one.runId, other.runId))
				.flatMap(({ row }) => row ?? []),
			learned: [...learned.values()].filter((row) => row.workspace === workspace).flatMap(understoodLearned),
		};
	}

	async loadRuns({ workspace, afterPlace, rowsMax }: RunsQuery): Promise<readonly StoredRun[]> {
		this.#refuseWhenClosed();
		return [...this.#disk.runs.values()]
			.filter(({ row, place }) => row.workspace === workspace && place > afterPlace)
			.toSorted((one, other) => one.place - other.place)
			.slice(0, rowsMax);
	}

	async loadRun(key: RunKey): Promise<StoredRun | null> {
		this.#refuseWhenClosed();
		return this.#disk.runs.get(nameOfRun(key)) ?? null;
	}

	async loadOutbox({ workspace, sink, rowsMax }: OwedQuery): Promise<readonly OutboxRow[]> {
		this.#refuseWhenClosed();
		return this.#owed(workspace)
			.filter((row) => row.sink === sink)
			.slice(0, rowsMax);
	}

	async loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]> {
		this.#refuseWhenClosed();
		return selected(this.#disk.episodes.values(), query);
	}

	async commit(batch: CommitBatch): Promise<CommitResult> {
		this.#refuseWhenClosed();
		// As if it crossed into another thread: the caller's objects are not the store's.
		const copy = structuredClone(batch);
		// All that can fail comes first, so that a batch is kept whole or not at all.
		const runs = [...copy.runs.map(({ row }) => row), ...copy.forgottenRuns, ...copy.heldRuns];
		for (const { runId } of [...copy.outbox.flatMap(runOfDelivery), ...runs]) bytesOfRunId(runId);
		const episodes = this.#judgeEpisodes(copy.episodes);
		for (const key of copy.forgottenRuns) forgetRun(this.#disk, key);
		const { writes, lost, places } = this.#judgeRuns(copy.runs);
		const lostBeats = this.#judgeBeats(copy.beats, writes);
		this.#putRuns(writes);
		putAll(this.#disk.episodes, episodes);
		this.outbox.write(copy);
		putAll(this.#disk.workspaces, new Map(copy.workspaces.map((row) => [row.workspace, row])));
		this.#putGroups(copy.groups);
		this.#putHeldRuns(copy.heldRuns);
		this.#putLearned(copy.learned);
		return { lost, lostBeats, places };
	}

	async retain(limits: RetentionLimits): Promise<{ runs: number; episodes: number }> {
		this.#refuseWhenClosed();
		const { runs, episodes, outbox, groups } = this.#disk;
		const withOpenEpisode = new Set([...episodes.values()].filter(isOpen).map(nameOfRun));
		const runsDeleted = deleteWhere(
			runs,
			({ row }, name) =>
				row.state !== null &&
				isTerminal(row.state.type) &&
				row.updatedAtMs < limits.runsBeforeMs &&
				!withOpenEpisode.has(name),
		);
		for (const [place, name] of this.#disk.runsByPlace) if (!runs.has(name)) this.#disk.runsByPlace.delete(place);
		const isOld = (atMs: number | null) => atMs !== null && atMs < limits.episodesBeforeMs;
		const episodesDeleted = deleteWhere(episodes, ({ closed }) => isOld(closed?.atMs ?? null));
		deleteWhere(outbox, ({ deliveredAtMs }) => isOld(deliveredAtMs));
		deleteWhere(groups, ({ incident }) => isOld(incident.closed?.atMs ?? null));
		this.remedies.forgetBefore(limits.episodesBeforeMs);
		this.silences.forgetBefore(limits.episodesBeforeMs);
		return { runs: runsDeleted, episodes: episodesDeleted };
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#isClosed = true;
	}

	#refuseWhenClosed(): void {
		if (this.#isClosed) throw new StoreError("the store is closed", { code: "CLOSED", retryable: false });
	}

	#owed(workspace: string): readonly OutboxRow[] {
		return [...this.#disk.outbox.values()]
			.filter(
				({ row, deliveredAtMs, fate }) =>
					deliveredAtMs === null && fate === null && workspaceOf(row.transition) === workspace,
			)
			.map(({ row }) => row)
			.toSorted((one, other) => one.createdAtMs - other.createdAtMs);
	}

	#judgeRuns(runs: readonly RunChange[]): { writes: Map<string, StoredRun>; lost: RunKey[]; places: number[] } {
		const writes = new Map<string, StoredRun>();
		const lost: RunKey[] = [];
		let { lastPlace } = this.#disk;
		const places = runs.map(({ row, version }) => {
			const name = nameOfRun(row);
			const stored = writes.get(name) ?? this.#disk.runs.get(name);
			if ((stored?.version ?? 0) !== version) {
				lost.push({ workspace: row.workspace, runId: row.runId });
				return 0;
			}
			if (stored === undefined) lastPlace += 1;
			const place = stored?.place ?? lastPlace;
			writes.set(name, { row: keepingName(row, stored?.row), version: version + 1, place });
			return stored === undefined ? place : 0;
		});
		return { writes, lost, places };
	}

	#putRuns(writes: ReadonlyMap<string, StoredRun>): void {
		putAll(this.#disk.runs, writes);
		for (const [name, { place }] of writes) {
			this.#disk.runsByPlace.set(place, name);
			this.#disk.lastPlace = Math.max(this.#disk.lastPlace, place);
		}
	}

	/** @param writes of the batch so far; those of the beats are added */
	#judgeBeats(beats: BeatRows, writes: Map<string, StoredRun>): readonly number[] {
		if (beats.places.length === 0) return [];
		const lost: number[] = [];
		const added = new Map([...writes].map(([name, { place }]) => [place, name]));
		for (const [index, place] of beats.places.entries()) {
			const name = this.#disk.runsByPlace.get(place) ?? added.get(place) ?? "";
			const stored = writes.get(name) ?? this.#disk.runs.get(name);
			if (stored === undefined || stored.version !== beats.versions[index]) lost.push(index);
			else writes.set(name, { ...stored, row: withBeat(stored.row, beats, index), version: stored.version + 1 });
		}
		return lost;
	}

	#judgeEpisodes(episodes: readonly Episode[]): Map<string, Episode> {
		const writes = new Map<string, Episode>();
		for (const episode of closingsFirst(episodes)) {
			const stored = writes.get(episode.alertId) ?? this.#disk.episodes.get(episode.alertId);
			if (stored === undefined) {
				this.#refuseSecondOpen(episode, writes);
				bytesOfRunId(episode.runId);
				writes.set(episode.alertId, episode);
			} else if (stored.closed === null && episode.closed !== null) {
				writes.set(episode.alertId, { ...stored, closed: episode.closed });
			}
		}
		return writes;
	}

	#refuseSecondOpen(episode: Episode, writes: ReadonlyMap<string, Episode>): void {
		if (episode.closed !== null) return;
		const after = new Map([...this.#disk.episodes, ...writes]);
		const other = [...after.values()].find(
			(one) => isOpen(one) && nameOfRun(one) === nameOfRun(episode) && one.attempt === episode.attempt,
		);
		if (other !== undefined) {
			throw new StoreError(`run ${episode.runId} already has an open episode, ${other.alertId}`, {
				code: "CONSTRAINT",
				retryable: false,
			});
		}
	}

	#putGroups(rows: readonly GroupRow[]): void {
		for (const row of rows) {
			const name = JSON.stringify([row.workspace, row.incident.groupId]);
			const isClosed = (this.#disk.groups.get(name)?.incident.closed ?? null) !== null;
			if (!isClosed) this.#disk.groups.set(name, row);
		}
	}

	#putHeldRuns(changes: readonly HeldRunChange[]): void {
		for (const change of changes) {
			if (change.row === null) this.#disk.heldRuns.delete(nameOfRun(change));
			else this.#disk.heldRuns.set(nameOfRun(change), change);
		}
	}

	#putLearned(changes: readonly LearnedChange[]): void {
		const { learned } = this.#disk;
		for (const change of changes) {
			const name = JSON.stringify([change.workspace, change.kind, change.key]);
			// Taken out first, so that it is put in again as the last.
			learned.delete(name);
			if (change.row !== null) learned.set(name, change);
		}
	}
}

function runOfDelivery({ transition }: OutboxRow): readonly { readonly runId: string }[] {
	return isOfEpisode(transition) ? [transition.episode] : [];
}

function isOpen(episode: Episode): boolean {
	return episode.closed === null;
}

/** None, when it is not of the shape of its kind: it counts as never stored. */
function understoodLearned({ kind, key, row }: LearnedChange): readonly StoredLearned[] {
	const { data } = learnedSchema.safeParse({ kind, key, row });
	return data === undefined ? [] : [data];
}

/** By code unit, as SQLite compares the hex digits of ids: no locale. */
function compareText(one: string, other: string): number {
	return one < other ? -1 : Number(one > other);
}
