import { type Logger as CronLogger, schedule } from "node-cron";
import type { Slots } from "./schedule.ts";

// node-cron writes to the console by itself; what it has to say is told through `onMissed`.
const silentLogger: CronLogger = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

/**
 * The seconds of the wall clock, by node-cron.
 *
 * @param onMissed cron could not fire a slot, because the process was asleep
 */
export function cronSlots(onMissed: () => void): Slots {
	return {
		start: (fire) => {
			const task = schedule("* * * * * *", fire, { logger: silentLogger, suppressMissedWarning: true });
			task.on("execution:missed", onMissed);
			return async () => {
				await task.destroy();
			};
		},
	};
}
