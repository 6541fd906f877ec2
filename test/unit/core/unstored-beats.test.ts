import { describe, expect, it } from "vitest";
import { UnstoredBeats } from "../../../src/core/unstored-beats.ts";

const minute = 60_000;

function marked(slots: readonly number[]): UnstoredBeats {
	const beats = new UnstoredBeats();
	for (const slot of slots) beats.mark(slot);
	return beats;
}

describe("a pass over the rows with unstored beats", () => {
	it("comes to each row once a minute, in the order of the table, whatever the order of their beats", () => {
		const beats = marked([999, 3, 500, 4, 250]);
		expect([...beats.takeDue(0, 100)]).toEqual([]);
		expect([...beats.takeDue(minute / 100, 100)]).toEqual([3, 4]);
		expect([...beats.takeDue(minute / 2, 100)]).toEqual([250]);
		// Beaten again, behind the pass: its turn comes with the next one.
		beats.mark(3);
		expect([...beats.takeDue(minute - 1, 100)]).toEqual([500]);
		expect([...beats.takeDue(minute, 100)]).toEqual([999]);
		expect([...beats.takeDue(minute + minute / 1000, 100)]).toEqual([]);
		expect([...beats.takeDue(minute + minute / 100, 100)]).toEqual([3]);
		expect([...beats.takeDue(2 * minute, 100)]).toEqual([]);
	});

	it("gives what is due in parts of the size asked for, and begins anew only after the last of them", () => {
		const beats = marked([0, 1, 2, 3, 4]);
		beats.takeDue(0, 2);
		expect([...beats.takeDue(minute, 2)]).toEqual([0, 1]);
		beats.mark(0);
		expect([...beats.takeDue(minute, 2)]).toEqual([2, 3]);
		expect([...beats.takeDue(minute, 2)]).toEqual([4]);
		expect([...beats.takeDue(minute + 1, 2)]).toEqual([]);
		expect([...beats.takeDue(2 * minute, 2)]).toEqual([0]);
	});

	it("passes over a row that is another run's now, or was written whole", () => {
		const beats = marked([1, 2]);
		beats.forget(1);
		beats.forget(1_000);
		expect([...beats.takeAny(0, 10)]).toEqual([2]);
	});

	it("at the end gives all that is marked, wherever it was, and then nothing", () => {
		const beats = marked([10, 20, 30]);
		beats.takeDue(0, 10);
		expect([...beats.takeDue(minute / 2, 10)]).toEqual([10]);
		beats.mark(5);
		expect([...beats.takeAny(minute / 2, 1)]).toEqual([20]);
		expect([...beats.takeAny(minute / 2, 10)]).toEqual([30]);
		expect([...beats.takeAny(minute / 2, 10)]).toEqual([5]);
		expect([...beats.takeAny(minute / 2, 10)]).toEqual([]);
	});
});
