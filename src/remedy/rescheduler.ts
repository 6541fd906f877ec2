import type { RemedyEntry, RemedyNote } from "../core/remedy.ts";
import { refusalOfReschedule } from "../core/remedy-policy.ts";
import type { Licence } from "../core/remedy-settings.ts";
import type { RunLabels } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";
import { signatureOf } from "./remedy-message.ts";
import type { RemedyPort, RemedyView } from "./remedy-port.ts";
import type { RemedyRecords } from "./remedy-records.ts";

/** How many new runs there may be within this is a setting. */
const dayMs = 24 * 60 * 60_000;
/** What has not been run again by then is somebody's who has looked at it since. */
const rescheduleWithinMs = 60 * 60_000;
/** Tries to make a new run that Prefect did not answer; then people have to. */
const triesMax = 3;

export interface ReschedulerOptions {
	readonly view: Pick<RemedyView, "runOf">;
	readonly port: Pick<RemedyPort, "stateOf" | "runAgain">;
	readonly records: RemedyRecords;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly onNoted: (entry: RemedyEntry, note: RemedyNote) => void;
}

/** Runs of deployments that were marked Crashed are run again, where that is allowed. */
export class Rescheduler {
	readonly #options: ReschedulerOptions;

	constructor(options: ReschedulerOptions) {
		this.#options = options;
	}

	/** The run that a chain of reschedules began with: the run itself, when it is no reschedule of ours. */
	originOf(runId: string): string {
		const from = this.#options.records.entries.find(({ newRunId }) => newRunId === runId);
		return from?.originRunId ?? runId;
	}

	/** Found anew each round from what was marked, so that a crash between the two loses nothing. */
	async round(licences: (labels: RunLabels) => Licence, signal: AbortSignal): Promise<void> {
		const { records, view, clock } = this.#options;
		const { wallMs } = clock.now();
		for (const entry of records.entries) {
			if (!isMarked(entry) || wallMs - entry.atMs > rescheduleWithinMs) continue;
			const labels = view.runOf(entry.runId)?.labels;
			if (labels === undefined) continue;
			const licence = licences(labels);
			if (licence.mode === "off" || licence.reschedule === 0) continue;
			if (this.#isOver(entry.alertId, licence)) continue;
			await this.#reschedule(entry, licence, signal);
		}
	}

	#isOver(alertId: string, { mode }: Licence): boolean {
		const { records } = this.#options;
		const known = records.at(alertId, { action: "reschedule", result: "done", reason: null });
		if (records.entries.some((entry) => entry.alertId === alertId && isRefusedReschedule(entry))) return true;
		return known !== null && (known.result !== "would" || mode !== "on") && known.result !== "intended";
	}

	async #reschedule(marked: RemedyEntry, licence: Licence, signal: AbortSignal): Promise<void> {
		const { records, port, clock } = this.#options;
		const isReal = licence.mode === "on" && marked.result === "done";
		const now = await port.stateOf(marked.runId, signal);
		const refusal = refusalOfReschedule(licence, {
			doneToday: this.#doneToday(marked.originRunId),
			isSubflow: now?.isSubflow === true,
			isAsMarked: now !== null && (!isReal || now.message.includes(signatureOf(marked.alertId))),
		});
		const { wallMs } = clock.now();
		const known = records.at(marked.alertId, { action: "reschedule", result: "done", reason: null });
		const times = (known?.times ?? 0) + 1;
		const entry: RemedyEntry = {
			...marked,
			action: "reschedule",
			mode: isReal ? "on" : "dry-run",
			markedServerMs: null,
			atMs: wallMs,
			firstAtMs: known?.firstAtMs ?? wallMs,
			times,
		};
		if (refusal !== null) return this.#end({ ...entry, result: "refused", ...refusal });
		if (!isReal) return this.#end({ ...entry, result: "would", detail: "a dry run: no run was made" });
		if (times > triesMax) return this.#end({ ...entry, result: "failed", detail: "Prefect did not answer" });
		await records.put({ ...entry, result: "intended", detail: "written down before it is done" });
		const newRunId = await port.runAgain(marked.runId, `zombied-${marked.alertId}`, signal);
		if (newRunId === null) return this.#end({ ...entry, result: "failed", detail: "its deployment is gone" });
		await this.#end({ ...entry, result: "done", detail: `runs again as ${newRunId}`, newRunId });
	}

	#doneToday(originRunId: string): number {
		const { records, clock } = this.#options;
		const sinceMs = clock.now().wallMs - dayMs;
		return records.entries.filter(
			(entry) =>
				entry.action === "reschedule" &&
				entry.result === "done" &&
				entry.originRunId === originRunId &&
				entry.atMs > sinceMs,
		).length;
	}

	async #end(entry: RemedyEntry): Promise<void> {
		await this.#options.records.put(entry);
		this.#options.reporter.remedied(entry);
	}
}

function isMarked({ action, result, mistake, deploymentId }: RemedyEntry): boolean {
	return action === "crash" && (result === "done" || result === "would") && mistake === null && deploymentId !== null;
}

function isRefusedReschedule({ action, result }: RemedyEntry): boolean {
	return action === "reschedule" && result === "refused";
}
