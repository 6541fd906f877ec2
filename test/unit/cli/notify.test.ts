import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alertLineSchema } from "../../../src/notify/alert-line.ts";
import { runCommand } from "../../_util/cli-session.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const routingKey = "canary0000000000000000000000f00d";

let folder: TempFolder;
let stub: PrefectStub;
let receiver: HttpReceiver;
beforeEach(async () => {
	folder = await TempFolder.make("notify");
	stub = await PrefectStub.start();
	receiver = await HttpReceiver.start();
	const base = `http://127.0.0.1:${receiver.port}`;
	writeFileSync(
		folder.file("zombied.yaml"),
		`sinks:
  - { type: slack, url: "${base}/slack", severity: warning }
  - { type: pagerduty, routingKey: ${routingKey}, url: "${base}/pager", severity: critical, match: { tag: other } }
  - { type: alertmanager, urls: ["${base}/am"] }
  - { type: webhook, name: hook, url: "${base}/hook" }
  - { type: prefect }
  - { type: file, path: ${folder.file("alerts.jsonl")} }
`,
	);
});
afterEach(async () => {
	await receiver[Symbol.asyncDispose]();
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function notifyTest(...args: readonly string[]) {
	const env = { PREFECT_API_URL: stub.url };
	return runCommand(["notify", "test", "--config", "zombied.yaml", ...args].map(inFolder), {
		folder: folder.path,
		env,
	});
}

function inFolder(arg: string): string {
	return arg === "zombied.yaml" ? folder.file(arg) : arg;
}

function bodiesAt(path: string): string[] {
	return receiver.received.filter((request) => request.path === path).map(({ body }) => body);
}

describe("zombied notify test", () => {
	test("sends every sink a raise and its resolve that say that they are a test, and what it wants to be told of", async () => {
		const { code, stdout, stderr } = await notifyTest();
		expect(stderr).toBe("");
		expect(stdout).toBe("slack: sent\npagerduty: sent\nalertmanager: sent\nhook: sent\nprefect: sent\nfile: sent\n");
		expect(code).toBe(0);
		const lines = readFileSync(folder.file("alerts.jsonl"), "utf8").trimEnd().split("\n");
		const told = [
			bodiesAt("/slack"),
			bodiesAt("/pager"),
			bodiesAt("/am/api/v2/alerts"),
			bodiesAt("/hook"),
			stub.requestsTo("/events").map(({ body }) => JSON.stringify(body)),
			lines,
		];
		for (const bodies of told) {
			expect(bodies).toHaveLength(2);
			// A resolve of PagerDuty's says nothing but which incident is over.
			for (const body of bodies.filter((one) => !one.includes('"event_action":"resolve"')))
				expect(body).toContain("TEST");
		}
		for (const line of lines) expect(() => alertLineSchema.parse(JSON.parse(line))).not.toThrow();
		const [trigger, resolve] = bodiesAt("/pager").map((body) => JSON.parse(body));
		expect(trigger.payload).toMatchObject({ severity: "critical", summary: expect.stringContaining("only a test") });
		expect(resolve).toMatchObject({ event_action: "resolve", dedup_key: trigger.dedup_key });
	});

	test("is another alert each time: no receiver drops it as one it knows", async () => {
		for (let time = 0; time < 2; time += 1) await notifyTest("hook");
		const ids = bodiesAt("/hook").map((body) => JSON.parse(body).id);
		expect(new Set(ids).size).toBe(4);
		expect(receiver.received).toHaveLength(4);
	});

	test("ends with 10 when one does not take it, says why, and repeats no secret", async () => {
		receiver.answer = ({ path }) => (path === "/pager" ? { status: 400, body: `no ${routingKey}` } : { status: 200 });
		const { code, stdout } = await notifyTest();
		expect(code).toBe(10);
		expect(stdout).toContain("slack: sent\npagerduty: failed: PagerDuty answers 400: no [redacted]\n");
		// It is not asked to resolve what it has not taken.
		expect(bodiesAt("/pager")).toHaveLength(1);
		const json = await notifyTest("pagerduty", "--json");
		expect(json.code).toBe(10);
		expect(JSON.parse(json.stdout)).toEqual({
			sinks: [{ sink: "pagerduty", type: "pagerduty", failure: "PagerDuty answers 400: no [redacted]" }],
		});
	});

	test("of Prefect tells when it is away", async () => {
		stub.planAnswer({ path: /\/events$/u, status: 503 });
		const { code, stdout } = await notifyTest("prefect");
		expect([code, stdout]).toEqual([
			10,
			expect.stringMatching(/^prefect: failed: POST .*\/events: the server answers 503/u),
		]);
	});

	test("of a sink that is not there says which there are", async () => {
		const { code, stderr } = await notifyTest("slakc");
		expect(stderr).toBe(
			"zombied: there is no sink slakc; there are slack, pagerduty, alertmanager, hook, prefect, file\n",
		);
		expect(code).toBe(1);
		expect(receiver.received).toEqual([]);
	});

	test("without any sinks says so", async () => {
		writeFileSync(folder.file("zombied.yaml"), "namespace: x\n");
		const { code, stderr } = await notifyTest();
		expect(stderr).toContain("no sinks are configured");
		expect(code).toBe(1);
	});
});
