/** Stands in a text where a secret was. */
export const redactedMark = "[redacted]";

/** A secret shorter than this is not searched for: it would blank out ordinary words. */
const secretCharsMin = 4;

/**
 * A function that blanks out every secret in a text, also in the forms in which it travels: base64 (the `Basic`
 * header), percent-encoded (an address), and as JSON escapes it.
 */
export function redactionOf(secrets: readonly string[]): (text: string) => string {
	const forms = secrets
		.filter((secret) => secret.length >= secretCharsMin)
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
