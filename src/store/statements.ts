import type { Database } from "better-sqlite3";
import type { DeliveryHold, DeliveryKey } from "../core/delivery.ts";
import type {
	EpisodeColumns,
	GroupColumns,
	HeldRunColumns,
	LearnedColumns,
	OutboxColumns,
	WorkspaceColumns,
} from "./columns.ts";
import { runStatements } from "./run-statements.ts";

/** Tables whose rows are parsed when read, all of a workspace at once. */
export type WorldSource = "episodes" | "outbox" | "workspaces" | "learned" | "group_incidents" | "held_runs";
/** Tables whose rows are parsed when read. */
export type RowSource = WorldSource | "runs";

/** `reopenableOutcomes`, as the index episodes_spent has them. */
const reopenable = "('superseded', 'disabled')";
const endedTypes = "('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')";

/**
 * All SQL of the store but the schema, prepared once. `rowid` comes with each row that is read, so that one that cannot
 * be understood can be set aside.
 */
export function prepareStatements(database: Database) {
	return {
		...runStatements(database),
		putEpisode: database.prepare<[EpisodeColumns]>(`
			INSERT INTO episodes (alert_id, workspace, run_id, attempt, condition, severity, reason, evidence,
				state_type, state_name, labels, related_runs, group_id, raised_at_ms, closed_outcome, closed_at_ms,
				closed_state_type)
			VALUES (@alertId, @workspace, @runId, @attempt, @condition, @severity, @reason, @evidence,
				@stateType, @stateName, @labels, @relatedRuns, @groupId, @raisedAtMs, @closedOutcome, @closedAtMs,
				@closedStateType)
			ON CONFLICT (alert_id) DO UPDATE
				SET closed_outcome = excluded.closed_outcome, closed_at_ms = excluded.closed_at_ms,
					closed_state_type = excluded.closed_state_type
				WHERE episodes.closed_at_ms IS NULL AND excluded.closed_at_ms IS NOT NULL`),
		putOutbox: database.prepare<[OutboxColumns]>(`
			INSERT INTO outbox (sink, key, workspace, run_id, transition, created_at_ms)
			VALUES (@sink, @key, @workspace, @runId, @transition, @createdAtMs)
			ON CONFLICT (sink, key) DO NOTHING`),
		hold: database.prepare<[DeliveryHold]>(`
			UPDATE outbox SET fate = @reason, detail = @detail, held_until_ms = @untilMs
			WHERE sink = @sink AND key = @key AND delivered_at_ms IS NULL`),
		settle: database.prepare<[DeliveryKey & { fate: string | null; detail: string | null; nowMs: number }]>(`
			UPDATE outbox SET delivered_at_ms = @nowMs, fate = @fate, detail = @detail, held_until_ms = NULL
			WHERE sink = @sink AND key = @key AND delivered_at_ms IS NULL`),
		putWorkspace: database.prepare<[WorkspaceColumns]>(`
			INSERT INTO workspaces (workspace, covered_until_server_ms, blind_spans, health_score, tripped_groups)
			VALUES (@workspace, @coveredUntilServerMs, @blindSpans, @healthScore, @trippedGroups)
			ON CONFLICT (workspace) DO UPDATE SET covered_until_server_ms = excluded.covered_until_server_ms,
				blind_spans = excluded.blind_spans, health_score = excluded.health_score,
				tripped_groups = excluded.tripped_groups`),
		read: readStatements(database),
		readSpent: database.prepare<[string], RawRow>(`
			SELECT rowid AS rowid, run_id, alert_id FROM episodes WHERE workspace = ? AND closed_outcome IN ${reopenable}
			ORDER BY alert_id`),
		readOutbox: database.prepare<[string, string, number], RawRow>(`
			SELECT id AS rowid, * FROM outbox WHERE workspace = ? AND sink = ? AND delivered_at_ms IS NULL AND fate IS NULL
			ORDER BY created_at_ms, id LIMIT ?`),
		readEpisodes: database.prepare<[EpisodeQueryColumns], RawRow>(`
			SELECT rowid AS rowid, * FROM episodes
			WHERE workspace = @workspace AND (@runId IS NULL OR run_id = @runId)
				AND (@condition IS NULL OR condition = @condition)
				AND (@isOpen IS NULL OR (closed_at_ms IS NULL) = @isOpen)
				AND (@beforeMs IS NULL OR (raised_at_ms, alert_id) < (@beforeMs, @beforeId))
			ORDER BY raised_at_ms DESC, alert_id DESC LIMIT @rowsMax`),
		putGroup: database.prepare<[GroupColumns]>(`
			INSERT INTO group_incidents (workspace, group_id, incident, opened_at_ms, closed_at_ms)
			VALUES (@workspace, @groupId, @incident, @openedAtMs, @closedAtMs)
			ON CONFLICT (workspace, group_id) DO UPDATE SET incident = excluded.incident,
				opened_at_ms = excluded.opened_at_ms, closed_at_ms = excluded.closed_at_ms
				WHERE group_incidents.closed_at_ms IS NULL`),
		...heldRunStatements(database),
		...learnedStatements(database),
		...retentionStatements(database),
		...setAsideStatements(database),
	};
}

