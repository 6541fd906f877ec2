import type { z } from "zod";
import { messageOf, OperatorError, OutsideError } from "../lib/errors.ts";
import { apiPrefix } from "./api/api.ts";
import { problemSchema } from "./api/schemas.ts";
import type { ListenOn } from "./http-server.ts";
import { type OperatorAnswer, type OperatorCommand, operatorAnswerSchema } from "./operator-command.ts";
import { changeHeader } from "./reload-guard.ts";
import { type Status, statusSchema } from "./status.ts";

/** The daemon answers from memory; one that takes longer is not well. */
const answerMsMax = 5_000;
const statusCharsMax = 65_536;

export interface HealthAnswer {
	readonly healthy: boolean;
	/** What it said, or why there was no answer; one line. */
	readonly detail: string;
}

/** Asks the daemon that listens there whether it is healthy. Never rejects but on abort: no answer is an answer. */
export async function askHealth(listen: ListenOn, signal: AbortSignal): Promise<HealthAnswer> {
	try {
		const response = await ask(listen, "/-/healthy", signal);
		return { healthy: response.status === 200, detail: response.text.trim().slice(0, 200) };
	} catch (error) {
		signal.throwIfAborted();
		return { healthy: false, detail: messageOf(error) };
	}
}

/** @throws OutsideError, retryable, when no daemon answers there */
export async function askStatus(listen: ListenOn, signal: AbortSignal): Promise<Status> {
	const { status, text } = await ask(listen, "/-/status", signal);
	const parsed = status === 200 ? statusSchema.safeParse(parsedJson(text.slice(0, statusCharsMax))) : null;
	if (parsed?.success !== true) throw strangerAt(listen);
	return parsed.data;
}

/** Answers of the API grow with what is watched; this is far beyond any page of it. */
const apiCharsMax = 64 * 1024 * 1024;

/**
 * Asks the daemon's API.
 *
 * @returns null: it does not know what was asked for
 * @throws OutsideError, retryable, when no daemon answers there; OperatorError when it refuses the question or the token
 */
export async function askApi<Answer>(
	{ listen, token }: { readonly listen: ListenOn; readonly token: string | null },
	path: string,
	schema: z.ZodType<Answer>,
	signal: AbortSignal,
): Promise<Answer | null> {
	const headers = token === null ? {} : { authorization: `Bearer ${token}` };
	const { status, text } = await ask(listen, `${apiPrefix}${path}`, signal, { headers });
	const answer = parsedJson(text.slice(0, apiCharsMax));
	if (status === 404 && problemSchema.safeParse(answer).success) return null;
	if (status === 401)
		throw new OperatorError("the daemon wants its http.token; set the same one here (ZOMBIED_HTTP_TOKEN)");
	if (status === 400)
		throw new OperatorError(problemSchema.safeParse(answer).data?.error ?? "the daemon refuses the question");
	const parsed = status === 200 ? schema.safeParse(answer) : null;
	if (parsed?.success !== true) throw strangerAt(listen);
	return parsed.data;
}

/**
 * Tells the daemon what an operator commands.
 *
 * @throws OutsideError, retryable, when no daemon answers there; OperatorError when it refuses, or cannot now
 */
export async function askOperator(
	{ listen, token }: { readonly listen: ListenOn; readonly token: string | null },
	command: OperatorCommand,
	signal: AbortSignal,
): Promise<OperatorAnswer> {
	const headers = {
		[changeHeader]: "1",
		"content-type": "application/json",
		...(token === null ? {} : { authorization: `Bearer ${token}` }),
	};
	const post = { method: "POST", headers, body: JSON.stringify(command) } as const;
	const { status, text } = await ask(listen, "/-/operator", signal, post);
	if ([400, 401, 403, 503].includes(status)) {
		throw new OperatorError(`the daemon refuses: ${text.trim().slice(0, 200)}`);
	}
	const parsed = status === 200 ? operatorAnswerSchema.safeParse(parsedJson(text.slice(0, statusCharsMax))) : null;
	if (parsed?.success !== true) throw strangerAt(listen);
	return parsed.data;
}

function strangerAt(listen: ListenOn): OutsideError {
	return new OutsideError(`what listens at ${addressOf(listen)} does not answer as a zombied of this version`, {
		retryable: true,
	});
}

async function ask(
	listen: ListenOn,
	path: string,
	signal: AbortSignal,
	what: { readonly headers?: Readonly<Record<string, string>>; readonly method?: "POST"; readonly body?: string } = {},
): Promise<{ status: number; text: string }> {
	const address = addressOf(listen);
	try {
		const response = await fetch(`${address}${path}`, {
			...what,
			redirect: "error",
			signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
		});
		return { status: response.status, text: await response.text() };
	} catch (error) {
		signal.throwIfAborted();
		const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
		const message = `no zombied answers at ${address} (${messageOf(cause)}); is it running, and is http.listen the same?`;
		throw new OutsideError(message, { retryable: true, cause: error });
	}
}

/** From where it listens to where it is reached: "every address" includes loopback. */
function addressOf({ host, port }: ListenOn): string {
	const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
	return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

function parsedJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
