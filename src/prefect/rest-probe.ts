import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { formatDuration } from "../lib/duration.ts";
import { messageOf } from "../lib/errors.ts";
import { type Finding, fault, unknown, well } from "../lib/finding.ts";
import { type HttpAnswer, isCsrfRefusal, isMaintenance, jsonOf, serverDateMs } from "./answer-reading.ts";
import { authorizationSetting, type Connection, isCloud, requestHeaders } from "./connection.ts";
import { CsrfToken } from "./csrf-token.ts";
import { errorCodeOf, reachHint } from "./out-of-reach.ts";
import { RestDispatcher } from "./rest-dispatcher.ts";

/** What REST shows of itself. */
export interface RestFindings {
	readonly rest: Finding;
	readonly credentials: Finding;
	readonly version: Finding;
	readonly csrf: Finding;
	readonly clock: Finding;
	/** The server's clock less ours, milliseconds; null when it does not tell. */
	readonly aheadMs: number | null;
}

/** A request that takes longer is as good as unanswered to somebody who waits for the diagnosis. */
const answerMsMax = 15_000;
/** zombied copes with more; alerts, logs and the server then tell different times. */
const aheadMsMax = 60_000;
const wrongPath = "PREFECT_API_URL has to end in /api (on Prefect Cloud in …/workspaces/ID)";

/** One question of each kind, told apart by layer. Never rejects but on abort. */
export async function probeRest(connection: Connection, clock: Clock, signal: AbortSignal): Promise<RestFindings> {
	await using probe = new RestProbe(connection, clock);
	return await probe.findings(signal);
}

type Answer = HttpAnswer | { readonly failure: Finding };

class RestProbe implements AsyncDisposable {
	readonly #connection: Connection;
	readonly #clock: Clock;
	readonly #dispatcher: RestDispatcher;
	readonly #csrf = new CsrfToken(randomUUID());

	constructor(connection: Connection, clock: Clock) {
		this.#connection = connection;
		this.#clock = clock;
		this.#dispatcher = new RestDispatcher(connection);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#dispatcher[Symbol.asyncDispose]();
	}

	async findings(signal: AbortSignal): Promise<RestFindings> {
		const before = this.#clock.now();
		const health = await this.#send("GET", "/health", signal);
		const after = this.#clock.now();
		const rest = this.#rest(health, after.monoMs - before.monoMs);
		const aheadMs = "failure" in health ? null : aheadOf(health, (before.wallMs + after.wallMs) / 2);
		const clock = clockFinding(aheadMs);
		if (rest.kind === "fault") {
			const not = unknown("not looked at: rest failed");
			return { rest, credentials: not, version: not, csrf: not, clock, aheadMs };
		}
		const version = await this.#send("GET", "/admin/version", signal);
		const { answer, renewed } = await this.#sendWithCsrf("/flow_runs/filter", signal);
		const credentials = this.#credentials([version, answer]);
		if (credentials.kind === "fault") {
			const not = unknown("not looked at: credentials failed");
			return { rest, credentials, version: not, csrf: not, clock, aheadMs };
		}
		const told = this.#version(version);
		const csrf = told.kind === "fault" ? unknown("not looked at: version failed") : csrfFinding(answer, renewed);
		return { rest, credentials, version: told, csrf, clock, aheadMs };
	}

