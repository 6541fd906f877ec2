import type { RunRow } from "./store.ts";

/** A run's name that is stored stays when a later row does not tell it: memory keeps no names of stored runs. */
export function keepingName(row: RunRow, stored: RunRow | undefined): RunRow {
	const name = row.labels.name ?? stored?.labels.name ?? null;
	return name === row.labels.name ? row : { ...row, labels: { ...row.labels, name } };
}
