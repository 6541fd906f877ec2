import { type RemedyEntry, remedyText } from "../../src/core/remedy.ts";
import type { RemedyCase, RunNow } from "../../src/core/remedy-policy.ts";
import type { RemedySettings } from "../../src/core/remedy-settings.ts";
import type { Run } from "../../src/core/run.ts";
import { bookOf } from "../../src/daemon/remedies.ts";
import { OutsideError } from "../../src/lib/errors.ts";
import { Remedier } from "../../src/remedy/remedier.ts";
import type { RemedyPort, StateAnswer, StateNow } from "../../src/remedy/remedy-port.ts";
import { newMemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { HandClock } from "./daemon-clock.ts";
import { UnreliableStore } from "./daemon-store.ts";
import { ToldReporter } from "./prefect-reporter.ts";
import { allOn, minute, nowOf } from "./remedy-samples.ts";
import { batchOf, workspace } from "./store-samples.ts";

interface Written {
	readonly runId: string;
	readonly type: string;
	readonly message: string;
}

/** A server of a few runs: it takes every state, unless a test says otherwise. */
class ScriptedServer implements RemedyPort {
	readonly written: Written[] = [];
	/** By key. */
	readonly made = new Map<string, string>();
	readonly renewed: string[] = [];
	readonly states = new Map<string, StateNow>();
	/** What it says a run is like; null: it does not know it. */
	nows = new Map<string, RunNow | null>();
	answer: StateAnswer = { status: "ACCEPT", reason: null, stateTimestampMs: null };
	isLeaseGone = false;
	/** Called at each question, before it is answered. */
	onLook: () => void = () => undefined;
	/** After the state was set: the answer is lost. */
	losesAnswers = false;
	isAway = false;

	async look({ episode }: RemedyCase): Promise<RunNow | null> {
		this.#refuseWhenAway();
		this.onLook();
		return this.nows.get(episode.runId) ?? null;
	}

	async stateOf(runId: string): Promise<StateNow | null> {
		this.#refuseWhenAway();
		return this.states.get(runId) ?? null;
	}

	async renewLease(leaseId: string): Promise<boolean> {
		this.renewed.push(leaseId);
		return !this.isLeaseGone;
	}

	async setState(runId: string, { type, message }: { type: "CRASHED" | "CANCELLED"; message: string }) {
		this.#refuseWhenAway();
		this.written.push({ runId, type, message });
		if (this.answer.status === "ACCEPT") {
			const known = { attempt: 2, stateTimestampMs: this.answer.stateTimestampMs, isSubflow: false };
			const isSubflow = this.states.get(runId)?.isSubflow ?? false;
			this.states.set(runId, { ...known, stateId: `set-${runId}`, stateType: type, message, isSubflow });
		}
		if (this.losesAnswers) throw new OutsideError("the answer was lost", { retryable: true });
		return this.answer;
	}

	async runAgain(runId: string, key: string): Promise<string | null> {
		this.#refuseWhenAway();
		const id = this.made.get(key) ?? `again-${runId}`;
		this.made.set(key, id);
		if (this.losesAnswers) throw new OutsideError("the answer was lost", { retryable: true });
		return id;
	}

	#refuseWhenAway(): void {
		if (this.isAway) throw new OutsideError("nobody answers", { retryable: true });
	}
}

/** Remedies among a scripted server and memory, on a real store. A minute past the grace of the sample's alerts. */
export class RemedyStage {
	readonly clock = new HandClock();
	readonly server = new ScriptedServer();
	readonly told = new ToldReporter();
	readonly disk = newMemoryDisk();
	readonly store = new UnreliableStore(new MemoryStore({ disk: this.disk, clock: this.clock }));
	settings: RemedySettings = allOn;
	isBlind = false;
	readonly cases = new Map<string, RemedyCase>();
	/** Of runs without an open alert. */
	readonly runs = new Map<string, Run>();
	/** What the alerts carry, by id. */
	readonly notes = new Map<string, string>();
	remedier = this.#start();

	constructor() {
		this.server.answer = { status: "ACCEPT", reason: null, stateTimestampMs: this.clock.now().wallMs };
	}

	/** An alert is open and stored, its grace over; the server says the same of the run as memory. */
	async raise(one: RemedyCase, isStored = true): Promise<RemedyCase> {
		const { wallMs } = this.clock.now();
		const began = one.run.state === null ? null : { ...one.run.state, timestampMs: wallMs - 60 * minute };
		const raised = {
			...one,
			episode: { ...one.episode, raisedAtMs: wallMs - 6 * minute },
			run: { ...one.run, state: began },
		};
		const { episode, run } = raised;
		this.cases.set(episode.runId, raised);
		const now = nowOf(raised);
		this.server.nows.set(episode.runId, now);
		const { attempt, stateId, stateType } = now;
		const state = { attempt, stateId, stateType, stateTimestampMs: run.state?.timestampMs ?? null };
		this.server.states.set(episode.runId, { ...state, message: "", isSubflow: false });
		if (isStored) await this.store.commit(batchOf({ episodes: [episode] }));
		return raised;
	}

	/** Its alert is over; memory has this of the run. */
	over(one: RemedyCase, run: Partial<Run> = {}): void {
		this.cases.delete(one.episode.runId);
		this.runs.set(one.episode.runId, { ...one.run, ...run });
	}

	round(): Promise<void> {
		return this.remedier.round(new AbortController().signal);
	}

	/** Another process, on the same store. */
	restart(): void {
		this.notes.clear();
		this.remedier = this.#start();
	}

	/** What the ledger says, an entry a line: action, result, reason. */
	async ledger(): Promise<readonly string[]> {
		return (await this.entries()).map(({ action, result, reason }) => [action, result, reason ?? ""].join(" ").trim());
	}

	entries(): Promise<readonly RemedyEntry[]> {
		return this.store.remedies.entries({ workspace, sinceMs: 0, runId: null, withUnsettled: true, rowsMax: 100 });
	}

	#start(): Remedier {
		return new Remedier({
			settings: () => this.settings,
			view: {
				cases: (casesMax) => [...this.cases.values()].slice(0, casesMax),
				caseOf: (runId) => this.cases.get(runId) ?? null,
				runOf: (runId) => this.cases.get(runId)?.run ?? this.runs.get(runId) ?? null,
				isBlind: () => this.isBlind,
			},
			port: this.server,
			book: bookOf(this.store, workspace),
			workspace,
			reporter: this.told.reporter,
			clock: this.clock,
			onNoted: ({ alertId }, note) => this.notes.set(alertId, remedyText(note)),
		});
	}
}
