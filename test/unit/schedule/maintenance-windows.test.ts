import { expect, test } from "vitest";
import { MaintenanceWindows, type PlannedWindow } from "../../../src/schedule/maintenance-windows.ts";

const backup: PlannedWindow = {
	name: "backup",
	match: { workPool: "k8s" },
	cron: "0 2 * * 6",
	timezone: "Europe/Berlin",
	lastsMs: 2 * 3_600_000,
};

function lasting(windows: MaintenanceWindows, at: string): string | null {
	const [window] = windows.lasting(Date.parse(at));
	return window === undefined ? null : new Date(window.untilMs).toISOString();
}

test.each([
	["before it begins", "2026-12-05T00:59:59.999Z", null],
	["when it begins, by the time of its place", "2026-12-05T01:00:00.000Z", "2026-12-05T03:00:00.000Z"],
	["until it ends", "2026-12-05T02:59:59.999Z", "2026-12-05T03:00:00.000Z"],
	["when it ends", "2026-12-05T03:00:00.000Z", null],
	["in summer, an hour earlier by UTC", "2026-07-04T00:30:00.000Z", "2026-07-04T02:00:00.000Z"],
	["on another day", "2026-12-06T01:30:00.000Z", null],
])("a window asked for the first time: %s", (_when, at, until) => {
	expect(lasting(new MaintenanceWindows([backup]), at)).toBe(until);
});

test("a window is found again each time that it comes, also after a clock was set back into it", () => {
	const windows = new MaintenanceWindows([{ ...backup, cron: "*/30 * * * *", lastsMs: 600_000 }]);
	const found = ["10:00", "10:09", "10:10", "10:30", "10:45", "10:35", "10:05"].map((time) =>
		lasting(windows, `2026-12-05T${time}:00.000Z`)?.slice(11, 16),
	);
	expect(found).toEqual(["10:10", "10:10", undefined, "10:40", undefined, "10:40", "10:10"]);
});

test("a window that begins anew before it has ended lasts from then, and each is told for itself", () => {
	const hourly = { ...backup, name: "hourly", cron: "0 * * * *", lastsMs: 90 * 60_000 };
	const windows = new MaintenanceWindows([backup, hourly]);
	const atMs = Date.parse("2026-12-05T02:10:00.000Z");
	expect(windows.lasting(atMs)).toEqual([
		{ name: "backup", match: { workPool: "k8s" }, untilMs: Date.parse("2026-12-05T03:00:00.000Z") },
		{ name: "hourly", match: { workPool: "k8s" }, untilMs: Date.parse("2026-12-05T03:30:00.000Z") },
	]);
});
