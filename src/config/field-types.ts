import { z } from "zod";
import { formatDuration, parseDuration } from "../lib/duration.ts";

/** In words, what an operator may write: for the documentation. Each type below registers its own. */
export const valueForms = z.registry<{ readonly form: string }>();

/** A span of time as a setting; the number carries its unit in its name. */
export interface Duration {
	readonly ms: number;
}

/** Host and port to listen on; port 0 lets the system choose. */
export interface ListenAddress {
	/** Without brackets. */
	readonly host: string;
	readonly port: number;
}

const durationError = "needs a duration with its unit, such as 90s, 9m or 1h30m";

/** `90s`, `9m`, `1h30m`, both bounds included. */
export function durationBetween(min: string, max: string) {
	return z
		.string({ error: durationError })
		.transform((text, context): Duration => {
			const duration = durationWithin(text, min, max);
			if (typeof duration !== "string") return duration;
			context.addIssue(duration);
			return z.NEVER;
		})
		.register(valueForms, { form: `duration from ${normal(min)} to ${normal(max)}` });
}

/** A duration, or `off`: what has a time limit only when somebody asks for one. */
export function durationOrOff(min: string, max: string) {
	const error = `${durationError}, or off`;
	return z
		.string({ error })
		.transform((text, context): Duration | "off" => {
			if (text.trim() === "off") return "off";
			const duration = durationWithin(text, min, max);
			if (typeof duration !== "string") return duration;
			context.addIssue(`${duration}, or off`);
			return z.NEVER;
		})
		.register(valueForms, { form: `duration from ${normal(min)} to ${normal(max)}, or \`off\`` });
}

/** A text is what is wrong. */
function durationWithin(text: string, min: string, max: string): Duration | string {
	const ms = parseDuration(text.trim());
	if (ms === null) return durationError;
	const isWithin = ms >= (parseDuration(min) ?? 0) && ms <= (parseDuration(max) ?? 0);
	return isWithin ? { ms } : `must be from ${normal(min)} to ${normal(max)}`;
}

function normal(duration: string): string {
	return formatDuration(parseDuration(duration) ?? 0);
}

export function wholeNumberBetween(min: number, max: number) {
	const error = `needs a whole number from ${min} to ${max}`;
	return z
		.number({ error })
		.int({ error })
		.min(min, { error })
		.max(max, { error })
		.register(valueForms, { form: `whole number from ${min} to ${max}` });
}

export function numberBetween(min: number, max: number) {
	const error = `needs a number from ${min} to ${max}`;
	return z
		.number({ error })
		.min(min, { error })
		.max(max, { error })
		.register(valueForms, { form: `number from ${min} to ${max}` });
}

/** Longer addresses are a mistake, and would have to be cut in an alert line. */
const urlCharsMax = 500;

/** An http(s) address without user, password, query or fragment; comes out without trailing slashes. */
export function httpUrl() {
	const error = "needs an address such as http://127.0.0.1:4200/api";
	return z
		.string({ error })
		.transform((text, context): string => {
			const url = URL.parse(text.trim());
			const problem = problemOfUrl(url, text);
			if (url === null || problem !== null) {
				context.addIssue(problem ?? error);
				return z.NEVER;
			}
			return url.href.replace(/\/+$/u, "");
		})
		.register(valueForms, { form: "http(s) address" });
}

function problemOfUrl(url: URL | null, text: string): string | null {
	if (url === null) return "needs an address such as http://127.0.0.1:4200/api";
	if (text.length > urlCharsMax) return `must not be longer than ${urlCharsMax} characters`;
	if (url.protocol !== "http:" && url.protocol !== "https:") return "must begin with http:// or https://";
	if (url.username !== "" || url.password !== "") {
		return "must not hold a user or password, which would show in logs; use PREFECT_API_AUTH_STRING or PREFECT_API_KEY";
	}
	if (url.search !== "" || url.hash !== "") return "must not hold a ? or #";
	return null;
}

const listenPattern = /^(?:\[(?<six>[0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|(?<host>[\w.-]+)):(?<port>\d{1,5})$/u;

/** `127.0.0.1:4290`, `localhost:0`, `[::1]:4290`. */
export function listenAddress() {
	const error = "needs host:port, such as 127.0.0.1:4290, or [::1]:4290 for IPv6";
	return z
		.string({ error })
		.transform((text, context): ListenAddress => {
			const groups = listenPattern.exec(text.trim())?.groups;
			const host = groups?.six ?? groups?.host;
			const port = Number(groups?.port);
			if (host === undefined || !(port <= 65_535)) {
				context.addIssue(host === undefined ? error : "must have a port from 0 to 65535");
				return z.NEVER;
			}
			return { host, port };
		})
		.register(valueForms, { form: "host:port" });
}

/** `sqlite:` and a path, or `memory:`; the store knows what else may be wrong with it. */
export function storeUrl() {
	const error = "needs sqlite: and the path of a file, such as sqlite:./data/zombied.db";
	return z
		.string({ error })
		.regex(/^(?:sqlite:.+|memory:)$/u, { error })
		.register(valueForms, { form: "`sqlite:` and a path, or `memory:`" });
}

/** A header value: what HTTP cannot carry is refused here, in words, rather than by the client later. */
export function secretText() {
	return z
		.string({ error: "needs a text (in quotes, when it looks like a number)" })
		.regex(/^[\x20-\x7e]+$/u, { error: "must consist of printable ASCII characters" })
		.register(valueForms, { form: "text" });
}

/** Where a file is; whether it is there is found out by whoever reads it. */
export function filePath() {
	const error = "needs the path of a file";
	return z
		.string({ error })
		.regex(/^[^\p{Cc}]+$/u, { error })
		.register(valueForms, { form: "path" });
}

export function onOrOff() {
	return z.boolean({ error: "needs true or false" }).register(valueForms, { form: "`true` or `false`" });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
	const list = words.map((word) => `\`${word}\``).join(", ");
	return z.enum(words, { error: `needs one of ${words.join(", ")}` }).register(valueForms, { form: list });
}

/** A name that becomes a part of ids and labels. */
export function shortName() {
	return z
		.string({ error: "needs a name" })
		.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u, {
			error: "needs 1 to 63 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
		})
		.register(valueForms, { form: "name of 1 to 63 letters, digits, `.`, `-` or `_`" });
}
