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
		expect(titleOf({ ...status, open_episodes: 2 }, 2)).toBe("2 runs need you");
		expect(titleOf({ ...status, open_episodes: 0, blind: true }, 0)).toBe("Verdicts are on hold");
		expect(titleOf({ ...status, open_episodes: 0, suspects: 1 }, 0)).toBe("No alerts, 1 suspect");
		expect(titleOf({ ...status, open_episodes: 0 }, 0)).toBe("No alerts");
	});

	test("shows each flagged run under its kind, and no kind that nobody is of but zombies", () => {
		const page = overview({
			flagged: [apiRun({ name: "dead-duck" }), apiRun({ name: "late-lark", condition: "stuck_retry" })],
		});
		expect(page).toMatch(/Zombies <span class="count">1<.*dead-duck.*Stuck <span class="count">1<.*late-lark/su);
		expect(page).not.toContain("Undead");
		expect(overview()).toMatch(/Zombies <span class="count">0<\/span>.*None\./su);
	});

	test("tells why verdicts are on hold", () => {
		const blind = { ...status, stream_connected: false, blind: true, blind_causes: ["socket" as const] };
		expect(overview({ status: blind })).toContain("on hold: the events socket was not open");
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
		expect(page).toMatch(/work pool k8s.*12 runs \(full\).*2026-11-22 00:05:45 UTC/su);
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
