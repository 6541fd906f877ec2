import { describe, expect, test } from "vitest";
import { type Episode, groupTransitionOf } from "../../../src/core/episode.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { toPagerDutyEvent } from "../../../src/notify/pagerduty/pagerduty-event.ts";
import { PagerDutySink } from "../../../src/notify/pagerduty/pagerduty-sink.ts";
import { type Notice, noticeOf } from "../../../src/notify/sink.ts";
import { type Answer, HttpReceiver, type Received } from "../../_util/http-receiver.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const routingKey = "0123456789abcdef0123456789abcdef";
const context = { namespace: "prod", uiUrl: (id: string) => `http://prefect.test/runs/flow-run/${id}` };
const signal = new AbortController().signal;

const closed: Episode["closed"] = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) };
const group = groupTransitionOf(
	{
		groupId: "g-1",
		groupKind: "work_pool",
		group: "k8s",
		extent: "full",
		runIds: ["r-1"],
		runsTotal: 3,
		armedTotal: 3,
		silentSinceMs: null,
		openedAtMs: Date.UTC(2026, 7, 1, 12),
		closed: null,
	},
	"default",
);

/** The rules that PagerDuty documents for an event of its Events API v2; null: it breaks none. */
function brokenRule({ body }: Received): string | null {
	if (Buffer.byteLength(body) > 512 * 1024) return "larger than 512 KB";
	const event = JSON.parse(body) as Record<string, unknown>;
	if (typeof event.routing_key !== "string" || event.routing_key.length !== 32) return "'routing_key' is invalid";
	if (!["trigger", "acknowledge", "resolve"].includes(String(event.event_action))) return "'event_action' is invalid";
	if (typeof event.dedup_key !== "string" || event.dedup_key.length > 255) return "'dedup_key' is invalid";
	if (event.event_action !== "trigger") return null;
	const payload = (event.payload ?? {}) as Record<string, unknown>;
	if (typeof payload.summary !== "string" || payload.summary === "") return "'payload.summary' is missing or blank";
	if (payload.summary.length > 1024) return "'payload.summary' is too long";
	if (typeof payload.source !== "string" || payload.source === "") return "'payload.source' is missing or blank";
	return ["critical", "error", "warning", "info"].includes(String(payload.severity))
		? null
		: "'payload.severity' is invalid";
}

function pagerDuty(request: Received): Answer {
	const broken = brokenRule(request);
	if (broken === null) return { status: 202, body: '{"status":"success"}' };
	return { status: 400, body: JSON.stringify({ status: "invalid event", errors: [broken] }) };
}

async function sent(notice: Notice, answer: (request: Received) => Answer = pagerDuty, key = routingKey) {
	await using receiver = await HttpReceiver.start();
	receiver.answer = answer;
	const sink = new PagerDutySink({
		...context,
		name: "pagerduty",
		wants: () => true,
		wayOutTo: () => null,
		routingKey: key,
		url: receiver.url,
		clock: new SkippingClock(),
	});
	const error = await sink.send([notice], signal).then(
		() => null,
		(reason: unknown) => reason,
	);
	return { error, events: receiver.received.map(({ body }) => JSON.parse(body)) };
}

describe("D4: an event of PagerDuty", () => {
	test("of an alert triggers, and says what, where and how bad", async () => {
		const { error, events } = await sent(
			noticeOf(sampleTransition({}, { deploymentId: "d", deploymentName: "etl-nightly", workPool: "k8s" })),
		);
		expect(error).toBeNull();
		expect(events).toMatchObject([
			{
				routing_key: routingKey,
				event_action: "trigger",
				payload: {
					summary: "zombie: flow run calm-otter of etl: no heartbeat for 110 s, at a cadence of 30 s",
					source: "prod/default",
					severity: "critical",
					class: "zombie",
					component: "etl-nightly",
					group: "k8s",
					custom_details: { evidence: { silence_seconds: 110 } },
				},
			},
		]);
		expect(events[0].client_url).toMatch(/^http:\/\/prefect\.test\/runs\/flow-run\//u);
	});

	test("of the same alert has one dedup_key, whether raised or resolved", () => {
		const [raised, resolved] = [sampleTransition(), sampleTransition({ closed })].map((transition) =>
			toPagerDutyEvent(noticeOf(transition), routingKey, context),
		);
		expect(resolved?.dedup_key).toBe(raised?.dedup_key);
		expect([raised?.event_action, resolved?.event_action]).toEqual(["trigger", "resolve"]);
		expect(toPagerDutyEvent(noticeOf(sampleTransition({ alertId: "other" })), routingKey, context).dedup_key).toBe(
			"other",
		);
	});

	test("of a group incident has the group's id", async () => {
		const { events } = await sent(noticeOf(group));
		expect(events).toMatchObject([{ dedup_key: "g-1", payload: { class: "group_work_pool", group: "k8s" } }]);
	});

	test("keeps to the bounds, whatever the texts", async () => {
		const long = "x\u0000\u202e\ud83e\udd8e".repeat(100_000);
		const tags = Array.from({ length: 500 }, () => long.slice(0, 5_000));
		const { error, events } = await sent(
			noticeOf(sampleTransition({ reason: long }, { name: long, workPool: long, tags })),
		);
		expect(error).toBeNull();
		expect(events[0].payload.summary).toHaveLength(1024);
		expect(events[0].payload.summary).not.toMatch(/\p{Cc}|\u202e/u);
	});

	test.each<[number, boolean]>([
		[400, false],
		[403, false],
		[429, true],
		[500, true],
		[503, true],
	])("that is answered with %i is tried again: %s", async (status, retryable) => {
		const { error, events } = await sent(noticeOf(sampleTransition()), () => ({
			status,
			headers: { "retry-after": "7" },
		}));
		expect(error).toBeInstanceOf(OutsideError);
		expect(error).toMatchObject({ retryable, retryAfterMs: 7_000 });
		expect(events).toHaveLength(1);
		expect((error as Error).message).not.toContain(routingKey);
	});

	test("with a key of another length is refused for good, in PagerDuty's words", async () => {
		const { error } = await sent(noticeOf(sampleTransition()), pagerDuty, "short");
		expect(error).toMatchObject({ retryable: false, message: expect.stringContaining("'routing_key' is invalid") });
	});
});
