import { describe, expect, test } from "vitest";
import { groupTransitionOf } from "../../../src/core/episode.ts";
import type { GroupIncident } from "../../../src/core/group-incident.ts";
import { alertLineSchema, toAlertLine } from "../../../src/notify/alert-line.ts";
import { jsonLine } from "../../../src/notify/json-line.ts";
import { LogSink } from "../../../src/notify/log/log-sink.ts";
import { noticeOf } from "../../../src/notify/sink.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { groupOf } from "../../_util/store-samples.ts";

const context = { namespace: "prod", uiUrl: (runId: string) => `https://ui.example/runs/flow-run/${runId}` };
const incident: GroupIncident = {
	groupId: "86cdfaf86b29af495cbd3043c222691d",
	groupKind: "work_pool",
	group: "etl",
	extent: "partial",
	runIds: ["run-1", "run-2"],
	runsTotal: 40,
	armedTotal: 42,
	silentSinceMs: Date.UTC(2026, 7, 1, 12, 0, 0, 500),
	openedAtMs: Date.UTC(2026, 7, 1, 12, 2),
	closed: null,
};
const closed = { outcome: "recovered", atMs: Date.UTC(2026, 7, 1, 12, 4, 30) } as const;

function lineOf(changes: Partial<GroupIncident> = {}) {
	return toAlertLine(groupTransitionOf({ ...incident, ...changes }, "default"), context);
}

const told = {
	schema: 1,
	group_id: "86cdfaf86b29af495cbd3043c222691d",
	group_kind: "work_pool",
	group: "etl",
	extent: "partial",
	severity: "critical",
	reason: "40 of 42 armed runs fell silent together, the first at 2026-08-01T12:00:00.500Z",
	namespace: "prod",
	workspace: "default",
	runs: 40,
	armed_runs: 42,
	run_ids: ["run-1", "run-2"],
	silent_since: "2026-08-01T12:00:00.500Z",
	held_until: "2026-08-01T12:07:45.000Z",
};

describe("the line of a group incident", () => {
	test("L2: has every field of the contract, by value, and a message for a human", () => {
		expect(lineOf()).toStrictEqual({
			time: "2026-08-01T12:02:00.000Z",
			level: "error",
			event: "group.raised",
			...told,
			message:
				"work pool etl: 40 of 42 armed runs fell silent together, the first at 2026-08-01T12:00:00.500Z; verdicts on them wait until 2026-08-01T12:07:45.000Z at most",
		});
	});

	test("L4: resolved it has the same id and adds outcome, start and duration", () => {
		expect(lineOf({ closed })).toStrictEqual({
			time: "2026-08-01T12:04:30.000Z",
			level: "info",
			event: "group.resolved",
			...told,
			message: "work pool etl: the common silence of 40 runs is over after 2m30s: beats came back",
			outcome: "recovered",
			raised_at: "2026-08-01T12:02:00.000Z",
			duration_seconds: 150,
		});
		expect(lineOf({ closed: { ...closed, outcome: "ended" } }).message).toMatch(
			/each of them has been judged or has ended$/u,
		);
	});

	test.each([
		["work_pool", "2026-08-01T12:07:45.000Z"],
		["client_version", "2026-08-01T12:07:45.000Z"],
		["everything", "2026-08-01T12:17:00.000Z"],
	] as const)("says until when a hold of %s lasts at most", (groupKind, until) => {
		expect(lineOf({ groupKind })).toMatchObject({ held_until: until });
	});

	test("names everything by itself, and a version by its number", () => {
		expect(lineOf({ groupKind: "everything", group: "everything" }).message).toMatch(/^everything: 40 of 42 /u);
		expect(lineOf({ groupKind: "client_version", group: "3.8.8" }).message).toMatch(/^client version 3\.8\.8: /u);
	});

	test("does not say what an older release did not keep", () => {
		const line = lineOf({ armedTotal: null, silentSinceMs: null });
		expect(line).toMatchObject({ armed_runs: null, silent_since: null, reason: "40 runs fell silent together" });
		expect(alertLineSchema.safeParse(line).success).toBe(true);
	});

	test.each([
		[200, "run-199"],
		[201, "… and 2 more"],
	])("of %i runs names at most 200", (count, last) => {
		const line = lineOf({ runIds: Array.from({ length: count }, (_, n) => `run-${n}`) });
		expect(line).toMatchObject({ run_ids: { length: 200, 199: last } });
	});

	test("its schema refuses a field too many or too few", () => {
		const { extent: _, ...less } = lineOf() as Record<string, unknown>;
		expect(alertLineSchema.safeParse({ ...lineOf(), extra: 1 }).success).toBe(false);
		expect(alertLineSchema.safeParse(less).success).toBe(false);
		expect(alertLineSchema.safeParse({ ...lineOf(), event: "group.resolved" }).success).toBe(false);
	});

	test.each(["語", "\u001b", '"', "😀"])("L1: of the worst texts (%j) still is one line of at most 16 KiB", (worst) => {
		const huge = worst.repeat(100_000);
		const runIds = Array.from({ length: 200 }, () => huge);
		for (const end of [null, closed]) {
			const line = jsonLine(groupTransitionOf({ ...incident, group: huge, runIds, closed: end }, huge), context);
			expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_384);
			expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
			expect(alertLineSchema.parse(JSON.parse(line))).toMatchObject({ group_id: incident.groupId });
		}
	});

	test("of 200 runs with ids of full length is told whole", () => {
		const runIds = Array.from({ length: 200 }, () => "0198a3c4-1111-7222-8333-444455556666");
		expect(JSON.parse(jsonLine(groupTransitionOf({ ...incident, runIds }, "default"), context)).run_ids).toEqual(
			runIds,
		);
	});

	test("goes to stdout as JSON, and to a terminal for humans", async () => {
		const signal = new AbortController().signal;
		for (const isTty of [false, true]) {
			const stdout = new CollectingStream(isTty);
			await using sink = new LogSink({ ...context, stdout });
			await sink.send([noticeOf(groupTransitionOf(groupOf("group-1"), "default"))], signal);
			const [line] = stdout.lines;
			if (isTty)
				expect(line).toMatch(
					/^2026-09-21T\S+ ERROR work pool k8s: 3 of 5 armed runs fell silent together, \S.* at most$/u,
				);
			else expect(JSON.parse(line!)).toMatchObject({ event: "group.raised", group_id: "group-1" });
		}
	});
});
