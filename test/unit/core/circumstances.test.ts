import { describe, expect, it } from "vitest";
import { Casualties } from "../../../src/core/casualties.ts";
import {
	type Circumstances,
	type HeldSlot,
	impactOf,
	impactText,
	likelyCauseOf,
	type PodEnd,
} from "../../../src/core/circumstances.ts";
import { type Condition, conditions } from "../../../src/core/episode.ts";
import type { GroupIncident } from "../../../src/core/group-incident.ts";
import { noLabels, type Run, type StateType, stateTypes } from "../../../src/core/run.ts";
import { uuid } from "../../_util/core-server.ts";
import { run as someRun } from "../../_util/core-verdict.ts";

const nothing: Circumstances = {
	podEnd: null,
	workersOffline: false,
	slots: [],
	waiting: { deployment: null, workPool: null },
};
const evicted: PodEnd = { kind: "evicted", reason: "NodeLost", atMs: Date.UTC(2026, 7, 1, 12, 3, 11, 400) };
const company = { runs: 6, ofWhat: "of work pool k8s", when: "within_minute" } as const;

function causeOf(
	circumstances: Partial<Circumstances>,
	more: Partial<Parameters<typeof likelyCauseOf>[0]> = {},
): string | null {
	return likelyCauseOf({
		condition: "zombie",
		workPool: "k8s",
		circumstances: { ...nothing, ...circumstances },
		company: null,
		...more,
	});
}

describe("the likely cause", () => {
	it.each<[PodEnd, string]>([
		[evicted, "pod evicted at 12:03:11 UTC: NodeLost"],
		[{ ...evicted, kind: "out_of_memory", reason: "OOMKilled" }, "pod out of memory at 12:03:11 UTC: OOMKilled"],
		[{ ...evicted, kind: "failed", reason: null }, "pod failed at 12:03:11 UTC"],
		[{ kind: "failed", reason: "Error", atMs: null }, "pod failed: Error"],
		[{ ...evicted, kind: "succeeded", reason: null }, "pod ended, and said that all was well, at 12:03:11 UTC"],
	])("is the end of its pod: %o", (podEnd, text) => {
		expect(causeOf({ podEnd })).toBe(text);
	});

	it("is that no worker of its pool is online, unless its pod tells more", () => {
		expect(causeOf({ workersOffline: true })).toBe("no worker of work pool k8s is online");
		expect(causeOf({ workersOffline: true, podEnd: evicted })).toMatch(/^pod evicted/u);
		expect(causeOf({ workersOffline: true }, { workPool: null })).toBeNull();
		expect(causeOf({ workersOffline: false })).toBeNull();
	});

	it.each([
		[company, "6 other runs of work pool k8s fell silent within 60 s of it"],
		[
			{ ...company, runs: 2, when: "within_hour" } as const,
			"2 other runs of work pool k8s fell silent within an hour of it",
		],
		[{ runs: 9, ofWhat: "", when: "together" } as const, "9 other runs fell silent together with it"],
	])("is who fell silent with it, unless its pool tells more", (with_, text) => {
		expect(causeOf({}, { company: with_ })).toBe(text);
		expect(causeOf({ workersOffline: true }, { company: with_ })).toBe("no worker of work pool k8s is online");
	});

	it("is not known when nothing is", () => {
		expect(causeOf({})).toBeNull();
		expect(causeOf({}, { circumstances: null })).toBeNull();
	});

	it("is nobody's who lives", () => {
		const told = (condition: Condition): boolean => causeOf({ podEnd: evicted }, { condition, company }) !== null;
		expect(conditions.filter((condition) => !told(condition))).toEqual(["undead", "deaf", "overrun"]);
	});
});

