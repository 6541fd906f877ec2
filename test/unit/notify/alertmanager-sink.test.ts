import { describe, expect, test } from "vitest";
import type { Episode, Transition } from "../../../src/core/episode.ts";
import { toAlertmanagerAlert } from "../../../src/notify/alertmanager/alertmanager-alert.ts";
import { AlertmanagerSink } from "../../../src/notify/alertmanager/alertmanager-sink.ts";
import type { Notice } from "../../../src/notify/sink.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const signal = new AbortController().signal;
const context = { namespace: "prod", uiUrl: (id: string) => `http://prefect.test/runs/flow-run/${id}` };
const closed: Episode["closed"] = { outcome: "recovered", atMs: Date.UTC(2026, 7, 1, 12, 9) };

function noticeOf(transition: Transition): Notice {
	return { transition, key: transition.key, reminder: null };
}

describe("D3: an alert of Alertmanager", () => {
	test("has the same labels while it lasts and when it is over, and others than any other alert", () => {
		const [raised, resolved] = [sampleTransition(), sampleTransition({ closed })].map((one) =>
			toAlertmanagerAlert(one, context),
		);
		expect(resolved?.labels).toEqual(raised?.labels);
		expect(raised).toMatchObject({ startsAt: "2026-08-01T12:01:50.000Z" });
		expect(raised).not.toHaveProperty("endsAt");
		expect(resolved).toMatchObject({ startsAt: "2026-08-01T12:01:50.000Z", endsAt: "2026-08-01T12:09:00.000Z" });
		expect(toAlertmanagerAlert(sampleTransition({ alertId: "other" }), context).labels).not.toEqual(raised?.labels);
		expect(Object.values(raised?.labels ?? {})).not.toContain("");
	});
});

describe("the sink of Alertmanager", () => {
	test("D3: posts what is open again, and a resolve for five minutes", async () => {
		await using receiver = await HttpReceiver.start();
		const clock = new SkippingClock();
		const url = `http://127.0.0.1:${receiver.port}`;
		const sink = new AlertmanagerSink({
			...context,
			name: "alertmanager",
			wants: () => true,
			wayOutTo: () => null,
			urls: [url],
			headers: {},
			clock,
		});
		const open = sampleTransition({ alertId: "open" });
		await sink.send([noticeOf(open), noticeOf(sampleTransition({ alertId: "over", closed }))], signal);
		const ids: string[][] = [];
		for (let minute = 0; minute < 7; minute += 1) {
			await clock.sleep(60_000, signal);
			receiver.received.length = 0;
			await sink.repost([open], signal);
			ids.push(receiver.received.flatMap(({ body }) => JSON.parse(body)).map(({ labels }) => labels.alert_id));
		}
		expect(ids).toEqual([...Array.from({ length: 5 }, () => ["open", "over"]), ["open"], ["open"]]);
	});

	test.each<[string, readonly number[], boolean | null]>([
		["all take it", [200, 200], null],
		["one of two takes it", [503, 200], null],
		["none takes it, and one may later", [400, 503], true],
		["each refuses it", [400, 400], false],
	])("where %s: %j", async (_what, statuses, retryable) => {
		await using one = await HttpReceiver.start();
		await using other = await HttpReceiver.start();
		one.answer = () => ({ status: statuses[0] ?? 0 });
		other.answer = () => ({ status: statuses[1] ?? 0 });
		const urls = [`http://127.0.0.1:${one.port}`, `http://127.0.0.1:${other.port}`] as const;
		const sink = new AlertmanagerSink({
			...context,
			name: "a",
			wants: () => true,
			wayOutTo: () => null,
			urls: [...urls],
			headers: { authorization: "Basic x" },
			clock: new SkippingClock(),
		});
		const error = await sink.send([noticeOf(sampleTransition())], signal).then(
			() => null,
			(reason: unknown) => reason,
		);
		expect(error).toEqual(retryable === null ? null : expect.objectContaining({ retryable }));
		expect([one, other].map(({ received }) => received[0]?.path)).toEqual(["/api/v2/alerts", "/api/v2/alerts"]);
		expect(one.received[0]?.headers.authorization).toBe("Basic x");
	});
});
