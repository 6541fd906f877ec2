import type { LedgerRow } from "../../core/ledger.ts";
import type { RemedyEntry, ScopeHold } from "../../core/remedy.ts";
import { textOf, timeOf } from "./plain.ts";
import type { ApiRemedy } from "./run-schema.ts";
import { type ApiLedger, rowsMax } from "./schemas.ts";

export function ledgerViewOf(
	rows: readonly LedgerRow[],
	{ sinceMs, holds }: { readonly sinceMs: number; readonly holds: readonly ScopeHold[] },
): ApiLedger {
	return {
		since: timeOf(sinceMs),
		rows: rows.slice(0, rowsMax).map(({ deploymentId, deployment, condition, alerts, fates, remedies, mistakes }) => ({
			deployment: deploymentId === null ? null : { id: deploymentId, name: textOf(deployment) },
			condition,
			alerts,
			dead: fates.dead,
			false_alarms: fates.false_alarm,
			unclear: fates.unclear,
			open: fates.open,
			done: remedies.done,
			would: remedies.would,
			refused: remedies.refused,
			failed: remedies.failed,
			mistakes,
		})),
		more: Math.max(0, rows.length - rowsMax),
		held_scopes: holds.map(({ scope, runId, why, sinceMs: heldMs }) => ({
			scope: textOf(scope),
			run_id: runId,
			why: textOf(why),
			since: timeOf(heldMs),
		})),
	};
}

export function remedyViewOf(entry: RemedyEntry): ApiRemedy {
	const { action, mode, result, reason, detail, alertId, scope, atMs, times, newRunId, mistake } = entry;
	return {
		alert_id: alertId,
		action,
		mode,
		result,
		reason,
		detail: textOf(detail),
		scope: textOf(scope),
		at: timeOf(atMs),
		times,
		new_run_id: newRunId,
		was_mistake: mistake !== null,
	};
}
