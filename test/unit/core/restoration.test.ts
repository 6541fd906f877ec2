import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Departures } from "../../../src/core/departures.ts";
import { Family } from "../../../src/core/family.ts";
import { GroupWatch } from "../../../src/core/group-watch.ts";
import { Learning } from "../../../src/core/learning.ts";
import { Observation } from "../../../src/core/observation.ts";
import { runRowOf } from "../../../src/core/record.ts";
import { Restoration } from "../../../src/core/restoration.ts";
import { isArmed, isGone, type Run } from "../../../src/core/run.ts";
import { bits } from "../../../src/core/run-columns.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { ServerClock } from "../../../src/core/server-clock.ts";
import { UnconfirmedRuns } from "../../../src/core/unconfirmed-runs.ts";
import { Yardstick } from "../../../src/core/yardstick.ts";
import { anyRun, serverZeroMs } from "../../_util/core-runs.ts";
import { defaultSettings } from "../../_util/core-world.ts";

const at = { monoMs: 7_200_000, wallMs: serverZeroMs + 7_200_000 };
/** The process before had begun at the server's zero, this one with it. */
const clock = new ServerClock();
clock.observeDate(0, serverZeroMs);

/** Most have been alive last at their last beat. */
const anyKnownRun = fc.record({ run: anyRun, isApart: fc.nat(3) }).map(({ run, isApart }): Run => {
	const receivedMs = run.lastBeat?.receivedMs ?? null;
	return isApart === 0 || receivedMs === null ? run : { ...run, aliveAtMonoMs: clock.toMonoMs(receivedMs) };
});

/** A table into which these runs have been restored, the server's clock being known. */
function restored(runs: readonly Run[]): RunTable {
	const [table, family, learning, observation] = [new RunTable(), new Family(), new Learning(), new Observation(at)];
	const yardstick = new Yardstick({ live: { current: defaultSettings }, observation, learning });
	const parts = { namespace: "n", workspace: "w", table, family, learning, observation, yardstick };
	const groups = new GroupWatch({ ...parts, holds: true });
	const unconfirmed = new UnconfirmedRuns({ table, live: { current: defaultSettings } });
	const departures = new Departures({ table, family, unconfirmed });
	const restoration = new Restoration({ ...parts, groups, departures, unconfirmed });
	const rows = runs.map((run) => runRowOf(run, "w", clock, at.wallMs));
	restoration.takeRuns(
		rows.map((row) => ({ row, place: 1, version: 1 })),
		at,
	);
	const nothing = { openEpisodes: [], spentAlerts: [], workspace: null, learned: [], openGroups: [], heldRuns: [] };
	restoration.begin(nothing, at);
	observation.restAnswered({ monoMs: 0, wallMs: serverZeroMs }, serverZeroMs);
	restoration.mapIfPossible(at);
	return table;
}

describe("a run that an earlier process knew", () => {
	it("counts as armed where its silence counts, before anything is heard of it", () => {
		let armed = 0;
		const distinct = fc.uniqueArray(anyKnownRun, { maxLength: 4, selector: ({ runId }) => runId });
		fc.assert(
			fc.property(distinct, (runs) => {
				const table = restored(runs.filter((run) => !isGone(run)));
				for (const slot of table.values()) {
					const counts = table.columns.has(slot.index, bits.armed);
					expect(counts).toBe(isArmed(slot.run));
					if (counts) armed += 1;
				}
			}),
			{ numRuns: 500 },
		);
		expect(armed).toBeGreaterThan(100);
	});
});
