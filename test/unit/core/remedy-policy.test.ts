import { describe, expect, test } from "vitest";
import { conditions } from "../../../src/core/episode.ts";
import {
	actionFor,
	type CaseFacts,
	consider,
	isWithin,
	leaseToKeep,
	mistakeOf,
	type RescheduleFacts,
	refusalBy,
	refusalOfReschedule,
	type SlotNow,
} from "../../../src/core/remedy-policy.ts";
import { compileLicences, isAnythingAllowed, type Licence, scopeKeyOf } from "../../../src/core/remedy-settings.ts";
import { newRun, noLabels, stateTypes } from "../../../src/core/run.ts";
import {
	allOn,
	type CaseChanges,
	caseOf,
	entryOf,
	minute,
	nowOf,
	raisedAtMs,
	stateAfter,
} from "../../_util/remedy-samples.ts";
import { groupOf } from "../../_util/store-samples.ts";

const on: Licence = { scope: "all", mode: "on", reschedule: 1, isDenied: false };
const due: CaseFacts = {
	nowMs: raisedAtMs + 5 * minute,
	graceMs: 5 * minute,
	isBlind: false,
	budget: null,
	tried: null,
};

describe("which remedy there is", () => {
	const remedied: Readonly<Record<string, string>> = {
		"zombie RUNNING": "crash",
		"zombie CANCELLING": "cancel",
		"stuck_pending PENDING": "cancel",
		"stuck_cancelling CANCELLING": "cancel",
	};

	test.each(conditions.flatMap((condition) => stateTypes.map((type) => [condition, type] as const)))(
		"for %s in %s",
		(condition, type) => {
			expect(actionFor({ condition }, type)).toBe(remedied[`${condition} ${type}`] ?? null);
		},
	);

	test.each(["deaf", "undead", "overrun", "stale", "never_beat", "stuck_scheduled", "stuck_retry"] as const)(
		"none is ever for %s, whatever is allowed",
		(condition) => {
			for (const type of stateTypes) {
				const one = caseOf({ episode: { condition }, state: { type } });
				expect(consider(one, on, due)).toEqual({ kind: "wait" });
			}
		},
	);
});

describe("before the server is asked", () => {
	interface Row {
		readonly name: string;
		readonly changes?: CaseChanges;
		readonly licence?: Partial<Licence>;
		readonly facts?: Partial<CaseFacts>;
		readonly comes: string;
	}
	const tried = (result: "would" | "done" | "failed" | "intended", times = 1) =>
		({ result, times, mode: "on" }) as const;
	const rows: readonly Row[] = [
		{ name: "a dead run that is due", comes: "ask" },
		{ name: "a dry run is asked about as well", licence: { mode: "dry-run" }, comes: "ask" },
		{ name: "off", licence: { mode: "off" }, comes: "wait" },
		{ name: "a millisecond before its grace is over", facts: { nowMs: raisedAtMs + 5 * minute - 1 }, comes: "wait" },
		{ name: "denied", licence: { isDenied: true }, comes: "denied" },
		{ name: "denied, and off", licence: { isDenied: true, mode: "off" }, comes: "wait" },
		{ name: "told as a part of a group", changes: { episode: { groupId: "group-1" } }, comes: "group" },
		{ name: "a group incident is open around it", changes: { isInGroup: true }, comes: "group" },
		{ name: "blind", facts: { isBlind: true }, comes: "blind" },
		{ name: "an empty bucket", facts: { budget: "budget" }, comes: "budget" },
		{ name: "an empty bucket of its pool", facts: { budget: "pool_budget" }, comes: "pool_budget" },
		{ name: "denied goes before blind", licence: { isDenied: true }, facts: { isBlind: true }, comes: "denied" },
		{ name: "it has been done", facts: { tried: tried("done") }, comes: "wait" },
		{ name: "it is not known whether it has been done", facts: { tried: tried("intended") }, comes: "wait" },
		{ name: "it has failed twice", facts: { tried: tried("failed", 2) }, comes: "ask" },
		{ name: "it has failed three times", facts: { tried: tried("failed", 3) }, comes: "wait" },
		{
			name: "a dry run has told it",
			licence: { mode: "dry-run" },
			facts: { tried: tried("would") },
			comes: "wait",
		},
		{ name: "a dry run has told it, and it is switched on", facts: { tried: tried("would") }, comes: "ask" },
	];

	test.each(rows)("$name: $comes", ({ changes = {}, licence = {}, facts = {}, comes }) => {
		const came = consider(caseOf(changes), { ...on, ...licence }, { ...due, ...facts });
		expect(came.kind === "refuse" ? came.refusal.reason : came.kind).toBe(comes);
	});

	test("a run whose state is not known is left alone", () => {
		expect(consider(caseOf({ run: { state: null } }), on, due)).toEqual({ kind: "wait" });
	});
});

