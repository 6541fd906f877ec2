import { describe, expect, test } from "vitest";
import { attentionTexts, concernText } from "../../../src/core/attention-text.ts";
import { groupTransitionOf, isRaise, raiseKeyOf, type Transition, transitionOf } from "../../../src/core/episode.ts";
import type { Explanation } from "../../../src/core/explanation.ts";
import type { RunLabels } from "../../../src/core/run.ts";
import { type Silence, silences } from "../../../src/core/silence.ts";
import { type Attention, holdOf, reminderBetween, subjectIdOf, type Telling } from "../../../src/core/telling.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";
import { closedOf, groupOf, workspace } from "../../_util/store-samples.ts";

const raisedAtMs = 1_000_000;
const labels: Partial<RunLabels> = { flowName: "etl", deploymentName: "nightly", workPool: "k8s", tags: ["prod"] };
const raise = sampleTransition({ alertId: "alert-1", raisedAtMs }, labels);
const grouped = sampleTransition({ alertId: "alert-2", raisedAtMs, groupId: "group-1" }, labels);
const incident = groupOf("group-1", { openedAtMs: raisedAtMs });
const groupRaise = groupTransitionOf(incident, workspace);

const plain: Telling = { heedsSilences: true, escalateAfterMs: null, foldsGroups: false, wants: () => true };
const quiet: Attention = { silences: [], windows: [], acknowledgements: new Map(), openGroups: [], workspace };

function silence(changes: Partial<Silence> = {}): Silence {
	return {
		silenceId: "s1",
		match: {},
		conditions: [],
		fromMs: 0,
		untilMs: raisedAtMs + 100,
		why: "upgrade",
		...changes,
	};
}

describe("a silence", () => {
	test.each<[string, Partial<Silence>, Transition, boolean]>([
		["of everything silences a run", {}, raise, true],
		["of everything silences a group incident", {}, groupRaise, true],
		["of its deployment silences a run", { match: { deployment: "etl/*" } }, raise, true],
		["of another deployment does not", { match: { deployment: "ml/*" } }, raise, false],
		["of a deployment does not silence a group incident", { match: { deployment: "*" } }, groupRaise, false],
		["of its pool silences a group incident", { match: { workPool: "k8s" } }, groupRaise, true],
		["of its condition silences a run", { conditions: ["deaf", "zombie"] }, raise, true],
		["of another condition does not", { conditions: ["deaf"] }, raise, false],
		["of a condition does not silence a group incident", { conditions: ["zombie"] }, groupRaise, false],
		["must match in all that it says", { match: { workPool: "k8s", tag: "dev" } }, raise, false],
	])("%s", (_what, changes, transition, isSilenced) => {
		expect(silences(silence(changes), transition)).toBe(isSilenced);
	});

	test("of a work pool does not silence an incident of another kind of group", () => {
		const everything = groupTransitionOf(groupOf("group-2", { groupKind: "everything", group: "k8s" }), workspace);
		expect(silences(silence({ match: { workPool: "k8s" } }), everything)).toBe(false);
	});
});

describe("a raise", () => {
	test("is told at once when nothing is said", () => {
		expect(holdOf(raise, plain, quiet, raisedAtMs)).toBeNull();
		expect(holdOf(groupRaise, { ...plain, foldsGroups: true }, { ...quiet, openGroups: [incident] }, 0)).toBeNull();
	});

	test("is held as long as the last of the silences and windows that concern it", () => {
		const attention: Attention = {
			...quiet,
			silences: [silence(), silence({ silenceId: "s2", untilMs: raisedAtMs + 300 })],
			windows: [{ name: "backup", match: { workPool: "k8s" }, untilMs: raisedAtMs + 200 }],
		};
		expect(holdOf(raise, plain, attention, raisedAtMs)).toEqual({
			reason: "silenced",
			detail: "silence s2: upgrade",
			untilMs: raisedAtMs + 300,
		});
		const [shorter] = attention.silences;
		expect(holdOf(raise, plain, { ...attention, silences: [shorter!] }, raisedAtMs)).toEqual({
			reason: "maintenance",
			detail: "maintenance window backup",
			untilMs: raisedAtMs + 200,
		});
		expect(holdOf(raise, plain, attention, raisedAtMs + 299)).not.toBeNull();
		expect(holdOf(raise, plain, attention, raisedAtMs + 300)).toBeNull();
		expect(holdOf(raise, { ...plain, heedsSilences: false }, attention, raisedAtMs)).toBeNull();
	});

	test.each([
		["is not held by a silence of others", { silences: [silence({ match: { tag: "dev" } })] }],
		["is not held by a window of others", { windows: [{ name: "w", match: { tag: "dev" }, untilMs: raisedAtMs + 9 }] }],
	])("%s", (_what, changes) => {
		expect(holdOf(raise, plain, { ...quiet, ...changes }, raisedAtMs)).toBeNull();
	});

	test("waits until it is old enough for a sink that is an escalation, unless somebody has it", () => {
		const telling = { ...plain, escalateAfterMs: 60_000 };
		for (const one of [raise, groupRaise]) {
			const dueMs = raisedAtMs + 60_000;
			expect(holdOf(one, telling, quiet, raisedAtMs)).toMatchObject({ reason: "escalation", untilMs: dueMs });
			expect(holdOf(one, telling, quiet, dueMs - 1)).not.toBeNull();
			expect(holdOf(one, telling, quiet, dueMs)).toBeNull();
			const word = { alertId: subjectIdOf(one), why: "Kim", atMs: raisedAtMs };
			const acknowledged = { ...quiet, acknowledgements: new Map([[word.alertId, word]]) };
			const kept = { reason: "acknowledged", detail: "Kim", untilMs: null };
			expect(holdOf(one, telling, acknowledged, dueMs)).toEqual(kept);
			// Who is told at once is told, whoever has it.
			expect(holdOf(one, plain, acknowledged, dueMs)).toBeNull();
		}
	});

	test("of a run in a group incident waits for that, where the sink knows of the incident", () => {
		const telling = { ...plain, foldsGroups: true };
		const open = { ...quiet, openGroups: [groupOf("group-0"), incident] };
		const folded = { reason: "folded", detail: "part of group incident group-1", untilMs: null };
		expect(holdOf(grouped, telling, open, raisedAtMs)).toEqual(folded);
		expect(holdOf(raise, telling, open, raisedAtMs)).toBeNull();
		expect(holdOf(grouped, telling, quiet, raisedAtMs)).toBeNull();
		expect(holdOf(grouped, plain, open, raisedAtMs)).toBeNull();
		const deploymentsOnly = { ...telling, wants: ({ kind }: Transition) => kind === "raised" };
		expect(holdOf(grouped, deploymentsOnly, open, raisedAtMs)).toBeNull();
	});
});

