import { type EpisodeTransition, type GroupTransition, isOfEpisode } from "../../core/episode.ts";
import { hashOf } from "../../lib/hash.ts";
import { plainText } from "../../observe/plain-text.ts";
import { type AlertLine, toAlertLine } from "../alert-line.ts";
import type { AlertLineContext, TextLimits } from "../line-parts.ts";
import type { Notice } from "../sink.ts";

/** Fifty events with the longest of texts stay below what servers and proxies take in one request. */
const limits: TextLimits = { textCharsMax: 1024, tagsMax: 90, relatedRunsMax: 200 };
/** Prefect refuses an event with more than 100 related resources; flow, deployment and work pool need room too. */
const tagsRelatedMax = 90;

type Resource = Readonly<Record<string, string>>;

/** An event as `POST /events` takes it. */
export interface PrefectEvent {
	/** The same in every retry: Prefect stores an event once. */
	readonly id: string;
	/** `zombied.flow-run.CONDITION`, `zombied.group-incident`; `….resolved` of what is over. */
	readonly event: string;
	/** RFC 3339. */
	readonly occurred: string;
	readonly resource: Resource;
	readonly related: readonly Resource[];
	readonly payload: AlertLine;
	readonly follows: null;
}

/** The work pool that the alert is about; null: none. */
export function workPoolOf({ transition }: Notice): string | null {
	if (isOfEpisode(transition)) return transition.episode.labels.workPool;
	const { groupKind, group } = transition.incident;
	return groupKind === "work_pool" ? group : null;
}

/**
 * The resource is the run, so that an automation can act on it. The name does not begin with `prefect.flow-run.`: there it
 * would be a sign of life to every automation that waits for one.
 *
 * @param workPoolId of `workPoolOf`; null: it has none, or the server does not tell
 */
export function toPrefectEvent(notice: Notice, workPoolId: string | null, context: AlertLineContext): PrefectEvent {
	const { transition } = notice;
	const payload = toAlertLine(transition, context, limits);
	const workPool = workPoolId === null ? [] : [related("work-pool", workPoolId, workPoolOf(notice))];
	const about = isOfEpisode(transition) ? ofRun(transition, workPool) : ofGroup(transition, workPool);
	const isOver = payload.event.endsWith(".resolved");
	return {
		id: uuidOf(notice.key),
		event: isOver ? `${about.event}.resolved` : about.event,
		occurred: payload.time,
		resource: about.resource,
		related: about.related,
		payload,
		follows: null,
	};
}

type About = Pick<PrefectEvent, "event" | "resource" | "related">;

/** Related are what Prefect's own events of the run name. */
function ofRun({ episode }: EpisodeTransition, workPool: readonly Resource[]): About {
	const { runId, condition, labels } = episode;
	return {
		event: `zombied.flow-run.${condition}`,
		resource: named(`prefect.flow-run.${runId}`, labels.name),
		related: [
			...(labels.flowId === null ? [] : [related("flow", labels.flowId, labels.flowName)]),
			...(labels.deploymentId === null ? [] : [related("deployment", labels.deploymentId, labels.deploymentName)]),
			...workPool,
			...labels.tags.slice(0, tagsRelatedMax).map((tag) => related("tag", plain(tag), null)),
		],
	};
}

/** Its runs are not related: what acts on "the flow run of the event" would act on one of them. */
function ofGroup({ incident }: GroupTransition, workPool: readonly Resource[]): About {
	const { groupId, groupKind, group } = incident;
	const resource = {
		...named(`zombied.group-incident.${groupId}`, group),
		"zombied.group-kind": groupKind,
	};
	return { event: "zombied.group-incident", resource, related: workPool };
}

/** As Prefect writes it, the role is what the id says it is. */
function related(role: "flow" | "deployment" | "work-pool" | "tag", id: string, name: string | null): Resource {
	return { ...named(`prefect.${role}.${id}`, name), "prefect.resource.role": role };
}

function named(id: string, name: string | null): Resource {
	return { "prefect.resource.id": id, ...(name === null ? {} : { "prefect.resource.name": plain(name) }) };
}

function plain(text: string): string {
	return plainText(text, limits.textCharsMax);
}

/** A UUID of version 8, whose bits are the maker's own (RFC 9562). */
function uuidOf(key: string): string {
	const hex = hashOf("prefect-event", key);
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