describe("the blast radius", () => {
	const slotOf = (kind: HeldSlot["kind"], taken: number | null = 2): HeldSlot => ({
		kind,
		name: kind[0]!,
		limit: 2,
		taken,
	});
	const slots = [slotOf("work_pool"), slotOf("work_queue"), slotOf("tag"), slotOf("deployment")];
	const known: Circumstances = { ...nothing, slots, waiting: { deployment: 3, workPool: 7 } };

	it("is told of states that hold slots, and counts what the server counts in them", () => {
		const kindsIn = (type: StateType) => impactOf(type, known)?.slots.map(({ kind }) => kind);
		expect(kindsIn("RUNNING")).toEqual(["work_pool", "work_queue", "tag", "deployment"]);
		expect(kindsIn("PENDING")).toEqual(["work_pool", "work_queue", "tag", "deployment"]);
		expect(kindsIn("CANCELLING")).toEqual(["work_queue", "tag", "deployment"]);
		expect(stateTypes.filter((type) => impactOf(type, known) !== null)).toEqual(["PENDING", "RUNNING", "CANCELLING"]);
	});

	it("is not known when nothing is", () => {
		expect(impactOf("RUNNING", null)).toBeNull();
		expect(impactOf("RUNNING", nothing)).toBeNull();
		expect(impactOf("RUNNING", { ...nothing, waiting: { deployment: 0, workPool: null } })).toEqual({
			slots: [],
			waiting: { deployment: 0, workPool: null },
		});
		expect(impactOf("RUNNING", { ...nothing, waiting: { deployment: null, workPool: 0 } })).not.toBeNull();
	});

	it("has no slot of a limit of which none is taken: the lease is over", () => {
		const left = impactOf("RUNNING", { ...known, slots: [slotOf("deployment", 0), slotOf("work_pool", null)] });
		expect(left?.slots).toEqual([slotOf("work_pool", null)]);
	});

	it("is one sentence", () => {
		expect(impactText(known)).toBe(
			"it holds a slot of work pool w (2 of 2 taken), of work queue w (2 of 2 taken), of tag t (2 of 2 taken); it may hold a slot of deployment d (2 of 2 taken); runs late or waiting for a slot: 3 of its deployment, 7 of its work pool",
		);
		expect(impactText({ slots: [slotOf("work_pool", null)], waiting: nothing.waiting })).toBe(
			"it holds a slot of work pool w (2 in all)",
		);
		expect(impactText({ slots: [], waiting: { deployment: 1, workPool: null } })).toBe(
			"runs late or waiting for a slot: 1 of its deployment",
		);
	});
});

describe("who fell silent with a run", () => {
	const minuteMs = 60_000;
	const runOf = (n: number, aliveAtMonoMs: number | null, workPool: string | null = "k8s"): Run => ({
		...someRun,
		runId: uuid(1, n),
		aliveAtMonoMs,
		labels: { ...noLabels, workPool },
	});
	const companyAfter = (runs: readonly Run[], run: Run, incident: GroupIncident | null = null) => {
		const casualties = new Casualties();
		for (const one of runs) casualties.note(one);
		return casualties.companyOf(run, incident);
	};
	const incidentOf = (more: Partial<GroupIncident>): GroupIncident => ({
		groupId: "g",
		groupKind: "work_pool",
		group: "k8s",
		extent: "some",
		runIds: [],
		runsTotal: 7,
		armedTotal: null,
		silentSinceMs: null,
		openedAtMs: 0,
		closed: null,
		...more,
	});

	it.each([
		["work_pool", "k8s", "of work pool k8s"],
		["client_version", "3.8.8", "with client 3.8.8"],
		["everything", "everything", ""],
	] as const)("is told by its group incident: %s", (groupKind, group, ofWhat) => {
		const incident = incidentOf({ groupKind, group });
		expect(companyAfter([], runOf(1, 0, null), incident)).toEqual({ runs: 6, ofWhat, when: "together" });
	});

	it.each([
		["two within a minute, to the millisecond", [-minuteMs, minuteMs], { runs: 2, when: "within_minute" }],
		["one just later", [-minuteMs - 1, minuteMs], { runs: 2, when: "within_hour" }],
		["two within the hour", [-60 * minuteMs, 0], { runs: 2, when: "within_hour" }],
		["one just too early", [-60 * minuteMs - 1, 0], null],
		["one alone, which is chance", [0], null],
	] as const)("in its pool without an incident: %s", (_, sinceMs, expected) => {
		const others = sinceMs.map((ms, n) => runOf(n + 2, ms));
		const found = companyAfter(others, runOf(1, 0), incidentOf({ runsTotal: 2 }));
		expect(found).toEqual(expected === null ? null : { ...expected, ofWhat: "of work pool k8s" });
	});

	it("is nobody of another pool, nor the run itself, nor anybody without a pool or a proof of life", () => {
		const others = [runOf(2, 0), runOf(3, 0, "other"), runOf(1, 0), runOf(4, 0, null), runOf(5, null)];
		expect(companyAfter(others, runOf(1, 0))).toBeNull();
		expect(companyAfter([...others, runOf(6, 0)], runOf(1, 0))?.runs).toBe(2);
		expect(companyAfter([...others, runOf(6, 0)], runOf(1, 0, null))).toBeNull();
		expect(companyAfter([...others, runOf(6, 0)], runOf(1, null))).toBeNull();
	});

	it("is counted once a run, however often it was flagged", () => {
		expect(companyAfter([runOf(2, 0), runOf(2, 1), runOf(3, 0)], runOf(1, 0))?.runs).toBe(2);
	});

	it("is forgotten beyond the last thousand", () => {
		const many = Array.from({ length: 1_001 }, (_, n) => runOf(n + 2, n === 0 ? 0 : 2 * 60 * minuteMs));
		expect(companyAfter([runOf(5_000, 0), ...many.slice(0, 999)], runOf(1, 0))?.runs).toBe(2);
		expect(companyAfter([runOf(5_000, 0), ...many.slice(0, 1_000)], runOf(1, 0))).toBeNull();
	});
});
