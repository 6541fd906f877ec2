import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { metricTable } from "../../src/observe/metric-table.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { limitsOf, renderLimits } from "../generated/limits.ts";
import { filesOf } from "./rules.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** Said where it is used: `zombied_own_health`. */
const saidElsewhere = new Set(["core/own-health.ts scoreMax"]);

test("every limit says beside it what it bounds, or why it is so", () => {
	const silent = limitsOf().filter(({ comment }) => comment === "");
	expect(silent.map(({ file, name }) => `${file} ${name}`).filter((name) => !saidElsewhere.has(name))).toEqual([]);
});

test.for([
	"daemon/pipeline.ts batchInputsMax",
	"daemon/inquirer.ts poolsWaitingMax",
	"daemon/backlog.ts refillRowsMax",
	"daemon/supervise.ts restartBackoff",
	"notify/dispatcher.ts retryBounds",
	"observe/line-limit.ts keysMax",
	"prefect/catch-up.ts catchUpLimits",
	"prefect/request-budget.ts waitersMax",
	"prefect/rest-transport.ts retryBackoff",
	"prefect/stream-timing.ts streamTiming",
	"store/sqlite-store.ts retentionSliceRows",
])("the queue, batch, retry or buffer of %s is among them, with its value", (wanted) => {
	const limit = limitsOf().find(({ file, name }) => `${file} ${name}` === wanted);
	expect(limit?.value).toMatch(/\d/u);
});

test("the settings that bound something are among them, and every metric that is named exists", () => {
	const page = renderLimits();
	for (const setting of ["queueInputs", "outboxRows", "restPerSecond", "confirmRuns", "unconfirmedRuns"]) {
		expect(page).toContain(`\`limits.${setting}\``);
	}
	const named = [...page.matchAll(/`zombied_(\w+)/gu)].map((match) => match[1] ?? "");
	expect(named.length).toBeGreaterThan(7);
	expect(named.filter((name) => !(name in metricTable))).toEqual([]);
});

/** A wait or a time limit whose number has no name. */
const namelessWait = /\.sleep\(\s*[\d_]+\s*,|AbortSignal\.timeout\(\s*\d|\bset(?:Timeout|Interval)\([^;]*,\s*\d/u;

test("no wait has a number without a name", () => {
	const faults = filesOf(src).filter((file) => namelessWait.test(readFileSync(file, "utf8")));
	expect(faults.map((file) => path.relative(src, file))).toEqual([]);
	for (const wait of ["clock.sleep(1_000, signal)", "AbortSignal.timeout(5000)", "setTimeout(() => end(), 10)"]) {
		expect(wait).toMatch(namelessWait);
	}
	expect("clock.sleep(retryMs, signal)").not.toMatch(namelessWait);
});

describe("how a limit is read", () => {
	test.for([
		["const queueInputsMax = 20_000;", "20,000"],
		["export const retryEveryMs = 10 * 60_000;", "10m"],
		["const bodyBytesMax = 1024;", "1 KiB"],
		["const frameBytesMax = 4 * 1024 * 1024;", "4 MiB"],
		["const retryBounds = { minMs: 1000, maxMs: 300_000 };", "minMs 1s; maxMs 5m"],
		[
			"export const streamTiming: StreamTiming = {\n\tpingEveryMs: 15_000,\n\tbackoff: { minMs: 500, maxMs: 30_000 },\n};",
			"pingEveryMs 15s; backoff minMs 500ms; maxMs 30s",
		],
	] as const)("%s", async ([source, value]) => {
		expect(await read(`/** Why. */\n${source}\n`)).toMatchObject([{ value, comment: "Why." }]);
	});

	test.for(["const name = 7;", 'const wordsMax = "many";', "const keysMax = new Map();", "\tconst innerMax = 7;"])(
		"%s is none",
		async (source) => {
			expect(await read(`${source}\n`)).toEqual([]);
		},
	);

	test("neighbours share a comment, and a blank line ends it", async () => {
		const found = await read("/** Both. */\nconst aMax = 1;\nconst bMax = 2;\n\nconst cMax = 3;\n");
		expect(found.map(({ name, comment }) => [name, comment])).toEqual([
			["aMax", "Both."],
			["bMax", "Both."],
			["cMax", ""],
		]);
	});

	async function read(source: string) {
		await using folder = await TempFolder.make("limits");
		for (const layer of ["prefect", "core", "daemon", "store", "notify", "schedule", "http", "observe"]) {
			mkdirSync(folder.file(layer));
		}
		writeFileSync(folder.file("daemon/planted.ts"), source);
		return limitsOf(folder.path);
	}
});
