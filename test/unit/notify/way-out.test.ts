import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { AlertmanagerSink } from "../../../src/notify/alertmanager/alertmanager-sink.ts";
import { PagerDutySink } from "../../../src/notify/pagerduty/pagerduty-sink.ts";
import { noticeOf, type Sink } from "../../../src/notify/sink.ts";
import { SlackSink } from "../../../src/notify/slack/slack-sink.ts";
import { wayOutFrom } from "../../../src/notify/way-out.ts";
import { WebhookSink } from "../../../src/notify/webhook/webhook-sink.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { SelfSigned } from "../../_util/prefect-certificate.ts";
import { ProxyStub } from "../../_util/prefect-proxy.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

type Environment = Readonly<Record<string, string>>;
type Made = (url: string, environment: Environment, denyPrivate?: boolean) => Sink;

const signal = new AbortController().signal;

function common(environment: Environment) {
	return {
		namespace: "prod",
		uiUrl: (id: string) => `http://prefect.test/runs/flow-run/${id}`,
		name: "sink",
		wants: () => true,
		wayOutTo: wayOutFrom(environment),
		clock: systemClock,
	};
}

const webhook: Made = (url, environment, denyPrivate = false) =>
	new WebhookSink({ ...common(environment), url, secret: null, headers: {}, body: null, denyPrivate });
const slack: Made = (url, environment) => new SlackSink({ ...common(environment), url });
const sinks: Readonly<Record<string, Made>> = {
	slack,
	webhook,
	pagerduty: (url, environment) => new PagerDutySink({ ...common(environment), url, routingKey: "k".repeat(32) }),
	alertmanager: (url, environment) => new AlertmanagerSink({ ...common(environment), urls: [url], headers: {} }),
};

async function errorOf(sink: Sink): Promise<unknown> {
	const error = await sink.send([noticeOf(sampleTransition())], signal).then(
		() => null,
		(reason: unknown) => reason,
	);
	await sink[Symbol.asyncDispose]?.();
	return error;
}

describe.for(Object.entries(sinks))("a sink of type %s", ([, sinkTo]) => {
	test("goes through the proxy of the environment, and past it where NO_PROXY names the host", async () => {
		await using receiver = await HttpReceiver.start();
		await using proxy = await ProxyStub.start(receiver.port);
		proxy.secret = "user:pass";
		const login = `http://user:pass@127.0.0.1:${proxy.port}`;
		const url = `http://localhost:${receiver.port}/to`;
		expect(await errorOf(sinkTo(url, { HTTP_PROXY: login }))).toBeNull();
		expect(proxy.forwarded).toEqual([expect.stringMatching(/^http:\/\/localhost:\d+\/to/u)]);
		expect(receiver.received).toHaveLength(1);
		expect(receiver.received[0]?.headers).not.toHaveProperty("proxy-authorization");
		expect(await errorOf(sinkTo(url, { HTTP_PROXY: login, NO_PROXY: "localhost" }))).toBeNull();
		expect(receiver.received).toHaveLength(2);
		expect(proxy.forwarded).toHaveLength(1);
	});
});

describe("a proxy on the way to a receiver", () => {
	test("tunnels what is encrypted, and looks names up itself", async () => {
		await using certificate = await SelfSigned.make("DNS:hooks.example");
		const bodies: string[] = [];
		const receiver = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
			request.on("data", (chunk: Buffer) => bodies.push(chunk.toString("utf8")));
			request.on("end", () => response.end("ok"));
		});
		await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
		await using proxy = await ProxyStub.start((receiver.address() as AddressInfo).port);
		const usual = getCACertificates("default");
		setDefaultCACertificates([...usual, certificate.cert]);
		try {
			expect(await errorOf(slack("https://hooks.example/services/x", { HTTPS_PROXY: proxy.url }))).toBeNull();
		} finally {
			setDefaultCACertificates(usual);
			receiver.closeAllConnections();
			receiver.close();
		}
		expect(proxy.tunnels).toEqual(["hooks.example:443"]);
		expect(JSON.parse(bodies.join("")).text).toContain("calm-otter");
	});

	test("that wants another login, or is away, is named and tried again", async () => {
		await using receiver = await HttpReceiver.start();
		await using proxy = await ProxyStub.start(receiver.port);
		proxy.secret = "user:canary";
		for (const url of ["http://hooks.example/", "https://hooks.example/"]) {
			const environment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
			expect(await errorOf(slack(url, environment))).toMatchObject({
				retryable: true,
				message: expect.stringMatching(/^Slack: cannot be reached through the proxy of HTTPS?_PROXY \(.*407/u),
			});
		}
		expect(receiver.received).toEqual([]);
		expect(await errorOf(slack("http://hooks.example/", { HTTP_PROXY: "http://127.0.0.1:1" }))).toMatchObject({
			retryable: true,
			message: expect.stringMatching(/through the proxy of HTTP_PROXY \(.*ECONNREFUSED/u),
		});
	});

	test("that never answers is waited for no longer than the caller wants", async () => {
		await using receiver = await HttpReceiver.start();
		await using proxy = await ProxyStub.start(receiver.port);
		proxy.isMute = true;
		const stop = new AbortController();
		const sending = slack("https://hooks.example/", { HTTPS_PROXY: proxy.url }).send(
			[noticeOf(sampleTransition())],
			stop.signal,
		);
		await proxy.until(() => proxy.tunnels.length === 1, "it is asked");
		stop.abort(new Error("the caller has had enough"));
		await expect(sending).rejects.toThrow("the caller has had enough");
	});

	test("that is none is said when the sink is made, without what the variable holds", () => {
		expect(() => slack("http://hooks.example/", { HTTP_PROXY: "socks5://canary" })).toThrow(
			/^HTTP_PROXY names no HTTP proxy: (?!.*canary)/u,
		);
	});
});

/** A name that no DNS can have, so that nobody is asked for it. */
const unknownHost = `${"a".repeat(64)}.example`;

describe("D6: a webhook behind a proxy", () => {
	test.each([
		"169.254.169.254",
		"2852039166",
		"[::ffff:a9fe:a9fe]",
		"metadata.google.internal",
		"metadata",
		"instance-data.",
	])("asks it for no %s", async (host) => {
		await using receiver = await HttpReceiver.start();
		await using proxy = await ProxyStub.start(receiver.port);
		expect(await errorOf(webhook(`http://${host}/latest`, { HTTP_PROXY: proxy.url }))).toMatchObject({
			retryable: false,
			message: expect.stringContaining("nothing is sent to"),
		});
		expect(proxy.forwarded).toEqual([]);
	});

	test("asks it for a name that only it knows, unless private addresses are denied", async () => {
		await using receiver = await HttpReceiver.start();
		await using proxy = await ProxyStub.start(receiver.port);
		const url = `http://${unknownHost}/hook`;
		expect(await errorOf(webhook(url, { HTTP_PROXY: proxy.url }))).toBeNull();
		expect(await errorOf(webhook(url, { HTTP_PROXY: proxy.url }, true))).toMatchObject({
			retryable: true,
			message: expect.stringContaining("name it in NO_PROXY, or leave denyPrivate out"),
		});
		expect(await errorOf(webhook("http://localhost/hook", { HTTP_PROXY: proxy.url }, true))).toMatchObject({
			retryable: false,
			message: expect.stringContaining("private"),
		});
		expect(proxy.forwarded).toEqual([url]);
	});
});
