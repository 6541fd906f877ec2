import type { Database } from "better-sqlite3";
import { ZodError } from "zod";
import type { Episode } from "../core/episode.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { EpisodeQuery } from "./episode-query.ts";
import {
	parseEpisode,
	parseGroup,
	parseHeldRun,
	parseLearned,
	parseOutbox,
	parseRun,
	parseSharedLabels,
	parseSpentAlert,
	parseWorkspace,
	type SharedLabels,
} from "./rows.ts";
import { bytesOfRunId } from "./run-id.ts";
import { labelsIdOf, placeOf, usualRun } from "./run-reader.ts";
import type { RawRow, RowSource, Statements, WorldSource } from "./statements.ts";
import type { OutboxRow, OwedQuery, RunKey, RunsQuery, StoredRun, StoredWorld } from "./store.ts";

/** Shared labels that are remembered between pages of runs: there are as many as deployments, unless each run has tags of its own. */
const labelsKeptMax = 10_000;

interface UnreadableRow {
	readonly source: RowSource;
	readonly raw: RawRow;
	readonly detail: string;
}

interface RowReaderParts {
	readonly database: Database;
	readonly statements: Statements;
	readonly clock: Clock;
	readonly onMalformedRow: (sample: string) => void;
}

/** Reads rows back. One that cannot be understood is told, set aside and skipped: no other suffers from it. */
export class RowReader {
	readonly #parts: RowReaderParts;
	readonly #labels = new Map<number, SharedLabels | null>();

	constructor(parts: RowReaderParts) {
		this.#parts = parts;
	}

	readWorld(workspace: string): StoredWorld {
		const unreadable: UnreadableRow[] = [];
		const world = {
			runsTotal: this.#parts.statements.countRuns.get(workspace) ?? 0,
			openEpisodes: this.#read("episodes", workspace, parseEpisode, unreadable),
			spentAlerts: this.#parts.statements.readSpent.all(workspace).map(parseSpentAlert),
			workspaces: this.#read("workspaces", workspace, parseWorkspace, unreadable),
			outbox: this.#read("outbox", workspace, parseOutbox, unreadable),
			openGroups: this.#read("group_incidents", workspace, parseGroup, unreadable),
			heldRuns: this.#read("held_runs", workspace, parseHeldRun, unreadable),
			learned: this.#read("learned", workspace, parseLearned, unreadable),
		};
		this.#setAside(unreadable);
		return world;
	}

	/** A page of which no row can be understood is not the last one. */
	readRuns({ workspace, afterPlace, rowsMax }: RunsQuery): readonly StoredRun[] {
		// Since the last time through, labels may have been deleted, and their ids given to others.
		if (afterPlace === 0) this.#labels.clear();
		for (let after = afterPlace; ; ) {
			const page = this.#parts.statements.readRuns.all(after, workspace, rowsMax);
			const unreadable: UnreadableRow[] = [];
			const runs: StoredRun[] = [];
			for (const raw of page) {
				const run = this.#runOf(raw, unreadable);
				if (run !== null) runs.push(run);
			}
			this.#setAside(unreadable);
			const last = page.at(-1);
			if (last === undefined || runs.length > 0) return runs;
			after = placeOf(last);
		}
	}

