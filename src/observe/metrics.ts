import prom from "prom-client";
import { type MetricName, type MetricRow, metricTable } from "./metric-table.ts";

type Table = typeof metricTable;
type NamesOf<T extends MetricRow["type"]> = { [N in MetricName]: Table[N]["type"] extends T ? N : never }[MetricName];
/** The labels of a metric, without `workspace`. */
type LabelsOf<N extends MetricName> = Readonly<Record<Table[N]["labels"][number], string>>;

/** What `zombied_build_info` says. */
export interface Build {
	readonly version: string;
	readonly revision: string;
	readonly nodeVersion: string;
}

/** The writing side of the metrics, for one workspace. */
export interface WorkspaceMetrics {
	count<N extends NamesOf<"counter">>(name: N, labels: LabelsOf<N>, by?: number): void;
	set<N extends NamesOf<"gauge">>(name: N, labels: LabelsOf<N>, value: number): void;
	/** From now on these are all series of the gauge; others leave the page. No two have the same labels. */
	replace<N extends NamesOf<"gauge">>(
		name: N,
		series: readonly { readonly labels: LabelsOf<N>; readonly value: number }[],
	): void;
	observe<N extends NamesOf<"histogram">>(name: N, labels: LabelsOf<N>, seconds: number): void;
}

/** prom-client's process metrics that `promtool check metrics` refuses: gauges whose name ends in `_total`. */
const refusedDefaults = [
	"nodejs_active_handles_total",
	"nodejs_active_requests_total",
	"nodejs_active_resources_total",
];

export const metricPrefix = "zombied_";

/** The one registry of the process. A scrape reads numbers that are already there: it computes nothing and asks nobody. */
export class Metrics {
	readonly #registry = new prom.Registry();
	readonly #counters = new Map<MetricName, prom.Counter>();
	readonly #gauges = new Map<MetricName, prom.Gauge>();
	readonly #histograms = new Map<MetricName, prom.Histogram>();

	constructor(build: Build) {
		prom.collectDefaultMetrics({ register: this.#registry });
		for (const name of refusedDefaults) this.#registry.removeSingleMetric(name);
		for (const [name, row] of Object.entries(metricTable)) this.#create(name as MetricName, row);
		new prom.Gauge({
			name: `${metricPrefix}build_info`,
			help: "Always 1; the labels say what runs.",
			labelNames: ["version", "revision", "node_version"],
			registers: [this.#registry],
		}).set({ version: build.version, revision: build.revision, node_version: build.nodeVersion }, 1);
	}

	/** The content type of `text()`: Prometheus' text format 0.0.4, whatever the client asks for. */
	get contentType(): string {
		return this.#registry.contentType;
	}

	/** The whole page. */
	async text(): Promise<string> {
		return await this.#registry.metrics();
	}

	/** Creates the workspace's counters and histograms at 0. */
	workspace(workspace: string): WorkspaceMetrics {
		for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
			for (const zero of row.zeros ?? []) this.#zero(name as MetricName, { ...zero, workspace });
		}
		const replaced = new Map<MetricName, readonly Readonly<Record<string, string>>[]>();
		return {
			replace: (name, series) => {
				const gauge = this.#gauges.get(name);
				for (const labels of replaced.get(name) ?? []) gauge?.remove(labels);
				const now = series.map(({ labels }) => ({ ...labels, workspace }));
				for (const [index, labels] of now.entries()) gauge?.set(labels, series[index]?.value ?? 0);
				replaced.set(name, now);
			},
			count: (name, labels, by = 1) => this.#counters.get(name)?.inc({ ...labels, workspace }, by),
			set: (name, labels, value) => this.#gauges.get(name)?.set({ ...labels, workspace }, value),
			observe: (name, labels, seconds) => this.#histograms.get(name)?.observe({ ...labels, workspace }, seconds),
		};
	}

	#create(name: MetricName, row: MetricRow): void {
		const common = {
			name: `${metricPrefix}${name}`,
			help: row.help,
			labelNames: [...row.labels, "workspace"],
			registers: [this.#registry],
		};
		switch (row.type) {
			case "counter":
				this.#counters.set(name, new prom.Counter(common));
				return;
			case "gauge":
				this.#gauges.set(name, new prom.Gauge(common));
				return;
			case "histogram":
				this.#histograms.set(name, new prom.Histogram({ ...common, buckets: [...(row.buckets ?? [])] }));
				return;
		}
		row.type satisfies never;
	}

	#zero(name: MetricName, labels: Record<string, string>): void {
		this.#counters.get(name)?.inc(labels, 0);
		this.#gauges.get(name)?.set(labels, 0);
		this.#histograms.get(name)?.zero(labels);
	}
}
