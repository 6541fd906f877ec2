import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { html } from "../../../src/http/pages/html.ts";
import { type Overview, overviewMain, titleOf } from "../../../src/http/pages/overview-page.ts";
import { runMain } from "../../../src/http/pages/run-page.ts";
import { silenceBar } from "../../../src/http/pages/silence-bar.ts";
import { apiEpisode, apiRun, apiRunDetail } from "../../_util/page-source.ts";
import { sampleStatus } from "../../_util/page-status.ts";

const nowMs = Date.parse("2026-11-22T00:02:30.000Z");
const hostile = `<script>alert("1")</script>' onload='x' &lt;`;

const status: Overview["status"] = {
	...sampleStatus,
	version: "1.2.3",
	ready: true,
	reason: null,
	namespace: "default",
	workspace: "default",
	prefect: "http://prefect/api",
	group_incidents: [],
	remedy: { mode: "off", scopes: 0 },
	sinks: [{ name: "log", pending: 0, held: 0 }],
	silences: [],
	open_by_condition: {},
};

function overview(changes: Partial<Overview> = {}): string {
	const nothing = { flagged: [], suspects: [], coverage: { rows: [], more: 0 }, recent: [] };
	return overviewMain({ status, ...nothing, ...changes }).text;
}

test("whatever is put into markup comes out as the text that it was", () => {
	fc.assert(
		fc.property(fc.string({ unit: "binary" }), (text) => {
			const { text: markup } = html`<p title="${text}">${text}</p>`;
			const read = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/su.exec(markup);
			const unescaped = (read?.[1] ?? "").replaceAll(
				/&(amp|lt|gt|quot|#39);/gu,
				(_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name] ?? "",
			);
			return read !== null && read[1] === read[2] && unescaped === text;
		}),
	);
}, 30_000);

describe("the overview", () => {
	test("says first what needs somebody", () => {
		expect(titleOf({ ...status, open_episodes: 2 })).toBe("2 runs need you");
		const quiet = { ...status, open_episodes: 0 };
		expect(titleOf({ ...quiet, blind: true })).toBe("No alerts, and no new ones now: verdicts are on hold");
		expect(titleOf({ ...quiet, ready: false })).toBe("No alerts, and no new ones now: zombied is not ready");
		expect(titleOf({ ...quiet, suspects: 1 })).toBe("No alerts, 1 suspect");
		expect(titleOf(quiet)).toBe("No alerts");
	});

	test("says who has an alert in hand, which alerts are kept from the sinks, and for whom some wait", () => {
		const silences = [
			{
				kind: "silence" as const,
				id: "1a2b3c4d",
				concerns: "workPool=k8s",
				why: hostile,
				until: "2026-11-22T02:00:00.000Z",
			},
			{
				kind: "maintenance" as const,
				id: "backup",
				concerns: "every alert",
				why: null,
				until: "2026-11-22T02:00:00.000Z",
			},
		];
		const sinks = [
			{ name: "log", pending: 0, held: 0 },
			{ name: "slack", pending: 3, held: 2 },
		];
		const flagged = [apiRun({ acknowledged: "Kim" })];
		const page = overview({ status: { ...status, silences, sinks, outbox_pending: 3 }, flagged });
		expect(page).toContain("in hand: Kim");
		const words = ["Silences", "silence 1a2b3c4d", "workPool=k8s", "02:00:00", "maintenance window backup"];
		const places = words.map((word) => page.indexOf(word));
		expect(places, words.join()).toEqual(places.toSorted((one, other) => one - other));
		expect(places).not.toContain(-1);
		expect(page).toContain("3 for slack; 2 held");
		expect(page).not.toContain("<script>alert");
		const quiet = overview({ flagged: [apiRun()] });
		expect(quiet).not.toContain("Silences");
		expect(quiet).not.toContain("in hand");
	});

	test("shows each flagged run under its kind, and no kind that nobody is of but zombies", () => {
		const page = overview({
			flagged: [apiRun({ name: "dead-duck" }), apiRun({ name: "late-lark", condition: "stuck_retry" })],
		});
		expect(page).toMatch(/Zombies <span class="count">1<.*dead-duck.*Stuck <span class="count">1<.*late-lark/su);
		expect(page).not.toContain("Undead");
		expect(overview()).toMatch(/Zombies <span class="count">0<\/span>.*None\./su);
	});

	test("what there is no room for is counted, and has a page of its own", () => {
		const open = { ...status, suspects: 7, open_by_condition: { zombie: 1_204, stuck_retry: 1, stuck_pending: 300 } };
		const page = overview({
			status: open,
			flagged: [
				apiRun(),
				apiRun({ condition: "stuck_retry" }),
				...Array.from({ length: 100 }, () => apiRun({ condition: "stuck_pending" })),
			],
			suspects: [apiRun({ standing: "suspect", condition: null })],
		});
		expect(page).toContain('Zombies <span class="count">1204</span>');
		expect(page).toContain('and 1203 more: <a href="/runs?condition=zombie">');
		expect(page).toContain('Stuck <span class="count">301</span>');
		expect(page).toContain('and 200 more: <a href="/runs?condition=stuck_pending">');
		expect(page).not.toContain("condition=stuck_retry");
		expect(page).toContain('and 6 more: <a href="/runs?standing=suspect">');
		expect(overview({ flagged: [apiRun()] })).not.toContain("more:");
	});

	test("of a stuck run it says why, of each flagged one what it may have died of and whom it is in the way of", () => {
		const cause = { likely_cause: "pod evicted", impact: "it holds a slot of work pool k8s (5 of 5 taken)" };
		const page = overview({
			flagged: [apiRun({ condition: "stuck_pending", reason: "PENDING for 3346 s", ...cause })],
		});
		expect(page).toMatch(/Stuck.*PENDING for 3346 s.*pod evicted.*it holds a slot of work pool k8s/su);
		expect(overview({ flagged: [apiRun()] })).not.toMatch(/<br>|PENDING/u);
	});

	test("says how well it hears: API, events and what is read after a gap, blind time, last sweep, own health", () => {
		const facts = { prefect_answers: false, blind_seconds_last_hour: 90, catching_up: true, own_health: 2 };
		const page = overview({ status: { ...status, ...facts } });
		expect(page).toMatch(/class="bad"><dt>Prefect&#39;s API<\/dt><dd>does not answer/u);
		expect(page).toMatch(/Events<\/dt><dd>connected: reading what was missed/u);
		expect(page).toMatch(/Blind in the last hour<\/dt><dd>1m30s/u);
		expect(page).toMatch(/Own health<\/dt><dd>2 of 7: limits are longer/u);
		expect(page).toMatch(/Last sweep<\/dt><dd><time datetime="2026-11-22T00:00:05.000Z">/u);
		const remedy = { mode: "dry-run", scopes: 2 } as const;
		expect(overview({ status: { ...status, remedy } })).toContain("dry run: only told, otherwise for 2 kinds of runs");
		expect(overview()).toMatch(/Remedies<\/dt><dd>off</u);
		expect(overview()).toMatch(/connected, all caught up.*Own health<\/dt><dd>well/su);
	});

	test("tells why verdicts are on hold", () => {
		const blind = { ...status, stream_connected: false, blind: true, blind_causes: ["socket" as const] };
		expect(overview({ status: blind })).toContain("on hold: no connection to Prefect&#39;s events");
		expect(overview()).not.toContain("on hold");
	});

	test("shows a group incident with the end of its hold", () => {
		const group = {
			group_id: "g1",
			kind: "work_pool" as const,
			group: "k8s",
			extent: "full" as const,
			runs: 12,
			raised_at: "2026-11-22T00:00:00.000Z",
			held_until: "2026-11-22T00:05:45.000Z",
		};
		const page = overview({ status: { ...status, group_incidents: [group] } });
		expect(page).toMatch(/work pool k8s.*12 runs \(full\).*2026-11-22 00:05:45\u00a0UTC/su);
		expect(overview()).not.toContain("Fell silent together");
	});

	test("counts by deployment and client version how runs stand", () => {
		const row = { deployment: null, flow_name: "etl", client_version: "3.4.0", runs: 3, standings: { unmonitored: 3 } };
		const page = overview({ coverage: { rows: [row], more: 2 } });
		expect(page).toMatch(/etl.*3\.4\.0.*unmonitored|unmonitored.*etl.*3\.4\.0/su);
		expect(page).toContain("2 more rows");
	});

	test("no name can act", () => {
		const page = overview({
			flagged: [apiRun({ name: hostile, deployment: { id: "d", name: hostile }, work_pool: hostile, url: hostile })],
			recent: [apiEpisode({ run_name: hostile, reason: hostile })],
			coverage: {
				rows: [{ deployment: null, flow_name: hostile, client_version: hostile, runs: 1, standings: { idle: 1 } }],
				more: 0,
			},
		});
		expect(page).toContain("&lt;script&gt;");
		expect(page).not.toMatch(/<script|' onload='/u);
	});
});

describe("a run's page", () => {
	test("begins with the verdict, and gives its reasons", () => {
		const page = runMain(apiRunDetail(), nowMs).text;
		expect(page).toMatch(/<h1>wise-otter<\/h1>\s*<p class="verdict flagged">It is flagged as zombie\.<\/p>/u);
		expect(page).toContain("<li>It beats every 30s.</li>");
		// Of an open alert the reasons tell it, and nothing else.
		expect(page).not.toContain("Likely cause");
	});

	test("says of a resolved alert what its run may have died of, and what it kept from others", () => {
		const over = { outcome: "ended", resolved_at: "2026-11-22T00:09:00.000Z" } as const;
		const page = runMain(apiRunDetail({ episodes: [apiEpisode(over)] }), nowMs).text;
		expect(page).toContain("<br>Likely cause: pod evicted at 12:03:11 UTC: &lt;Evicted&gt;<br>Blast radius: it holds");
		const unknown = { ...over, likely_cause: null, impact: null };
		expect(runMain(apiRunDetail({ episodes: [apiEpisode(unknown)] }), nowMs).text).not.toContain("<br>");
	});

	test("draws the silence up to now, and the limit where it lies", () => {
		const page = runMain(apiRunDetail(), nowMs).text;
		const x = (pattern: RegExp): number => Number(pattern.exec(page)?.[1]);
		const beatPx = x(/class="beat" x1="([\d.]+)"/u);
		const limitPx = x(/class="limit" x1="([\d.]+)" x2="[\d.]+" y1="54"/u);
		const nowPx = x(/class="silence" x1="[\d.]+" x2="([\d.]+)"/u);
		// 105 s of the 150 s since the last beat, the last proof of life.
		expect((limitPx - beatPx) / (nowPx - beatPx)).toBeCloseTo(105 / 150, 1);
	});

	test("of an ended run no silence is drawn", () => {
		const page = runMain(apiRunDetail({ standing: "ended", condition: null, silence_seconds: null }), nowMs).text;
		expect(page).not.toMatch(/class="silence"|class="limit"/u);
	});

	test("names of states never lie on one another: a long state has its name, a short one beside it goes without", () => {
		const state = (second: number, text: string) => ({
			at: new Date(nowMs - 150_000 + second * 1_000).toISOString(),
			kind: "state" as const,
			text,
			until: null,
			state_type: "RUNNING" as const,
		});
		const labelsOf = (...timeline: ReturnType<typeof state>[]) =>
			[...runMain(apiRunDetail({ timeline }), nowMs).text.matchAll(/y="16">([^<]+)</gu)].map(([, name]) => name);
		expect(labelsOf(state(0, "Scheduled"), state(1, "Pending"), state(2, "Running"))).toEqual(["Running"]);
		expect(labelsOf(state(0, "Scheduled"), state(50, "Pending"), state(100, "Running"))).toHaveLength(3);
	});

	test("a picture longer than a day names the days, and one of many beats says that they are the newest", () => {
		const beat = (hour: number) => new Date(nowMs - hour * 3_600_000).toISOString();
		const happening = { kind: "heartbeat", text: "heartbeat", until: null, state_type: null } as const;
		const timeline = Array.from({ length: 196 }, (_, n) => ({ ...happening, at: beat(196 - n) }));
		const page = runMain(apiRunDetail({ timeline, last_alive_at: beat(1) }), nowMs).text;
		expect(page).toMatch(/>11-13 20:02<.*>11-2\d \d\d:\d\d</su);
		expect(page).toContain("heartbeats as strokes, the newest 196 of them");
		expect(page).toContain("Times are UTC, from 2026-11-13 to 2026-11-22.");
		expect(runMain(apiRunDetail(), nowMs).text).not.toMatch(/newest|from 2026-11-1/u);
	});

	test("says when Prefect could not be asked, and when zombied no longer watches", () => {
		const page = runMain(apiRunDetail({ timeline_source: "memory", watched: false }), nowMs).text;
		expect(page).toContain("Prefect could not be asked");
		expect(page).toContain("no longer watches");
		expect(runMain(apiRunDetail(), nowMs).text).not.toMatch(/could not be asked|no longer watches/u);
	});
});

test("the bar grows with the silence, stands at the line when it is due, and never beyond its end", () => {
	const filled = (seconds: number): number =>
		Number(/class="fill" width="(\d+)"/u.exec(silenceBar(apiRun({ silence_seconds: seconds })).text)?.[1]);
	expect([0, 52.5, 105, 100_000].map(filled)).toEqual([0, 60, 120, 160]);
	expect(silenceBar(apiRun({ silence_seconds: 105 })).text).toContain("bar over");
	expect(silenceBar(apiRun({ silence_seconds: 104 })).text).not.toContain("bar over");
});
