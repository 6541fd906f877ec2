import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { describeSettings, secretsOf } from "../../../src/config/describe.ts";
import { type LoadedConfig, loadConfig } from "../../../src/config/load.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const slackUrl = "https://hooks.slack.com/services/T0/B0/canary-slack";
const routingKey = "canarycanarycanarycanarycanary00";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("sinks");
	writeFileSync(folder.file("slack-url"), `${slackUrl}\n`);
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function load(yaml: string, env: Readonly<Record<string, string>> = {}): LoadedConfig {
	writeFileSync(folder.file("zombied.yaml"), yaml);
	return loadConfig({ env, folder: folder.path, file: "zombied.yaml", flags: new Map() });
}

function refusalOf(yaml: string, env: Readonly<Record<string, string>> = {}): string {
	try {
		load(yaml, env);
	} catch (error) {
		return (error as Error).message;
	}
	throw new Error("the settings were accepted");
}

describe("the list of sinks", () => {
	test("takes secrets as they are, from a file and from a variable", () => {
		const yaml = `sinks:
  - { type: slack, urlFile: ${folder.file("slack-url")} }
  - { type: pagerduty, routingKeyEnv: PD_KEY, severity: critical, match: { tag: prod } }
  - { type: webhook, name: chat, url: "http://127.0.0.1:9/x", secret: "canary-secret", headers: { Authorization: "Bearer canary-header" } }
  - { type: alertmanager, urls: ["http://127.0.0.1:9093"] }
`;
		const loaded = load(yaml, { PD_KEY: routingKey });
		expect(loaded.settings.sinks).toMatchObject([
			{ name: "slack", url: { secret: slackUrl } },
			{ name: "pagerduty", routingKey: { secret: routingKey }, url: "https://events.pagerduty.com/v2/enqueue" },
			{ name: "chat", secret: { secret: "canary-secret" }, denyPrivate: false },
			{ name: "alertmanager", urls: ["http://127.0.0.1:9093"] },
		]);
		const secrets = secretsOf(loaded.settings);
		for (const secret of [slackUrl, routingKey, "canary-secret", "Bearer canary-header"])
			expect(secrets).toContain(secret);
		const shown = JSON.stringify(describeSettings(loaded));
		expect(shown).toContain("pagerduty");
		expect(shown).not.toContain("canary");
	});

	test.each<[string, string, RegExp]>([
		[
			"an unknown type",
			"sinks: [{ type: slakc }]",
			/zombied\.yaml:1:\d+: sinks\[0\]\S* needs a type, one of slack, pagerduty, alertmanager, file, prefect, webhook/u,
		],
		[
			"an unknown key",
			"sinks:\n  - type: slack\n    urlFiel: x",
			/zombied\.yaml:3:5: there is no setting sinks\[0\]\.urlFiel; did you mean sinks\[0\]\.urlFile\?/u,
		],
		["a secret that is missing", "sinks: [{ type: slack }]", /sinks\[0\]\.url needs/u],
		[
			"a variable that is not set",
			"sinks: [{ type: slack, urlEnv: NOT_SET }]",
			/urlEnv names a variable that is not set/u,
		],
		[
			"a file that is not there",
			"sinks: [{ type: slack, urlFile: /nowhere/x }]",
			/urlFile names a file that cannot be read/u,
		],
		[
			"a secret given twice",
			'sinks: [{ type: slack, url: "http://a", urlEnv: B }]',
			/urlEnv is given beside url; keep one of them/u,
		],
		[
			"two of one name",
			'sinks: [{ type: alertmanager, urls: ["http://a"] }, { type: alertmanager, urls: ["http://b"] }]',
			/sinks\[1\] is called alertmanager as another sink is/u,
		],
		[
			"the name of the alert log",
			'sinks: [{ type: alertmanager, name: log, urls: ["http://a"] }]',
			/is called log as another sink is/u,
		],
		[
			"a severity that is none",
			'sinks: [{ type: alertmanager, urls: ["http://a"], severity: high }]',
			/severity needs the least severity, one of critical, warning, info/u,
		],
		[
			"two that write one file",
			"sinks:\n  - { type: file, path: a.jsonl }\n  - { type: file, name: b, path: ./a.jsonl }",
			/zombied\.yaml:3:\d+: sinks\[1\]\.path is that of another sink; give it a file of its own/u,
		],
		["no addresses", "sinks: [{ type: alertmanager, urls: [] }]", /urls needs a list of addresses/u],
	])("refuses %s, in one line that says where and how to mend it", (_what, yaml, words) => {
		const refusal = refusalOf(yaml);
		expect(refusal).toMatch(words);
		// Of a key that is misspelt the right one is missing as well.
		expect(refusal.split("\n")).toHaveLength(yaml.includes("urlFiel") ? 2 : 1);
	});

	test.each<[string, string, RegExp]>([
		["{{flow_run.nam}}", "flow_run.nam", /did you mean \{\{flow_run\.name\}\}\?/u],
		["{{ Message }}", "Message", /did you mean \{\{message\}\}\?/u],
		["{{flow-run.name}}", "flow-run.name", /did you mean \{\{flow_run\.name\}\}\?/u],
		["{{tags.0}}", "tags.0", /docs\/alerting\.md tells which there are/u],
		["{{nothing.like.it}}", "nothing.like.it", /docs\/alerting\.md tells which there are/u],
		["{{}}", "", /docs\/alerting\.md tells/u],
	])("refuses a body with %s, with its line and what was meant", (placeholder, name, mend) => {
		const yaml = `sinks:\n  - type: webhook\n    url: http://a\n    body: '{"canary": "{{message}} ${placeholder} ${placeholder}"}'\n`;
		const refusal = refusalOf(yaml);
		expect(refusal).toContain(`zombied.yaml:4:5: sinks[0].body holds {{${name}}}, which is no field of an alert; `);
		expect(refusal).toMatch(mend);
		expect(refusal.split("\n")).toHaveLength(1);
		expect(refusal).not.toContain("canary");
	});

	test("takes a body with fields of runs, of groups and of resolves, however they are spaced", () => {
		const body = "{{message}}{{ flow_run.name }}{{group_id}}{{outcome}}{{impact.slots}}{{evidence}} {not one} }}";
		const yaml = `sinks: [{ type: webhook, url: "http://a", body: "${body}" }]`;
		expect(load(yaml).settings.sinks[0]).toMatchObject({ body });
	});

	test.each([
		["an address", 'sinks: [{ type: slack, url: "canary-no-address" }]'],
		["a key", "sinks: [{ type: pagerduty, routingKey: canary-too-short }]"],
		["a header", 'sinks: [{ type: webhook, url: "http://a", headers: { Host: canary-host } }]'],
	])("does not repeat %s that is no good", (_what, yaml) => {
		expect(refusalOf(yaml)).not.toContain("canary");
	});
});

