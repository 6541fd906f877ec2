import { z } from "zod";

// Both cases spelled out: matching without regard to case costs many times as much.
const uuidPattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/u;

/** Prefect writes ids in lower case; another source's spelling must not make another run of it. */
export const uuidSchema = z
	.string()
	.regex(uuidPattern)
	.transform((id) => id.toLowerCase());

export function isUuid(text: string): boolean {
	return uuidPattern.test(text);
}

/** Names are shown and stored: longer ones are cut, in UTF-16 units. Prefect's own UI cuts sooner. */
export const labelCharsMax = 512;

export const labelSchema = z.string().transform((text) => text.slice(0, labelCharsMax));

const relatedSchema = z.object({
	"prefect.resource.id": z.string(),
	"prefect.resource.role": z.string(),
	"prefect.resource.name": z.string().optional(),
});

/**
 * An event as the server sends it, over the socket and over REST; only what is used, and as it was sent: nothing but
 * plain types, which zod checks with code that it compiles once. Times are checked later, because a beat with a
 * senseless `occurred` is still proof of life.
 */
export const eventSchema = z.object({
	id: z.string().regex(uuidPattern),
	event: z.string(),
	occurred: z.unknown().optional(),
	received: z.unknown().optional(),
	/** State events name the one before, when it was less than 5 minutes ago. */
	follows: z.unknown().optional(),
	resource: z.object({
		"prefect.resource.id": z.string(),
		"prefect.resource.name": z.string().optional(),
		"prefect.run-count": z.string().optional(),
		"prefect.state-name": z.string().optional(),
		"prefect.state-timestamp": z.unknown().optional(),
		"prefect.state-type": z.string().optional(),
		"prefect.version": z.string().optional(),
	}),
	related: z.array(relatedSchema),
});
export type PrefectEvent = z.infer<typeof eventSchema>;

/** A page of stored events: rows are read one by one, so that a bad one does not cost the others. */
export const eventPageSchema = z.object({
	events: z.array(z.unknown()),
	next_page: z.string().nullish(),
});