	#runOf(raw: readonly unknown[], unreadable: UnreadableRow[]): StoredRun | null {
		const labels = this.#labelsAt(labelsIdOf(raw));
		const usual = labels === null ? null : usualRun(raw, labels);
		if (usual !== null) return usual;
		const named = this.#parts.statements.readRunAt.get(placeOf(raw));
		return named === undefined ? null : parseOrNote("runs", named, parseRun, unreadable);
	}

	#labelsAt(labelsId: unknown): SharedLabels | null {
		if (typeof labelsId !== "number") return null;
		const known = this.#labels.get(labelsId);
		if (known !== undefined) return known;
		const labels = parseSharedLabels(this.#parts.statements.labelsOf.get(labelsId));
		if (this.#labels.size >= labelsKeptMax) this.#labels.clear();
		this.#labels.set(labelsId, labels);
		return labels;
	}

	readRun(key: RunKey): StoredRun | null {
		const raw = this.#parts.statements.readRun.get(key.workspace, bytesOfRunId(key.runId));
		const unreadable: UnreadableRow[] = [];
		const run = raw === undefined ? null : parseOrNote("runs", raw, parseRun, unreadable);
		this.#setAside(unreadable);
		return run;
	}

	readOutbox({ workspace, sink, rowsMax }: OwedQuery): readonly OutboxRow[] {
		const unreadable: UnreadableRow[] = [];
		const rows = this.#parts.statements.readOutbox
			.all(workspace, sink, rowsMax)
			.flatMap((raw) => parseOrNote("outbox", raw, parseOutbox, unreadable) ?? []);
		this.#setAside(unreadable);
		return rows;
	}

	readEpisodes(query: EpisodeQuery): readonly Episode[] {
		const unreadable: UnreadableRow[] = [];
		const { runId, before, isOpen } = query;
		const episodes = this.#parts.statements.readEpisodes
			.all({
				workspace: query.workspace,
				runId: runId === null ? null : bytesOfRunId(runId),
				condition: query.condition,
				isOpen: isOpen === null ? null : Number(isOpen),
				beforeMs: before?.raisedAtMs ?? null,
				beforeId: before?.alertId ?? null,
				rowsMax: query.rowsMax,
			})
			.flatMap((raw) => parseOrNote("episodes", raw, parseEpisode, unreadable) ?? []);
		this.#setAside(unreadable);
		return episodes;
	}

	#read<Row>(source: WorldSource, workspace: string, parse: (raw: RawRow) => Row, unreadable: UnreadableRow[]): Row[] {
		const rows: Row[] = [];
		for (const raw of this.#parts.statements.read[source].all(workspace)) {
			const row = parseOrNote(source, raw, parse, unreadable);
			if (row !== null) rows.push(row);
		}
		return rows;
	}

	/**
	 * Moves rows that were not understood out of the way of those to come. Where that fails (a full disk), they stay and
	 * are met again at the next load: no reason to fail the load of all the others.
	 */
	#setAside(unreadable: readonly UnreadableRow[]): void {
		if (unreadable.length === 0) return;
		const { database, onMalformedRow } = this.#parts;
		for (const { source, raw, detail } of unreadable) {
			onMalformedRow(`${source} ${nameOfRow(raw)}: ${detail}`);
		}
		try {
			database.transaction(() => this.#moveAll(unreadable)).immediate();
		} catch (error) {
			onMalformedRow(`rows that were not understood stay where they are: ${messageOf(error)}`);
		}
	}

	#moveAll(unreadable: readonly UnreadableRow[]): void {
		const { statements, clock } = this.#parts;
		const nowMs = clock.now().wallMs;
		for (const { source, raw, detail } of unreadable) {
			statements.insertUnreadable.run({ source, content: contentOfRow(raw), detail, nowMs });
			statements.remove[source].run(raw.rowid);
		}
	}
}

function parseOrNote<Row>(
	source: RowSource,
	raw: RawRow,
	parse: (raw: RawRow) => Row,
	unreadable: UnreadableRow[],
): Row | null {
	try {
		return parse(raw);
	} catch (error) {
		if (!(error instanceof ZodError)) throw error;
		const issue = error.issues[0];
		unreadable.push({ source, raw, detail: `${issue?.path.join(".")}: ${issue?.message}` });
		return null;
	}
}

function contentOfRow(raw: RawRow): string {
	const columns = Object.entries(raw).map(([name, value]) => [
		name,
		value instanceof Uint8Array ? hexOf(value) : value,
	]);
	return JSON.stringify(Object.fromEntries(columns));
}

function nameOfRow(raw: RawRow): string {
	const { alert_id: alertId, group_id: groupId, key, run_id: runId, workspace } = raw;
	const id = alertId ?? key ?? runId ?? groupId ?? workspace;
	return id instanceof Uint8Array ? hexOf(id) : String(id);
}

function hexOf(bytes: Uint8Array): string {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
