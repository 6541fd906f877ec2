import SqliteDatabase, { type Database } from "better-sqlite3";
import type { Episode } from "../core/episode.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { inspectDatabaseFile, refusal } from "./database-file.ts";
import type { EpisodeQuery } from "./episode-query.ts";
import { readMigrations, sqliteMigrationsFolder } from "./migrate.ts";
import { RowReader } from "./row-reader.ts";
import { asStoreError } from "./sqlite-error.ts";
import { SqliteOutbox } from "./sqlite-outbox.ts";
import { type Guard, SqliteRemedies } from "./sqlite-remedies.ts";
import { SqliteSilences } from "./sqlite-silences.ts";
import { prepareStatements } from "./statements.ts";
import type { RunKey, RunsQuery, Store, StoredRun, StoredWorld } from "./store.ts";
import { parseStoreUrl, urlHint } from "./store-url.ts";

/** How long a read waits for somebody else's commit. */
const busyTimeoutMs = 5_000;

/** A database that nobody writes through: for whoever looks while no daemon runs, or beside one. */
export class ReadingStore
	implements
		Pick<
			Store,
			"load" | "loadRuns" | "loadRun" | "loadEpisodes" | "remedies" | "outbox" | "silences" | typeof Symbol.asyncDispose
		>
{
	readonly remedies: SqliteRemedies;
	readonly outbox: SqliteOutbox;
	readonly silences: SqliteSilences;
	readonly #database: Database;
	readonly #reader: RowReader;

	private constructor(database: Database, clock: Clock) {
		this.#database = database;
		const guard: Guard = (_doing, read) => this.#guard(read);
		this.remedies = new SqliteRemedies(database, guard);
		this.outbox = new SqliteOutbox({ database, guard, nowMs: () => clock.now().wallMs });
		this.silences = new SqliteSilences(database, guard);
		const statements = prepareStatements(database);
		// Rows that are not understood stay where they are: the daemon sets them aside.
		this.#reader = new RowReader({ database, statements, clock, onMalformedRow: () => undefined });
	}

	/** @throws OperatorError when there is none, or of another version's schema */
	static open(url: string, clock: Clock): ReadingStore {
		const location = parseStoreUrl(url);
		if (location.kind === "memory") throw new OperatorError(`store.url memory: has no file; ${urlHint}`);
		const { path } = location;
		const file = inspectDatabaseFile(path);
		if (file.kind === "new") throw refusal(path, "there is none yet", "start zombied once");
		const newest = readMigrations(sqliteMigrationsFolder).length;
		if (file.schemaVersion < newest) {
			throw refusal(path, `its schema is ${file.schemaVersion}, not ${newest}`, "run zombied db migrate");
		}
		if (file.schemaVersion > newest) {
			throw refusal(path, `its schema is ${file.schemaVersion}, newer than ${newest}`, "use the zombied that made it");
		}
		try {
			return new ReadingStore(new SqliteDatabase(path, { readonly: true, timeout: busyTimeoutMs }), clock);
		} catch (error) {
			throw refusal(path, messageOf(error), "mend that", error);
		}
	}

	async load(workspace: string): Promise<StoredWorld> {
		return this.#guard(() => this.#reader.readWorld(workspace));
	}

	async loadRuns(query: RunsQuery): Promise<readonly StoredRun[]> {
		return this.#guard(() => this.#reader.readRuns(query));
	}

	async loadRun(key: RunKey): Promise<StoredRun | null> {
		return this.#guard(() => this.#reader.readRun(key));
	}

	async loadEpisodes(query: EpisodeQuery): Promise<readonly Episode[]> {
		return this.#guard(() => this.#reader.readEpisodes(query));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#database.close();
	}

	#guard<Result>(read: () => Result): Result {
		try {
			return read();
		} catch (error) {
			throw asStoreError("reading the database", error);
		}
	}
}
