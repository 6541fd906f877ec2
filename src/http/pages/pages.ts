import type { FastifyInstance, FastifyReply } from "fastify";
import type { Standing } from "../../core/explanation.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Answers, goneSignal, isUuid, type RunSource } from "../api/api.ts";
import type { ApiRun } from "../api/run-schema.ts";
import { icon, liveScript, style } from "./assets.ts";
import { html } from "./html.ts";
import { page, pagePolicy } from "./layout.ts";
import { overviewMain, pageRunsMax, titleOf } from "./overview-page.ts";
import { runMain } from "./run-page.ts";
import { standingWords } from "./words.ts";

/** People look; they do not stare: and each change costs a page. */
const changedEveryMs = 5_000;
/** Readers of live pages at a time; more get the page as it is. */
const liveReadersMax = 50;
const recentMax = 25;

/** The pages for people. They work without the script, which only fetches them anew. */
export function addPages(server: FastifyInstance, answers: Answers, clock: Clock): void {
	const { source, version } = answers;
	server.get("/", async (_request, reply) => {
		const main = await overview(answers);
		return sendPage(reply, 200, page(`${main.title} – zombied`, version, main.main));
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

const unknownRun = html`<h1>Unknown run</h1><p>zombied has not heard of this run, or has forgotten it: ended runs are kept for as long as <code>retention.runs</code> says. <a href="/">Back</a></p>`;

async function overview(answers: Answers): Promise<{ readonly title: string; readonly main: ReturnType<typeof html> }> {
	const status = answers.status();
	const source = answers.source();
	const flagged = await runsOf(source, "flagged");
	const suspects = await runsOf(source, "suspect");
	const [coverage, { episodes }] = await Promise.all([
		source.coverage(),
		source.episodes({ state: "any", limit: recentMax }),
	]);
	const main = overviewMain({ status, flagged, suspects, coverage, recent: episodes });
	return { title: titleOf(status, flagged.length), main };
}

async function runsOf(source: RunSource, standing: Standing): Promise<readonly ApiRun[]> {
	const runs: ApiRun[] = [];
	let from: number | null = 0;
	while (from !== null && runs.length < pageRunsMax) {
		const part: { readonly runs: readonly ApiRun[]; readonly next: number | null } = await source.runs({
			standing,
			limit: pageRunsMax - runs.length,
			from,
		});
		runs.push(...part.runs);
		from = part.next;
	}
	return runs;
}

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
