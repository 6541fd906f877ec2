import { describe, expect, test } from "vitest";
import { type Episode, groupTransitionOf } from "../../../src/core/episode.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import type { Notice } from "../../../src/notify/sink.ts";
import { toSlackMessage } from "../../../src/notify/slack/slack-message.ts";
import { SlackSink } from "../../../src/notify/slack/slack-sink.ts";
import { type Answer, HttpReceiver, type Received } from "../../_util/http-receiver.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";
import { groupOf, runIdOf } from "../../_util/store-samples.ts";

const context = { namespace: "prod", uiUrl: (id: string) => `http://prefect.test/runs/flow-run/${id}` };
const signal = new AbortController().signal;
const closed: Episode["closed"] = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 9) };

function noticeOf(changes: Partial<Episode> = {}, labels: Parameters<typeof sampleTransition>[1] = {}): Notice {
	const transition = sampleTransition(changes, labels);
	return { transition, key: transition.key, reminder: null };
}

function sinkFor(url: string, clock: Clock): SlackSink {
	return new SlackSink({ ...context, name: "slack", wants: () => true, wayOutTo: () => null, url, clock });
}

/** As documented for incoming webhooks, with the second that a webhook has to leave between two messages. */
class Slack {
	#lastMonoMs = Number.NEGATIVE_INFINITY;

	answer({ headers, body, atMonoMs }: Received): Answer {
		const isTooSoon = atMonoMs - this.#lastMonoMs < 990;
		this.#lastMonoMs = atMonoMs;
		if (isTooSoon) return { status: 429, headers: { "retry-after": "1" }, body: "rate_limited" };
		if (!String(headers["content-type"]).startsWith("application/json"))
			return { status: 400, body: "invalid_payload" };
		const { text } = JSON.parse(body) as { text?: unknown };
		if (typeof text !== "string" || text === "") return { status: 400, body: "no_text" };
		return text.length > 3000 ? { status: 400, body: "invalid_payload" } : { status: 200, body: "ok" };
	}
}

describe("D5: a message to Slack", () => {
	test("says which run, why, and where to look", () => {
		const { text } = toSlackMessage([noticeOf()], context);
		expect(text).toBe(
			":rotating_light: zombie: flow run calm-otter of etl: no heartbeat for 110 s, at a cadence of 30 s" +
				" (<http://prefect.test/runs/flow-run/0198a3c4-1111-7222-8333-444455556666|flow run>)",
		);
		expect(toSlackMessage([noticeOf({ closed })], context).text).toMatch(
			/^:white_check_mark: zombie resolved: .*: ended after/u,
		);
	});

	test.each([
		[2, 2, /^:rotating_light: work pool k8s: 2 of 5 .* \(<[^|]+\/0198c0de-[^|]+\|0{12}>, <[^|]+\|0{11}1>\)$/u],
		[40, 2, /, <[^|]+\|0{11}1>, and 38 more\)$/u],
		[300, 200, /(?:<[^|]+\|0{11}\d>, ){9}<[^|]+\|0{11}9>, and 290 more\)$/u],
	])("of a group incident of %i runs has their number and the first of them", (runsTotal, known, words) => {
		const runIds = Array.from({ length: known }, (_, n) => runIdOf(n));
		const transition = groupTransitionOf(groupOf("group-1", { runsTotal, runIds }), "prod");
		const { text } = toSlackMessage([{ transition, key: transition.key, reminder: null }], context);
		expect(text).toMatch(words);
		expect(text.length).toBeLessThanOrEqual(3000);
	});

	test("of a reminder says that it is none of news", () => {
		const again = { ...noticeOf(), reminder: 2 };
		expect(toSlackMessage([again], context).text).toMatch(
			/^:rotating_light: still open \(reminder 2\): zombie: flow run/u,
		);
		expect(toSlackMessage([noticeOf({ runId: "run-2" }), again], context).text).toMatch(
			/^\*zombied: 1 raised, 1 still open\*/u,
		);
	});

	test("of many is one, with their number and a list that ends in how many there are besides", () => {
		const notices = Array.from({ length: 100 }, (_, index) =>
			noticeOf({ runId: `run-${index}` }, { name: `run-${index}` }),
		);
		const { text } = toSlackMessage([...(notices as [Notice]), noticeOf({ closed })], context);
		expect(text).toMatch(/^\*zombied: 100 raised, 1 resolved\*\n/u);
		expect(text.length).toBeLessThanOrEqual(3000);
		const [shown, rest] = [
			text.match(/\n:rotating_light: /gu)?.length ?? 0,
			Number(/… and (\d+) more$/u.exec(text)?.[1]),
		];
		expect(shown).toBeGreaterThan(5);
		expect(shown + rest).toBe(101);
		expect(toSlackMessage([noticeOf(), noticeOf({ closed })], context).text).not.toContain("more");
	});

	test.each([
		["markup", "<!channel> & <http://evil|click>"],
		["a hundred thousand characters", "x".repeat(100_000)],
		["what Slack would have to escape, all of it", "&".repeat(100_000)],
		["control characters and a turned order", "a\u0000\u001b[31m\u202eb\u2028"],
	])("with %s in it acts on nobody and fits", (_what, reason) => {
		for (const notices of [[noticeOf({ reason })], [noticeOf({ reason }), noticeOf({ reason })]] as [
			Notice,
			...Notice[],
		][]) {
			const { text } = toSlackMessage(notices, context);
			expect(text.length).toBeLessThanOrEqual(3000);
			expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e|<!|<http:\/\/evil/u);
			// Neither half a link nor half an escaped character.
			expect(
				text.replaceAll(/<http:\/\/prefect\.test\/[^<>|]*\|flow run>/gu, "").replaceAll(/&(?:amp|lt|gt);/gu, ""),
			).not.toMatch(/[<>&]/u);
		}
	});
});

describe("the sink of Slack", () => {
	test("D5: sends one message a second at most, so that Slack takes each", async () => {
		await using receiver = await HttpReceiver.start();
		const slack = new Slack();
		receiver.answer = (request) => slack.answer(request);
		const sink = sinkFor(receiver.url, systemClock);
		for (let message = 0; message < 3; message += 1) await sink.send([noticeOf()], signal);
		expect(receiver.received).toHaveLength(3);
	});

	test.each<[number, string, boolean]>([
		[429, "rate_limited", true],
		[500, "rollup_error", true],
		[400, "invalid_payload", false],
		[403, "action_prohibited", false],
		[404, "no_service", false],
		[410, "channel_is_archived", false],
	])("takes %i %s for something to be tried again: %s", async (status, body, retryable) => {
		await using receiver = await HttpReceiver.start();
		receiver.answer = () => ({ status, body, headers: { "retry-after": "30" } });
		const sink = sinkFor(`${receiver.url}/T0/B0/secret`, new SkippingClock());
		const error = await sink.send([noticeOf()], signal).catch((reason: unknown) => reason);
		expect(error).toMatchObject({ retryable, retryAfterMs: 30_000, message: expect.stringContaining(body) });
		expect((error as Error).message).not.toContain("secret");
	});

	test("gives up waiting for its second when it is stopped", async () => {
		await using receiver = await HttpReceiver.start();
		const sink = sinkFor(receiver.url, systemClock);
		await sink.send([noticeOf()], signal);
		const stopped = new AbortController();
		const second = sink.send([noticeOf()], stopped.signal);
		stopped.abort(new Error("stopped"));
		await expect(second).rejects.toThrow();
		expect(receiver.received).toHaveLength(1);
	});
});
