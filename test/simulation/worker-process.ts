import type { Chance } from "./chance.ts";
import { type Excuse, hasEndedOnServer, isProcessAlive, type SimRun } from "./run.ts";
import type { SimServer } from "./server.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs, second } from "./units.ts";

export interface Surroundings {
	readonly timeline: Timeline;
	readonly server: SimServer;
	readonly story: Story;
	/** Its process was killed. */
	readonly onDeath: (run: SimRun) => void;
}

/** What a client does with events that it could not send. */
export type Resends = "at the next emit" | "soon after the server's return";

interface HeldBeat {
	readonly run: SimRun;
	readonly id: string;
	readonly occurredMs: number;
}

/** From the server's return to what a client of the second kind does by itself. */
const soonMsMax = 30 * second;
const transitMedianMs = 15;
/** A loop's own delay: intervals are the cadence and this, never shorter. */
const loopDelayMsMax = 25;

/** A process that runs a flow, and its subflows with it: beats, proposes states, holds what it cannot send. */
export class WorkerProcess {
	readonly pool: string | null;
	readonly #around: Surroundings;
	readonly #chance: Chance;
	readonly #resends: Resends;
	readonly #runs: SimRun[] = [];
	/** Runs whose heartbeat loop goes on, by a number that a new loop outdates. */
	readonly #loops = new Map<SimRun, number>();
	readonly #threadDead = new Set<SimRun>();
	#held: HeldBeat[] = [];
	#frozen: { readonly fromMs: number; readonly untilMs: number } | null = null;
	#cut: { readonly fromMs: number; readonly untilMs: number } | null = null;
	#holdsUntilMs = Number.NEGATIVE_INFINITY;
	isDead = false;

	constructor(around: Surroundings, options: { chance: Chance; pool: string | null; resends: Resends }) {
		this.#around = around;
		this.#chance = options.chance;
		this.#resends = options.resends;
		this.pool = options.pool;
	}

	get runs(): readonly SimRun[] {
		return this.#runs;
	}

	carries(run: SimRun): void {
		this.#runs.push(run);
		run.lastLogMs = (nowMs) => this.#lastLogMs(run, nowMs);
	}

	/** Later, unless it has died by then; when frozen, at its thawing. */
	after(ms: number, act: () => void): void {
		this.#around.timeline.after(ms, () => this.#awake(act));
	}

