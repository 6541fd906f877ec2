import type { ReportOutput } from "./report-output.ts";
import type { Reporter } from "./reporter.ts";

/** Each ping is counted; a line is written where how they go has changed. */
export function ofDeadMan({ metrics, say }: ReportOutput) {
	let told: string | null = null;
	const isNews = (state: string): boolean => {
		const before = told;
		told = state;
		return before !== state;
	};
	return {
		deadManPinged: () => {
			metrics.count("dead_man_pings_total", {});
			const isFirst = told === null;
			if (!isNews("pinged")) return;
			const message = isFirst
				? "the dead man's switch has taken the first ping"
				: "the dead man's switch is pinged again";
			say("info", "dead_man.pinged", {}, message);
		},
		deadManFailed: (detail) => {
			metrics.count("dead_man_ping_failures_total", {});
			if (isNews("failed")) say("warn", "dead_man.failed", { detail }, `a ping failed: ${detail}`);
		},
		deadManWithheld: (reason) => {
			if (isNews("withheld"))
				say("warn", "dead_man.withheld", { reason }, `the dead man's switch is not pinged: ${reason}`);
		},
	} satisfies Partial<Reporter>;
}
