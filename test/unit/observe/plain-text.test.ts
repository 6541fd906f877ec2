import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, isoTime, plainText } from "../../../src/observe/plain-text.ts";
import { redactionOf } from "../../../src/observe/redaction.ts";

const harmful = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

describe("a text from outside", () => {
	test.each([
		["a line break", "a\nb", "a\\u{a}b"],
		["a colour", "\u001b[31mred", "\\u{1b}[31mred"],
		["a C1 sequence", "\u009b31m", "\\u{9b}31m"],
		["a line separator", "a\u2028b\u2029", "a\\u{2028}b\\u{2029}"],
		["a reversal of direction", "a\u202egpj.exe", "a\\u{202e}gpj.exe"],
		["an isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"],
		["half a character", "a\ud800b", "a\\u{d800}b"],
		["a hidden tag", "a\u{e0041}", "a\\u{e0041}"],
	])("with %s shows it instead of obeying it", (_what, text, shown) => {
		expect(plainText(text, 100)).toBe(shown);
	});

	test.each(["ordinary", "Größe Ελλάδα 日本語 עברית", "👩‍🚀 rocket", "می‌خواهم", 'quotes " and \\'])(
		"%s stays as it is",
		(text) => {
			expect(plainText(text, 100)).toBe(text);
		},
	);

	test("is never harmful, never longer than allowed, and the same when cleaned twice", () => {
		const nasty = fc.constantFrom("\u001b", "\n", "\u2028", "\u202e", "\ud83d", "\udc00", "\u0000", "a", "😀");
		fc.assert(
			fc.property(
				fc.string({ unit: fc.oneof(nasty, fc.string({ maxLength: 1 })), maxLength: 80 }),
				fc.nat(60),
				(text, max) => {
					const clean = plainText(text, max + 1);
					expect(clean).not.toMatch(harmful);
					expect(clean.length).toBeLessThanOrEqual(max + 1);
					expect(plainText(clean, max + 1)).toBe(clean);
				},
			),
		);
	});

	test("is cut at its bound and not before, and never through a character", () => {
		expect(cut("abcd", 4)).toBe("abcd");
		expect(cut("abcde", 4)).toBe("abc…");
		expect(cut("ab😀e", 4)).toBe("ab…");
	});
});

test("a time that is no date is null", () => {
	expect(isoTime(0)).toBe("1970-01-01T00:00:00.000Z");
	expect(isoTime(8.64e15)).not.toBeNull();
	for (const ms of [null, Number.NaN, 8.64e15 + 1, Number.POSITIVE_INFINITY]) expect(isoTime(ms)).toBeNull();
});

describe("redaction", () => {
	const secret = 'user:p"ss wörd';

	test("blanks out a secret in every form in which it travels", () => {
		const redact = redactionOf([secret, "abc"]);
		const forms = [secret, Buffer.from(secret).toString("base64"), encodeURIComponent(secret), JSON.stringify(secret)];
		for (const form of forms) {
			expect(redact(`before ${form} after`)).toMatch(/^before "?\[redacted\]"? after$/u);
		}
	});

	test("leaves alone what is too short to be told from a word", () => {
		expect(redactionOf(["abc"])("abc abcd")).toBe("abc abcd");
		expect(redactionOf(["abcd"])("abc abcd")).toBe("abc [redacted]");
	});

	test("finds an address's path by itself, which is what a server repeats, and a token without its scheme", () => {
		const redact = redactionOf(["https://hooks.example/services/T0/B0?k=1", "Bearer 0123456789ab"]);
		expect(redact("no such hook: /services/T0/B0?k=1")).toBe("no such hook: [redacted]");
		expect(redact("token 0123456789ab is unknown")).toBe("token [redacted] is unknown");
	});

	test("leaves a path that is everywhere", () => {
		expect(redactionOf(["https://gateway.example/api", "Basic short"])("GET /api: short")).toBe("GET /api: short");
	});
});
