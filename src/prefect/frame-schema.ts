import { z } from "zod";
import type { RejectReason } from "../observe/reporter.ts";
import { eventSchema, type PrefectEvent } from "./event-schema.ts";

export type Frame =
	| { readonly kind: "event"; readonly event: PrefectEvent }
	/** Known to come between events; nothing to learn but that the server lives. */
	| { readonly kind: "control"; readonly type: string }
	| { readonly kind: "rejected"; readonly reason: RejectReason; readonly sample: string };

/** Types of frames that Prefect's server, Cloud and proxies for either are known to send beside events. */
const controlTypes: ReadonlySet<string> = new Set([
	"auth_success",
	"checkpoint",
	"control",
	"keep-alive",
	"keep_alive",
	"keepalive",
	"ping",
	"pong",
]);

const eventFrameSchema = z.object({ event: eventSchema });

/** Enough to recognise a frame by. */
const sampleCharsMax = 300;

/** What a text frame of the events socket holds. Never throws, whatever the frame. */
export function parseFrame(data: Buffer | string): Frame {
	const text = typeof data === "string" ? data : data.toString("utf8");
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return rejected("not_json", text);
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		return rejected("not_an_object", text);
	}
	const type = "type" in value ? value.type : null;
	if (type !== "event") {
		const isControl = typeof type === "string" && controlTypes.has(type);
		return isControl ? { kind: "control", type } : rejected("unknown_type", text);
	}
	const frame = eventFrameSchema.safeParse(value);
	return frame.success ? { kind: "event", event: frame.data.event } : rejected("malformed_event", text);
}

function rejected(reason: RejectReason, text: string): Frame {
	return { kind: "rejected", reason, sample: sampleOf(text) };
}

export function sampleOf(value: unknown): string {
	const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
	return text.slice(0, sampleCharsMax);
}
