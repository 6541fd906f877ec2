export interface StreamTiming {
	readonly pingEveryMs: number;
	/** Nothing heard for so long, pongs included: the socket is hung. At least 2 pings. */
	readonly silenceMsMax: number;
	/** From dialling to the end of the HTTP upgrade. */
	readonly handshakeMsMax: number;
	/** A drop so soon after the filter may be its refusal. */
	readonly filterVerdictMs: number;
	/** Before the filter is tried once more, to tell its refusal from a server that was stopped just then. */
	readonly filterRetry: { readonly minMs: number; readonly maxMs: number };
	/** A connection that held this long was a success, and the next failure is the first again. */
	readonly healthyAfterMs: number;
	readonly backoff: { readonly minMs: number; readonly maxMs: number };
	/** For faults that wait for the operator: 4 tries a minute at most. */
	readonly operatorBackoff: { readonly minMs: number; readonly maxMs: number };
}

/** A hung socket is found within 30 s, against the 45 s promised; Prefect's server pings every 20 s itself. */
export const streamTiming: StreamTiming = {
	pingEveryMs: 15_000,
	silenceMsMax: 30_000,
	handshakeMsMax: 10_000,
	filterVerdictMs: 5_000,
	filterRetry: { minMs: 500, maxMs: 2_000 },
	healthyAfterMs: 30_000,
	backoff: { minMs: 500, maxMs: 30_000 },
	operatorBackoff: { minMs: 15_000, maxMs: 60_000 },
};
