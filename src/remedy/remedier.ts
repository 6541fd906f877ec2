import type { Refusal, RemedyAction, RemedyEntry, RemedyNote, ScopeHold } from "../core/remedy.ts";
import { RemedyBudget } from "../core/remedy-budget.ts";
import {
	type Consideration,
	consider,
	leaseToKeep,
	mistakeOf,
	type RemedyCase,
	type RunNow,
	refusalBy,
} from "../core/remedy-policy.ts";
import { compileLicences, isAnythingAllowed, type Licence, type RemedySettings } from "../core/remedy-settings.ts";
import type { RunLabels } from "../core/run.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { AskPace } from "./ask-pace.ts";
import { messageFor, signatureOf } from "./remedy-message.ts";
import type { RemedyBook, RemedyPort, RemedyView, StateAnswer } from "./remedy-port.ts";
import { RemedyRecords } from "./remedy-records.ts";
import { Rescheduler } from "./rescheduler.ts";

/** Alerts looked at in one round: far more than the budget lets anything be done about. */
const casesARoundMax = 200;
/** A refusal that stands is told and written again so often. */
const refusalToldEveryMs = 60 * 60_000;

export interface RemedierOptions {
	/** Those in force: a reload changes them. */
	readonly settings: () => RemedySettings;
	readonly view: RemedyView;
	readonly port: RemedyPort;
	readonly book: RemedyBook;
	readonly workspace: string;
	readonly reporter: Reporter;
	readonly clock: Clock;
	/** For the alert, which carries what was done about it. */
	readonly onNoted: (entry: RemedyEntry, note: RemedyNote) => void;
}

/**
 * Does something about dead runs, where the operator allows it. What is due is found anew each round from the open
 * alerts, so that nothing is lost with a crash; that something is about to be done is written down first, and a run is
 * touched only as it was when it was judged, so that nothing is done twice.
 */
export class Remedier {
	readonly #options: RemedierOptions;
	readonly #records: RemedyRecords;
	readonly #rescheduler: Rescheduler;
	/** A dry run spends nothing of what really may be done. */
	readonly #budgets = { "dry-run": new RemedyBudget(), on: new RemedyBudget() };
	readonly #pace: AskPace;
	#isLoaded = false;

	constructor(options: RemedierOptions) {
		this.#options = options;
		this.#pace = new AskPace(options.clock);
		this.#records = new RemedyRecords(options);
		this.#rescheduler = new Rescheduler({ ...options, records: this.#records });
	}

	/** Scopes that a mistake has switched back. */
	get holds(): readonly ScopeHold[] {
		return this.#records.holds;
	}

	/** An operator says that a scope may be acted in again. False: it was not held. @throws OutsideError */
	async release(scope: string): Promise<boolean> {
		await this.#takeUp();
		return await this.#records.release(scope);
	}

	/** Once, and again when the time has come; never twice at once. Rejects on a bug. */
	async round(signal: AbortSignal): Promise<void> {
		await this.#unlessPutOff(signal, async () => {
			await this.#takeUp();
			for (const entry of this.#records.entries) await this.#unlessPutOff(signal, () => this.#followUp(entry, signal));
			const settings = this.#options.settings();
			if (!isAnythingAllowed(settings)) return;
			const licences = compileLicences(settings, this.#records.heldScopes);
			await this.#rescheduler.round(licences, signal);
			const cases = this.#options.view.cases(casesARoundMax);
			this.#pace.beginRound(new Set(cases.map(({ episode }) => episode.alertId)));
			for (const one of cases) {
				await this.#unlessPutOff(signal, () => this.#treat(one, licences, signal));
			}
		});
	}