describe("with the server's answer", () => {
	const one = caseOf();
	const { lastBeatOccurredMs } = one.episode.evidence;
	const occurredMs = lastBeatOccurredMs ?? 0;
	const beat = { eventId: "beat-2", occurredMs: occurredMs + 1, receivedMs: null };
	const slot: SlotNow = { limit: 1, taken: 1, leaseId: "lease", othersHolding: 0, othersAwaiting: 0 };

	test.each([
		["it is as it was", {}, null],
		["another state of the same kind", { stateId: "state-9" }, "changed"],
		["another attempt", { attempt: 3 }, "changed"],
		["a newer beat by the worker's clock", { newestBeat: beat }, "alive"],
		["the last beat again", { newestBeat: { ...beat, occurredMs } }, null],
		["no stored beat any more", { newestBeat: null }, null],
		["a log line after all that was known", { newestSignMs: occurredMs + 1 }, "alive"],
		["the log line that the verdict knew", { newestSignMs: occurredMs }, null],
		["its slot is its own, and others wait for it", { slot: { ...slot, othersAwaiting: 3 } }, null],
		["its slot is gone, and nobody wants it", { slot: { ...slot, taken: 0 } }, null],
		["its slot is gone, and another holds it", { slot: { ...slot, othersHolding: 1 } }, "slot"],
		["its slot is gone, and another awaits it", { slot: { ...slot, taken: 0, othersAwaiting: 1 } }, "slot"],
		["one of two is surely its own", { slot: { ...slot, limit: 2, taken: 2, othersHolding: 1 } }, null],
		["the server does not count, and another holds one", { slot: { ...slot, taken: null, othersHolding: 1 } }, "slot"],
		["slots without leases never pass", { slot: { ...slot, leaseId: null, othersHolding: 1 } }, null],
	] as const)("%s", (_name, changes, reason) => {
		expect(refusalBy(one, nowOf(one, changes))?.reason ?? null).toBe(reason);
	});

	test("the run is gone", () => {
		expect(refusalBy(one, null)?.reason).toBe("gone");
	});

	test("a beat received later than the last known one is a sign of life", () => {
		const known = caseOf({ episode: { evidence: { ...one.episode.evidence, lastBeatReceivedMs: 1_000 } } });
		const received = (receivedMs: number) => nowOf(known, { newestBeat: { ...beat, occurredMs, receivedMs } });
		expect(refusalBy(known, received(1_000))).toBeNull();
		expect(refusalBy(known, received(1_001))?.reason).toBe("alive");
	});

	test("a run that is stuck while it is cancelled is known to beat", () => {
		const stuck = caseOf({ episode: { condition: "stuck_cancelling" }, state: { type: "CANCELLING" } });
		expect(refusalBy(stuck, nowOf(stuck, { newestBeat: beat }))).toBeNull();
	});

	test("memory's attempt is newer than the alert's", () => {
		const moved = caseOf({ run: { attempt: 3 } });
		expect(refusalBy(moved, nowOf(moved))?.reason).toBe("changed");
	});

	test("a lease is kept while it is surely the run's own, and no other is touched", () => {
		expect(leaseToKeep(nowOf(one, { slot }))).toBe("lease");
		expect(leaseToKeep(nowOf(one, { slot: { ...slot, taken: 0 } }))).toBeNull();
		expect(leaseToKeep(nowOf(one, { slot: { ...slot, leaseId: null } }))).toBeNull();
		expect(leaseToKeep(nowOf(one))).toBeNull();
	});
});

describe("a group incident covers", () => {
	const run = { ...newRun("x"), labels: { ...noLabels, workPool: "k8s", clientVersion: "3.8.8" } };
	test.each([
		["everything", "everything", true],
		["work_pool", "k8s", true],
		["work_pool", "other", false],
		["client_version", "3.8.8", true],
		["client_version", "3.4.0", false],
	] as const)("%s %s: %s", (groupKind, group, covers) => {
		expect(isWithin(groupOf("g", { groupKind, group }), run)).toBe(covers);
	});
});

