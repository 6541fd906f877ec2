import type { Comparison } from "../daemon/comparison.ts";
import { formatDuration } from "../lib/duration.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";
import type { Score } from "../replay/score.ts";
import { textTable } from "./text-table.ts";

const nameCharsMax = 200;
const scoreHeads = ["ALERTS", "FALSE", "UNKNOWN", "DEATHS FOUND", "MEDIAN LATENCY"];

export function comparisonText(comparison: Comparison): string {
	const { policies, deployments, deploymentsLeftOff } = comparison;
	const parts = [headText(comparison)];
	if (policies.length > 0) {
		parts.push(
			textTable([["POLICY", ...scoreHeads], ...policies.map(({ policy, score }) => [policy, ...cells(score)])]),
		);
	}
	if (deployments.length > 0) {
		const rows = deployments.map(({ deployment, k, score }) => [deployment ?? "all runs", String(k), ...cells(score)]);
		const rest = deploymentsLeftOff === 0 ? "" : `and ${deploymentsLeftOff} deployments more, with fewer alerts\n`;
		parts.push(`${textTable([["DEPLOYMENT", "K", ...scoreHeads], ...rows])}${rest}`);
	}
	return parts.join("\n");
}

/** One object; the keys are an interface. */
export function comparisonJson(comparison: Comparison): string {
	const { name, startsMs, endsMs, events, runs, deaths, policies, deployments, deploymentsLeftOff } = comparison;
	return `${JSON.stringify({
		incident: name,
		starts: isoTime(startsMs),
		ends: isoTime(endsMs),
		events,
		runs,
		deaths,
		policies: policies.map(({ policy, score }) => ({ policy, ...scoreJson(score) })),
		deployments: deployments.map(({ deployment, k, score }) => ({ deployment, k, ...scoreJson(score) })),
		deployments_left_off: deploymentsLeftOff,
	})}\n`;
}

function headText({ name, startsMs, endsMs, events, runs, deaths }: Comparison): string {
	const from = isoTime(startsMs)?.slice(0, 19).replace("T", " ");
	const length = formatDuration(Math.round((endsMs - startsMs) / 1000) * 1000);
	const counts = [counted(events, "event"), `of ${counted(runs, "run")},`, counted(deaths, "death")].join(" ");
	return `${plainText(name, nameCharsMax)}: ${length} from ${from} UTC on, ${counts}\n`;
}

function counted(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function cells({ alerts, falseAlerts, unknown, deaths, deathsFound, medianLatencyMs }: Score): readonly string[] {
	const latency = medianLatencyMs === null ? "-" : formatDuration(Math.round(medianLatencyMs / 1000) * 1000);
	return [String(alerts), String(falseAlerts), String(unknown), `${deathsFound} of ${deaths}`, latency];
}

function scoreJson({ alerts, falseAlerts, unknown, deaths, deathsFound, medianLatencyMs }: Score) {
	return {
		alerts,
		false_alerts: falseAlerts,
		unknown,
		deaths,
		deaths_found: deathsFound,
		median_latency_seconds: medianLatencyMs === null ? null : Math.round(medianLatencyMs) / 1000,
	};
}