	/** What fails and may pass is told, and tried again in the next round. */
	async #unlessPutOff(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
		if (signal.aborted) return;
		try {
			await work();
		} catch (error) {
			if (signal.aborted) return;
			if (!(error instanceof OutsideError)) throw error;
			this.#options.reporter.remedyPutOff(messageOf(error));
		}
	}

	async #takeUp(): Promise<void> {
		const { clock, settings, view } = this.#options;
		const { wallMs, monoMs } = clock.now();
		if (this.#isLoaded) {
			this.#records.forgetOld(wallMs, ({ runId, alertId }) => view.caseOf(runId)?.episode.alertId === alertId);
			return;
		}
		for (const { action, result, mode, workPool, atMs } of await this.#records.load(wallMs)) {
			// A daemon that is restarted again and again is to do no more than one that runs on.
			if (result === "refused" || action === "reschedule") continue;
			this.#budgets[mode].spend(workPool, settings(), Math.min(monoMs, monoMs - (wallMs - atMs)));
		}
		this.#isLoaded = true;
	}

	/** What became of a run that was touched. */
	async #followUp(entry: RemedyEntry, signal: AbortSignal): Promise<void> {
		if (entry.result === "intended" && entry.action !== "reschedule") await this.#settle(entry, signal);
		else if (entry.result === "done" && entry.action !== "reschedule") await this.#noteMistake(entry);
	}

	/** Whether it was carried out only the server knows: the answer was lost, or we were. */
	async #settle(entry: RemedyEntry, signal: AbortSignal): Promise<void> {
		const now = await this.#options.port.stateOf(entry.runId, signal);
		if (now?.message.includes(signatureOf(entry.alertId)) === true) {
			const detail = `${now.stateType}; the answer was lost`;
			await this.#end({ ...entry, result: "done", detail, markedServerMs: now.stateTimestampMs });
			return;
		}
		const detail =
			now === null
				? "the server does not know the run any more"
				: now.stateId === entry.stateId
					? "it was not carried out"
					: `somebody else has set the run to ${now.stateType}`;
		await this.#end({ ...entry, result: "failed", detail });
	}

	async #noteMistake(entry: RemedyEntry): Promise<void> {
		const { view, clock, reporter } = this.#options;
		const run = view.runOf(entry.runId);
		const { wallMs } = clock.now();
		const mistake = run === null ? null : mistakeOf(entry, run, wallMs);
		if (mistake === null) return;
		const { runId, alertId, scope, action } = entry;
		const shown = mistake.kind === "beat" ? "it beat again" : `it went on to ${run?.state?.type}`;
		const why = `run ${runId} was alive: after the remedy ${action} ${shown}`;
		await this.#records.put({ ...entry, mistake }, { scope, runId, alertId, why, sinceMs: wallMs });
		reporter.remedyMistaken({ runId, alertId, action, scope, kind: mistake.kind, why });
	}

	async #treat(one: RemedyCase, licences: (labels: RunLabels) => Licence, signal: AbortSignal): Promise<void> {
		const licence = licences(one.run.labels);
		const first = this.#consider(one, licence);
		if (first.kind === "wait") return;
		if (first.kind === "refuse") return this.#refuse(one, licence, first.action, first.refusal);
		// While the store fails alerts are sent from memory: they are told, and nothing is done about them.
		const { alertId } = one.episode;
		if (!this.#pace.mayAsk(alertId) || !(await this.#options.book.isAlertStored(one.episode))) return;
		this.#pace.asked(alertId);
		const now = await this.#options.port.look(one, signal);
		const refusal = refusalBy(one, now);
		if (refusal !== null) return this.#refuse(one, licence, first.action, refusal);
		if (now === null || !this.#isStillDue(one, licence, now)) return;
		if (licence.mode === "on") return this.#attempt(one, licence, { action: first.action, now }, signal);
		this.#spend(one, "dry-run");
		await this.#end(this.#entryOf(one, licence, first.action, "would", "a dry run: nothing was touched"));
	}

	/** Asking took its time, in which something may have been heard. */
	#isStillDue({ episode }: RemedyCase, licence: Licence, now: RunNow): boolean {
		const still = this.#options.view.caseOf(episode.runId);
		if (still?.episode.alertId !== episode.alertId || still.run.state?.id !== now.stateId) return false;
		return this.#consider(still, licence).kind === "ask";
	}

	async #attempt(
		one: RemedyCase,
		licence: Licence,
		{ action, now }: { readonly action: RemedyAction; readonly now: RunNow },
		signal: AbortSignal,
	): Promise<void> {
		if (!(await this.#keepsSlot(one, now, signal))) {
			const detail = "its concurrency lease passed just now: the slot may be another run's";
			return this.#refuse(one, licence, action, { reason: "slot", detail });
		}
		await this.#act(one, licence, action, signal);
	}

	/**
	 * Its lease cannot pass while it is marked. A client older than 3.4.11 renews none, so that Prefect lets its slot be its own
	 * without: then it is still counted as taken once the lease is known to be gone.
	 */
	async #keepsSlot(one: RemedyCase, now: RunNow, signal: AbortSignal): Promise<boolean> {
		const lease = leaseToKeep(now);
		if (lease === null || (await this.#options.port.renewLease(lease, signal))) return true;
		const again = await this.#options.port.look(one, signal);
		return again !== null && again.stateId === now.stateId && leaseToKeep(again) !== null;
	}

	#consider(one: RemedyCase, licence: Licence): Consideration {
		const { settings, clock, view } = this.#options;
		const at = clock.now();
		const { graceMs, ...limits } = settings();
		const budget = licence.mode === "off" ? null : this.#budgets[licence.mode];
		const { alertId } = one.episode;
		const tried = (["crash", "cancel"] as const)
			.map((action) => this.#records.at(alertId, { action, result: "done", reason: null }))
			.find((entry) => entry !== null);
		return consider(one, licence, {
			nowMs: at.wallMs,
			graceMs,
			isBlind: view.isBlind(at),
			budget: budget?.obstacle(one.run.labels.workPool, limits, at.monoMs) ?? null,
			tried: tried ?? null,
		});
	}

	async #act(one: RemedyCase, licence: Licence, action: RemedyAction, signal: AbortSignal): Promise<void> {
		const intended = this.#entryOf(one, licence, action, "intended", "written down before it is done");
		await this.#records.put(intended);
		this.#spend(one, "on");
		const type = action === "crash" ? "CRASHED" : "CANCELLED";
		// A failure leaves it open whether it was done: the next round asks.
		const answer = await this.#options.port.setState(
			one.episode.runId,
			{ type, message: messageFor(one.episode) },
			signal,
		);
		await this.#end(answered({ ...intended, atMs: this.#options.clock.now().wallMs }, type, answer));
	}

	#spend({ run }: RemedyCase, mode: "dry-run" | "on"): void {
		const { settings, clock } = this.#options;
		this.#budgets[mode].spend(run.labels.workPool, settings(), clock.now().monoMs);
	}

	async #refuse(one: RemedyCase, licence: Licence, action: RemedyAction, refusal: Refusal): Promise<void> {
		const known = this.#records.at(one.episode.alertId, { action, result: "refused", reason: refusal.reason });
		const { wallMs } = this.#options.clock.now();
		if (known !== null && wallMs - known.atMs < refusalToldEveryMs) return;
		const entry = this.#entryOf(one, licence, action, "refused", refusal.detail);
		const { firstAtMs, times } = known ?? { firstAtMs: wallMs, times: 0 };
		await this.#end({ ...entry, reason: refusal.reason, firstAtMs, times: times + 1 });
	}

	async #end(entry: RemedyEntry): Promise<void> {
		await this.#records.put(entry);
		this.#options.reporter.remedied(entry);
	}

	#entryOf(
		{ episode, run }: RemedyCase,
		{ scope, mode }: Licence,
		action: RemedyAction,
		result: RemedyEntry["result"],
		detail: string,
	): RemedyEntry {
		const { alertId, runId, attempt, condition, evidence } = episode;
		const { flowName, deploymentName, deploymentId, workPool } = run.labels;
		const atMs = this.#options.clock.now().wallMs;
		const known = result === "refused" ? null : this.#records.at(alertId, { action, result, reason: null });
		return {
			workspace: this.#options.workspace,
			alertId,
			runId,
			attempt,
			condition,
			action,
			mode: mode === "on" ? "on" : "dry-run",
			result,
			reason: null,
			detail,
			scope,
			stateId: run.state?.id ?? evidence.apiStateId,
			stateType: run.state?.type ?? evidence.apiStateType,
			deploymentId,
			deployment: flowName === null || deploymentName === null ? deploymentName : `${flowName}/${deploymentName}`,
			workPool,
			atMs,
			firstAtMs: known?.firstAtMs ?? atMs,
			times: (known?.times ?? 0) + 1,
			markedServerMs: null,
			originRunId: this.#rescheduler.originOf(runId),
			newRunId: null,
			mistake: null,
		};
	}
}

function answered(entry: RemedyEntry, type: string, { status, reason, stateTimestampMs }: StateAnswer): RemedyEntry {
	if (status === "ACCEPT")
		return { ...entry, result: "done", detail: `set to ${type}`, markedServerMs: stateTimestampMs };
	const why = reason === null ? "" : `: ${reason}`;
	return { ...entry, result: "failed", detail: `Prefect answered ${status} to ${type}${why}` };
}
