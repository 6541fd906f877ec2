import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LiveSettings } from "../../../src/config/live-settings.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { compileRules } from "../../../src/core/rules.ts";
import { noLabels } from "../../../src/core/run.ts";
import { detectorSettings, detectorSettingsOf } from "../../../src/daemon/reload.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const minute = 60_000;
const hour = 60 * minute;

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("reload");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function settingsOf(yaml: string) {
	writeFileSync(folder.file("z.yaml"), yaml);
	return loadConfig({ env: {}, folder: folder.path, file: "z.yaml", flags: new Map() });
}

/** What holds for a run with this tag. */
function treatmentOf(yaml: string, tag: string) {
	return compileRules(detectorSettings(settingsOf(yaml).settings))({ ...noLabels, tags: [tag] });
}

test("by default the detector has the limits of the contract, and what has none is off", () => {
	expect(detectorSettings(settingsOf("").settings)).toMatchObject({
		k: 3,
		slowestCadenceMs: 10 * minute,
		stuckPendingMs: 30 * minute,
		stuckRetryMs: 5 * minute,
		stuckCancellingMs: 10 * minute,
		staleMs: 24 * hour,
		overrunMs: null,
		stuckScheduledMs: null,
	});
	expect(treatmentOf("", "a")).toEqual({
		rule: { place: 1, match: {} },
		k: 3,
		thresholdMs: null,
		overrunMs: null,
		off: new Set(["overrun", "stuck_scheduled"]),
	});
});

test("what is given a limit is on for every run", () => {
	const yaml = "detector: { overrun: 6h, stuckScheduled: 1h }\n";
	expect(detectorSettings(settingsOf(yaml).settings)).toMatchObject({ overrunMs: 6 * hour, stuckScheduledMs: hour });
	expect(treatmentOf(yaml, "a").off).toEqual(new Set());
});

test("a rule's own limit counts where all others have none, and its off where they have one", () => {
	const yaml = "rules: [{ match: { tag: a }, overrun: 2h }, { match: { tag: b }, overrun: off }]\n";
	expect(treatmentOf(yaml, "a")).toMatchObject({ overrunMs: 2 * hour, off: new Set(["stuck_scheduled"]) });
	expect(treatmentOf(yaml, "c").off).toContain("overrun");
	expect(treatmentOf(`detector: { overrun: 6h }\n${yaml}`, "a").overrunMs).toBe(2 * hour);
	expect(treatmentOf(`detector: { overrun: 6h }\n${yaml}`, "b").off).toContain("overrun");
	expect(treatmentOf(`detector: { overrun: 6h }\n${yaml}`, "c")).toMatchObject({
		overrunMs: 6 * hour,
		off: new Set(["stuck_scheduled"]),
	});
});

test("a rule's k, threshold and conditions reach the run, and what it does not say is as for all", () => {
	const yaml =
		"rules: [{ match: { tag: a }, k: 2, threshold: 9m, conditions: { deaf: off } }, { match: { tag: b } }]\n";
	expect(treatmentOf(yaml, "a")).toMatchObject({ k: 2, thresholdMs: 9 * minute });
	expect(treatmentOf(yaml, "a").off).toContain("deaf");
	expect(treatmentOf(yaml, "b")).toMatchObject({ k: 3, thresholdMs: null });
	expect(treatmentOf(yaml, "b").off).not.toContain("deaf");
});

test("O11: every setting of the detector follows a reload, in a new object; without one it stays the same object", () => {
	const live = new LiveSettings(settingsOf("").settings, () =>
		settingsOf(
			"detector: { k: 2, slowestCadence: 1m, stuckPending: 2s, stuckRetry: 3s, stuckCancelling: 4s, stale: 5s, overrun: 6s, stuckScheduled: 7s }\nrules: [{ match: {}, k: 4 }]\n",
		),
	);
	const detector = detectorSettingsOf(live);
	const before = detector.current;
	expect(detector.current).toBe(before);
	expect(live.reload()).toMatchObject({ needRestart: [] });
	expect(detector.current).not.toBe(before);
	expect(detector.current).toMatchObject({
		k: 2,
		slowestCadenceMs: minute,
		stuckPendingMs: 2_000,
		stuckRetryMs: 3_000,
		stuckCancellingMs: 4_000,
		staleMs: 5_000,
		overrunMs: 6_000,
		stuckScheduledMs: 7_000,
	});
	expect(compileRules(detector.current)(noLabels).k).toBe(4);
});

test("O11: a reload names the rules when they have changed, and what is as before not", () => {
	const yaml = "rules: [{ match: { tag: a }, overrun: 2h }]\n";
	const live = new LiveSettings(settingsOf("").settings, () => settingsOf(yaml));
	expect(live.reload().changed).toEqual(["rules"]);
	expect(live.reload().changed).toEqual([]);
});
