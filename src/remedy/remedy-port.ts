import type { RemedyEntry, ScopeHold } from "../core/remedy.ts";
import type { RemedyCase, RunNow } from "../core/remedy-policy.ts";
import type { Run, StateType } from "../core/run.ts";
import type { Instant } from "../lib/clock.ts";

/** What memory knows. */
export interface RemedyView {
	/** Open alerts that a remedy exists for, so many at most. */
	cases(casesMax: number): readonly RemedyCase[];
	/** Null: it has none open that a remedy exists for. */
	caseOf(runId: string): RemedyCase | null;
	/** Null: it has left memory. */
	runOf(runId: string): Run | null;
	isBlind(at: Instant): boolean;
}

/** What the server made of a state that was proposed to it: only `ACCEPT` has set it. */
export interface StateAnswer {
	readonly status: "ACCEPT" | "REJECT" | "ABORT" | "WAIT";
	/** The server's words for what it did not accept; null: none. */
	readonly reason: string | null;
	/** Of the state that was set, the server's clock; null: none was, or it did not tell. */
	readonly stateTimestampMs: number | null;
}

/** The run's state at this moment. */
export interface StateNow {
	readonly attempt: number;
	readonly stateId: string;
	readonly stateType: StateType;
	readonly stateTimestampMs: number | null;
	/** Empty: none. */
	readonly message: string;
	/** It stands for a task run of another run. */
	readonly isSubflow: boolean;
}

/** How remedies reach Prefect. Every call may throw OutsideError, or the signal's reason when aborted. */
export interface RemedyPort {
	/** All that a remedy rests on, read anew. Null: the server does not know the run. */
	look(one: RemedyCase, signal: AbortSignal): Promise<RunNow | null>;
	/** Null: the server does not know the run. */
	stateOf(runId: string, signal: AbortSignal): Promise<StateNow | null>;
	/** Holds the run's own slot for it while it is marked. False: the lease is gone. */
	renewLease(leaseId: string, signal: AbortSignal): Promise<boolean>;
	/** Never by force: the server may refuse. */
	setState(
		runId: string,
		state: { readonly type: "CRASHED" | "CANCELLED"; readonly message: string },
		signal: AbortSignal,
	): Promise<StateAnswer>;
	/**
	 * A new run of the same deployment, with the parameters of this one. The same key gives the same run however often it is
	 * asked for.
	 *
	 * @returns its id; null: the run or its deployment is gone
	 */
	runAgain(runId: string, key: string, signal: AbortSignal): Promise<string | null>;
}

/** Where attempts and refusals are kept; OutsideError when they cannot be. */
export interface RemedyBook {
	/** All or nothing, and durable when it resolves. The last word counts. */
	write(change: BookChange): Promise<void>;
	/** Those whose last word is not older, the oldest first, and all that are `intended`. */
	entriesSince(sinceMs: number): Promise<readonly RemedyEntry[]>;
	holds(): Promise<readonly ScopeHold[]>;
	/** The alert is in the store, and open there. */
	isAlertStored(one: RemedyCase["episode"]): Promise<boolean>;
}

export interface BookChange {
	readonly entries: readonly RemedyEntry[];
	readonly holds: readonly ScopeHold[];
	/** Scopes whose hold is over. */
	readonly released: readonly string[];
}
