import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { batchOf, deliveryOf, episodeOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const keyCanary = "canary-key-51c0";
const authCanary = "user:canary-auth-77b2";
const headerCanary = "canary-header-e9d4";
/** As they are, and as they travel. */
const canaries = [keyCanary, authCanary, "canary-auth-77b2", headerCanary].flatMap((secret) => [
	secret,
	Buffer.from(secret).toString("base64"),
	encodeURIComponent(secret),
]);

let folder: TempFolder;
let stub: PrefectStub;
let env: Record<string, string>;
beforeEach(async () => {
	folder = await TempFolder.make("secrets");
	stub = await PrefectStub.start({ authString: authCanary });
	writeFileSync(folder.file("auth"), `${authCanary}\n`);
	env = {
		PREFECT_API_URL: stub.url,
		PREFECT_API_KEY: keyCanary,
		ZOMBIED_PREFECT_API_AUTH_STRING_FILE: folder.file("auth"),
		PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify({ "X-Canary": headerCanary }),
		ZOMBIED_LOG_LEVEL: "debug",
		ZOMBIED_STORE_URL: `sqlite:${folder.file("data/zombied.db")}`,
	};
});
afterEach(async () => {
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function expectNoCanary(what: string, text: string): void {
	expect(text.length, `${what} is empty`).toBeGreaterThan(0);
	for (const canary of canaries) expect(text.includes(canary), `${canary} in ${what}`).toBe(false);
}

test("L5: the secrets are used, and are in no log, page, database or answer of a running daemon", async () => {
	await using daemon = await DaemonSession.start({ folder: folder.path, env });
	await stub.until(() => stub.subscribers > 0, "the daemon has subscribed");
	expect(stub.requests.some(({ headers }) => headers["x-canary"] === headerCanary)).toBe(true);
	// What Prefect echoes comes back in all that is shown of it.
	const run = stub.addRun({ type: "RUNNING" });
	stub.emit(heartbeat({ runId: run.id, occurredMs: stub.nowMs(), tags: [authCanary] }));
	stub.sendText(`not JSON ${authCanary} ${headerCanary}`);
	stub.sendText(JSON.stringify({ type: "event", event: { name: keyCanary } }));
	stub.planAnswer({ path: /flow_runs/u, status: 500, body: { detail: `${authCanary} ${headerCanary}` }, times: 5 });
	stub.emit(stateEvent({ runId: run.id, type: "COMPLETED", name: "Done", atMs: stub.nowMs() }));
	await daemon.untilLogged("frame.rejected");
	writeFileSync(folder.file("z.yaml"), `prefect:\n  apiKey: [${keyCanary}]\n`);
	daemon.hangUp();
	await daemon.untilLogged("config.reloaded");
	const reload = { method: "POST", headers: { "x-zombied-reload": "1" } };
	for (const page of ["/metrics", "/-/status", "/-/ready", "/-/healthy", "/"]) {
		expectNoCanary(page, await (await fetch(`${daemon.address}${page}`)).text());
	}
	expectNoCanary("/-/reload", await (await fetch(`${daemon.address}/-/reload`, reload)).text());
	expect(await daemon.stop()).toBe(0);
	expectNoCanary("the log", daemon.context.stderr.text);
	expect(daemon.context.stdout.text).toBe("");
	const files = readdirSync(folder.file("data"));
	expect(files).toContain("zombied.db");
	// A tag of the run's own is Prefect's data, not our setting: what is looked for here is the key and the header.
	const bytes = files.map((file) => readFileSync(path.join(folder.file("data"), file), "latin1")).join("");
	expect([keyCanary, headerCanary].filter((canary) => bytes.includes(canary))).toEqual([]);
}, 30_000);

test("L5: no command prints a secret, neither when it works nor when it fails", async () => {
	const broken = { ...env, PREFECT_CLIENT_CUSTOM_HEADERS: `{"Host":"${headerCanary}"}` };
	const wrong = { ...env, PREFECT_API_KEY: `${keyCanary}\u0000` };
	const refused = { ...env, ZOMBIED_PREFECT_API_AUTH_STRING_FILE: folder.file("wrong") };
	writeFileSync(folder.file("wrong"), `${authCanary}-wrong`);
	for (const [args, given] of [
		[["config", "print"], env],
		[["config", "print", "--json"], env],
		[["config", "check"], env],
		[["scan"], env],
		[["scan", "--log.level", "debug"], refused],
		[["config", "check"], broken],
		[["run"], broken],
		[["config", "print"], wrong],
		[["status", "--http.listen", "127.0.0.1:1"], env],
		[["run", "--help"], env],
	] as const) {
		const { stdout, stderr } = await runCommand(args, { folder: folder.path, env: given });
		expectNoCanary(args.join(" "), stdout + stderr);
	}
}, 30_000);

const slackPath = "/services/T000/B000/canary-slack-0a1b";
const hookPath = "/hooks/canary-hook-2c3d?token=canary-token-4e5f";
const pingPath = "/ping/canary-ping-6a7b8c9d";
const routingKey = "canary00000000000000000000000d0e";
const signing = "canary-signing-f0a1";
const hookHeader = "Bearer canary-webhook-header-b2c3";
const alertmanagerHeader = "Bearer canary-alertmanager-d4e5";
const sinkCanaries = [
	authCanary,
	headerCanary,
	slackPath,
	hookPath,
	pingPath,
	routingKey,
	signing,
	hookHeader,
	alertmanagerHeader,
];

/** Of each type of sink a secret in each of the ways to give it; returns what stands in the environment. */
function writeSinkSecrets(base: string): Record<string, string> {
	writeFileSync(folder.file("slack-url"), `${base}${slackPath}\n`);
	writeFileSync(folder.file("ping-url"), `${base}${pingPath}\n`);
	writeFileSync(
		folder.file("sinks.yaml"),
		`deadManSwitch: { every: 10s }
sinks:
  - { type: slack, urlFile: "${folder.file("slack-url")}" }
  - { type: pagerduty, routingKeyEnv: PAGER_KEY, url: "${base}/pager" }
  - { type: alertmanager, urls: ["${base}/am"], headers: { Authorization: "${alertmanagerHeader}" } }
  - { type: webhook, url: "${base}${hookPath}", secret: ${signing}, headers: { Authorization: "${hookHeader}" } }
  - { type: prefect }
  - { type: file, path: "${folder.file("alerts.jsonl")}" }
`,
	);
	return {
		...env,
		PAGER_KEY: routingKey,
		ZOMBIED_DEAD_MAN_SWITCH_URL_FILE: folder.file("ping-url"),
		ZOMBIED_CONFIG: folder.file("sinks.yaml"),
	};
}

function expectNoSinkCanary(what: string, text: string): void {
	expect(text.length, `${what} is empty`).toBeGreaterThan(0);
	const forms = sinkCanaries.flatMap((secret) => [
		secret,
		Buffer.from(secret).toString("base64"),
		encodeURIComponent(secret),
	]);
	for (const canary of forms) expect(text.includes(canary), `${canary} in ${what}`).toBe(false);
}

/** A receiver that refuses everything, a webhook not for good, and repeats what it was sent. */
async function startEcho(): Promise<HttpReceiver> {
	const receiver = await HttpReceiver.start();
	receiver.answer = ({ path: to, headers, body }) => ({
		status: to === hookPath ? 500 : 400,
		body: to === "/pager" ? body.slice(0, 80) : `no ${to} ${String(headers.authorization)}`,
	});
	return receiver;
}

test("L5: the secrets of sinks are in nothing that a daemon says or keeps, when receivers repeat them", async () => {
	await using receiver = await startEcho();
	const given = writeSinkSecrets(`http://127.0.0.1:${receiver.port}`);
	const owed = episodeOf(1, "alert-1", { workspace: "default", raisedAtMs: Date.now() });
	{
		const onMalformedRow = (): void => undefined;
		const options = { clock: systemClock, appVersion: "0", onMalformedRow, onDamaged: null, knownDamage: null };
		await using store = await openStore(given.ZOMBIED_STORE_URL ?? "", options);
		const sinks = ["slack", "pagerduty", "alertmanager", "webhook", "prefect", "file"];
		await store.commit(batchOf({ episodes: [owed], outbox: sinks.map((sink) => deliveryOf(owed, { sink })) }));
	}
	// Prefect repeats what it was told as well.
	stub.planAnswer({ path: /\/events$/u, status: 400, body: { detail: `no ${authCanary} ${headerCanary}` } });
	await using daemon = await DaemonSession.start({ folder: folder.path, env: given });
	const asked = (): number => new Set(receiver.received.map(({ path: to }) => to)).size;
	await eventually(() => asked() === 5, { what: "four sinks and the switch to be asked", timeoutMs: 20_000 });
	for (const [sent, what] of [
		[receiver.received.map(({ path: to }) => to).join(" "), "addresses"],
		[receiver.received.map(({ headers, body }) => JSON.stringify(headers) + body).join(" "), "keys and headers"],
	] as const) {
		const used = what === "addresses" ? [slackPath, hookPath, pingPath] : [routingKey, hookHeader, alertmanagerHeader];
		for (const canary of used) expect(sent.includes(canary), `${canary} in ${what}`).toBe(true);
	}
	await daemon.untilLogged("dead_man.failed");
	for (const sink of ["slack", "pagerduty", "alertmanager", "webhook", "prefect"]) {
		const isTold = () => daemon.context.stderr.lines.some((line) => line.includes(`"sink":"${sink}"`));
		await eventually(isTold, { what: `a failure of ${sink}`, timeoutMs: 10_000 });
	}
	for (const page of ["/metrics", "/-/status", "/", "/api/v1/status", "/api/v1/episodes"]) {
		expectNoSinkCanary(page, await (await fetch(`${daemon.address}${page}`)).text());
	}
	for (const args of [["outbox", "list"], ["status"]]) {
		const { stdout, stderr } = await runCommand([...args, "--http.listen", daemon.listen], {
			folder: folder.path,
			env: given,
		});
		expectNoSinkCanary(args.join(" "), stdout + stderr);
	}
	expect(await daemon.stop()).toBe(0);
	expectNoSinkCanary("the log", daemon.context.stderr.text);
	const kept = readdirSync(folder.file("data")).map((file) =>
		readFileSync(path.join(folder.file("data"), file), "latin1"),
	);
	expectNoSinkCanary("the database", kept.join(""));
	expectNoSinkCanary("the file", readFileSync(folder.file("alerts.jsonl"), "utf8"));
}, 60_000);

test("L5: no command prints a secret of a sink, neither when it works nor when it fails", async () => {
	await using receiver = await startEcho();
	const given = writeSinkSecrets(`http://127.0.0.1:${receiver.port}`);
	const badKey = { ...given, PAGER_KEY: `${routingKey}-and-more` };
	const badPing = { ...given, ZOMBIED_DEAD_MAN_SWITCH_URL_FILE: "", ZOMBIED_DEAD_MAN_SWITCH_URL: `ftp:${pingPath}` };
	for (const [args, env] of [
		[["notify", "test"], given],
		[["notify", "test", "--json"], given],
		[["config", "print"], given],
		[["config", "print", "--json"], given],
		[["config", "check"], given],
		[["config", "check"], badKey],
		[["config", "check"], badPing],
		[["notify", "test"], badKey],
		[["run", "--help"], given],
		[["notify", "test", "--help"], given],
	] as const) {
		const { stdout, stderr } = await runCommand(args, { folder: folder.path, env });
		expectNoSinkCanary(args.join(" "), stdout + stderr);
	}
	expect(receiver.received.length).toBeGreaterThan(7);
}, 30_000);