describe("windows of maintenance", () => {
	const window = (changes: string): string =>
		`maintenance:\n  - { name: backup, match: {}, cron: "0 2 * * 6", lasts: 2h${changes} }\n`;

	test("are taken as they are written, with a time zone or without", () => {
		const { maintenance } = load(`${window(", timezone: Europe/Berlin")}${window("").split("\n")[1]}\n`).settings;
		const backup = { name: "backup", match: {}, cron: "0 2 * * 6", lasts: { ms: 7_200_000 } };
		expect(maintenance).toEqual([{ ...backup, timezone: "Europe/Berlin" }, backup]);
	});

	test.each([
		[
			"a minute that there is not",
			window("").replace("0 2", "61 2"),
			/:2:\d+: maintenance\[0\]\.cron needs five fields/u,
		],
		["seconds", window("").replace("0 2", "0 0 2"), /maintenance\[0\]\.cron needs five fields/u],
		["a time zone that there is not", window(", timezone: Europe/Berln"), /maintenance\[0\]\.timezone needs the name/u],
		["more than a week", window("").replace("2h", "8d"), /maintenance\[0\]\.lasts must be from 1m to 7d/u],
		["a key that is misspelt", window(", timezon: UTC"), /did you mean maintenance\[0\]\.timezone\?/u],
	])("refuse %s, in one line that says where and how to mend it", (_what, yaml, words) => {
		const refusal = refusalOf(yaml);
		expect(refusal).toMatch(words);
		expect(refusal.split("\n")).toHaveLength(1);
	});
});

describe("docs/alerting.md", () => {
	const page = readFileSync(new URL("../../../docs/alerting.md", import.meta.url), "utf8");
	const blocks = [...page.matchAll(/```yaml\n(.*?)```/gsu)].map(([, yaml]) => yaml ?? "");

	test("has a configuration of every type", () => {
		const types = blocks.flatMap((yaml) =>
			((parse(yaml) as { sinks?: { type: string }[] }).sinks ?? []).map(({ type }) => type),
		);
		expect(new Set(types)).toEqual(new Set(["slack", "pagerduty", "alertmanager", "file", "prefect", "webhook"]));
	});

	test.each(blocks)("has configurations that are accepted: %s", (yaml) => {
		const env = { SLACK_WEBHOOK_URL: slackUrl, PAGERDUTY_ROUTING_KEY: routingKey, WEBHOOK_SECRET: "s" };
		const { sinks, maintenance } = load(yaml, env).settings;
		const written = parse(yaml) as { sinks?: object[]; maintenance?: object[] };
		expect([sinks.length, maintenance.length]).toEqual([written.sinks?.length ?? 0, written.maintenance?.length ?? 0]);
	});
});
