import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Episode } from "../../../src/core/episode.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { alertLineSchema } from "../../../src/notify/alert-line.ts";
import type { Notice } from "../../../src/notify/sink.ts";
import { refusalOf } from "../../../src/notify/webhook/address-guard.ts";
import { allowedAddressOf } from "../../../src/notify/webhook/guarded-agent.ts";
import { WebhookSink, type WebhookSinkOptions } from "../../../src/notify/webhook/webhook-sink.ts";
import { freePort } from "../../_util/free-port.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const signal = new AbortController().signal;
const closed: Episode["closed"] = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) };

function noticeOf(changes: Partial<Episode> = {}): Notice {
	const transition = sampleTransition(changes);
	return { transition, key: transition.key, reminder: null };
}

function sinkFor(url: string, options: Partial<WebhookSinkOptions> = {}): WebhookSink {
	return new WebhookSink({
		namespace: "prod",
		uiUrl: (id) => `http://prefect.test/runs/flow-run/${id}`,
		name: "webhook",
		wants: () => true,
		wayOutTo: () => null,
		url,
		secret: null,
		headers: {},
		body: null,
		denyPrivate: false,
		clock: new SkippingClock(),
		...options,
	});
}

async function errorOf(url: string, options: Partial<WebhookSinkOptions> = {}): Promise<unknown> {
	await using sink = sinkFor(url, options);
	return await sink.send([noticeOf()], signal).then(
		() => null,
		(error: unknown) => error,
	);
}

function signedBy(secret: string, timestamp: string, body: string): string {
	return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

/** What the example of the documentation makes of a request: `True` or `False`. */
function saysPython(secret: string, headers: Readonly<Record<string, string>>, body: string): string {
	const page = readFileSync(new URL("../../../docs/alerting.md", import.meta.url), "utf8");
	const example = /```python\n(.*?)```/su.exec(page)?.[1] ?? "";
	const call = "import json, sys\ngiven = json.load(sys.stdin)";
	const print = 'print(is_genuine(given["secret"].encode(), given["headers"], given["body"].encode()))';
	const input = JSON.stringify({ secret, headers, body });
	const { stdout, stderr } = spawnSync("python3", ["-c", `${example}\n${call}\n${print}`], { input, encoding: "utf8" });
	expect(stderr).toBe("");
	return stdout.trim();
}

describe("D6: a webhook", () => {
	test("is sent a CloudEvent whose data is the alert line", async () => {
		await using receiver = await HttpReceiver.start();
		await using sink = sinkFor(receiver.url);
		for (const notice of [noticeOf(), noticeOf({ closed })]) await sink.send([notice], signal);
		const events = receiver.received.map(({ body }) => JSON.parse(body));
		expect(receiver.received[0]?.headers["content-type"]).toBe("application/cloudevents+json; charset=utf-8");
		expect(events.map(({ type }) => type)).toEqual(["io.zombied.alert.raised", "io.zombied.alert.resolved"]);
		expect(events[0]).toMatchObject({
			specversion: "1.0",
			id: noticeOf().key,
			source: "/zombied/prod/default",
			subject: "prefect.flow-run.0198a3c4-1111-7222-8333-444455556666",
			datacontenttype: "application/json",
		});
		for (const { data } of events) expect(alertLineSchema.safeParse(data).success).toBe(true);
	});

	test("can be signed: HMAC-SHA256 over the timestamp and the body", async () => {
		await using receiver = await HttpReceiver.start();
		await using sink = sinkFor(receiver.url, { secret: "s3cret", headers: { authorization: "Bearer t" } });
		await sink.send([noticeOf()], signal);
		const { headers, body } = receiver.received[0]!;
		const timestamp = String(headers["x-zombied-timestamp"]);
		expect(timestamp).toMatch(/^\d{10}$/u);
		expect(headers["x-zombied-signature"]).toBe(signedBy("s3cret", timestamp, body));
		expect(headers.authorization).toBe("Bearer t");
	});

	test("has the signature that docs/alerting.md checks in Python, for the body that was sent and no other", async () => {
		await using receiver = await HttpReceiver.start();
		await using sink = sinkFor(receiver.url, { secret: "s3cret", clock: systemClock });
		await sink.send([noticeOf()], signal);
		const { headers, body } = receiver.received[0]!;
		const given = {
			"X-Zombied-Timestamp": String(headers["x-zombied-timestamp"]),
			"X-Zombied-Signature": String(headers["x-zombied-signature"]),
		};
		const late = { ...given, "X-Zombied-Timestamp": String(Number(given["X-Zombied-Timestamp"]) - 600) };
		expect(saysPython("s3cret", given, body)).toBe("True");
		expect(saysPython("s3cret", given, `${body} `)).toBe("False");
		expect(saysPython("another", given, body)).toBe("False");
		expect(saysPython("s3cret", late, body)).toBe("False");
		const old = signedBy("s3cret", late["X-Zombied-Timestamp"], body);
		expect(saysPython("s3cret", { ...late, "X-Zombied-Signature": old }, body)).toBe("False");
	});

	test("at which nobody listens is tried again, and the reason is told as the system has it", async () => {
		const port = await freePort();
		expect(await errorOf(`http://127.0.0.1:${port}/x`)).toMatchObject({
			message: `webhook: cannot be reached (connect ECONNREFUSED 127.0.0.1:${port})`,
			retryable: true,
		});
	});

	test("can have a body of its own, in which no text gets out of its quotes", async () => {
		await using receiver = await HttpReceiver.start();
		const body =
			'{"text":"{{ flow_run.name }}: {{reason}}","tags":"{{tags}}","none":"{{outcome}}{{flow_run.nothing}}{{__proto__.x}}"}';
		await using sink = sinkFor(receiver.url, { body });
		const transition = sampleTransition({ reason: 'a "quote" \\ and {{severity}}' });
		await sink.send([{ transition, key: transition.key, reminder: null }], signal);
		expect(JSON.parse(receiver.received[0]!.body)).toEqual({
			text: 'calm-otter: a "quote" \\ and {{severity}}',
			tags: '["nightly"]',
			none: "",
		});
		expect(receiver.received[0]!.headers["content-type"]).toBe("application/json; charset=utf-8");
	});

	test("that redirects is not followed", async () => {
		await using elsewhere = await HttpReceiver.start();
		await using receiver = await HttpReceiver.start();
		receiver.answer = () => ({ status: 302, headers: { location: elsewhere.url } });
		expect(await errorOf(receiver.url)).toMatchObject({
			retryable: false,
			message: expect.stringContaining("redirects"),
		});
		expect(elsewhere.received).toEqual([]);
	});

	test("on the machine itself is reached unless private addresses are denied", async () => {
		await using receiver = await HttpReceiver.start();
		expect(await errorOf(receiver.url)).toBeNull();
		for (const host of ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "017700000001"]) {
			const error = await errorOf(`http://${host}:${receiver.port}/`, { denyPrivate: true });
			expect(error, host).toMatchObject({ retryable: false, message: expect.stringContaining("private") });
		}
		expect(receiver.received).toHaveLength(1);
	});
});

