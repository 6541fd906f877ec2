import type { Database } from "better-sqlite3";

/**
 * Up to this size a database is also held against its indexes, which looks up each row in each of them: a second and a
 * half at 64 MiB (100,000 runs), a quarter of a minute at a million runs. Beyond it, only the tables that hold no runs.
 */
export const indexCheckBytesMax = 64 * 1024 * 1024;

/** With a row of theirs missing from an index an alert would never be sent, or sent for ever. */
const alertTables = ["episodes", "outbox", "group_incidents"];

/** The first damage that is found; null: it is sound. Reads every page: three seconds a million runs. */
export function faultOf(database: Database, indexCheckBytes: number): string | null {
	const bytes = figure(database, "page_count") * figure(database, "page_size");
	const isSmall = bytes <= indexCheckBytes;
	const fault = told(database, isSmall ? "integrity_check(1)" : "quick_check(1)");
	if (fault !== null || isSmall) return fault;
	const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
	for (const table of alertTables.filter((name) => tables.includes(name))) {
		const own = told(database, `integrity_check(${table})`);
		if (own !== null) return own;
	}
	return null;
}

function told(database: Database, check: string): string | null {
	const first = database.pragma(check, { simple: true });
	return first === "ok" ? null : String(first);
}

function figure(database: Database, name: "page_count" | "page_size"): number {
	return Number(database.pragma(name, { simple: true }));
}
