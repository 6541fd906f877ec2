/** Stands in a text where a secret was. */
export const redactedMark = "[redacted]";

/** A secret shorter than this is not searched for: it would blank out ordinary words. */
const secretCharsMin = 4;

/** A part of a secret is searched for from this length on: "/api" is everywhere. */
const partCharsMin = 12;

/**
 * What of a secret is one by itself, and is repeated without the rest: an address's path, which is all that a server sees of it,
 * and the token behind the word `Bearer`.
 */
function partsOf(secret: string): readonly string[] {
	const url = /^https?:/u.test(secret) ? URL.parse(secret) : null;
	const parts = url === null ? secret.split(" ").slice(1) : [`${url.pathname}${url.search}`];
	return parts.filter((part) => part.length >= partCharsMin);
}

/**
 * A function that blanks out every secret in a text, also in the forms in which it travels: base64 (the `Basic`
 * header), percent-encoded (an address), and as JSON escapes it.
 */
export function redactionOf(secrets: readonly string[]): (text: string) => string {
	const forms = secrets
		.filter((secret) => secret.length >= secretCharsMin)
		.flatMap((secret) => [secret, ...partsOf(secret)])
		.flatMap((secret) => [
			secret,
			Buffer.from(secret, "utf8").toString("base64"),
			encodeURIComponent(secret.toWellFormed()),
			JSON.stringify(secret).slice(1, -1),
		])
		// The longest first: a form that contains another goes as a whole.
		.toSorted((a, b) => b.length - a.length);
	const distinct = [...new Set(forms)];
	return (text) => distinct.reduce((clean, form) => clean.replaceAll(form, redactedMark), text);
}
