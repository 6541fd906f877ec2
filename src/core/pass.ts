import type { Instant } from "../lib/clock.ts";
import { countArmed } from "./armed-runs.ts";
import type { Coverage } from "./census.ts";
import type { Confirmation } from "./confirmation.ts";
import { countBlind, type GatheringDecisions, type Oddity } from "./decisions.ts";
import type { Departures } from "./departures.ts";
import type { ArmedFleet } from "./disruption-count.ts";
import type { Episodes } from "./episodes.ts";
import type { GroupWatch } from "./group-watch.ts";
import type { Learning } from "./learning.ts";
import type { Observation } from "./observation.ts";
import type { Restoration } from "./restoration.ts";
import { Rounds } from "./rounds.ts";
import type { RunTable } from "./run-table.ts";
import type { Slot } from "./slot.ts";
import type { StreamLoss } from "./stream-loss.ts";
import type { UnconfirmedRuns } from "./unconfirmed-runs.ts";
import type { Yardstick } from "./yardstick.ts";

export interface PassParts {
	readonly table: RunTable;
	readonly departures: Departures;
	readonly unconfirmed: UnconfirmedRuns;
	readonly learning: Learning;
	readonly observation: Observation;
	readonly yardstick: Yardstick;
	readonly confirmation: Confirmation;
	readonly coverage: Coverage;
	readonly episodes: Episodes;
	readonly groups: GroupWatch;
	readonly loss: StreamLoss;
	readonly restoration: Restoration;
	/** Keeps a fault that is met at a run apart. */
	readonly atRun: (at: Instant, slot: Slot, act: () => void) => void;
	readonly note: (kind: Oddity["kind"], runId: string | null, detail: string) => void;
}

/** The pass that a tick makes over everything: what time alone has changed. */
export class Pass {
	readonly #parts: PassParts;
	readonly #rounds: Rounds;

	constructor(parts: PassParts) {
		this.#parts = parts;
		this.#rounds = new Rounds(parts);
	}

	go(at: Instant, decided: GatheringDecisions): void {
		const { table, yardstick, observation, loss, groups, restoration, confirmation, coverage, atRun, note } =
			this.#parts;
		yardstick.refresh(at.wallMs);
		const { eventsPerMs, fleet } = countArmed(table, yardstick, at.monoMs);
		const { elapsedMs, sleptMs } = observation.tick(at, eventsPerMs);
		if (sleptMs > 0) note("own_pause", null, `asleep, or the wall clock set, by ${Math.round(sleptMs / 1000)} s`);
		countBlind(decided.blind, observation.openCauses, elapsedMs);
		for (const { kind, runId } of loss.takeLost(at)) {
			if (kind === "stored_state_not_heard") groups.eventLost(at);
			note(kind, runId, "the server stored an event that the stream did not bring");
		}
		this.#sweepGroups(at, fleet, decided);
		const { isPending } = restoration;
		const questions = this.#rounds.go(at, (slot, act) => atRun(at, slot, act), !isPending);
		// Until an earlier process's instants are mapped nobody's silence is known.
		if (!isPending) decided.inquiries.push(...confirmation.ask(questions));
		coverage.count(at, groups.openByKind);
	}

	#sweepGroups(at: Instant, fleet: ArmedFleet, decided: GatheringDecisions): void {
		const { observation, restoration, groups } = this.#parts;
		// Before the first catch-up the runs that are known first would be everything there is, and stored beats are old.
		if (!observation.hasCaughtUp || restoration.isPending) return;
		const { transitions, resetRuns } = groups.sweep(at, fleet);
		decided.transitions.push(...transitions);
		decided.workPools.push(...groups.poolsToAsk(at, fleet));
		// At once: unlike a beat, that a silence began afresh is not read again over REST.
		for (const runId of resetRuns) decided.changedRuns.add(runId);
	}
}
