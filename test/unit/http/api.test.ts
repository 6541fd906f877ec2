import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { RunSource } from "../../../src/http/api/api.ts";
import { operations } from "../../../src/http/api/openapi.ts";
import { problemSchema } from "../../../src/http/api/schemas.ts";
import { HttpServer } from "../../../src/http/http-server.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { apiRun, pageSource, someRunId } from "../../_util/page-source.ts";
import { sampleStatus } from "../../_util/page-status.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";

let server: HttpServer;
let source: RunSource;

async function start(token: string | null): Promise<void> {
	const clock = new SkippingClock();
	const metrics = new Metrics({ version: "1.2.3", revision: "abc", nodeVersion: process.version });
	server = await HttpServer.start(
		{
			listen: { host: "127.0.0.1", port: 0 },
			token,
			source: () => source,
			metrics,
			readiness: () => ({ loaded: true, storeFailing: false, lastTickMonoMs: 0 }),
			status: () => sampleStatus,
			operate: async () => ({ changed: 0, ids: [] }),
			reload: () => ({ reloaded: false, problems: [] }),
			version: "1.2.3",
			clock,
		},
		new AbortController().signal,
	);
}

beforeEach(() => {
	source = pageSource();
});
afterEach(async () => {
	await server[Symbol.asyncDispose]();
});

async function get(
	path: string,
	headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
	const response = await fetch(`${server.address}${path}`, { headers });
	return { status: response.status, text: await response.text(), headers: response.headers };
}

const answerOf = (path: string): string => `/api/v1${path.replace("{id}", someRunId)}`;

describe("the JSON API", () => {
	beforeEach(() => start(null));

	test.each(operations)(
		"$path answers as its schema says, and the schema is in the OpenAPI document",
		async ({ path, answer }) => {
			const { status, text } = await get(answerOf(path));
			expect(status).toBe(200);
			// Strict: a field that the document does not name would go unnoticed otherwise.
			expect(z.fromJSONSchema(z.toJSONSchema(answer)).safeParse(JSON.parse(text)).error).toBeUndefined();
			const document = JSON.parse((await get("/api/v1/openapi.json")).text);
			const { $schema: _, ...schema } = z.toJSONSchema(answer);
			expect(document.paths[path].get.responses[200].content["application/json"].schema).toEqual(schema);
		},
	);

	test("what was asked is what is looked for", async () => {
		const asked: unknown[] = [];
		source = pageSource({
			runs: async (query) => {
				asked.push(query);
				return { runs: [apiRun()], next: 7 };
			},
		});
		expect(JSON.parse((await get("/api/v1/runs?standing=suspect&limit=5&from=3&work_pool=k8s")).text).next).toBe(7);
		expect(asked).toEqual([{ standing: "suspect", limit: 5, from: 3, work_pool: "k8s" }]);
	});

	test.each([
		["/api/v1/runs?standing=undead", 400, /standing/],
		["/api/v1/runs?limit=501", 400, /limit/],
		["/api/v1/runs?colour=red", 400, /colour/],
		["/api/v1/episodes?before=yesterday", 400, /before/],
		["/api/v1/runs/not-a-uuid", 400, /UUID/],
		["/api/v1/runs/00000000-0000-4000-8000-000000000000", 404, /not heard/],
		["/api/v1/nothing", 404, /openapi\.json/],
		["/api/v1/runs/%ff", 400, /bad request/],
	])("%s is refused in one line, as the document says", async (path, status, message) => {
		const answer = await get(path);
		expect(answer.status).toBe(status);
		expect(problemSchema.strict().parse(JSON.parse(answer.text)).error).toMatch(message);
		const document = JSON.parse((await get("/api/v1/openapi.json")).text);
		const operation = document.paths[path.startsWith("/api/v1/runs/") ? "/runs/{id}" : path.slice(7).split("?")[0]!];
		if (operation === undefined) return;
		const { $schema: _, ...schema } = z.toJSONSchema(problemSchema);
		expect(operation.get.responses[status].content["application/json"].schema).toEqual(schema);
	});
});

describe("the list of runs", () => {
	beforeEach(() => start(null));

	test("shows the runs that were asked for, and where they go on", async () => {
		const asked: unknown[] = [];
		source = pageSource({
			runs: async (query) => {
				asked.push(query);
				return { runs: [apiRun()], next: query.from === 0 ? 5_000 : 9_000 };
			},
		});
		const { status, text } = await get("/runs?condition=zombie&deployment=a%26b&limit=2");
		expect(status).toBe(200);
		expect(text).toMatch(/<h1>Runs: zombie, deployment a&amp;b<\/h1>.*wise-otter.*wise-otter/su);
		expect(text).toContain(
			'<a rel="next" href="/runs?condition=zombie&amp;deployment=a%26b&amp;limit=2&amp;from=9000">',
		);
		// An answer may hold fewer than were wanted although there are more.
		expect(asked).toMatchObject([
			{ from: 0, limit: 2, deployment: "a&b" },
			{ from: 5_000, limit: 1 },
		]);
	});

	test("a filter that makes no sense is refused, and not repeated; a name cannot act", async () => {
		expect(await get("/runs?standing=<script>")).toMatchObject({ status: 400 });
		expect((await get("/runs?standing=<script>")).text).not.toContain("<script>");
		const { text } = await get(`/runs?deployment=${encodeURIComponent("<img src=x>\u202e\u0007")}`);
		expect(text).toContain("deployment &lt;img src=x&gt;\\u{202e}\\u{7}");
	});
});

describe("http.token", () => {
	beforeEach(() => start("open sesame"));

	const guarded = [
		"/",
		"/?x=/metrics",
		"/runs",
		`/runs/${someRunId}`,
		"/live",
		"/api/v1/openapi.json",
		"/api/v1/nothing",
		"//metrics",
		...operations.map(({ path }) => answerOf(path)),
	];

	test.each(guarded)("%s needs it: no name is told without", async (path) => {
		for (const authorization of [undefined, "Bearer wrong", `Basic ${btoa("me:wrong")}`, "open sesame"]) {
			const { status, text, headers } = await get(path, authorization === undefined ? {} : { authorization });
			expect(status).toBe(401);
			expect(text).not.toContain("wise-otter");
			expect(headers.get("www-authenticate")).toMatch(/^Basic /u);
		}
	});

	test.each([["Bearer open sesame"], [`Basic ${btoa("anybody:open sesame")}`]])("%s opens", async (authorization) => {
		expect(await get("/", { authorization })).toMatchObject({ status: 200 });
		expect((await get("/api/v1/runs", { authorization })).text).toContain("wise-otter");
	});

	test.each(["/metrics", "/-/healthy", "/-/ready", "/-/status"])("%s needs none, and names nobody", async (path) => {
		const { status, text } = await get(path);
		expect(status).toBe(200);
		expect(text).not.toContain("wise-otter");
	});
});
