import { type MetricRow, metricTable } from "./metric-table.ts";
import { metricPrefix } from "./metrics.ts";

const head = `# Metrics

<!-- Generated from src/observe/metric-table.ts by \`npm run docs\`; edit it there. -->

Served at \`/metrics\` (\`http://127.0.0.1:4290/metrics\` by default) in Prometheus' text format 0.0.4, whatever the client asks
for. A scrape reads numbers that are there already: it asks neither Prefect nor the database, and succeeds while both are
away. Counters and histograms exist at 0 from the start. Times are Unix timestamps in seconds, never ages:
\`time() - zombied_last_sweep_timestamp_seconds\` is the age.

Every metric but \`zombied_build_info\` also carries \`workspace\`: the id of the workspace on Prefect Cloud, else \`default\`.
No run, flow or deployment appears in a label, so the number of series does not depend on what runs.
\`process_*\` and \`nodejs_*\` are the usual ones of a Node process.

`;

const foot = `| \`zombied_build_info\` | gauge | \`version\`, \`revision\`, \`node_version\` | Always 1; the labels say what runs. |
`;

/** `docs/metrics.md`. */
export function renderMetricsDocs(): string {
	const rows = Object.entries<MetricRow>(metricTable).map(
		([name, row]) => `| \`${metricPrefix}${name}\` | ${row.type} | ${labelsOf(row)} | ${row.help} |\n`,
	);
	const buckets = Object.entries<MetricRow>(metricTable).flatMap(([name, row]) =>
		row.buckets === undefined ? [] : [`- \`${metricPrefix}${name}\`: ${row.buckets.join(", ")}\n`],
	);
	const table = `| metric | type | labels | |\n| --- | --- | --- | --- |\n${rows.join("")}${foot}`;
	return `${head}${table}\n## Buckets of the histograms, in seconds\n\n${buckets.join("")}`;
}

/** Labels with the values that are there from the start; others appear when they happen. */
function labelsOf({ labels, zeros }: MetricRow): string {
	const described = labels.map((label) => {
		const values = [...new Set((zeros ?? []).map((zero) => zero[label]))];
		return values.length === 0 ? `\`${label}\`` : `\`${label}\`: ${values.join(", ")}`;
	});
	return described.join("; ");
}
