import { plainText } from "./plain-text.ts";
import { redactedMark } from "./redaction.ts";

/** A fact longer than this is cut: one line must not fill a disk or a log collector's buffer. */
const factCharsMax = 2000;
/** A stack is worth more room than a name. */
const stackCharsMax = 8000;
/** Facts are flat by habit; anything deeper is not worth walking. */
const factDepthMax = 4;
const factItemsMax = 50;

const secretKey = /^(?:authorization|proxy-authorization|cookie|.*(?:api-?key|token|password|secret|auth-?string))$/iu;

/** Makes the facts of a log line harmless: texts without control characters and secrets, everything bounded. */
export class FactCleaner {
	readonly #redact: (text: string) => string;

	/** @param redact blanks out secrets */
	constructor(redact: (text: string) => string) {
		this.#redact = redact;
	}

	text(text: string): string {
		return plainText(this.#redact(text), factCharsMax);
	}

	record(facts: object, depth = 0): Record<string, unknown> {
		const entries = Object.entries(facts).slice(0, factItemsMax);
		return Object.fromEntries(
			entries.map(([key, value]) => [
				this.text(key),
				secretKey.test(key) && value !== null ? redactedMark : this.#fact(value, depth),
			]),
		);
	}

	#fact(value: unknown, depth: number): unknown {
		switch (typeof value) {
			case "string":
				return this.text(value);
			case "bigint":
				return String(value);
			case "object":
				return value === null ? null : this.#object(value, depth);
			default:
				return value;
		}
	}

	#object(value: object, depth: number): unknown {
		if (value instanceof Error) return this.#error(value, depth);
		if (depth >= factDepthMax) return "[deep]";
		if (Array.isArray(value)) return value.slice(0, factItemsMax).map((item) => this.#fact(item, depth + 1));
		return this.record(value, depth + 1);
	}

	#error(error: Error, depth: number): object {
		return {
			type: this.text(error.name),
			message: this.text(error.message),
			// Line by line: the line breaks of a stack are ours, everything within a line may be from outside.
			stack: this.#redact(error.stack ?? "")
				.slice(0, stackCharsMax)
				.split("\n")
				.map((line) => this.text(line))
				.join("\n"),
			...(error.cause === undefined || depth >= factDepthMax ? {} : { cause: this.#fact(error.cause, depth + 1) }),
		};
	}
}
