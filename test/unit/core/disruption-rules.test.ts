import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minute } from "../../_util/disruption-fleet.ts";
import { play, type Scenario, type Seen, scenarios, stepMs } from "../../_util/disruption-world.ts";

const longestHoldMs = 15 * minute;

/** For each silence of each run the moments at which it was seen held, ascending, and their latest promised end. */
function holdsOf(seen: readonly Seen[]): readonly { heldMs: readonly number[]; untilMs: number }[] {
	const bySilence = new Map<string, { heldMs: number[]; untilMs: number }>();
	for (const { nowMs, holds } of seen) {
		for (const [runId, { aliveAtMonoMs, untilMs }] of holds) {
			if (untilMs === null || untilMs <= nowMs) continue;
			const key = `${runId} ${aliveAtMonoMs}`;
			const held = bySilence.get(key) ?? { heldMs: [], untilMs };
			held.heldMs.push(nowMs);
			held.untilMs = Math.max(held.untilMs, untilMs);
			bySilence.set(key, held);
		}
	}
	return [...bySilence.values()];
}

function textOf(seen: readonly Seen[]): string {
	return JSON.stringify(
		seen.map(({ swept, holds }) => [swept.opened, swept.closed, swept.resetRuns.toSorted(), [...holds]]),
	);
}

function check(property: (scenario: Scenario) => void): void {
	fc.assert(fc.property(scenarios, property), { numRuns: 200 });
}

describe("whatever falls silent, and whatever comes back,", () => {
	it("no silence is held for more than 15 minutes", () => {
		let longestMs = 0;
		check((scenario) => {
			for (const { heldMs, untilMs } of holdsOf(play(scenario, { mayRestart: true }))) {
				longestMs = Math.max(longestMs, untilMs - heldMs[0]!);
			}
		});
		expect(longestMs).toBe(longestHoldMs);
	});

	it("no hold ends later than 15 minutes after the last group tripped", () => {
		let latestMs = 0;
		check((scenario) => {
			// In a fleet without pools and versions there is one group, and what trips is told.
			const fleet = scenario.fleet.map((run) => ({ ...run, pool: null, version: null }));
			let trippedMs = Number.NaN;
			for (const { nowMs, swept, holds } of play({ ...scenario, fleet }, { mayRestart: true })) {
				if (swept.opened.length > 0) trippedMs = nowMs;
				const ends = [...holds.values()].map(({ untilMs }) => untilMs ?? 0).filter((untilMs) => untilMs > nowMs);
				latestMs = Math.max(latestMs, ...ends.map((untilMs) => untilMs - trippedMs));
			}
		});
		expect(latestMs).toBe(longestHoldMs);
	});

	it("no silence is held twice", () => {
		let heldSilences = 0;
		check((scenario) => {
			const absentNever = { ...scenario, stretches: scenario.stretches.map((one) => ({ ...one, gone: 0 })) };
			for (const { heldMs } of holdsOf(play(absentNever, { mayRestart: true }))) {
				heldSilences += 1;
				const firstMs = heldMs[0]!;
				expect(heldMs).toEqual(heldMs.map((_, index) => firstMs + index * stepMs));
			}
		});
		expect(heldSilences).toBeGreaterThan(100);
	});

	it("nothing is left, and nothing reset, without a beat", () => {
		let ended = 0;
		check((scenario) => {
			// After a while the same runs are cut off for good; the others live, or vanish and come back.
			const cutOff = scenario.stretches[0]?.cutOff ?? 0;
			const alive = { steps: 20, cutOff: 0, gone: 0, pipe: "quiet" as const, restarts: false };
			const dying = scenario.stretches.map((one) => ({ ...one, cutOff, steps: 40 }));
			for (const { swept } of play({ ...scenario, stretches: [alive, ...dying] }, { mayRestart: true })) {
				const outcomes = swept.closed.map(({ closed }) => closed?.outcome);
				if (swept.resetRuns.length > 0 || outcomes.some((outcome) => outcome !== "ended")) {
					expect.fail(`left at ${outcomes.join()} with ${swept.resetRuns.join()} reset`);
				}
				ended += outcomes.length;
			}
		});
		expect(ended).toBeGreaterThan(20);
	});

	it("an incident opens once and closes once, under its own id", () => {
		check((scenario) => {
			const open = new Set<string>();
			const ever = new Set<string>();
			for (const { swept } of play(scenario, { mayRestart: true })) {
				for (const { groupId } of swept.closed) expect(open.delete(groupId)).toBe(true);
				for (const { groupId, closed } of swept.opened) {
					expect([ever.has(groupId), closed]).toEqual([false, null]);
					ever.add(groupId);
					open.add(groupId);
				}
			}
		});
	});

	it("the order of the runs makes no difference", () => {
		check((scenario) => {
			expect(textOf(play(scenario, { reversed: true }))).toBe(textOf(play(scenario)));
		});
	});

	it("nor does a restart", () => {
		check((scenario) => {
			expect(textOf(play(scenario, { mayRestart: true }))).toBe(textOf(play(scenario)));
		});
	});
});
