import type { Instant } from "../lib/clock.ts";
import type { Circumstances } from "./circumstances.ts";
import type { Condition } from "./episode.ts";
import type { StoredBeats } from "./priors.ts";
import type { RemedyNote } from "./remedy.ts";
import type { BeatView, RunView } from "./run.ts";

/** What a question about a run rested on when it was asked; an answer to anything older is ignored. */
export interface InquiryBasis {
	readonly attempt: number;
	readonly stateId: string | null;
	readonly aliveAtMonoMs: number | null;
}

/**
 * Why REST is asked about a run. `identify`: its state is unknown or doubtful. `missed`: a beat is overdue, and may have
 * been lost on the way; or none has ever been heard. `suspect`: past the line of suspicion.
 * `eve` and `due`: the two confirmations of a verdict, just before the deadline and at it.
 */
export type InquiryStage = "identify" | "missed" | "suspect" | "eve" | "due";

/** A question to REST about one run: its present state, and its newest stored heartbeat. */
export interface Inquiry {
	readonly runId: string;
	readonly stage: InquiryStage;
	/** What is suspected; null for `identify`, and when no beat has ever been heard. */
	readonly condition: Condition | null;
	/** The run was never heard: its earlier stored beats are asked for as well, since they tell its cadence. */
	readonly isUnheard: boolean;
	/** The task run of a subflow's parent, whose flow run is asked for; null: none, or known. */
	readonly parentTaskRunId: string | null;
	readonly basis: InquiryBasis;
	/** Look for stored beats from here on (the worker's clock); the whole window is ranked by the server, so it is short. */
	readonly beatsSinceMs: number;
}

/** REST's answer about one run. */
export interface InquiryAnswer {
	readonly inquiry: Inquiry;
	/** Null: the server does not know the run (any more). */
	readonly view: RunView | null;
	readonly newestBeat: BeatView | null;
	/** Up to eight stored beats before the newest, of a run that was never heard: they tell its cadence. */
	readonly earlierBeats: readonly BeatView[];
	/** The newest log line or task-run change, by the worker's clock; null when there is none. */
	readonly newestSignMs: number | null;
	/** Only where a verdict is `due`, and only what could be had at once: no verdict waits for it. */
	readonly circumstances?: Circumstances | null;
}

/**
 * All that enters the core. `at` is the moment of arrival on our clocks; effects' results enter the same way, so that a
 * replay of inputs is a replay of the daemon.
 */
export type Input =
	/** A live event from the socket. */
	| {
			readonly kind: "event";
			readonly at: Instant;
			readonly view: RunView;
			readonly receivedMs: number | null;
			/** The event that it names as the one before, of the same run. */
			readonly follows?: string | null;
	  }
	/** Events that the server had stored: read by catch-up. */
	| {
			readonly kind: "stored";
			readonly at: Instant;
			readonly views: readonly RunView[];
	  }
	/** Beats that the server stored before the first start, for what they teach of cadences alone; `isOver`: the last. */
	| {
			readonly kind: "lesson";
			readonly at: Instant;
			readonly rows: readonly StoredBeats[];
			readonly isOver: boolean;
	  }
	/** A page of live runs as REST lists them. */
	| {
			readonly kind: "listed";
			readonly at: Instant;
			readonly views: readonly RunView[];
	  }
	/** The listing that began at `startedMonoMs` is complete: a live run that was not on it needs a question. */
	| {
			readonly kind: "reconciled";
			readonly at: Instant;
			readonly startedMonoMs: number;
	  }
	| {
			readonly kind: "answered";
			readonly at: Instant;
			readonly answers: readonly InquiryAnswer[];
	  }
	/** The questions could not be put; they are asked again later. */
	| {
			readonly kind: "unanswered";
			readonly at: Instant;
			readonly inquiries: readonly Inquiry[];
	  }
	| { readonly kind: "stream_opened"; readonly at: Instant }
	/** The socket showed a sign of life other than an event: a pong, or a frame that is none. */
	| { readonly kind: "stream_heard"; readonly at: Instant }
	| { readonly kind: "stream_closed"; readonly at: Instant }
	/** Both passes of a catch-up over REST are in: what they covered no longer counts as unheard. */
	| { readonly kind: "caught_up"; readonly at: Instant }
	/** The socket is away; over REST all has been read that the server had received by then (our monotonic clock). */
	| { readonly kind: "covered_over_rest"; readonly at: Instant; readonly untilMonoMs: number }
	/** A REST call ended: `serverDateMs` is its `Date` header. A failure is one that retries did not mend. */
	| {
			readonly kind: "rest_answered";
			readonly at: Instant;
			readonly serverDateMs: number | null;
	  }
	| { readonly kind: "rest_failed"; readonly at: Instant }
	/** What REST says of a work pool's workers: true when it has some, and all are offline. */
	| { readonly kind: "workers"; readonly at: Instant; readonly workPool: string; readonly offline: boolean }
	/** What was done about an alert, or why not; ignored when it is not open any more. */
	| {
			readonly kind: "remedied";
			readonly at: Instant;
			readonly runId: string;
			readonly alertId: string;
			readonly note: RemedyNote;
	  }
	/** Once a second. */
	| { readonly kind: "tick"; readonly at: Instant };