	/** Asks the server until it has done it. */
	propose(act: () => void): void {
		this.#awake(() => {
			if (!this.#isConnected) this.after(this.#chance.between(5, 15) * second, () => this.propose(act));
			else {
				this.#around.timeline.after(this.#transitMs(), () => {
					if (this.#around.server.isUp) act();
					else this.after(this.#chance.between(5, 15) * second, () => this.propose(act));
				});
			}
		});
	}

	/** One beat at once, then one each cadence, until `stopBeating`. */
	startBeating(run: SimRun): void {
		if (!run.beats) return;
		const loop = (this.#loops.get(run) ?? 0) + 1;
		this.#loops.set(run, loop);
		this.#beatOn(run, loop);
	}

	stopBeating(run: SimRun): void {
		this.#loops.set(run, (this.#loops.get(run) ?? 0) + 1);
	}

	/** The run has ended as far as its process knows; what it holds is sent when it can be. */
	ends(run: SimRun): void {
		this.stopBeating(run);
		if (run.endMs === null && run.deathMs === null) run.endMs = this.#around.timeline.nowMs;
		if (this.#held.length > 0) this.after(this.#chance.between(0, 2) * second, () => this.#flush());
	}

	/** A last beat that was on its way when the run ended. */
	straggle(run: SimRun): void {
		if (run.beats && !this.#threadDead.has(run)) this.#emit(run);
	}

	kill(): void {
		if (this.isDead) return;
		this.isDead = true;
		this.#held = [];
		for (const run of this.#runs) {
			if (!isProcessAlive(run)) continue;
			run.deathMs = this.#around.timeline.nowMs;
			this.#tell(run, "its process is killed");
		}
		for (const run of this.#runs) if (run.deathMs === this.#around.timeline.nowMs) this.#around.onDeath(run);
	}

	freeze(ms: number): void {
		if (this.isDead || this.#frozen !== null) return;
		const { nowMs } = this.#around.timeline;
		this.#frozen = { fromMs: nowMs, untilMs: nowMs + ms };
		this.#excuse("frozen", nowMs, nowMs + ms);
		for (const run of this.#runs) this.#tell(run, `its process is frozen for ${Math.round(ms / second)} s`);
		this.#around.timeline.after(ms, () => {
			this.#frozen = null;
		});
	}

	/** Its own network is away. */
	cutOff(ms: number): void {
		if (this.isDead || this.#cut !== null) return;
		const { nowMs } = this.#around.timeline;
		this.#cut = { fromMs: nowMs, untilMs: nowMs + ms };
		this.#excuse("client cut off", nowMs, nowMs + ms);
		for (const run of this.#runs) this.#tell(run, `its network is away for ${Math.round(ms / second)} s`);
		this.#around.timeline.after(ms, () => {
			this.#cut = null;
			this.serverIsBack();
		});
	}

	/** Old clients hold for hours what they could not send at once. */
	holdFor(ms: number): void {
		const { nowMs } = this.#around.timeline;
		this.#holdsUntilMs = nowMs + ms;
		this.#excuse("client holds", nowMs, nowMs + ms);
		for (const run of this.#runs) this.#tell(run, `its client holds its events for ${Math.round(ms / second)} s`);
	}

	/** The heartbeat thread dies; the flow goes on. */
	endThread(run: SimRun): void {
		if (!run.beats) return;
		this.#threadDead.add(run);
		this.stopBeating(run);
		run.excuses.push({
			fromMs: this.#around.timeline.nowMs,
			untilMs: Number.POSITIVE_INFINITY,
			why: "heartbeat thread dead",
		});
		this.#tell(run, "its heartbeat thread dies");
	}

	/** The server, or the way to it, is there again. */
	serverIsBack(): void {
		if (this.#resends === "soon after the server's return" && this.#held.length > 0) {
			this.after(this.#chance.between(0, soonMsMax), () => this.#flush());
		}
	}

	get #isConnected(): boolean {
		return this.#around.server.isUp && this.#cut === null;
	}

	#awake(act: () => void): void {
		if (this.isDead) return;
		if (this.#frozen === null) act();
		else this.#around.timeline.at(this.#frozen.untilMs, () => this.#awake(act));
	}

	#beatOn(run: SimRun, loop: number): void {
		this.#awake(() => {
			if (this.#loops.get(run) !== loop || this.#threadDead.has(run)) return;
			this.#emit(run);
			const delayMs = run.cadenceMs + this.#chance.between(1, loopDelayMsMax);
			this.#around.timeline.after(delayMs, () => this.#beatOn(run, loop));
		});
	}

	#emit(run: SimRun): void {
		const { nowMs } = this.#around.timeline;
		this.#held.push({ run, id: this.#chance.uuid(), occurredMs: epochMs + nowMs + run.skewMs });
		if (!this.#flush()) this.#tell(run, "a beat is held by its client");
	}

	/** Sends all it holds, in order. */
	#flush(): boolean {
		const { timeline, server } = this.#around;
		if (!this.#isConnected || timeline.nowMs < this.#holdsUntilMs) return false;
		const sent = this.#held;
		this.#held = [];
		const transitMs = this.#transitMs();
		timeline.after(transitMs, () => {
			// The server went away meanwhile.
			if (!server.isUp) this.#held.unshift(...sent);
			else for (const beat of sent) this.#arrive(beat);
		});
		return true;
	}

	#arrive({ run, ...beat }: HeldBeat): void {
		this.#around.server.takeBeat(run, beat);
		this.#tell(run, hasEndedOnServer(run) ? "a beat reaches the server after the end" : "a beat reaches the server");
	}

	#transitMs(): number {
		return Math.min(5 * second, this.#chance.lognormal(transitMedianMs, 1));
	}

	#lastLogMs(run: SimRun, nowMs: number): number | null {
		const beganMs = run.states.find(({ type }) => type === "RUNNING")?.atMs;
		if (run.logEveryMs === null || beganMs === undefined) return null;
		const untilMs = Math.min(
			nowMs,
			run.deathMs ?? nowMs,
			run.endMs ?? nowMs,
			this.#frozen?.fromMs ?? nowMs,
			this.#cut?.fromMs ?? nowMs,
		);
		if (untilMs < beganMs) return null;
		return beganMs + Math.floor((untilMs - beganMs) / run.logEveryMs) * run.logEveryMs;
	}

	/** Until its runs have been heard again: what is held comes with the next emit at the latest. */
	#excuse(why: Excuse, fromMs: number, untilMs: number): void {
		for (const run of this.#runs) {
			const resentMs = why === "frozen" ? 0 : run.cadenceMs;
			run.excuses.push({ why, fromMs, untilMs: untilMs + resentMs });
		}
	}

	#tell(run: SimRun, text: string): void {
		this.#around.story.tell(this.#around.timeline.nowMs, run.id, text);
	}
}
