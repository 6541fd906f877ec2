import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { openApiDocument } from "./openapi.ts";
import type { ApiRunDetail } from "./run-schema.ts";
import {
	type ApiCoverage,
	type ApiDetails,
	type ApiEpisodes,
	type ApiLedger,
	type ApiRuns,
	type ApiStatus,
	type EpisodesQuery,
	episodesQuerySchema,
	type LedgerQuery,
	ledgerQuerySchema,
	type RunsQuery,
	runsQuerySchema,
} from "./schemas.ts";

/** Where the answers come from. None of them waits for Prefect to be there. */
export interface RunSource {
	/** What is added to the daemon's status. */
	details(): ApiDetails;
	/** A part of the runs in memory. */
	runs(query: RunsQuery): Promise<ApiRuns>;
	/** Null: never heard of, or forgotten. @param signal aborted when nobody waits any more */
	run(runId: string, signal: AbortSignal): Promise<ApiRunDetail | null>;
	episodes(query: EpisodesQuery): Promise<ApiEpisodes>;
	coverage(): Promise<ApiCoverage>;
	ledger(query: LedgerQuery): Promise<ApiLedger>;
}

export const apiPrefix = "/api/v1";

/** What pages and API have in common. */
export interface Answers {
	/** Asked for each answer: a damaged database is replaced while the pages go on. */
	readonly source: () => RunSource;
	readonly status: () => ApiStatus;
	readonly version: string;
}

/** The JSON API: what the pages show, for programs. */
export function addApi(server: FastifyInstance, { source, status, version }: Answers): void {
	server.get(`${apiPrefix}/openapi.json`, async (_request, reply) => reply.send(openApiDocument(version)));
	server.get(`${apiPrefix}/status`, async (_request, reply) => reply.send(status()));
	server.get(`${apiPrefix}/coverage`, async (_request, reply) => reply.send(await source().coverage()));
	server.get(`${apiPrefix}/runs`, async (request, reply) =>
		withQuery(request, reply, runsQuerySchema, async (query) => source().runs(query)),
	);
	server.get(`${apiPrefix}/episodes`, async (request, reply) =>
		withQuery(request, reply, episodesQuerySchema, async (query) => source().episodes(query)),
	);
	server.get(`${apiPrefix}/ledger`, async (request, reply) =>
		withQuery(request, reply, ledgerQuerySchema, async (query) => source().ledger(query)),
	);
	server.get<{ Params: { id: string } }>(`${apiPrefix}/runs/:id`, async (request, reply) => {
		const runId = request.params.id.toLowerCase();
		if (!isUuid(runId))
			return problem(reply, 400, "that is no run's id: it is a UUID, as in a run's address in Prefect");
		const run = await source().run(runId, goneSignal(reply));
		return run === null
			? problem(reply, 404, "zombied has not heard of this run, or has forgotten it")
			: reply.send(run);
	});
}

async function withQuery<Query>(
	request: FastifyRequest,
	reply: FastifyReply,
	schema: z.ZodType<Query>,
	answer: (query: Query) => Promise<unknown>,
): Promise<FastifyReply> {
	const parsed = schema.safeParse(request.query);
	if (parsed.success) return reply.send(await answer(parsed.data));
	const [issue] = parsed.error.issues;
	return problem(reply, 400, `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim().slice(0, 300));
}

export function problem(reply: FastifyReply, status: number, error: string): FastifyReply {
	return reply.code(status).send({ error });
}

export function isUuid(text: string): boolean {
	return z.guid().safeParse(text).success;
}

/** Aborted when whoever asked has gone. */
export function goneSignal(reply: FastifyReply): AbortSignal {
	const gone = new AbortController();
	reply.raw.once("close", () => gone.abort());
	return gone.signal;
}