	#rest(answer: Answer, tookMs: number): Finding {
		const what = `GET ${this.#connection.apiUrl}/health`;
		if ("failure" in answer) return answer.failure;
		const { status, text } = answer;
		if (status >= 200 && status < 300) {
			if (jsonOf(text) !== undefined) return well(`${what} answers in ${Math.round(tookMs)} ms`);
			return fault(
				`${what} answers with a page, not with JSON`,
				`that is no Prefect API: ${wrongPath}; or a login page of a proxy in between is in the way`,
			);
		}
		return statusFault(what, answer) ?? this.#refusal(`${what} answers ${status}${quoted(text)}`);
	}

	/** Prefect itself answers /health to anybody, so a refusal there is somebody's in between. */
	#refusal(what: string): Finding {
		const setting = authorizationSetting(this.#connection);
		return fault(what, `${setting}; a proxy in front may want a header (PREFECT_CLIENT_CUSTOM_HEADERS)`);
	}

	#credentials(answers: readonly Answer[]): Finding {
		for (const answer of answers) {
			if ("failure" in answer) return answer.failure;
			const isRefused = answer.status === 401 || (answer.status === 403 && !isCsrfRefusal(answer));
			if (isRefused) {
				return fault(
					`the server refuses us with ${answer.status}${quoted(answer.text)}`,
					authorizationSetting(this.#connection),
				);
			}
		}
		const { authorization } = requestHeaders(this.#connection);
		return well(authorization === undefined ? "none are set, and none are asked for" : "those that are set are taken");
	}

	#version(answer: Answer): Finding {
		if ("failure" in answer) return answer.failure;
		const version = answer.status === 200 ? jsonOf(answer.text) : null;
		if (typeof version === "string" && /^\d+\.\d+/u.test(version)) return versionFinding(version);
		if (isCloud(this.#connection)) return well("Prefect Cloud");
		const what = `GET ${this.#connection.apiUrl}/admin/version`;
		return statusFault(what, answer) ?? fault(`${what} answers no version`, `that is no Prefect API: ${wrongPath}`);
	}

	async #sendWithCsrf(path: string, signal: AbortSignal): Promise<{ answer: Answer; renewed: Answer | null }> {
		const first = await this.#send("POST", path, signal);
		if ("failure" in first || !isCsrfRefusal(first)) return { answer: first, renewed: null };
		let renewed: Answer | null = null;
		await this.#csrf.renew(this.#csrf.value, async (tokenPath) => {
			renewed = await this.#send("GET", tokenPath, signal);
			return "failure" in renewed ? { status: 0, text: "", headers: {} } : renewed;
		});
		// Wrong credentials show only here: Prefect looks at the token first.
		if (this.#csrf.value === null) return { answer: isUnauthorized(renewed) ? renewed : first, renewed };
		return { answer: await this.#send("POST", path, signal), renewed };
	}

	async #send(method: "GET" | "POST", path: string, signal: AbortSignal): Promise<Answer> {
		const headers = {
			...requestHeaders(this.#connection),
			...this.#csrf.headers(),
			accept: "application/json",
			...(method === "POST" ? { "content-type": "application/json" } : {}),
		};
		const body = method === "POST" ? JSON.stringify({ limit: 1 }) : null;
		const ms = Math.min(answerMsMax, this.#connection.requestTimeoutMs);
		const either = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
		const what = `${method} ${this.#connection.apiUrl}${path.replace(/\?.*$/su, "")}`;
		try {
			const response = await this.#dispatcher.request({ method, path, headers, body }, either);
			return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
		} catch (error) {
			signal.throwIfAborted();
			return { failure: this.#noAnswer(what, error, either.aborted ? ms : null) };
		}
	}

	#noAnswer(what: string, error: unknown, timeoutMs: number | null): Finding {
		if (timeoutMs !== null) {
			return fault(
				`${what}: no answer within ${formatDuration(timeoutMs)}`,
				"the server or its database is overloaded, or something in between swallows requests: look into the server's log",
			);
		}
		const code = error instanceof Error ? errorCodeOf(error) : null;
		const isCut = ["ECONNRESET", "UND_ERR_SOCKET", "HPE_INVALID_CONSTANT"].includes(code ?? "");
		const hint = isCut
			? "does the server speak https? Then PREFECT_API_URL has to begin with https://"
			: reachHint(code, this.#connection);
		return fault(`${what}: no answer (${messageOf(error) || code})`, hint);
	}
}

function isUnauthorized(answer: Answer | null): answer is HttpAnswer {
	return answer !== null && "status" in answer && answer.status === 401;
}

/** What a status says wherever it comes; null for the others. */
function statusFault(what: string, answer: HttpAnswer): Finding | null {
	const { status, headers } = answer;
	const says = `${what} answers ${status}${quoted(answer.text)}`;
	if (isMaintenance(answer)) return { kind: "fault", detail: `${says}: maintenance`, fix: "wait", mayPass: true };
	if (status === 429 || status === 503) return { kind: "fault", detail: says, fix: "try again later", mayPass: true };
	if (status >= 500) return fault(says, "look into the log of the server, or of the proxy before it");
	if (status === 407) return fault(says, 'put "user:password@" into the address of the proxy');
	if (status === 404) return fault(says, `there is no Prefect API at that path: ${wrongPath}`);
	if (status >= 300 && status < 400) {
		const target = String(headers.location ?? "elsewhere").slice(0, 200);
		return fault(
			`${says} and points to ${target}`,
			"redirects are not followed: set PREFECT_API_URL to the final address",
		);
	}
	return null;
}

function csrfFinding(answer: Answer, renewed: Answer | null): Finding {
	if ("failure" in answer) return answer.failure;
	if (!isCsrfRefusal(answer)) {
		const other = answer.status === 200 ? null : statusFault("POST /flow_runs/filter", answer);
		return other ?? well(renewed === null ? "the server wants no token" : "the server wants a token, and took ours");
	}
	const got = renewed !== null && !("failure" in renewed) && renewed.status === 200;
	return fault(
		got ? "the server refuses the token that it has just given us" : "the server wants a CSRF token and gives none",
		got
			? "let a proxy in between pass the headers Prefect-Csrf-Token and Prefect-Csrf-Client; several servers need one database"
			: "let a proxy in between pass GET /csrf-token",
	);
}

function versionFinding(version: string): Finding {
	const [major = 0, minor = 0, patch = 0] = version.split(/[.+a-z]/u).map(Number);
	if (major < 3) {
		return fault(`the server is Prefect ${version}, which knows no heartbeats`, "upgrade Prefect to 3.6.22 or newer");
	}
	const isOlder = major === 3 && (minor < 6 || (minor === 6 && patch < 22));
	const note = isOlder ? "; clients of that version send heartbeats only when told to" : "";
	return well(`Prefect ${version}${note}`);
}

function aheadOf(answer: HttpAnswer, ourMs: number): number | null {
	const dateMs = serverDateMs(answer);
	// Whole seconds, cut off.
	return dateMs === null ? null : dateMs + 500 - ourMs;
}

function clockFinding(aheadMs: number | null): Finding {
	if (aheadMs === null) return unknown("the server's answer has no date");
	if (Math.abs(aheadMs) <= aheadMsMax) return well("the server's clock and ours agree");
	const by = formatDuration(Math.round(Math.abs(aheadMs) / 1000) * 1000);
	return fault(
		`the server's clock is ${by} ${aheadMs > 0 ? "ahead of" : "behind"} ours`,
		"let NTP set the one that is wrong; zombied judges rightly even so, but times in its alerts and in Prefect differ",
	);
}

function quoted(text: string): string {
	const line = text.replaceAll(/\s+/gu, " ").trim().slice(0, 120);
	return line === "" ? "" : ` (${line})`;
}
