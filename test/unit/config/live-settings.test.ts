import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LiveSettings } from "../../../src/config/live-settings.ts";
import { type LoadedConfig, loadConfig } from "../../../src/config/load.ts";
import { fields } from "../../../src/config/schema.ts";
import { detectorSettingsOf } from "../../../src/daemon/reload.ts";
import { OperatorError } from "../../../src/lib/errors.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
let live: LiveSettings;
beforeEach(async () => {
	folder = await TempFolder.make("live");
	write("detector:\n  k: 3\n");
	live = new LiveSettings(load().settings, load);
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function write(yaml: string): void {
	writeFileSync(folder.file("z.yaml"), yaml);
}

function load(): LoadedConfig {
	return loadConfig({ env: {}, folder: folder.path, file: "z.yaml", flags: new Map() });
}

test("O11: what can change while running does, and what cannot is named and left", () => {
	write("detector:\n  k: 2\nlog:\n  level: debug\nhttp:\n  listen: 127.0.0.1:1\nnamespace: other\n");
	expect(live.reload()).toEqual({
		changed: ["detector.k", "log.level"],
		needRestart: ["http.listen", "namespace"],
		warnings: [],
	});
	expect(live.current.detector.k).toBe(2);
	expect(live.current.log.level).toBe("debug");
	expect(live.current.http.listen.port).toBe(4290);
	expect(live.current.namespace).toBe("default");
});

test("O11: what waits for a restart is named again each time, what has changed is not", () => {
	write("detector:\n  k: 2\nnamespace: other\n");
	live.reload();
	expect(live.reload()).toMatchObject({ changed: [], needRestart: ["namespace"] });
});

test("O11: a file that is not sound keeps the settings in use", () => {
	write("detector:\n  k: 99\nlog:\n  level: debug\n");
	const before = live.current;
	expect(() => live.reload()).toThrow(OperatorError);
	expect(live.current).toBe(before);
	write("detector:\n  k: 4\n");
	expect(live.reload().changed).toEqual(["detector.k"]);
});

test("a line that goes gives the default back", () => {
	write("");
	write("detector:\n  k: 5\n");
	live.reload();
	write("");
	expect(live.reload().changed).toEqual(["detector.k"]);
	expect(live.current.detector.k).toBe(3);
});

test("the core's settings follow, without being handed over again", () => {
	const detector = detectorSettingsOf(live);
	expect(detector.current).toMatchObject({
		k: 3,
		slowestCadenceMs: 600_000,
		confirmRunsMax: 50,
		unconfirmedRunsMax: 100_000,
	});
	write("detector:\n  k: 2\n  slowestCadence: 5m\nlimits:\n  confirmRuns: 7\n  unconfirmedRuns: 500\n");
	live.reload();
	expect(detector.current).toMatchObject({
		k: 2,
		slowestCadenceMs: 300_000,
		confirmRunsMax: 7,
		unconfirmedRunsMax: 500,
	});
});

test("nothing of the connection, the database or the ids changes while running", () => {
	const changing = fields.filter((field) => field.live === true).map(({ path }) => path.split(".")[0]);
	expect(changing.length).toBeGreaterThan(5);
	for (const section of ["prefect", "store", "http", "namespace"]) expect(changing).not.toContain(section);
});
