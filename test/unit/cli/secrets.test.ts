import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { heartbeat, stateEvent } from "../../_util/prefect-events.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
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
