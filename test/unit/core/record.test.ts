import { describe, expect, it } from "vitest";
import { Observation } from "../../../src/core/observation.ts";
import {
	mapObservation,
	runFromRow,
	runRowOf,
	viewOfRow,
	withMappedLife,
	workspaceRowOf,
} from "../../../src/core/record.ts";
import { newRun, noLabels, type Run } from "../../../src/core/run.ts";
import { RunTable } from "../../../src/core/run-table.ts";
import { ServerClock } from "../../../src/core/server-clock.ts";
import { isEvictable } from "../../../src/core/slot.ts";
import { uuid } from "../../_util/core-server.ts";
import { trippedGroup } from "../../_util/store-samples.ts";

const server = 1_000_000;
const clock = new ServerClock();
clock.observeDate(0, server);

const run: Run = {
	runId: uuid(1, 1),
	attempt: 2,
	state: {
		id: uuid(2, 1),
		type: "RUNNING",
		name: "Running",
		timestampMs: 900_000,
		scheduledTimeMs: null,
		fromRest: true,
	},
	endedAtMs: null,
	aliveAtMonoMs: 5_000,
	beatAtMonoMs: 5_000,
	lastBeat: { eventId: uuid(3, 1), occurredMs: 1_004_990, receivedMs: 1_005_000 },
	occurredMs: [1_004_990],
	labels: { ...noLabels, name: "n", tags: ["t"] },
	transitMsMin: 10,
	afterEnd: null,
};

describe("a run's row", () => {
	it("keeps everything, with the proof of life on the server's clock", () => {
		const row = runRowOf(run, "w", clock, 77);
		expect(row).toMatchObject({ workspace: "w", aliveAtServerMs: 1_005_000, updatedAtMs: 77 });
		expect(structuredClone(row)).toEqual(row);
		const restored = runFromRow(row);
		expect(restored).toEqual({ ...run, aliveAtMonoMs: null, beatAtMonoMs: null });
		// The next process began 3 s before, by the server's clock.
		expect(withMappedLife(restored, row, 7_000 - 1_008_000, 7_000).aliveAtMonoMs).toBe(4_000);
		expect(viewOfRow(row)).toEqual({
			runId: run.runId,
			attempt: 2,
			state: run.state,
			beat: run.lastBeat,
			labels: run.labels,
			kept: { endedAtMs: null, aliveAtServerMs: 1_005_000, occurredMs: [1_004_990] },
		});
	});

	it("has no proof of life where there is none, or the server's clock is unknown", () => {
		expect(runRowOf({ ...run, aliveAtMonoMs: null }, "w", clock, 0).aliveAtServerMs).toBeNull();
		expect(runRowOf(run, "w", new ServerClock(), 0).aliveAtServerMs).toBeNull();
	});

	it("written before the server's clock was known still has its last beat to go by", () => {
		const row = runRowOf(run, "w", new ServerClock(), 0);
		expect(withMappedLife(runFromRow(row), row, -server, 9_000).aliveAtMonoMs).toBe(5_000);
		const resumed = { ...row, lastBeat: null, aliveAtServerMs: server + 2_000 };
		const life = withMappedLife(runFromRow(resumed), resumed, -server, 9_000);
		expect(life).toMatchObject({ aliveAtMonoMs: 2_000, beatAtMonoMs: 2_000 });
		const beatless = { ...row, lastBeat: null };
		expect(withMappedLife(runFromRow(beatless), beatless, -server, 9_000).aliveAtMonoMs).toBeNull();
	});

	it("is never mapped into the future, nor before what was heard meanwhile", () => {
		const row = runRowOf(run, "w", clock, 0);
		const restored = runFromRow(row);
		expect(withMappedLife(restored, row, -server, 4_000).aliveAtMonoMs).toBe(4_000);
		expect(withMappedLife({ ...restored, aliveAtMonoMs: 5_500 }, row, -server, 9_000).aliveAtMonoMs).toBe(5_500);
		expect(withMappedLife({ ...restored, aliveAtMonoMs: 4_500 }, row, -server, 9_000).aliveAtMonoMs).toBe(5_000);
	});
});

