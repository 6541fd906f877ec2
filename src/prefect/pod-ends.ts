import { z } from "zod";
import type { PodEnd } from "../core/circumstances.ts";
import { eventPages } from "./event-pages.ts";
import type { PageSize } from "./page-size.ts";
import { farFuture, timestampMs } from "./timestamp.ts";
import { flowRunEventPrefix } from "./to-input.ts";
import type { Transport } from "./transport.ts";

/** What prefect-kubernetes' observer calls its events: this, and the pod's phase in lower case, or "evicted". */
const podEventPrefix = "prefect.kubernetes.pod.";
/** The observer's clock and the flow's, on another node, may be so far apart. */
const clockSkewMs = 5 * 60_000;
/** Kubernetes' words are short ones. */
const reasonCharsMax = 100;

const podEventSchema = z.object({
	event: z.string().startsWith(podEventPrefix),
	occurred: z.unknown().optional(),
	resource: z.object({ "kubernetes.reason": z.string().nullish() }),
	related: z.array(z.object({ "prefect.resource.id": z.string(), "prefect.resource.role": z.string() })),
});
type PodEvent = z.infer<typeof podEventSchema>;

/**
 * Reasons of a container that ended by itself. The observer says "evicted" of every failed pod whose container has a
 * reason, these included.
 */
const ownEndReasons: ReadonlySet<string> = new Set(["Error", "Completed", "ContainerCannotRun", "StartError"]);

/**
 * How the newest pod of each run ended; runs without any, or whose pod goes on, are missing.
 *
 * @param sinceMs the oldest of the runs' last beats, by the workers' clocks
 * @throws ApiError
 */
export async function podEndsOf(
	{ transport, eventsPage }: { readonly transport: Transport; readonly eventsPage: PageSize },
	runIds: readonly string[],
	sinceMs: number,
	signal: AbortSignal,
): Promise<ReadonlyMap<string, PodEnd>> {
	const filter = {
		event: { prefix: [podEventPrefix] },
		// The newest of each pod, not of each run: those of a run with several pods come in order.
		resource: { distinct: true },
		related: { id: runIds.map((id) => `${flowRunEventPrefix}${id}`) },
		occurred: { since: new Date(Math.max(0, Math.floor(sinceMs - clockSkewMs))).toISOString(), until: farFuture },
		order: "DESC",
	};
	// A page is as much as there is of as many runs as are asked about at once; pods that were replaced are older.
	for await (const { rows } of eventPages(transport, eventsPage, filter, signal)) return newestEndsIn(rows);
	return new Map();
}

/** @param rows the newest first */
function newestEndsIn(rows: readonly unknown[]): ReadonlyMap<string, PodEnd> {
	const seen = new Set<string>();
	const ends = new Map<string, PodEnd>();
	for (const row of rows) {
		const { data } = podEventSchema.safeParse(row);
		const runId = data === undefined ? null : runOf(data);
		if (data === undefined || runId === null || seen.has(runId)) continue;
		seen.add(runId);
		const end = endOf(data);
		if (end !== null) ends.set(runId, end);
	}
	return ends;
}

function runOf({ related }: PodEvent): string | null {
	const id = related.find((one) => one["prefect.resource.role"] === "flow-run")?.["prefect.resource.id"];
	return id?.startsWith(flowRunEventPrefix) === true ? id.slice(flowRunEventPrefix.length).toLowerCase() : null;
}

function endOf({ event, occurred, resource }: PodEvent): PodEnd | null {
	const reason = resource["kubernetes.reason"]?.slice(0, reasonCharsMax) || null;
	const kind = kindOf(event.slice(podEventPrefix.length), reason);
	return kind === null ? null : { kind, reason, atMs: timestampMs(occurred) };
}

function kindOf(phase: string, reason: string | null): PodEnd["kind"] | null {
	if (reason === "OOMKilled") return "out_of_memory";
	if (phase === "evicted") return reason !== null && ownEndReasons.has(reason) ? "failed" : "evicted";
	return phase === "failed" || phase === "succeeded" ? phase : null;
}
