import { remedyText } from "../core/remedy.ts";
import type { ReportOutput } from "./report-output.ts";
import type { Reporter } from "./reporter.ts";

export function ofRemedies({ metrics, say, sayRarely }: ReportOutput) {
	return {
		remedied: (entry) => {
			const { action, result, reason, runId, alertId, condition, scope, detail, newRunId, times } = entry;
			metrics.count("remedies_total", { action, result });
			const facts = { action, result, reason, runId, alertId, condition, scope, detail, newRunId, times };
			const level = result === "failed" ? "error" : result === "done" ? "warn" : "info";
			say(level, "remedy", facts, `run ${runId}: ${remedyText(entry)}`);
		},
		remedyMistaken: (facts) => {
			metrics.count("remedy_mistakes_total", {});
			const message = `our mistake: ${facts.why}; scope ${facts.scope} is a dry run until zombied remedies release`;
			say("error", "remedy.mistake", facts, message);
		},
		remedyPutOff: (reason) =>
			sayRarely("warn", "remedy.put_off", reason, { reason }, `remedies wait, and are tried again: ${reason}`),
	} satisfies Partial<Reporter>;
}
