import { describe, expect, test } from "vitest";
import { conditions } from "../../../src/core/episode.ts";
import { type MetricRow, metricTable } from "../../../src/observe/metric-table.ts";
import { Metrics } from "../../../src/observe/metrics.ts";

function pageOf(): Promise<string> {
	const metrics = new Metrics({ version: "1.2.3", revision: "abc", nodeVersion: "v26" });
	metrics.workspace("default");
	return metrics.text();
}

function samplesOf(page: string): string[] {
	return page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("the page of metrics", () => {
	test("M3: no two samples share name and labels, and every series of ours but build_info names its workspace", async () => {
		const names = samplesOf(await pageOf()).map((line) => line.slice(0, line.lastIndexOf(" ")));
		expect(new Set(names).size).toBe(names.length);
		const own = names.filter((name) => name.startsWith("zombied_") && !name.startsWith("zombied_build_info"));
		expect(own.length).toBeGreaterThan(50);
		expect(own.filter((name) => !name.includes('workspace="default"'))).toEqual([]);
	});

	test("M3: every counter and histogram exists at 0 from the start", async () => {
		const page = await pageOf();
		const counted = Object.entries<MetricRow>(metricTable).filter(([, row]) => row.type !== "gauge");
		expect(counted.length).toBeGreaterThan(10);
		for (const [name, row] of counted) {
			const sample = row.type === "counter" ? name : `${name}_count`;
			const values = samplesOf(page).filter((line) => line.startsWith(`zombied_${sample}{`));
			expect(values, name).not.toEqual([]);
			expect(values.every((line) => line.endsWith(" 0"))).toBe(true);
		}
	});

	test("M3: alerts exist at 0 for every condition and outcome, groups for every kind", async () => {
		const lines = samplesOf(await pageOf());
		const ofCondition = (metric: string, condition: string): string[] =>
			lines.filter((line) => line.startsWith(`zombied_${metric}{condition="${condition}"`));
		expect(conditions.length).toBe(10);
		for (const condition of conditions) {
			expect(ofCondition("open_episodes", condition), condition).toHaveLength(1);
			expect(ofCondition("episodes_opened_total", condition), condition).toHaveLength(1);
			expect(ofCondition("episodes_closed_total", condition), condition).toHaveLength(7);
		}
		expect(lines.filter((line) => line.startsWith("zombied_open_group_incidents{"))).toHaveLength(3);
	});

	test("M3: names follow the convention: counters end in _total, times are in seconds, none is an age", () => {
		for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
			expect(name.endsWith("_total"), name).toBe(row.type === "counter");
			expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|age|age_seconds)$/u);
			expect(row.help).toMatch(/\.$/u);
		}
	});

	test("M3: build_info says what runs", async () => {
		expect(await pageOf()).toContain('zombied_build_info{version="1.2.3",revision="abc",node_version="v26"} 1');
	});

	test("M5: one content type, Prometheus' text format", () => {
		const { contentType } = new Metrics({ version: "1", revision: "r", nodeVersion: "v" });
		expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
	});

	test("an unknown workspace's numbers stand apart", async () => {
		const metrics = new Metrics({ version: "1", revision: "r", nodeVersion: "v" });
		metrics.workspace("a").count("deliveries_total", { sink: "log" });
		metrics.workspace("b");
		const page = await metrics.text();
		expect(page).toContain('zombied_deliveries_total{sink="log",workspace="a"} 1');
		expect(page).toContain('zombied_deliveries_total{sink="log",workspace="b"} 0');
	});
});

test("the process metrics are there, without those that promtool refuses", async () => {
	const page = await pageOf();
	expect(page).toContain("process_cpu_seconds_total");
	expect(page).not.toMatch(/^nodejs_active_\w+_total/mu);
});
