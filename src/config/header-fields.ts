import { z } from "zod";
import { valueForms } from "./field-types.ts";

const headersMax = 50;
const valueCharsMax = 8_192;

/** RFC 9110, 5.6.2: what a field's name may consist of. */
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u;
const valuePattern = /^[\x20-\x7e]*$/u;

/**
 * Headers that say who we are, belong to the socket's handshake or to the CSRF exchange, or frame the message: those of
 * an operator must not stand in for them. Prefect's client protects its own in the same way.
 */
const protectedPattern =
	/^(?:user-agent|host|upgrade|connection|keep-alive|expect|te|trailer|accept|accept-encoding|content-type|content-length|transfer-encoding|proxy-.*|sec-websocket-.*|prefect-csrf-.*)$/iu;

/** Header names with their values, which may be secrets: no message repeats one. */
export function headerFields() {
	const error = "needs header names with texts as values (in a variable: a JSON object)";
	return z
		.record(z.string(), z.string({ error }), { error })
		.superRefine((headers, context) => {
			for (const problem of problemsOf(headers)) context.addIssue(problem);
		})
		.register(valueForms, { form: "header names with their values; in a variable a JSON object" });
}

function problemsOf(headers: Readonly<Record<string, string>>): string[] {
	const names = Object.keys(headers);
	if (names.length > headersMax) return [`has more than ${headersMax} headers`];
	return names.flatMap((name) => {
		// What is no token is not repeated: somebody may have mixed up name and value.
		if (!tokenPattern.test(name)) return ["has a name that no header can have"];
		if (protectedPattern.test(name)) return [`must not set the header ${name.slice(0, 60)}, which zombied sets itself`];
		const value = headers[name] ?? "";
		const isSound = value.length <= valueCharsMax && valuePattern.test(value);
		return isSound ? [] : [`has a value for ${name.slice(0, 60)} that no header can have`];
	});
}
