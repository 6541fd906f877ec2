import type { Database } from "better-sqlite3";
import { placeOf, type RemedyEntry, type ScopeHold } from "../core/remedy.ts";
import { remedyEntrySchema, scopeHoldSchema, understood } from "./remedy-schema.ts";
import type { RemedyChange, RemedyQuery, RemedyStore } from "./remedy-store.ts";
import { bytesOfRunId } from "./run-id.ts";

/** How the store that owns the database runs what is asked of it. */
export type Guard = <Result>(doing: string, work: () => Result) => Result;

/** The tables of remedies in a database of SQLite. */
export class SqliteRemedies implements RemedyStore {
	readonly #guard: Guard;
	readonly #statements: ReturnType<typeof prepare>;
	readonly #write: (change: RemedyChange) => void;

	constructor(database: Database, guard: Guard) {
		this.#guard = guard;
		this.#statements = prepare(database);
		const write = database.transaction((change: RemedyChange) => this.#writeAll(change));
		this.#write = (change) => write.immediate(change);
	}

	async write(change: RemedyChange): Promise<void> {
		this.#guard("writing down a remedy", () => this.#write(change));
	}

	async entries(query: RemedyQuery): Promise<readonly RemedyEntry[]> {
		const { workspace, sinceMs, runId, withUnsettled, rowsMax } = query;
		return this.#guard("reading remedies", () => {
			const runBytes = runId === null ? null : bytesOfRunId(runId);
			const rows = this.#statements.read.all({
				workspace,
				sinceMs,
				rowsMax,
				runId: runBytes,
				withUnsettled: Number(withUnsettled),
			});
			return rows.toReversed().flatMap(({ entry }) => understood(remedyEntrySchema, entry));
		});
	}

	async holds(workspace: string): Promise<readonly ScopeHold[]> {
		return this.#guard("reading remedies", () =>
			this.#statements.readHolds.all(workspace).flatMap(({ hold }) => understood(scopeHoldSchema, hold)),
		);
	}

	#writeAll({ workspace, entries, holds, released }: RemedyChange): void {
		for (const entry of entries) {
			const { alertId, runId, result, atMs } = entry;
			const place = placeOf(entry);
			const columns = { workspace, alertId, place, result, atMs, runId: bytesOfRunId(runId) };
			this.#statements.put.run({ ...columns, entry: JSON.stringify(entry) });
		}
		for (const hold of holds) {
			this.#statements.hold.run({ workspace, scope: hold.scope, hold: JSON.stringify(hold) });
		}
		for (const scope of released) this.#statements.release.run({ workspace, scope });
	}
}

interface EntryColumns {
	readonly workspace: string;
	readonly alertId: string;
	readonly place: string;
	readonly runId: Uint8Array;
	readonly result: string;
	readonly atMs: number;
	readonly entry: string;
}

interface QueryColumns {
	readonly workspace: string;
	readonly sinceMs: number;
	readonly runId: Uint8Array | null;
	readonly withUnsettled: number;
	readonly rowsMax: number;
}

function prepare(database: Database) {
	return {
		put: database.prepare<[EntryColumns]>(`
			INSERT INTO remedies (workspace, alert_id, place, run_id, result, at_ms, entry)
			VALUES (@workspace, @alertId, @place, @runId, @result, @atMs, @entry)
			ON CONFLICT (workspace, alert_id, place) DO UPDATE
				SET result = excluded.result, at_ms = excluded.at_ms, entry = excluded.entry`),
		read: database.prepare<[QueryColumns], { readonly entry: string }>(`
			SELECT entry FROM remedies
			WHERE workspace = @workspace AND (@runId IS NULL OR run_id = @runId)
				AND (at_ms >= @sinceMs OR (@withUnsettled AND (result = 'intended' OR alert_id IN
					(SELECT alert_id FROM episodes WHERE workspace = @workspace AND closed_at_ms IS NULL))))
			ORDER BY at_ms DESC, alert_id DESC, place DESC LIMIT @rowsMax`),
		hold: database.prepare<[{ workspace: string; scope: string; hold: string }]>(`
			INSERT INTO remedy_holds (workspace, scope, hold) VALUES (@workspace, @scope, @hold)
			ON CONFLICT (workspace, scope) DO UPDATE SET hold = excluded.hold`),
		release: database.prepare<[{ workspace: string; scope: string }]>(
			"DELETE FROM remedy_holds WHERE workspace = @workspace AND scope = @scope",
		),
		readHolds: database.prepare<[string], { readonly hold: string }>(
			"SELECT hold FROM remedy_holds WHERE workspace = ? ORDER BY scope",
		),
	};
}
