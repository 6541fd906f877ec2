import { expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { cronSlots } from "../../../src/schedule/cron-slots.ts";
import { ToldReporter } from "../../_util/prefect-reporter.ts";

/** Slots that come from now on, and a way to wait for them. */
function heardSlots() {
	const told = new ToldReporter();
	const firedMs: number[] = [];
	const stop = cronSlots(() => told.reporter.scheduleMissed("sweep")).start(() => {
		firedMs.push(systemClock.now().wallMs);
		told.look();
	});
	const until = (count: number): Promise<void> => told.untilTrue(() => firedMs.length >= count, `${count} slots`);
	return { firedMs, stop, until };
}

test("slots come in different seconds of the wall clock, and no more of them once stopped", async () => {
	const stopped = heardSlots();
	await stopped.until(2);
	await stopped.stop();
	const [first, second] = stopped.firedMs.map((ms) => Math.floor(ms / 1000));
	expect(second).toBeGreaterThan(first!);
	// Another clock shows that slots go by.
	const other = heardSlots();
	await other.until(2);
	await other.stop();
	expect(stopped.firedMs).toHaveLength(2);
});