/** Null: it does not matter. */
interface EpisodeQueryColumns {
	readonly workspace: string;
	readonly runId: Uint8Array | null;
	readonly condition: string | null;
	readonly isOpen: number | null;
	readonly beforeMs: number | null;
	readonly beforeId: string | null;
	readonly rowsMax: number;
}

export type Statements = ReturnType<typeof prepareStatements>;

/** A row as SQLite gives it, not yet understood. */
export interface RawRow {
	readonly rowid: number;
	readonly [column: string]: unknown;
}

function readStatements(database: Database) {
	return {
		episodes: database.prepare<[string], RawRow>(`
			SELECT rowid AS rowid, * FROM episodes WHERE workspace = ? AND closed_at_ms IS NULL
			ORDER BY raised_at_ms, alert_id`),
		outbox: database.prepare<[string], RawRow>(`
			SELECT id AS rowid, * FROM outbox WHERE workspace = ? AND delivered_at_ms IS NULL AND fate IS NULL
			ORDER BY created_at_ms, id`),
		workspaces: database.prepare<[string], RawRow>("SELECT rowid AS rowid, * FROM workspaces WHERE workspace = ?"),
		learned: database.prepare<[string], RawRow>("SELECT id AS rowid, * FROM learned WHERE workspace = ? ORDER BY id"),
		group_incidents: database.prepare<[string], RawRow>(`
			SELECT rowid AS rowid, * FROM group_incidents WHERE workspace = ? AND closed_at_ms IS NULL
			ORDER BY opened_at_ms, group_id`),
		held_runs: database.prepare<[string], RawRow>(
			"SELECT rowid AS rowid, * FROM held_runs WHERE workspace = ? ORDER BY workspace, run_id",
		),
	};
}

function heldRunStatements(database: Database) {
	return {
		putHeldRun: database.prepare<[HeldRunColumns]>(`
			INSERT INTO held_runs (workspace, run_id, silence) VALUES (@workspace, @runId, @silence)
			ON CONFLICT (workspace, run_id) DO UPDATE SET silence = excluded.silence`),
		forgetHeldRun: database.prepare<[HeldRunColumns]>(
			"DELETE FROM held_runs WHERE workspace = @workspace AND run_id = @runId",
		),
	};
}

/** Replaced, not updated: the row takes a new id, the greatest, and so the last place in the order. */
function learnedStatements(database: Database) {
	return {
		putLearned: database.prepare<[LearnedColumns]>(`
			INSERT OR REPLACE INTO learned (workspace, kind, key, content) VALUES (@workspace, @kind, @key, @content)`),
		forgetLearned: database.prepare<[{ workspace: string; kind: string; key: string }]>(`
			DELETE FROM learned WHERE workspace = @workspace AND kind = @kind AND key = @key`),
	};
}

export interface SliceBounds {
	readonly beforeMs: number;
	readonly rowsMax: number;
}