describe("a reminder", () => {
	const hour = 3_600_000;
	test.each([
		["at the first multiple", raisedAtMs + hour - 1, raisedAtMs + hour, 1],
		["not a moment before", raisedAtMs + hour - 2, raisedAtMs + hour - 1, null],
		["not twice", raisedAtMs + hour, raisedAtMs + hour + 1, null],
		["once for those that were missed", raisedAtMs + 1, raisedAtMs + 3 * hour + 5, 3],
		["never at the raise itself", raisedAtMs - 1, raisedAtMs + 1, null],
	])("is due %s", (_what, afterMs, untilMs, reminder) => {
		expect(reminderBetween(raise, hour, { afterMs, untilMs })).toBe(reminder);
		expect(reminderBetween(groupRaise, hour, { afterMs, untilMs })).toBe(reminder);
	});
});

describe("what was said about an alert, in words", () => {
	const explanation = { episode: raise.episode } as Explanation;

	test("is who has it, and what keeps it from the sinks", () => {
		const nowMs = raisedAtMs + 90_000;
		const word = { alertId: "alert-1", why: "Kim is on it", atMs: nowMs - 60_000 };
		const attention: Attention = {
			...quiet,
			acknowledgements: new Map([[word.alertId, word]]),
			silences: [
				silence({ untilMs: nowMs + 5_000 }),
				silence({ silenceId: "over", untilMs: nowMs }),
				silence({ silenceId: "other", match: { tag: "dev" }, untilMs: nowMs + 5_000 }),
			],
			windows: [
				{ name: "backup", match: {}, untilMs: nowMs + 60_000 },
				{ name: "other", match: { tag: "dev" }, untilMs: nowMs + 60_000 },
			],
		};
		expect(attentionTexts(explanation, attention, nowMs)).toEqual([
			"Acknowledged 1m ago: Kim is on it. No reminders, and no escalation.",
			"Kept from the sinks for 5s by silence s1: upgrade.",
			"Kept from the sinks for 1m by maintenance window backup.",
		]);
		expect(attentionTexts(explanation, quiet, nowMs)).toEqual([]);
		expect(attentionTexts({ episode: null } as Explanation, attention, nowMs)).toEqual([]);
	});

	test.each<[Partial<Silence>, string]>([
		[{}, "every alert"],
		[{ match: { deployment: "etl/*", tag: undefined, workPool: "k8s" } }, "deployment=etl/* workPool=k8s"],
		[{ match: { tag: "dev" }, conditions: ["zombie", "deaf"] }, "tag=dev condition=zombie|deaf"],
	])("of %j concerns %s", (changes, text) => {
		expect(concernText(silence(changes))).toBe(text);
	});
});

test("a resolve knows the key of its raise, for a run as for a group", () => {
	const resolved = transitionOf(closedOf(raise.episode, 5));
	const groupResolved = groupTransitionOf({ ...incident, closed: { outcome: "recovered", atMs: 5 } }, workspace);
	expect([raise, groupRaise, resolved, groupResolved].map(isRaise)).toEqual([true, true, false, false]);
	expect([raiseKeyOf(resolved), raiseKeyOf(groupResolved)]).toEqual([raise.key, groupRaise.key]);
});