describe("a workspace's row", () => {
	function instant(monoMs: number) {
		return { monoMs, wallMs: monoMs };
	}

	const groups = { groupRows: (offsetMs: number) => [{ ...trippedGroup, openedServerMs: -offsetMs }] };

	it("is none until the server's clock is known", () => {
		const observation = new Observation(instant(0));
		expect(workspaceRowOf({ observation, groups }, "w", 0)).toBeNull();
	});

	it("keeps coverage, health and blind spans on the server's clock", () => {
		const observation = new Observation(instant(0));
		observation.restAnswered(instant(0), server);
		expect(workspaceRowOf({ observation, groups }, "w", 0)).toMatchObject({
			coveredUntilServerMs: null,
			blindSpans: [],
		});
		observation.streamOpened();
		observation.caughtUp(instant(1_000));
		observation.tick(instant(2_000), 0);
		observation.tick(instant(12_000), 0);
		observation.streamClosed(instant(20_000));
		const row = workspaceRowOf({ observation, groups }, "w", 30_000);
		// Of the closed socket the row tells by the end of coverage alone: catch-up may still forgive it.
		expect(row).toEqual({
			workspace: "w",
			coveredUntilServerMs: server + 1_000,
			blindSpans: [{ fromServerMs: server + 2_000, untilServerMs: server + 12_000, cause: "own_pause" }],
			healthScore: 2,
			trippedGroups: [{ ...trippedGroup, openedServerMs: server }],
		});
		expect(mapObservation(row!, 500 - server, 60_000)).toEqual({
			coveredUntilMonoMs: 1_500,
			spans: [{ fromMonoMs: 2_500, untilMonoMs: 12_500, cause: "own_pause" }],
			healthScore: 2,
		});
		expect(mapObservation(row!, -server, 500)).toMatchObject({
			coveredUntilMonoMs: 500,
			spans: [{ untilMonoMs: 500 }],
		});
		expect(mapObservation({ ...row!, coveredUntilServerMs: null }, 0, 0).coveredUntilMonoMs).toBeNull();
	});
});

describe("the table of runs", () => {
	const ended = { ...run, state: { ...run.state!, type: "COMPLETED" }, endedAtMs: 900_000 } as const;
	const hour = 3_600_000;

	it("doubts a run that is restored without a state, or reopened without REST's word", () => {
		const table = new RunTable();
		expect(table.add(run, 0).doubtful).toBe(false);
		expect(table.add(newRun(uuid(1, 2)), 0).doubtful).toBe(true);
		const reopened = { ...run, runId: uuid(1, 3), state: { ...run.state!, fromRest: false }, endedAtMs: 899_999 };
		expect(table.add(reopened, 0).doubtful).toBe(true);
		expect(table.size).toBe(3);
		table.remove(reopened.runId);
		expect(table.size).toBe(2);
	});

	it("lets a run go an hour after its end, unless something about it is open", () => {
		const slot = new RunTable().add(ended, 0);
		expect(isEvictable(slot, hour)).toBe(false);
		expect(isEvictable(slot, hour + 1)).toBe(true);
		slot.asking = true;
		expect(isEvictable(slot, hour + 1)).toBe(false);
		slot.asking = false;
		slot.run = run;
		expect(isEvictable(slot, hour + 1)).toBe(false);
		slot.run = { ...ended, state: null };
		expect(isEvictable(slot, hour + 1)).toBe(true);
	});

	it("doubts a live run that neither REST's listing nor an event has shown since the listing began", () => {
		const cases = [
			{ touchedMs: 99, known: run, doubtful: true },
			{ touchedMs: 100, known: run, doubtful: false },
			{ touchedMs: 99, known: ended, doubtful: false },
			{ touchedMs: 99, known: { ...run, state: null }, doubtful: false },
		];
		for (const { touchedMs, known, doubtful } of cases) {
			const table = new RunTable();
			const slot = table.add(known, touchedMs);
			slot.doubtful = false;
			table.doubtUnlisted(100);
			expect(slot.doubtful).toBe(doubtful);
		}
	});
});
