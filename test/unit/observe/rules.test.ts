import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { metricTable } from "../../../src/observe/metric-table.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const rulesFile = "deploy/prometheus/zombied.rules.yaml";
const ruleSchema = z.strictObject({
	alert: z.string(),
	expr: z.string(),
	for: z.string().optional(),
	labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
	annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
});
const rulesSchema = z.object({ groups: z.array(z.object({ rules: z.array(ruleSchema) })) });

const source = await readFile(rulesFile, "utf8");
const rules = rulesSchema.parse(parse(source)).groups.flatMap((group) => group.rules);

const place = { instance: "z:4290", workspace: "default" };

/** A metric's series, a sample a minute; and one that is the same but for what makes it fire. */
interface Case {
	readonly metric: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly firing: string;
	readonly silent: string;
	/** Further series of both. */
	readonly beside?: Readonly<Record<string, string>>;
	/** What the alert carries beside instance and workspace. */
	readonly carries?: Readonly<Record<string, string>>;
}

const errorsOf = { code: "SQLITE_FULL" };
const sink = { sink: "log" };
const cases: Readonly<Record<string, Case>> = {
	ZombiedZombies: { metric: "open_episodes", labels: { condition: "zombie" }, firing: "1x40", silent: "0x40" },
	ZombiedRunsFellSilentTogether: {
		metric: "open_group_incidents",
		labels: { kind: "work_pool" },
		carries: { kind: "work_pool" },
		firing: "1x40",
		silent: "0x40",
	},
	ZombiedRunsNeedALook: {
		metric: "open_episodes",
		labels: { condition: "undead" },
		carries: { condition: "undead" },
		firing: "1x40",
		// Over within ten minutes.
		silent: "0x20 1x8 0x20",
	},
	ZombiedSweepStale: { metric: "last_sweep_timestamp_seconds", firing: "0+60x20 1200x20", silent: "0+60x40" },
	ZombiedStreamDown: { metric: "stream_connected", firing: "0x40", silent: "0x20 1x4 0x20" },
	ZombiedRefused: {
		metric: "stream_reconnects_total",
		labels: { reason: "unauthorized" },
		firing: "0x25 1x20",
		silent: "0x5 1x40",
	},
	ZombiedApiFailing: {
		metric: "api_request_failures_total",
		firing: "0+60x40",
		silent: "0+40x40",
		beside: { api_requests_total: "0+100x40" },
	},
	ZombiedBlind: { metric: "blind_seconds_total", labels: { cause: "lag" }, firing: "0+40x40", silent: "0+20x40" },
	ZombiedOwnHealthPoor: { metric: "own_health", firing: "4x40", silent: "3x40" },
	ZombiedScheduleMissed: {
		metric: "schedule_missed_total",
		labels: { exported_job: "sweep" },
		firing: "0+1x40",
		silent: "0x25 3x20",
	},
	ZombiedQueueOverflow: { metric: "queue_overflows_total", firing: "0x25 7x20", silent: "7x40" },
	ZombiedLoopRestarts: {
		metric: "loop_restarts_total",
		labels: { loop: "stream" },
		firing: "0x25 4x20",
		silent: "0x25 1x20",
	},
	ZombiedReloadRefused: { metric: "config_last_reload_successful", firing: "0x40", silent: "1x40" },
	ZombiedOutboxStuck: {
		metric: "outbox_pending",
		labels: sink,
		carries: sink,
		firing: "3x40",
		// Owed for a moment: delivered since.
		silent: "0x20 3x5 0x20",
		beside: { 'deliveries_total{sink="log"}': "5x40" },
	},
	ZombiedDeliveriesLost: {
		metric: "delivery_failures_total",
		labels: { ...sink, reason: "final" },
		carries: sink,
		firing: "0x25 1x20",
		silent: "1x40",
	},
	ZombiedRemedyMistake: { metric: "remedy_mistakes_total", firing: "0x25 1x20", silent: "1x80" },
	ZombiedStoreErrors: {
		metric: "store_errors_total",
		labels: errorsOf,
		carries: errorsOf,
		firing: "0x25 1x20",
		silent: "1x40",
	},
};
const evaluatedAt = "30m";

