import type { z } from "zod";
import { type GroupIncident, heldUntilAtMostMs } from "../../core/group-incident.ts";
import { textOf, timeOf } from "./plain.ts";
import type { groupSchema } from "./schemas.ts";

export function groupViewOf(incident: GroupIncident): z.infer<typeof groupSchema> {
	const { groupId, groupKind, group, extent, runsTotal, openedAtMs } = incident;
	return {
		group_id: groupId,
		kind: groupKind,
		group: textOf(group),
		extent,
		runs: runsTotal,
		raised_at: timeOf(openedAtMs),
		held_until: timeOf(heldUntilAtMostMs(incident)),
	};
}
