import type { z } from "zod";
import { type GroupIncident, heldUntilAtMostMs } from "../../core/group-incident.ts";
import { isoTime, plainText } from "../../observe/plain-text.ts";
import type { groupSchema } from "./schemas.ts";

const textCharsMax = 512;

export function groupViewOf(incident: GroupIncident): z.infer<typeof groupSchema> {
	const { groupId, groupKind, group, extent, runsTotal, openedAtMs } = incident;
	return {
		group_id: groupId,
		kind: groupKind,
		group: plainText(group, textCharsMax),
		extent,
		runs: runsTotal,
		raised_at: timeOf(openedAtMs),
		held_until: timeOf(heldUntilAtMostMs(incident)),
	};
}

/** Of our own clock, which is always a date. */
function timeOf(ms: number): string {
	return isoTime(ms) ?? "1970-01-01T00:00:00.000Z";
}
