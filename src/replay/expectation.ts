import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, OperatorError } from "../lib/errors.ts";
import type { EpisodeReplayLine, ReplayLine } from "./replay-line.ts";

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const alertSchema = z.object({
	condition: z.string().optional(),
	any_of: z.array(z.string()).optional(),
	raised_after: instant,
	raised_before: instant,
	resolved_before: instant.optional(),
});
type ExpectedAlert = z.infer<typeof alertSchema>;

const expectationSchema = z.object({
	incident: z.string(),
	tolerated_false_alerts: z.int().default(0),
	runs: z.record(z.string(), z.object({ name: z.string().optional(), alerts: z.array(alertSchema) })),
	group_incidents: z.object({ at_least: z.int() }).optional(),
});
export type Expectation = z.infer<typeof expectationSchema>;

/** @throws OperatorError when there is no such file, or it is none of these */
export async function readExpectation(path: string): Promise<Expectation> {
	try {
		return expectationSchema.parse(JSON.parse(await readFile(path, "utf8")));
	} catch (error) {
		throw new OperatorError(`${path}: ${messageOf(error)}: --expect needs the verdicts to compare with`, {
			cause: error,
		});
	}
}

/** An alert as the replay raised it. */
interface Raised {
	readonly line: EpisodeReplayLine;
	readonly resolvedMs: number | null;
}

/** What differs, a line each; empty when the replay said what it should. */
export function differences(expected: Expectation, lines: readonly ReplayLine[]): readonly string[] {
	const raised = pairUp(lines);
	const differing: string[] = [];
	for (const [runId, { name, alerts }] of Object.entries(expected.runs)) {
		const left = raised.filter(({ line }) => line.flow_run_id === runId);
		for (const alert of alerts) {
			const index = left.findIndex((one) => fits(alert, one));
			if (index === -1) differing.push(`missing: ${name ?? runId}: ${wanted(alert)}`);
			else left.splice(index, 1);
		}
	}
	const unexpected = unexpectedOf(expected, raised);
	if (unexpected.length > expected.tolerated_false_alerts) differing.push(...unexpected);
	const groupsRaised = lines.filter(({ transition }) => transition === "group_raised").length;
	const wantedGroups = expected.group_incidents?.at_least ?? 0;
	if (groupsRaised < wantedGroups) differing.push(`missing: ${wantedGroups} group incidents, got ${groupsRaised}`);
	return differing;
}

function pairUp(lines: readonly ReplayLine[]): readonly Raised[] {
	const ofEpisodes = lines.filter((line) => "alert_id" in line);
	return ofEpisodes
		.filter((line) => line.transition === "raised")
		.map((line) => {
			const end = ofEpisodes.find((other) => other.transition === "resolved" && other.alert_id === line.alert_id);
			return { line, resolvedMs: end === undefined ? null : Date.parse(end.at) };
		});
}

function fits(alert: ExpectedAlert, { line, resolvedMs }: Raised): boolean {
	const atMs = Date.parse(line.at);
	const conditions = alert.any_of ?? [alert.condition];
	if (!conditions.includes(line.condition) || atMs <= alert.raised_after || atMs >= alert.raised_before) return false;
	if (alert.resolved_before === undefined) return resolvedMs === null;
	return resolvedMs !== null && resolvedMs < alert.resolved_before;
}

/** Alerts that no expectation took: each expectation takes one at most. */
function unexpectedOf(expected: Expectation, raised: readonly Raised[]): readonly string[] {
	const open = new Map(Object.entries(expected.runs).map(([runId, { alerts }]) => [runId, [...alerts]]));
	const unexpected: string[] = [];
	for (const one of raised) {
		const alerts = open.get(one.line.flow_run_id) ?? [];
		const index = alerts.findIndex((alert) => fits(alert, one));
		if (index === -1) unexpected.push(`unexpected: ${shown(one)}`);
		else alerts.splice(index, 1);
	}
	return unexpected;
}

function wanted(alert: ExpectedAlert): string {
	const after = new Date(alert.raised_after).toISOString();
	const before = new Date(alert.raised_before).toISOString();
	const end =
		alert.resolved_before === undefined
			? "still open at the end"
			: `resolved before ${new Date(alert.resolved_before).toISOString()}`;
	return `${(alert.any_of ?? [alert.condition]).join(" or ")} between ${after} and ${before}, ${end}`;
}

function shown({ line, resolvedMs }: Raised): string {
	const end = resolvedMs === null ? "open at the end" : `resolved at ${new Date(resolvedMs).toISOString()}`;
	return `${line.flow_run_id}: ${line.condition} raised at ${line.at}, ${end}`;
}
