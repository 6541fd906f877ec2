import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/open-store.ts";
import type { OutboxRow, Store } from "../../../src/store/store.ts";
import { DaemonSession, runCommand } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { batchOf, deliveryOf, episodeOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const workspace = "default";
const nobody = "127.0.0.1:1";

let folder: TempFolder;
let stub: PrefectStub;
let receiver: HttpReceiver;
let env: Record<string, string>;
/** Where the daemon listens, once there is one. */
let listen: string;

beforeEach(async () => {
	folder = await TempFolder.make("alerts");
	stub = await PrefectStub.start();
	receiver = await HttpReceiver.start();
	listen = nobody;
	env = { PREFECT_API_URL: stub.url, ZOMBIED_CONFIG: folder.file("zombied.yaml"), ZOMBIED_STORE_URL: storeUrl() };
	writeFileSync(folder.file("zombied.yaml"), `sinks: [{ type: webhook, name: hook, url: "${receiver.url}" }]\n`);
});
afterEach(async () => {
	await receiver[Symbol.asyncDispose]();
	await stub[Symbol.asyncDispose]();
	await folder[Symbol.asyncDispose]();
});

function storeUrl(): string {
	return `sqlite:${folder.file("data/zombied.db")}`;
}

async function start(): Promise<DaemonSession> {
	const daemon = await DaemonSession.start({ folder: folder.path, env });
	listen = daemon.listen;
	return daemon;
}

function run(...args: readonly string[]) {
	return runCommand([...args, "--http.listen", listen], { folder: folder.path, env });
}

/** What an earlier daemon has left. */
async function store(): Promise<Store> {
	return await openStore(storeUrl(), {
		clock: systemClock,
		appVersion: "1.2.3",
		onMalformedRow: () => undefined,
		onDamaged: null,
		knownDamage: null,
	});
}

function owed(n: number, nowMs: number): OutboxRow {
	const episode = episodeOf(n, `abcdef${n}`, { workspace, groupId: null, raisedAtMs: nowMs });
	return deliveryOf(episode, { sink: "hook", createdAtMs: nowMs });
}

function receivedIds(): readonly string[] {
	return receiver.received.map(({ body }) => JSON.parse(body).id as string);
}

describe("silences", { timeout: 30_000 }, () => {
	test("are written down without a daemon, heeded by the next one, and end when it is told so", async () => {
		const added = await run("silence", "add", "--work-pool", "k8s*", "--for", "2h", "--why", "upgrade of the pool");
		expect(added).toMatchObject({ code: 0, stderr: "" });
		const id = /^silence (\w{8}) lasts until \d{4}-.*Z\n$/u.exec(added.stdout)?.[1] ?? "";
		const listed = await run("silence", "list");
		expect(listed.stdout).toMatch(new RegExp(`^ID .*\n${id} .*  workPool=k8s\\*  upgrade of the pool\n$`, "u"));
		{
			await using before = await store();
			await before.commit(batchOf({ outbox: [owed(1, systemClock.now().wallMs)] }));
		}
		await using daemon = await start();
		const held = await eventually(
			async () => {
				const { stdout } = await run("outbox", "list", "--json");
				const entry = JSON.parse(stdout.split("\n")[0] || "null");
				return entry?.state === "silenced" && entry;
			},
			{ what: "the alert to be held", timeoutMs: 20_000 },
		);
		expect(held).toMatchObject({ sink: "hook", key: "abcdef1:raised", settled: false });
		expect((await run("outbox", "list")).stdout).toContain("held: silenced");
		const status = await (await fetch(`${daemon.address}/api/v1/status`)).json();
		expect(status).toMatchObject({
			silences: [{ kind: "silence", id, concerns: "workPool=k8s*", why: "upgrade of the pool" }],
			sinks: [{ name: "log" }, { name: "hook", pending: 0, held: 1 }],
		});
		expect(receiver.received).toEqual([]);
		expect(await run("silence", "remove", id)).toMatchObject({ code: 0, stdout: `silence ${id} has ended\n` });
		await eventually(() => receiver.received.length === 1, { what: "the alert to be told", timeoutMs: 20_000 });
		expect(receivedIds()).toEqual(["abcdef1:raised"]);
		expect((await run("silence", "list")).stdout).toBe("no silences\n");
		expect((await run("silence", "remove", id)).code).toBe(1);
		const page = await (await fetch(`${daemon.address}/metrics`)).text();
		expect(page).toMatch(/zombied_deliveries_held_total\{sink="hook",reason="silenced",workspace="default"\} 1/u);
	});

	test.each([
		[["add", "--for", "1h", "--why", "x"], /silence add: which\? Give --deployment, .* or --all$/u],
		[["add", "--all", "--for", "soon", "--why", "x"], /--for "soon": expected a duration/u],
		[["add", "--all", "--for", "1h", "--why", " "], /--why needs a reason/u],
		[["add", "--all", "--for", "1h"], /required option '--why <text>' not specified/u],
		[["add", "--condition", "dead", "--for", "1h", "--why", "x"], /Allowed choices are zombie, undead/u],
		[["remove", "nothing"], /no silence nothing lasts; "zombied silence list"/u],
	])("%j is refused in a line that says how to mend it", async (args, line) => {
		const { code, stderr } = await run("silence", ...args);
		expect(code).toBe(1);
		expect(stderr.trimEnd()).toMatch(line);
		expect(stderr.trimEnd().split("\n")).toHaveLength(1);
	});
});

describe("the outbox", { timeout: 30_000 }, () => {
	test("shows what was refused, and sends it again when told to; what is dropped is never sent", async () => {
		receiver.answer = () => ({ status: 410, body: "gone" });
		{
			await using before = await store();
			const { wallMs } = systemClock.now();
			await before.commit(batchOf({ outbox: [owed(1, wallMs), owed(2, wallMs + 1)] }));
		}
		{
			await using _daemon = await start();
			await eventually(() => receiver.received.length === 2, { what: "both to be refused", timeoutMs: 20_000 });
			await eventually(
				async () => (await run("outbox", "list", "--which", "undeliverable", "--json")).stdout.split("\n").length === 3,
				{ what: "both to be told as refused", timeoutMs: 20_000 },
			);
			expect((await run("outbox", "list")).stdout).toMatch(
				/ hook +refused +zombie raised .* webhook answers 410: gone\n/u,
			);
			receiver.answer = () => ({ status: 200 });
			const retried = await run("outbox", "retry", "abcdef2:raised");
			expect(retried).toMatchObject({ code: 0, stdout: "1 delivery to be sent again\n" });
			await eventually(() => receiver.received.length === 3, { what: "one to be sent again", timeoutMs: 20_000 });
			expect(receivedIds().at(-1)).toBe("abcdef2:raised");
		}
		listen = nobody;
		expect(await run("outbox", "retry", "--sink", "hook")).toMatchObject({ stdout: "1 delivery to be sent again\n" });
		const dropped = await run("outbox", "drop", "--all", "--why", "nobody needs it");
		expect(dropped).toMatchObject({ code: 0, stdout: "1 delivery dropped\n" });
		await using _daemon = await start();
		expect((await run("outbox", "list")).stdout).toMatch(/ hook +dropped .* nobody needs it\n$/u);
		expect((await run("outbox", "list", "--which", "owed")).stdout).toMatch(/^nothing is owed/u);
		expect(receiver.received).toHaveLength(3);
	});

	test.each([
		[["retry"], /outbox retry: which\? Give a key, --sink, or --all; "zombied outbox list" shows them$/u],
		[["drop", "--why", "x"], /outbox drop: which\?/u],
		[["drop", "--all"], /required option '--why <text>'/u],
		[["retry", "nothing"], /outbox retry: there is nothing such/u],
	])("%j is refused in a line", async (args, line) => {
		await (await store())[Symbol.asyncDispose]();
		const { code, stderr } = await run("outbox", ...args);
		expect(code).toBe(1);
		expect(stderr.trimEnd()).toMatch(line);
	});
});

describe("an acknowledgement", () => {
	test("is of an open alert, by its id or a beginning that is no other's", async () => {
		{
			await using before = await store();
			const { wallMs } = systemClock.now();
			const episodes = [1, 2].map((n) => episodeOf(n, `abcdef${n}`, { workspace, raisedAtMs: wallMs }));
			await before.commit(batchOf({ episodes }));
		}
		const ack = (id: string) => run("ack", id, "--why", "Kim is on it");
		expect((await ack("abc")).stderr).toMatch(/^zombied: ack: abc is too short; give at least 6 characters/u);
		expect((await ack("abcdef")).stderr).toMatch(/is the beginning of abcdef1, abcdef2; give more of it\n$/u);
		expect((await ack("abcdef3")).stderr).toMatch(/no open alert abcdef3; /u);
		expect(await ack("abcdef2")).toMatchObject({ code: 0, stdout: "alert abcdef2 is acknowledged\n" });
		await using after = await store();
		expect(await after.silences.acknowledgements(workspace)).toMatchObject([
			{ alertId: "abcdef2", why: "Kim is on it" },
		]);
	});
});