describe("our mistake", () => {
	const entry = entryOf(1);
	const markedMs = entry.markedServerMs ?? 0;
	const beatAt = (receivedMs: number) => ({ lastBeat: { eventId: "b", occurredMs: null, receivedMs } });
	const crashed = { state: stateAfter("CRASHED", 6 * minute) };

	test.each([
		["it stays Crashed", crashed, {}, null],
		["a beat from before the mark", { ...crashed, ...beatAt(markedMs) }, {}, null],
		["a beat after the mark", { ...crashed, ...beatAt(markedMs + 1) }, {}, "beat"],
		["Completed after the mark", { state: stateAfter("COMPLETED", 7 * minute) }, {}, "went_on"],
		["Failed after the mark", { state: stateAfter("FAILED", 7 * minute) }, {}, "went_on"],
		["Completed before the mark", { state: stateAfter("COMPLETED", 6 * minute) }, {}, null],
		["somebody cancels it", { state: stateAfter("CANCELLED", 7 * minute) }, {}, null],
		["somebody starts it again", { attempt: 3, state: stateAfter("RUNNING", 7 * minute) }, {}, null],
		["a beat, where it was only a dry run", { ...crashed, ...beatAt(markedMs + 1) }, { result: "would" }, null],
		["a beat of a run that was not marked", { ...crashed, ...beatAt(markedMs + 1) }, { markedServerMs: null }, null],
		["it has been told", beatAt(markedMs + 1), { mistake: { kind: "beat", atMs: 1 } }, null],
		["a cancelled one that was known to beat", beatAt(markedMs + 1), { condition: "stuck_cancelling" }, null],
		[
			"a cancelled one that completes",
			{ state: stateAfter("COMPLETED", 7 * minute) },
			{ condition: "stuck_cancelling" },
			"went_on",
		],
	] as const)("%s", (_name, run, changes, kind) => {
		const found = mistakeOf({ ...entry, ...changes }, { ...newRun(entry.runId), attempt: 2, ...run }, 99);
		expect(found).toEqual(kind === null ? null : { kind, atMs: 99 });
	});
});

describe("running it again", () => {
	const asMarked: RescheduleFacts = { doneToday: 0, isSubflow: false, isAsMarked: true };
	test.each([
		["once a day, and not yet", {}, {}, null],
		["often enough", { doneToday: 1 }, {}, "often"],
		["twice a day, and once so far", { doneToday: 1 }, { reschedule: 2 }, null],
		["a subflow", { isSubflow: true }, {}, "subflow"],
		["not Crashed any more", { isAsMarked: false }, {}, "not_crashed"],
		["denied", {}, { isDenied: true }, "denied"],
	] as const)("%s", (_name, facts, licence, reason) => {
		const refusal = refusalOfReschedule({ ...on, ...licence }, { ...asMarked, ...facts });
		expect(refusal?.reason ?? null).toBe(reason);
	});
});

describe("what is allowed for a run", () => {
	const labels = { ...noLabels, flowName: "etl", deploymentName: "nightly", workPool: "k8s", tags: ["safe"] };
	const settings = {
		...allOn,
		mode: "off" as const,
		scopes: [
			{ match: { deployment: "etl/*" }, mode: "on" as const, reschedule: 2 },
			{ match: { workPool: "k8s" }, mode: "dry-run" as const, reschedule: null },
		],
		deny: [{ tag: "never" }],
	};
	const none = new Set<string>();

	test("the first scope that matches counts, and for the rest the mode of all", () => {
		const licences = compileLicences(settings, none);
		expect(licences(labels)).toEqual({ scope: "deployment=etl/*", mode: "on", reschedule: 2, isDenied: false });
		expect(licences({ ...labels, flowName: "x" })).toMatchObject({
			scope: "workPool=k8s",
			mode: "dry-run",
			reschedule: 0,
		});
		expect(licences(noLabels)).toMatchObject({ scope: "all", mode: "off" });
	});

	test("the deny-list wins over a scope that is on", () => {
		expect(compileLicences(settings, none)({ ...labels, tags: ["never"] })).toMatchObject({
			mode: "on",
			isDenied: true,
		});
	});

	test("a scope that a mistake has switched back is a dry run, and the others stay as they are", () => {
		const licences = compileLicences({ ...settings, mode: "on" }, new Set(["deployment=etl/*", "workPool=k8s"]));
		expect(licences(labels).mode).toBe("dry-run");
		expect(licences({ ...labels, flowName: "x" }).mode).toBe("dry-run");
		expect(licences(noLabels).mode).toBe("on");
		expect(compileLicences(settings, new Set(["all"]))(noLabels).mode).toBe("off");
	});

	test("a scope has one name, wherever it stands", () => {
		expect(scopeKeyOf({ deployment: "etl/*", workPool: undefined, tag: "safe" })).toBe("deployment=etl/*,tag=safe");
		expect(scopeKeyOf({})).toBe("all");
	});

	test("nothing is allowed where everything is off", () => {
		expect(isAnythingAllowed({ mode: "off", scopes: [] })).toBe(false);
		expect(isAnythingAllowed({ mode: "dry-run", scopes: [] })).toBe(true);
		expect(isAnythingAllowed(settings)).toBe(true);
	});
});
