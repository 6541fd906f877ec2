import type { CoverageRow } from "../../core/coverage-count.ts";
import { textOf } from "./plain.ts";
import { type ApiCoverage, rowsMax } from "./schemas.ts";

/** The rows with the most runs first. */
export function coverageViewOf(rows: readonly CoverageRow[]): ApiCoverage {
	const views = rows
		.map((row) => ({
			deployment: row.deploymentId === null ? null : { id: row.deploymentId, name: textOf(row.deploymentName) },
			flow_name: textOf(row.flowName),
			client_version: textOf(row.clientVersion),
			runs: Object.values(row.standings).reduce((sum, count) => sum + count, 0),
			standings: row.standings,
		}))
		.toSorted((one, other) => other.runs - one.runs);
	return { rows: views.slice(0, rowsMax), more: Math.max(0, views.length - rowsMax) };
}