/** A run whose episode is still open stays, however old: the episode would stand there without its run. */
function retentionStatements(database: Database) {
	return {
		deleteRuns: database.prepare<[SliceBounds]>(`
			DELETE FROM runs WHERE id IN (
				SELECT id FROM runs WHERE state_type IN ${endedTypes} AND updated_at_ms < @beforeMs
					AND NOT EXISTS (SELECT 1 FROM episodes WHERE episodes.workspace = runs.workspace
						AND episodes.run_id = runs.run_id AND episodes.closed_at_ms IS NULL)
				LIMIT @rowsMax)`),
		// Asks the index of each, and there are few.
		deleteLabels: database.prepare<[Pick<SliceBounds, "rowsMax">]>(`
			DELETE FROM run_labels WHERE id IN (
				SELECT id FROM run_labels WHERE NOT EXISTS (SELECT 1 FROM runs WHERE labels_id = run_labels.id)
				LIMIT @rowsMax)`),
		deleteEpisodes: database.prepare<[SliceBounds]>(`
			DELETE FROM episodes WHERE rowid IN (
				SELECT rowid FROM episodes WHERE closed_at_ms IS NOT NULL AND closed_at_ms < @beforeMs LIMIT @rowsMax)`),
		deleteDelivered: database.prepare<[SliceBounds]>(`
			DELETE FROM outbox WHERE id IN (
				SELECT id FROM outbox WHERE delivered_at_ms IS NOT NULL AND delivered_at_ms < @beforeMs LIMIT @rowsMax)`),
		deleteGroups: database.prepare<[SliceBounds]>(`
			DELETE FROM group_incidents WHERE rowid IN (
				SELECT rowid FROM group_incidents WHERE closed_at_ms IS NOT NULL AND closed_at_ms < @beforeMs
				LIMIT @rowsMax)`),
		deleteRemedies: database.prepare<[SliceBounds]>(`
			DELETE FROM remedies WHERE rowid IN (
				SELECT rowid FROM remedies WHERE at_ms < @beforeMs AND result != 'intended' LIMIT @rowsMax)`),
		deleteSilences: database.prepare<[SliceBounds]>(`
			DELETE FROM silences WHERE rowid IN (SELECT rowid FROM silences WHERE until_ms < @beforeMs LIMIT @rowsMax)`),
		deleteAcknowledgements: database.prepare<[SliceBounds]>(`
			DELETE FROM acknowledgements WHERE rowid IN (
				SELECT rowid FROM acknowledgements WHERE at_ms < @beforeMs
					AND NOT EXISTS (SELECT 1 FROM episodes WHERE episodes.alert_id = acknowledgements.alert_id
						AND closed_at_ms IS NULL)
					AND NOT EXISTS (SELECT 1 FROM group_incidents WHERE group_incidents.workspace = acknowledgements.workspace
						AND group_id = acknowledgements.alert_id AND closed_at_ms IS NULL)
				LIMIT @rowsMax)`),
		deleteUnreadable: database.prepare<[SliceBounds]>(`
			DELETE FROM unreadable_rows WHERE id IN (
				SELECT id FROM unreadable_rows WHERE set_aside_at_ms < @beforeMs LIMIT @rowsMax)`),
	};
}

function setAsideStatements(database: Database) {
	return {
		insertUnreadable: database.prepare<[{ source: string; content: string; detail: string; nowMs: number }]>(`
			INSERT INTO unreadable_rows (source, content, detail, set_aside_at_ms)
			VALUES (@source, @content, @detail, @nowMs)`),
		remove: {
			runs: database.prepare<[number]>("DELETE FROM runs WHERE id = ?"),
			episodes: database.prepare<[number]>("DELETE FROM episodes WHERE rowid = ?"),
			outbox: database.prepare<[number]>("DELETE FROM outbox WHERE rowid = ?"),
			workspaces: database.prepare<[number]>("DELETE FROM workspaces WHERE rowid = ?"),
			learned: database.prepare<[number]>("DELETE FROM learned WHERE id = ?"),
			group_incidents: database.prepare<[number]>("DELETE FROM group_incidents WHERE rowid = ?"),
			held_runs: database.prepare<[number]>("DELETE FROM held_runs WHERE rowid = ?"),
		} satisfies Record<RowSource, unknown>,
	};
}
