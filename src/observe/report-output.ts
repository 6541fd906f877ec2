import type { LogLevel } from "./logger.ts";
import type { WorkspaceMetrics } from "./metrics.ts";

/** Where a report goes: the log and the metrics. */
export interface ReportOutput {
	readonly metrics: WorkspaceMetrics;
	readonly say: (level: LogLevel, event: string, facts: object, message: string) => void;
	/** As `say`, once in a while for each event and key. */
	readonly sayRarely: (level: LogLevel, event: string, key: string, facts: object, message: string) => void;
}
