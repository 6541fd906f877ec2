import { z } from "zod";
import { farFuture } from "./timestamp.ts";
import { flowRunEventPrefix } from "./to-input.ts";

export function authMessage(token: string | null): string {
	return JSON.stringify({ type: "auth", token });
}

/**
 * All events of flow runs, live ones alone: what was missed comes by our own catch-up. Both ends of `occurred` gate live
 * events as well, by the workers' clocks: without a far `until` nothing comes after the moment of subscribing, and
 * `since` lies so far back that the server moves it to the earliest it allows (15 minutes), whatever our clock says.
 */
export const filterMessage: string = JSON.stringify({
	type: "filter",
	filter: {
		event: { prefix: [flowRunEventPrefix] },
		occurred: { since: "2000-01-01T00:00:00Z", until: farFuture },
	},
	backfill: false,
});

const handshakeSchema = z.object({ type: z.string(), reason: z.string().optional() });

export type HandshakeAnswer =
	| { readonly kind: "accepted" }
	/** Prefect Cloud may say so before it closes. */
	| { readonly kind: "refused"; readonly words: string }
	| { readonly kind: "other" };

export function readHandshake(text: string): HandshakeAnswer {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return { kind: "other" };
	}
	const parsed = handshakeSchema.safeParse(value);
	if (!parsed.success) {
		return { kind: "other" };
	}
	const { type, reason } = parsed.data;
	if (type === "auth_success") {
		return { kind: "accepted" };
	}
	return type.startsWith("auth") ? { kind: "refused", words: reason ?? type } : { kind: "other" };
}
