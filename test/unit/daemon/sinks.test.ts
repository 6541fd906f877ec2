import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { DaemonSession } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { ProxyStub } from "../../_util/prefect-proxy.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const secret = "canary-signing-7f21";
const slackPath = "/services/canary-slack-3b9e";
const pingPath = "/ping/canary-ping-1c4a";
const routingKey = "canary0000000000000000000000f00d";

test("a daemon tells its sinks of what it has told the log, each what it asked for, and shows no secret of theirs", async () => {
	await using folder = await TempFolder.make("sinks");
	await using stub = await PrefectStub.start();
	await using receiver = await HttpReceiver.start();
	await using proxy = await ProxyStub.start(receiver.port);
	receiver.answer = ({ path: to }) => (to === "/pager" ? { status: 400, body: `no ${routingKey}` } : { status: 200 });
	const base = `http://127.0.0.1:${receiver.port}`;
	writeFileSync(
		folder.file("zombied.yaml"),
		`detector: { stuckPending: 1s }
deadManSwitch: { url: "${base}${pingPath}", every: 10s }
sinks:
  - { type: webhook, url: "${base}/hook", secret: ${secret} }
  - { type: slack, url: "http://hooks.example${slackPath}" }
  - { type: pagerduty, routingKey: ${routingKey}, url: "${base}/pager" }
  - { type: alertmanager, urls: ["${base}/am"] }
  - { type: prefect }
  - { type: webhook, name: critical-only, url: "${base}/critical", severity: critical }
  - { type: webhook, name: others, url: "${base}/others", match: { tag: other } }
`,
	);
	const env = {
		PREFECT_API_URL: stub.url,
		ZOMBIED_STORE_URL: `sqlite:${folder.file("data/zombied.db")}`,
		HTTP_PROXY: proxy.url,
		NO_PROXY: "127.0.0.1",
	};
	const run = stub.addRun({ type: "PENDING", name: "Pending", atMs: stub.nowMs() - 60_000 });
	await using daemon = await DaemonSession.start({ folder: folder.path, env, args: ["--config", "zombied.yaml"] });
	const isTold = (): boolean => new Set(receiver.received.map((request) => request.path)).size === 5;
	await eventually(isTold, { what: "four sinks and the switch to be told", timeoutMs: 90_000 });
	const bodyAt = (to: string): string => receiver.received.find((request) => request.path === to)?.body ?? "";
	const line = JSON.parse(daemon.context.stdout.text.split("\n")[0] ?? "");
	expect(line).toMatchObject({ condition: "stuck_pending", flow_run: { id: run.id } });
	expect(JSON.parse(bodyAt("/hook"))).toMatchObject({ type: "io.zombied.alert.raised", data: line });
	expect(JSON.parse(bodyAt(slackPath)).text).toContain("stuck_pending");
	expect(proxy.forwarded).toEqual([`http://hooks.example${slackPath}`]);
	expect(JSON.parse(bodyAt("/pager"))).toMatchObject({ routing_key: routingKey, dedup_key: line.alert_id });
	expect(JSON.parse(bodyAt("/am/api/v2/alerts"))).toMatchObject([{ labels: { alert_id: line.alert_id } }]);
	await stub.until(() => stub.requestsTo("/events").length > 0, "an event is posted");
	expect(stub.requestsTo("/events")[0]?.body).toMatchObject([
		{ event: "zombied.flow-run.stuck_pending", payload: line },
	]);
	await daemon.untilLogged("delivery.failed");
	const metrics = await (await fetch(`${daemon.address}/metrics`)).text();
	expect(metrics).toMatch(/zombied_delivery_failures_total\{sink="pagerduty",reason="final",workspace="default"\} 1/u);
	expect(metrics).toMatch(/zombied_deliveries_total\{sink="slack",workspace="default"\} 1/u);
	expect(metrics).toMatch(/zombied_dead_man_pings_total\{workspace="default"\} [1-9]/u);
	expect(metrics).toMatch(/zombied_deliveries_total\{sink="critical-only",workspace="default"\} 0/u);
	expect(await daemon.stop()).toBe(0);
	const files = readdirSync(folder.file("data")).map((file) =>
		readFileSync(path.join(folder.file("data"), file), "latin1"),
	);
	for (const [what, text] of [
		["the log", daemon.context.stderr.text],
		["the alert log", daemon.context.stdout.text],
		["the metrics", metrics],
		["the database", files.join("")],
	] as const) {
		expect(text.length, what).toBeGreaterThan(0);
		for (const canary of [secret, slackPath, routingKey, pingPath])
			expect(text.includes(canary), `${canary} in ${what}`).toBe(false);
	}
}, 120_000);
