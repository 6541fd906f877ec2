import { describe, expect, test } from "vitest";
import { fateOf } from "../../../src/core/alert-fate.ts";
import { conditions, type Episode, outcomes } from "../../../src/core/episode.ts";
import { LedgerCount } from "../../../src/core/ledger.ts";
import { stateTypes } from "../../../src/core/run.ts";
import { entryOf, minute } from "../../_util/remedy-samples.ts";
import { episodeOf } from "../../_util/store-samples.ts";

const nowMs = 1_790_000_000_000 + 10 * minute;

function closed(
	n: number,
	outcome: NonNullable<Episode["closed"]>["outcome"],
	stateType: NonNullable<Episode["closed"]>["stateType"] | null,
	changes: Partial<Episode> = {},
): Episode {
	const ended = { outcome, atMs: nowMs, ...(stateType == null ? {} : { stateType }) };
	return episodeOf(n, `alert-${n}`, { closed: ended, ...changes });
}

describe("what became of an alert", () => {
	test.each([
		...stateTypes.map((type) => {
			const isDead = type === "CRASHED" || type === "CANCELLED";
			const isOwn = type === "COMPLETED" || type === "FAILED";
			return ["zombie", "ended", type, isDead ? "dead" : isOwn ? "false_alarm" : "unclear"] as const;
		}),
		["zombie", "ended", null, "unclear"],
		["zombie", "recovered", "RUNNING", "false_alarm"],
		["zombie", "moved", "RUNNING", "unclear"],
		["stuck_pending", "moved", "RUNNING", "false_alarm"],
		["stuck_pending", "ended", "CANCELLED", "dead"],
		["zombie", "superseded", null, "unclear"],
		["zombie", "deleted", null, "unclear"],
		["zombie", "disabled", null, "unclear"],
	] as const)("%s, %s as %s: %s", (condition, outcome, type, fate) => {
		expect(fateOf(closed(1, outcome, type, { condition }), nowMs)).toBe(fate);
	});

	test("an alert that is open is one of a dead run from an hour on", () => {
		const open = episodeOf(1, "alert-1");
		expect(fateOf(open, open.raisedAtMs + 60 * minute - 1)).toBe("open");
		expect(fateOf(open, open.raisedAtMs + 60 * minute)).toBe("dead");
	});

	test("there is a word for every condition and outcome", () => {
		for (const condition of conditions) {
			for (const outcome of outcomes) expect(fateOf(closed(1, outcome, null, { condition }), nowMs)).toBeTruthy();
		}
	});
});

describe("the ledger", () => {
	test("counts alerts and remedies by deployment and condition, the most alerts first", () => {
		const count = new LedgerCount();
		const other = { ...episodeOf(9, "x").labels, deploymentId: "deployment-2", deploymentName: null };
		count.addEpisode(closed(1, "recovered", "RUNNING", { labels: other }), nowMs);
		for (const n of [2, 3]) count.addEpisode(closed(n, "ended", "CRASHED"), nowMs);
		count.addEpisode(episodeOf(4, "alert-4"), nowMs);
		count.addRemedy(entryOf(2));
		count.addRemedy(entryOf(3, { result: "refused", reason: "slot" }));
		count.addRemedy(entryOf(2, { action: "reschedule" }));
		expect(count.rows()).toEqual([
			{
				deploymentId: "deployment-1",
				deployment: "etl/nightly",
				condition: "zombie",
				alerts: 3,
				fates: { dead: 2, false_alarm: 0, unclear: 0, open: 1 },
				remedies: { intended: 0, done: 1, would: 0, refused: 1, failed: 0 },
				mistakes: 0,
			},
			expect.objectContaining({
				deploymentId: "deployment-2",
				deployment: null,
				alerts: 1,
				fates: { dead: 0, false_alarm: 1, unclear: 0, open: 0 },
			}),
		]);
	});

	test("a run that showed life after somebody had ended it was a false alarm", () => {
		const count = new LedgerCount();
		count.addEpisode(closed(1, "quiet", "CRASHED", { alertId: "later", condition: "undead" }), nowMs);
		for (const n of [1, 2, 3]) count.addEpisode(closed(n, "ended", "CRASHED"), nowMs);
		count.addRemedy(entryOf(2, { mistake: { kind: "beat", atMs: nowMs } }));
		const [row] = count.rows();
		expect(row?.fates).toEqual({ dead: 1, false_alarm: 2, unclear: 0, open: 0 });
		expect(row?.mistakes).toBe(1);
	});

	test("leaves out alerts that nothing is ever done about", () => {
		const count = new LedgerCount();
		for (const condition of ["deaf", "stale", "overrun", "undead", "never_beat"] as const) {
			count.addEpisode(episodeOf(1, condition, { condition }), nowMs);
		}
		expect(count.rows()).toEqual([]);
	});
});
