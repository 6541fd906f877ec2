import { readFileSync, writeFileSync } from "node:fs";
import { fastify } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../../src/config/load.ts";
import { renderExample } from "../../../src/config/render-example.ts";
import { fields } from "../../../src/config/schema.ts";
import { groupTransitionOf } from "../../../src/core/episode.ts";
import { jsonLine } from "../../../src/notify/json-line.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";
import { groupOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";
import { documents } from "../../generated/documents.ts";

function fileText(path: string): string {
	return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** Checks a value against a JSON Schema with the validator that fastify brings; null: it is valid. */
async function faultOf(schema: unknown, value: unknown): Promise<string | null> {
	const customOptions = { removeAdditional: false, coerceTypes: false, useDefaults: false } as const;
	const app = fastify({ ajv: { customOptions } });
	app.post("/", { schema: { body: schema } }, async () => "valid");
	const { statusCode, body } = await app.inject({ method: "POST", url: "/", payload: { value: value as object } });
	await app.close();
	return statusCode === 200 ? null : body;
}

/** The value goes in as a property, since a body may not be null. */
async function faultIn(schema: object, value: unknown): Promise<string | null> {
	return faultOf({ type: "object", properties: { value: schema }, required: ["value"] }, value);
}

test.each(documents.map(({ path, render }) => [path, render] as const))(
	"%s is as `npm run docs` writes it",
	(path, render) => {
		expect(fileText(path)).toBe(render());
	},
);

describe("the example file", () => {
	let folder: TempFolder;
	beforeEach(async () => {
		folder = await TempFolder.make("example");
	});
	afterEach(async () => {
		await folder[Symbol.asyncDispose]();
	});

	function settingsOf(yaml: string) {
		writeFileSync(folder.file("zombied.yaml"), yaml);
		return loadConfig({ env: {}, folder: folder.path, file: "zombied.yaml", flags: new Map() }).settings;
	}

	test("changes nothing as it is", () => {
		expect(settingsOf(renderExample())).toEqual(settingsOf(""));
	});

	test("has every setting, and changes nothing with all of its defaults uncommented", () => {
		const settings = new Set(fields.map(({ path }) => path.split(".").at(-1)));
		const lines = renderExample().split("\n");
		const commented = lines.map((line) => /^( *)# (\w+): (.*)$/u.exec(line));
		expect(commented.filter((match) => settings.has(match?.[2])).length).toBe(fields.length);
		const uncommented = lines.map((line, index) => {
			const [, indent, name, value] = commented[index] ?? [];
			const isDefault = settings.has(name) && value !== '""' && name !== "customHeaders";
			return isDefault ? `${indent}${name}: ${value}` : line;
		});
		expect(settingsOf(uncommented.join("\n"))).toEqual(settingsOf(""));
	});
});

describe("the JSON Schema of the configuration", () => {
	const schema = JSON.parse(fileText("config/zombied.schema.json")) as Record<string, unknown>;
	delete schema.$schema;

	test.each<[string, string]>([
		["the example", renderExample()],
		[
			"a setting of each kind",
			"prefect:\n  customHeaders: { X-A: b }\n  tlsInsecureSkipVerify: true\ndetector:\n  k: 2\n  overrun: off\n",
		],
		[
			"rules",
			'rules:\n  - match: { deployment: "a/*" }\n    threshold: 9m\n    overrun: off\n    conditions: { deaf: off }\n  - match: {}\n',
		],
	])("takes %s", async (_what, yaml) => {
		expect(await faultIn(schema, parse(yaml))).toBeNull();
	});

	test.each<[string, string]>([
		["a key that does not exist", "detector:\n  q: 2\n"],
		["a section that does not exist", "detectr:\n  k: 2\n"],
		["a number out of bounds", "detector:\n  k: 7\n"],
		["a bare number for a duration", "detector:\n  slowestCadence: 60\n"],
		["a word for a boolean", "prefect:\n  tlsInsecureSkipVerify: maybe\n"],
		["null for a setting", "store:\n  url:\n"],
		["a rule without match", "rules:\n  - k: 2\n"],
		["a rule that matches null", "rules:\n  - match:\n"],
		["an unknown key of a rule", "rules:\n  - match: { deploymnt: a }\n"],
		["a condition that is on", "rules:\n  - match: {}\n    conditions: { deaf: on }\n"],
	])("refuses %s", async (_what, yaml) => {
		expect(await faultIn(schema, parse(yaml))).toContain("body/value");
	});
});

describe("the JSON Schema of alert lines", () => {
	const schema = JSON.parse(fileText("config/alert-line.schema.json")) as Record<string, unknown>;
	delete schema.$schema;
	const context = { namespace: "default", uiUrl: (runId: string) => `http://127.0.0.1:4200/runs/flow-run/${runId}` };
	const closed = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) } as const;
	const raised = JSON.parse(jsonLine(sampleTransition(), context)) as Record<string, unknown>;

	test("L3: lines validate, raised and resolved, also with hostile names and little known", async () => {
		const hostile = { name: "\u001b[2J\u2028\u202e\n".repeat(30_000), flowId: null, flowName: null, tags: ["\u0000"] };
		for (const transition of [
			sampleTransition(),
			sampleTransition({ closed }),
			sampleTransition({ closed }, hostile),
			sampleTransition({}, { name: null, deploymentId: "d", workPool: "p" }),
		]) {
			expect(await faultIn(schema, JSON.parse(jsonLine(transition, context)))).toBeNull();
		}
	});

	test("L3: lines of group incidents validate, raised and resolved, and one without its group does not", async () => {
		const incidents = [groupOf("group-1"), groupOf("group-1", { closed: { outcome: "recovered", atMs: 1 } })];
		for (const incident of incidents) {
			const line = JSON.parse(jsonLine(groupTransitionOf(incident, "default"), context)) as Record<string, unknown>;
			expect(await faultIn(schema, line)).toBeNull();
			expect(await faultIn(schema, { ...line, later: 1 })).toBeNull();
			expect(await faultIn(schema, { ...line, group: undefined })).toContain("body/value");
		}
	});

	test("L3: a field that is added later does not break a reader", async () => {
		expect(await faultIn(schema, { ...raised, later: 1 })).toBeNull();
	});

	test.each<[string, object]>([
		["an unknown event", { event: "alert.maybe" }],
		["another version", { schema: 2 }],
		["a time without milliseconds", { time: "2026-08-01T12:00:00Z" }],
		["a level as a number", { level: 50 }],
		["no evidence", { evidence: undefined }],
		["a resolved line without outcome", { event: "alert.resolved" }],
	])("L3: %s does not validate", async (_what, change) => {
		expect(await faultIn(schema, { ...raised, ...change })).toContain("body/value");
	});
});
