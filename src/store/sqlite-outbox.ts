import type { Database, Statement } from "better-sqlite3";
import { z } from "zod";
import { deadFates, holdReasons } from "../core/delivery.ts";
import type { HeldDelivery, OutboxEntry, OutboxQuery, OutboxSelection, OutboxStore, SinkRows } from "./outbox-store.ts";
import { parseOutbox } from "./rows.ts";
import type { Guard } from "./sqlite-remedies.ts";

/** The table of deliveries in a database of SQLite, for operators and for what is held. */
export class SqliteOutbox implements OutboxStore {
	readonly #guard: Guard;
	readonly #statements: ReturnType<typeof prepare>;
	readonly #nowMs: () => number;

	/** @param parts.nowMs our wall clock, for the time of settling */
	constructor(parts: { readonly database: Database; readonly guard: Guard; readonly nowMs: () => number }) {
		this.#guard = parts.guard;
		this.#nowMs = parts.nowMs;
		this.#statements = prepare(parts.database);
	}

	async entries({ which, ...query }: OutboxQuery): Promise<readonly OutboxEntry[]> {
		const statement = which === "owed" ? this.#statements.owed : this.#statements.undeliverable;
		return this.#guard("reading the outbox", () => statement.all(query).flatMap(entryOf));
	}

	async held(workspace: string): Promise<readonly HeldDelivery[]> {
		return this.#guard("reading the outbox", () =>
			this.#statements.held.all(workspace).flatMap((row) => heldColumns.safeParse(row).data ?? []),
		);
	}

	async release({ workspace, dueMs }: { workspace: string; dueMs: number | null }): Promise<readonly SinkRows[]> {
		return this.#changed("releasing deliveries", this.#statements.release, { workspace, dueMs });
	}

	async retry({ workspace, sink, key }: OutboxSelection): Promise<readonly SinkRows[]> {
		return this.#changed("trying deliveries again", this.#statements.retry, { workspace, sink, key });
	}

	async drop({ workspace, sink, key, detail }: OutboxSelection & { detail: string }): Promise<readonly SinkRows[]> {
		const columns = { workspace, sink, key, detail, nowMs: this.#nowMs() };
		return this.#changed("dropping deliveries", this.#statements.drop, columns);
	}

	async giveUpOthers(owed: Parameters<OutboxStore["giveUpOthers"]>[0]): Promise<readonly SinkRows[]> {
		const columns = { ...owed, sinks: JSON.stringify(owed.sinks), nowMs: this.#nowMs() };
		return this.#changed("giving up deliveries", this.#statements.giveUpOthers, columns);
	}

	#changed<Columns>(doing: string, statement: Statement<[Columns], { sink: string }>, columns: Columns): SinkRows[] {
		const sinks = this.#guard(doing, () => statement.all(columns));
		const counts = new Map<string, number>();
		for (const { sink } of sinks) counts.set(sink, (counts.get(sink) ?? 0) + 1);
		return [...counts]
			.map(([sink, rows]) => ({ sink, rows }))
			.toSorted((one, other) => (one.sink < other.sink ? -1 : 1));
	}
}

const heldColumns = z
	.object({ sink: z.string(), key: z.string(), fate: z.enum(holdReasons), held_until_ms: z.number().nullable() })
	.transform(({ sink, key, fate, held_until_ms: untilMs }): HeldDelivery => ({ sink, key, reason: fate, untilMs }));

const entryColumns = z.object({
	fate: z.enum([...holdReasons, ...deadFates]).nullable(),
	detail: z.string().nullable(),
	held_until_ms: z.number().nullable(),
	delivered_at_ms: z.number().nullable(),
});

function entryOf(raw: unknown): readonly OutboxEntry[] {
	try {
		const { fate, detail, held_until_ms: heldUntilMs, delivered_at_ms: settledAtMs } = entryColumns.parse(raw);
		return [{ ...parseOutbox(raw), fate: fate ?? "pending", detail, heldUntilMs, settledAtMs }];
	} catch (error) {
		// The daemon sets it aside when it meets it.
		if (!(error instanceof z.ZodError)) throw error;
		return [];
	}
}

const dead = `(${deadFates.map((fate) => `'${fate}'`).join(", ")})`;
const selected = "workspace = @workspace AND (@sink IS NULL OR sink = @sink) AND (@key IS NULL OR key = @key)";

interface SelectionColumns {
	readonly workspace: string;
	readonly sink: string | null;
	readonly key: string | null;
}

function prepare(database: Database) {
	const inOrder = "ORDER BY created_at_ms, id LIMIT @rowsMax";
	return {
		owed: database.prepare<[SelectionColumns & { rowsMax: number }]>(
			`SELECT * FROM outbox WHERE ${selected} AND delivered_at_ms IS NULL ${inOrder}`,
		),
		undeliverable: database.prepare<[SelectionColumns & { rowsMax: number }]>(
			`SELECT * FROM outbox WHERE ${selected} AND delivered_at_ms IS NOT NULL AND fate IS NOT NULL ${inOrder}`,
		),
		held: database.prepare<[string]>(`
			SELECT sink, key, fate, held_until_ms FROM outbox
			WHERE workspace = ? AND delivered_at_ms IS NULL AND fate IS NOT NULL`),
		release: database.prepare<[{ workspace: string; dueMs: number | null }], { sink: string }>(`
			UPDATE outbox SET fate = NULL, detail = NULL, held_until_ms = NULL
			WHERE workspace = @workspace AND delivered_at_ms IS NULL AND fate IS NOT NULL
				AND (@dueMs IS NULL OR held_until_ms <= @dueMs)
			RETURNING sink`),
		retry: database.prepare<[SelectionColumns], { sink: string }>(`
			UPDATE outbox SET delivered_at_ms = NULL, fate = NULL, detail = NULL
			WHERE ${selected} AND delivered_at_ms IS NOT NULL AND fate IN ${dead}
			RETURNING sink`),
		drop: database.prepare<[SelectionColumns & { detail: string; nowMs: number }], { sink: string }>(`
			UPDATE outbox SET delivered_at_ms = @nowMs, fate = 'dropped', detail = @detail, held_until_ms = NULL
			WHERE ${selected} AND delivered_at_ms IS NULL
			RETURNING sink`),
		giveUpOthers: database.prepare<
			[{ workspace: string; sinks: string; createdBeforeMs: number; detail: string; nowMs: number }],
			{ sink: string }
		>(`
			UPDATE outbox SET delivered_at_ms = @nowMs, fate = 'given_up', detail = @detail, held_until_ms = NULL
			WHERE workspace = @workspace AND delivered_at_ms IS NULL AND created_at_ms < @createdBeforeMs
				AND sink NOT IN (SELECT value FROM json_each(@sinks))
			RETURNING sink`),
	};
}