function seriesOf(metric: string, labels: Readonly<Record<string, string>>): string {
	const [name = "", own] = metric.replace(/\}$/u, "").split("{");
	const told = Object.entries({ ...place, ...labels }).map(([label, value]) => `${label}="${value}"`);
	return `zombied_${name}{${[...told, ...(own === undefined ? [] : [own])].join(",")}}`;
}

function ruleOf(alert: string): z.infer<typeof ruleSchema> {
	const rule = rules.find((candidate) => candidate.alert === alert);
	if (rule === undefined) throw new Error(`no rule ${alert}`);
	return rule;
}

function expected(alert: string, labels: Readonly<Record<string, string>>): object {
	const { annotations, labels: own } = ruleOf(alert);
	const filled = Object.entries(annotations).map(([name, text]) => [
		name,
		text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/gu, (_, label: string) => labels[label] ?? ""),
	]);
	return { exp_labels: { ...labels, ...own }, exp_annotations: Object.fromEntries(filled) };
}

interface Played {
	readonly alert: string;
	readonly series: Readonly<Record<string, string>>;
	/** Null: it must not fire. */
	readonly labels: Readonly<Record<string, string>> | null;
}

function bothOf([alert, { metric, labels = {}, firing, silent, beside = {}, carries = {} }]: [string, Case]): Played[] {
	const others = Object.fromEntries(Object.entries(beside).map(([other, values]) => [seriesOf(other, {}), values]));
	const own = seriesOf(metric, labels);
	return [
		{ alert, series: { ...others, [own]: firing }, labels: { ...place, ...carries } },
		{ alert, series: { ...others, [own]: silent }, labels: null },
	];
}

const target = 'up{job="zombied",instance="z:4290"}';
const played: readonly Played[] = [
	...Object.entries(cases).flatMap(bothOf),
	{ alert: "ZombiedDown", series: { [target]: "1x20 0x20" }, labels: { instance: "z:4290" } },
	{ alert: "ZombiedDown", series: { [target]: "1x28 0x1 1x20" }, labels: null },
	{ alert: "ZombiedAbsent", series: { 'up{job="other"}': "1x40" }, labels: { job: "zombied" } },
	{ alert: "ZombiedAbsent", series: { [target]: "0x40" }, labels: null },
];

describe("the rules for Prometheus", () => {
	test("M7: each has a severity, a summary and a description, and its runbook has a heading", async () => {
		const headings = (await readFile("docs/runbook.md", "utf8")).match(/^## .*$/gmu) ?? [];
		expect(rules.length).toBeGreaterThan(10);
		for (const { alert, annotations } of rules) {
			expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
			expect(headings).toContain(`## ${alert}`);
		}
		expect(headings).toHaveLength(rules.length);
	});

	test("M7: they ask for metrics that there are", () => {
		const asked = new Set(rules.flatMap(({ expr }) => expr.match(/zombied_\w+/gu) ?? []));
		const known = new Set(Object.keys(metricTable).map((name) => `zombied_${name}`));
		expect([...asked].filter((name) => !known.has(name))).toEqual([]);
	});

	test("M7: each has a case in which it fires, and one in which it does not", () => {
		const outcomes = rules.map(({ alert }) =>
			played.filter((one) => one.alert === alert).map(({ labels }) => labels !== null),
		);
		expect(outcomes).toEqual(rules.map(() => [true, false]));
	});

	const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
	test.runIf(hasPromtool || process.env.CI !== undefined)(
		"M7: promtool accepts them, and each case ends as it should",
		async () => {
			await using folder = await TempFolder.make("rules");
			await writeFile(folder.file("rules.yaml"), source);
			const tests = played.map(({ alert, series, labels }) => ({
				interval: "1m",
				input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
				alert_rule_test: [
					{ eval_time: evaluatedAt, alertname: alert, exp_alerts: labels === null ? [] : [expected(alert, labels)] },
				],
			}));
			await writeFile(folder.file("tests.yaml"), stringify({ rule_files: ["rules.yaml"], tests }));
			for (const [what, file] of [
				["check", "rules.yaml"],
				["test", "tests.yaml"],
			] as const) {
				const { status, stdout, stderr } = spawnSync("promtool", [what, "rules", folder.file(file)], {
					encoding: "utf8",
				});
				expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
			}
		},
	);
});