/** Ways to write addresses that nothing may be sent to, as they are used against such guards. */
const vectors = [
	"169.254.169.254",
	"2852039166",
	"0xa9fea9fe",
	"0xA9.0xFE.0xA9.0xFE",
	"0251.0376.0251.0376",
	"0251.254.169.254",
	"169.254.43518",
	"169.16689662",
	"169.254.169.254.",
	"①⑥⑨.②⑤④.①⑥⑨.②⑤④",
	"169。254。169。254",
	"user:pass@169.254.169.254",
	"example.com@169.254.169.254",
	"169.254.170.2",
	"169.254.0.1",
	"169.254.255.255",
	"[::ffff:169.254.169.254]",
	"[::ffff:a9fe:a9fe]",
	"[0:0:0:0:0:ffff:a9fe:a9fe]",
	"[::169.254.169.254]",
	"[::a9fe:a9fe]",
	"[64:ff9b::169.254.169.254]",
	"[64:ff9b::a9fe:a9fe]",
	"[64:ff9b:1::a9fe:a9fe]",
	"[2002:a9fe:a9fe::]",
	"[2002:a9fe:a9fe:1::1]",
	"[::ffff:0:169.254.169.254]",
	"[fe80::1]",
	"[fe80::a9fe:a9fe]",
	"[febf::1]",
	"[fd00:ec2::254]",
	"[FD00:0EC2:0:0:0:0:0:0254]",
	"100.100.100.200",
	"1684301000",
	"0x646464c8",
	"[::ffff:100.100.100.200]",
	"168.63.129.16",
	"2822734096",
	"[::ffff:a83f:8110]",
	"192.0.0.192",
	"192.0.0.170",
	"0.0.0.0",
	"0",
	"0x0",
	"00000000",
	"0.0.0.1",
	"[::]",
	"[0:0:0:0:0:0:0:0]",
	"[::ffff:0.0.0.0]",
	"224.0.0.1",
	"239.255.255.250",
	"[ff02::1]",
	"[ff05::2]",
	"[2002:e000:1::]",
	"240.0.0.1",
	"255.255.255.255",
	"4294967295",
	"0xffffffff",
	"[::ffff:255.255.255.255]",
	"[64:ff9b::ffff:ffff]",
] as const;

describe("D6: an address that nothing may be sent to", () => {
	test("is known in 60 ways of writing it", () => expect(new Set(vectors).size).toBe(60));

	test.each(vectors)("is refused, written as %s", async (host) => {
		// The decision alone, so that nothing would be sent there even if it were wrong.
		const { hostname } = new URL(`http://${host}/latest/meta-data/`);
		const decision = allowedAddressOf(hostname, { denyPrivate: false });
		await expect(decision).rejects.toMatchObject({
			retryable: false,
			message: expect.stringMatching(/nothing is sent to/u),
		});
	});

	test.each<[string, boolean, boolean]>([
		["169.253.255.255", true, true],
		["169.255.0.0", true, true],
		["93.184.216.34", true, true],
		["2606:2800:220:1::1", true, true],
		["::ffff:93.184.216.34", true, true],
		["10.0.0.1", true, false],
		["172.16.0.1", true, false],
		["172.32.0.1", true, true],
		["192.168.1.1", true, false],
		["100.64.0.1", true, false],
		["127.0.0.1", true, false],
		["::1", true, false],
		["fd12::1", true, false],
		["::ffff:10.0.0.1", true, false],
		["64:ff9b::a00:1", true, false],
		["2002:a00:1::", true, false],
		["fe80::1%eth0", false, false],
		["not an address", false, false],
	])("%s is reached: %s; with denyPrivate: %s", (address, open, guarded) => {
		expect(refusalOf(address, { denyPrivate: false }) === null).toBe(open);
		expect(refusalOf(address, { denyPrivate: true }) === null).toBe(guarded);
	});
});
