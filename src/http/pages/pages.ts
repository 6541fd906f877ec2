import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../../lib/clock.ts";
import { type Answers, goneSignal, isUuid } from "../api/api.ts";
import { runsQuerySchema } from "../api/schemas.ts";
import { icon, liveScript, style } from "./assets.ts";
import { html } from "./html.ts";
import { page, pagePolicy } from "./layout.ts";
import { readOverview, readRuns } from "./overview.ts";
import { overviewMain, titleOf } from "./overview-page.ts";
import { runMain } from "./run-page.ts";
import { runsMain, titleOf as runsTitleOf } from "./runs-page.ts";
import { standingWords } from "./words.ts";

/** People look; they do not stare: and each change costs a page. */
const changedEveryMs = 5_000;
/** Readers of live pages at a time; more get the page as it is. */
const liveReadersMax = 50;
/** On one page of the list. */
const pageRuns = 200;

/** The pages for people. They work without the script, which only fetches them anew. */
export function addPages(server: FastifyInstance, answers: Answers, clock: Clock): void {
	const { source, version } = answers;
	server.get("/", async (_request, reply) => {
		const overview = await readOverview(answers);
		return sendPage(reply, 200, page(`${titleOf(overview.status)} – zombied`, version, overviewMain(overview)));
	});
	server.get("/runs", async (request, reply) => {
		const parsed = runsQuerySchema.safeParse({ limit: pageRuns, ...(request.query as object) });
		if (!parsed.success) return sendPage(reply, 400, page("Unknown filter – zombied", version, unknownFilter));
		const query = parsed.data;
		const { runs, next } = await readRuns(source(), query);
		return sendPage(reply, 200, page(`${runsTitleOf(query)} – zombied`, version, runsMain({ query, runs, next })));
	});
	server.get<{ Params: { id: string } }>("/runs/:id", async (request, reply) => {
		const runId = request.params.id.toLowerCase();
		const run = isUuid(runId) ? await source().run(runId, goneSignal(reply)) : null;
		if (run === null) return sendPage(reply, 404, page("Unknown run – zombied", version, unknownRun));
		const title = `${run.name ?? run.id}: ${run.condition ?? standingWords[run.standing]} – zombied`;
		return sendPage(reply, 200, page(title, version, runMain(run, clock.now().wallMs)));
	});
	server.get("/assets/style.css", async (_request, reply) => asset(reply, "text/css", style));
	server.get("/assets/live.js", async (_request, reply) => asset(reply, "text/javascript", liveScript));
	server.get("/assets/icon.svg", async (_request, reply) => asset(reply, "image/svg+xml", icon));
	addLive(server);
}

const unknownFilter = html`<h1>Unknown filter</h1><p>That is no way to look for runs. <a href="/runs">All runs</a></p>`;
const unknownRun = html`<h1>Unknown run</h1><p>zombied has not heard of this run, or has forgotten it: ended runs are kept for as long as <code>retention.runs</code> says. <a href="/">Back</a></p>`;

/** Server-sent events: that there may be something new, never what. */
function addLive(server: FastifyInstance): void {
	let readers = 0;
	server.get("/live", async (_request, reply) => {
		if (readers >= liveReadersMax) return reply.code(204).send();
		readers += 1;
		reply.hijack();
		reply.raw.writeHead(200, {
			"content-type": "text/event-stream",
			"cache-control": "no-store",
			"x-accel-buffering": "no",
		});
		reply.raw.write(`retry: ${changedEveryMs}\n\n`);
		const timer = setInterval(() => reply.raw.write("event: changed\ndata: \n\n"), changedEveryMs);
		reply.raw.once("close", () => {
			clearInterval(timer);
			readers -= 1;
		});
		return reply;
	});
}

function sendPage(reply: FastifyReply, status: number, text: string): FastifyReply {
	return reply.code(status).header("content-security-policy", pagePolicy).type("text/html; charset=utf-8").send(text);
}

function asset(reply: FastifyReply, type: string, text: string): FastifyReply {
	return reply.header("cache-control", "max-age=3600").type(`${type}; charset=utf-8`).send(text);
}
