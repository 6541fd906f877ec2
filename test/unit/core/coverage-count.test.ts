import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { CoverageCount, type CoverageRow } from "../../../src/core/coverage-count.ts";
import { standingOf } from "../../../src/core/explanation.ts";
import { Inspection } from "../../../src/core/inspection.ts";
import { newRun, noLabels, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import type { Slot } from "../../../src/core/slot.ts";
import { anyRun } from "../../_util/core-runs.ts";
import { uuid } from "../../_util/core-server.ts";

const now = { monoMs: 1_000, wallMs: 1_790_000_000_000 };
const stages = ["nothing", "missed", "suspect", "eve", "due"] as const;

function counted(table: RunTable): readonly CoverageRow[] {
	const count = new CoverageCount(table);
	while (count.countPart(now));
	return count.rows;
}

/** As it is counted when each run is read. */
function standingsOf(slots: Iterable<Slot>): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const slot of slots) {
		const standing = standingOf(slot, now);
		const { deploymentId, flowName, clientVersion } = slot.run.labels;
		const key = `${deploymentId ?? flowName} ${clientVersion} ${standing}`;
		if (standing !== "ended") counts[key] = (counts[key] ?? 0) + 1;
	}
	return counts;
}

function beating(id: string): Run {
	const occurredMs = [1_790_000_000_000, 1_790_000_030_000];
	const beats = {
		lastBeat: { eventId: uuid(3, 1), occurredMs: occurredMs[1]!, receivedMs: occurredMs[1]! },
		occurredMs,
	};
	const state = { type: "RUNNING", name: "Running", timestampMs: 1_790_000_000_000, scheduledTimeMs: null } as const;
	return {
		...newRun(id),
		attempt: 1,
		state: { id: uuid(2, 1), fromRest: true, ...state },
		...beats,
		aliveAtMonoMs: 5,
		beatAtMonoMs: 5,
		labels: { ...noLabels, deploymentId: "d1" },
	};
}

it("coverage counted from the columns is what reading each run says", { timeout: 60_000 }, () => {
	const anyWatched = fc.record({ run: anyRun, stage: fc.constantFrom(...stages), aside: fc.nat(5) });
	fc.assert(
		fc.property(fc.array(anyWatched, { maxLength: 12 }), (watched) => {
			const table = new RunTable();
			for (const { run, stage, aside } of watched) {
				if (table.get(run.runId) !== undefined) continue;
				const slot = table.add(run, 0);
				slot.passed = stage;
				if (aside === 0) slot.asideUntilMonoMs = 2_000;
			}
			const rows = counted(table).flatMap(({ deploymentId, flowName, clientVersion, standings }) =>
				Object.entries(standings).map(([standing, count]) => [
					`${deploymentId ?? flowName} ${clientVersion} ${standing}`,
					count,
				]),
			);
			expect(Object.fromEntries(rows)).toEqual(standingsOf(table.values()));
		}),
		{ numRuns: 500 },
	);
});

it("a fleet that is well is counted without reading one run; runs of another form are read, so many in one go at most", () => {
	const table = new RunTable();
	for (let n = 0; n < 20_000; n += 1) table.add(beating(uuid(1, n)), 0);
	const read = vi.spyOn(table, "at");
	expect(counted(table)).toMatchObject([{ deploymentId: "d1", standings: { beating: 20_000 } }]);
	expect(read).not.toHaveBeenCalled();
	read.mockRestore();
	for (const slot of table.values()) slot.asideUntilMonoMs = 2_000;
	const count = new CoverageCount(table);
	let parts = 1;
	while (count.countPart(now)) parts += 1;
	expect(parts).toBe(4);
	expect(count.rows).toMatchObject([{ standings: { aside: 20_000 } }]);
});

it("looking for suspects reads no run that is overdue alone", () => {
	const table = new RunTable();
	for (let n = 0; n < 100; n += 1) table.add(beating(uuid(1, n)), 0).passed = "missed";
	// What explains a run is not asked for here: none of them matches.
	const inspection = new Inspection(table, {} as ConstructorParameters<typeof Inspection>[1]);
	const filter = { standing: "suspect", condition: null, deployment: null, workPool: null, name: null } as const;
	const read = vi.spyOn(table, "at");
	expect(inspection.page(filter, 0, 10, now)).toEqual({ runs: [], next: null });
	expect(read).not.toHaveBeenCalled();
	for (const n of [7, 8, 9]) table.at(n).asideUntilMonoMs = 2_000;
	read.mockClear();
	expect(inspection.page(filter, 0, 10, now)).toEqual({ runs: [], next: null });
	expect(read).toHaveBeenCalledTimes(3);
});

it("a deployment that only some of its runs name has a name", () => {
	const table = new RunTable();
	table.add(beating(uuid(1, 1)), 0);
	table.add({ ...beating(uuid(1, 2)), labels: { ...noLabels, deploymentId: "d1", deploymentName: "nightly" } }, 0);
	expect(counted(table)).toMatchObject([{ deploymentName: "nightly", standings: { beating: 2 } }]);
});
