import { createHash } from "node:crypto";

/** 128 bits of SHA-256 over the parts joined by "|", as 32 hex digits: an id that any process derives alike. */
export function hashOf(...parts: readonly (string | number)[]): string {
	return createHash("sha256").update(parts.join("|")).digest("hex").slice(0, 32);
}
