import { describe, expect, test } from "vitest";
import { groupTransitionOf, type Severity } from "../../../src/core/episode.ts";
import type { GroupIncident, GroupKind } from "../../../src/core/group-incident.ts";
import type { Match } from "../../../src/core/rules.ts";
import { compileAudience } from "../../../src/core/told-sinks.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const labels = { flowName: "etl", deploymentName: "nightly", workPool: "k8s", tags: ["prod"] };

function isTold(match: Match, severity: Severity, raised: Severity): boolean {
	const wants = compileAudience({ match, severity });
	const told = wants(sampleTransition({ severity: raised }, labels));
	const closed = { outcome: "ended", atMs: 0 } as const;
	expect(wants(sampleTransition({ severity: raised, closed }, labels))).toBe(told);
	return told;
}

function incidentOf(groupKind: GroupKind, group: string): GroupIncident {
	const runs = { runIds: [], runsTotal: 3, armedTotal: 3, silentSinceMs: 0 };
	return { groupId: "g", groupKind, group, extent: "full", openedAtMs: 0, closed: null, ...runs };
}

describe("a sink is told", () => {
	test.each<[Severity, Severity, boolean]>([
		["info", "info", true],
		["info", "critical", true],
		["warning", "info", false],
		["warning", "warning", true],
		["critical", "warning", false],
		["critical", "critical", true],
	])("with severity %s of an alert that is %s: %s, and of its resolve alike", (severity, raised, told) => {
		expect(isTold({}, severity, raised)).toBe(told);
	});

	test.each<[Match, boolean]>([
		[{}, true],
		[{ deployment: "etl/*" }, true],
		[{ deployment: "other/*" }, false],
		[{ tag: "prod", workPool: "k8s" }, true],
		[{ tag: "prod", workPool: "spot" }, false],
	])("with match %j of a run of etl/nightly: %s", (match, told) => {
		expect(isTold(match, "info", "critical")).toBe(told);
	});

	test.each<[Match, GroupKind, string, boolean]>([
		[{}, "everything", "everything", true],
		[{}, "work_pool", "k8s", true],
		[{ workPool: "k*" }, "work_pool", "k8s", true],
		[{ workPool: "spot" }, "work_pool", "k8s", false],
		[{ workPool: "k8s" }, "everything", "everything", false],
		[{ deployment: "etl/*" }, "work_pool", "k8s", false],
		[{ tag: "prod" }, "client_version", "3.8.8", false],
	])("with match %j of a group incident of %s %s: %s", (match, kind, group, told) => {
		const transition = groupTransitionOf(incidentOf(kind, group), "default");
		expect(compileAudience({ match, severity: "critical" })(transition)).toBe(told);
	});
});
