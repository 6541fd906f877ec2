import { type Logger as CronLogger, createTask, type ScheduledTask } from "node-cron";
import type { Match } from "../core/rules.ts";
import type { MaintenanceWindow } from "../core/silence.ts";

const silentLogger: CronLogger = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
/** How far apart the moments are at which a window can begin. */
const minuteMs = 60_000;

/** Planned work that comes again and again. */
export interface PlannedWindow {
	readonly name: string;
	readonly match: Match;
	/** When it begins: minute, hour, day of the month, month, day of the week. */
	readonly cron: string;
	/** IANA's name of it; null: the machine's. */
	readonly timezone: string | null;
	readonly lastsMs: number;
}

/** Tells which windows of maintenance last at a moment. Begins of windows are whole minutes. */
export class MaintenanceWindows {
	readonly #windows: readonly Window[];

	constructor(planned: readonly PlannedWindow[]) {
		this.#windows = planned.map((window) => new Window(window));
	}

	/** @param nowMs our wall clock */
	lasting(nowMs: number): readonly MaintenanceWindow[] {
		return this.#windows.flatMap((window) => window.lasting(nowMs));
	}
}

class Window {
	readonly #planned: PlannedWindow;
	/** Never started: it is asked whether a minute matches. */
	readonly #cron: ScheduledTask;
	/** Minutes up to this one have been looked at. */
	#lookedMinute = Number.NEGATIVE_INFINITY;
	#beganMs = Number.NEGATIVE_INFINITY;

	constructor(planned: PlannedWindow) {
		this.#planned = planned;
		const { cron, timezone } = planned;
		this.#cron = createTask(cron, () => undefined, {
			logger: silentLogger,
			...(timezone === null ? {} : { timezone }),
		});
	}

	lasting(nowMs: number): readonly MaintenanceWindow[] {
		const { name, match, lastsMs } = this.#planned;
		const minute = Math.floor(nowMs / minuteMs);
		// A clock that was set back: what was found lies in the future.
		if (minute < this.#lookedMinute) this.#lookedMinute = Number.NEGATIVE_INFINITY;
		const first = Math.max(this.#lookedMinute + 1, Math.floor((nowMs - lastsMs) / minuteMs));
		for (let at = first; at <= minute; at += 1) {
			if (this.#cron.match(new Date(at * minuteMs))) this.#beganMs = at * minuteMs;
		}
		this.#lookedMinute = minute;
		const untilMs = this.#beganMs + lastsMs;
		return this.#beganMs <= nowMs && nowMs < untilMs ? [{ name, match, untilMs }] : [];
	}
}
