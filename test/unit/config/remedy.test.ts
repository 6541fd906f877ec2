import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { OperatorError } from "../../../src/lib/errors.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("remedy");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function load(yaml: string) {
	writeFileSync(folder.file("z.yaml"), yaml);
	return loadConfig({ env: {}, folder: folder.path, file: "z.yaml", flags: new Map() }).settings.remedy;
}

test("scopes and the deny-list are read as they stand, in their order; on and off are words, not booleans", () => {
	const remedy = load(`
remedy:
  mode: off
  grace: 10s
  scopes:
    - match: { deployment: "etl/*" }
      mode: on
      reschedule: 2
    - { match: { tag: safe }, mode: dry-run }
  deny:
    - tag: never
`);
	expect(remedy).toMatchObject({
		mode: "off",
		grace: { ms: 10_000 },
		scopes: [
			{ match: { deployment: "etl/*" }, mode: "on", reschedule: 2 },
			{ match: { tag: "safe" }, mode: "dry-run" },
		],
		deny: [{ tag: "never" }],
	});
});

test.each([
	["mode: dry", /z\.yaml:2:9: remedy\.mode needs one of off, dry-run, on, not "dry"/u],
	["grace: 9s", /remedy\.grace must be from 10s to 1d/u],
	["perMinute: 0", /remedy\.perMinute needs a whole number from 1 to 60/u],
	["reschedule: 11", /remedy\.reschedule needs a whole number from 0 to 10/u],
	["scopes: [{ match: { tag: a } }]", /remedy\.scopes\[0\]\.mode needs one of off, dry-run, on/u],
	["scopes: [{ match: { tags: a }, mode: on }]", /did you mean remedy\.scopes\[0\]\.match\.tag\?/u],
	["scopes: [{ match: {}, mode: on, reschedules: 1 }]", /did you mean remedy\.scopes\[0\]\.reschedule\?/u],
	["deny: [{ pool: a }]", /there is no setting remedy\.deny\[0\]\.pool/u],
	["deny: never", /remedy\.deny .*needs a list of matches/u],
])("%s is refused in words", (line, words) => {
	const refused = () => load(`remedy:\n  ${line}\n`);
	expect(refused).toThrow(OperatorError);
	expect(refused).toThrow(words);
});
