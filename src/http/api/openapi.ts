import { z } from "zod";
import { runDetailSchema } from "./run-schema.ts";
import {
	apiStatusSchema,
	coverageSchema,
	episodesQuerySchema,
	episodesSchema,
	ledgerQuerySchema,
	ledgerSchema,
	problemSchema,
	runsQuerySchema,
	runsSchema,
} from "./schemas.ts";

interface Operation {
	readonly path: string;
	readonly summary: string;
	readonly query: z.ZodObject | null;
	readonly answer: z.ZodType;
	/** Names a run in its path. */
	readonly ofRun?: true;
}

/** Every answer of the API, with the schema that it is written by. */
export const operations: readonly Operation[] = [
	{ path: "/status", summary: "How the daemon is.", query: null, answer: apiStatusSchema },
	{ path: "/runs", summary: "Runs in memory, a part at a time.", query: runsQuerySchema, answer: runsSchema },
	{
		path: "/runs/{id}",
		summary: "One run: where its watching stands, why, and what happened to it.",
		query: null,
		answer: runDetailSchema,
		ofRun: true,
	},
	{ path: "/episodes", summary: "Alerts, the latest first.", query: episodesQuerySchema, answer: episodesSchema },
	{
		path: "/ledger",
		summary: "What has become of the alerts, and what was done about them, by deployment.",
		query: ledgerQuerySchema,
		answer: ledgerSchema,
	},
	{ path: "/coverage", summary: "What is watched, by deployment.", query: null, answer: coverageSchema },
];

/** OpenAPI 3.1, whose schemas are those of JSON Schema 2020-12. */
export function openApiDocument(version: string): object {
	return {
		openapi: "3.1.0",
		info: {
			title: "zombied",
			version,
			license: { name: "Apache-2.0", identifier: "Apache-2.0" },
			description: "Which Prefect flow runs are dead although the server still says RUNNING.",
		},
		servers: [{ url: "/api/v1" }],
		components: {
			securitySchemes: { token: { type: "http", scheme: "bearer", description: "`http.token`, where it is set." } },
		},
		security: [{}, { token: [] }],
		paths: Object.fromEntries(operations.map((operation) => [operation.path, { get: describe(operation) }])),
	};
}

function describe({ summary, query, answer, ofRun }: Operation): object {
	const asked = query === null ? [] : parametersOf(query);
	const id = { name: "id", in: "path", required: true, schema: { type: "string", format: "uuid" } };
	const failures = {
		...(query === null && ofRun !== true ? {} : { 400: answerOf("What was asked makes no sense.", problemSchema) }),
		401: answerOf("`http.token` is set, and was not given.", problemSchema),
		...(ofRun === true ? { 404: answerOf("The run is not known.", problemSchema) } : {}),
	};
	return {
		summary,
		parameters: ofRun === true ? [id, ...asked] : asked,
		responses: { 200: answerOf("The answer.", answer), ...failures },
	};
}

function parametersOf(query: z.ZodObject): readonly object[] {
	const { properties = {} } = z.toJSONSchema(query, { io: "input" });
	return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
}

function answerOf(description: string, schema: z.ZodType): object {
	const { $schema: _, ...content } = z.toJSONSchema(schema);
	return { description, content: { "application/json": { schema: content } } };
}
