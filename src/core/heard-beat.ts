/**
 * A heartbeat as it was heard, ids in words (`id-words.ts`) and both times sound. Whoever reads frames keeps one and fills
 * it again, so that a beat leaves no garbage: it must not be kept.
 */
export interface HeardBeat {
	readonly runId: Uint32Array;
	readonly eventId: Uint32Array;
	/** The worker's clock, milliseconds since the epoch. */
	readonly occurredMs: number;
	/** The server's clock, milliseconds since the epoch. */
	readonly receivedMs: number;
}
