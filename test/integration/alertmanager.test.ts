import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import type { Episode } from "../../src/core/episode.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { AlertmanagerSink } from "../../src/notify/alertmanager/alertmanager-sink.ts";
import type { Notice } from "../../src/notify/sink.ts";
import { eventually } from "../_util/eventually.ts";
import { HttpReceiver } from "../_util/http-receiver.ts";
import { type ActiveAlert, alertmanagerBinary, RealAlertmanager } from "../_util/real-alertmanager.ts";
import { sampleTransition } from "../_util/sample-episode.ts";

const signal = new AbortController().signal;
const atMs = Date.now();

function noticeOf(alertId: string, workPool: string, closed: Episode["closed"] = null): Notice {
	const transition = sampleTransition(
		{ alertId, raisedAtMs: atMs - 60_000, closed },
		{ workPool, tags: ["a<b>\u0000"] },
	);
	return { transition, key: transition.key, reminder: null };
}

interface Told {
	readonly status: string;
	readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

test.skipIf(!existsSync(alertmanagerBinary) && process.env.CI === undefined)(
	"D3: in a real Alertmanager an alert appears once however often it is posted, groups, and is resolved",
	async () => {
		await using receiver = await HttpReceiver.start();
		await using alertmanager = await RealAlertmanager.start(receiver.url);
		const sink = new AlertmanagerSink({
			name: "alertmanager",
			wants: () => true,
			wayOutTo: () => null,
			// The second of a cluster is away: that keeps the alert from nobody.
			urls: [alertmanager.url, "http://127.0.0.1:9"],
			headers: {},
			namespace: "prod",
			uiUrl: (id) => `http://prefect.test/runs/flow-run/${id}`,
			clock: systemClock,
		});
		const open = [noticeOf("one", "k8s"), noticeOf("two", "k8s"), noticeOf("three", "spot")] as const;
		await sink.send(open, signal);
		await sink.repost(
			open.map(({ transition }) => transition),
			signal,
		);
		const groups = await eventually(
			async () => {
				const found = await alertmanager.groups();
				return found.flatMap(({ alerts }) => alerts).length === 3 ? found : null;
			},
			{ what: "three alerts", timeoutMs: 30_000 },
		);
		expect(new Map(groups.map(({ labels, alerts }) => [labels.work_pool, alerts.length]))).toEqual(
			new Map([
				["k8s", 2],
				["spot", 1],
			]),
		);
		const alert = groups.flatMap(({ alerts }) => alerts).find(({ labels }) => labels.alert_id === "one") as ActiveAlert;
		expect(alert).toMatchObject({
			labels: { alertname: "PrefectFlowRunZombie", severity: "critical", condition: "zombie", work_pool: "k8s" },
			annotations: { summary: expect.stringContaining("calm-otter"), tags: "a<b>\\u{0}" },
			generatorURL: expect.stringContaining("/runs/flow-run/"),
			status: { state: "active" },
		});
		expect(Date.parse(alert.startsAt)).toBe(atMs - 60_000);

		await sink.send([noticeOf("one", "k8s", { outcome: "ended", atMs })], signal);
		const told = (): readonly Told[] => receiver.received.map(({ body }) => JSON.parse(body) as Told);
		const isResolved = (): boolean =>
			told().some(({ alerts }) =>
				alerts.some(({ status, labels }) => status === "resolved" && labels.alert_id === "one"),
			);
		await eventually(isResolved, { what: "word of the resolve", timeoutMs: 30_000 });
		const others = told().flatMap(({ alerts }) => alerts.filter(({ labels }) => labels.alert_id !== "one"));
		expect(others.filter(({ status }) => status === "resolved")).toEqual([]);
		// Posted again it stays resolved, and the others stay.
		await sink.repost(
			open.slice(1).map(({ transition }) => transition),
			signal,
		);
		const left = (await alertmanager.groups()).flatMap(({ alerts }) => alerts.map(({ labels }) => labels.alert_id));
		expect(new Set(left)).toEqual(new Set(["three", "two"]));
		expect(left).toHaveLength(2);
	},
);
