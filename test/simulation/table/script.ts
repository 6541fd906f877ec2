import type { Random } from "../../../src/lib/random.ts";
import { chanceOf, lognormal } from "./chance.ts";
import type { Scenario } from "./scenario.ts";

/** One world's size. */
export interface Size {
	readonly runs: number;
	readonly beats: number;
	readonly cadenceMs: number;
}

export interface Span {
	readonly fromMs: number;
	readonly untilMs: number;
}

/** An event of a run: a heartbeat, or the beginning or end of RUNNING. Instants on the world's true clock. */
export interface ScriptEvent {
	readonly run: number;
	/** Of the run's events: its first is 0. */
	readonly index: number;
	readonly kind: "beat" | "running" | "completed";
	/** Emitted by the client; of a state: its timestamp. */
	readonly occurredMs: number;
	receivedMs: number;
	/** Queryable over REST from then on; infinite: never stored. */
	storedMs: number;
	/** At the end of the stream; infinite: lost on it. */
	arrivesMs: number;
}

export interface ScriptRun {
	readonly startMs: number;
	/** Infinite: the run never completes. */
	readonly endMs: number;
	/** When the process was killed; infinite: it was not. */
	readonly deathMs: number;
	readonly pool: number;
	/** The worker's clock less the true time. */
	readonly skewMs: number;
	/** Writes a line to the log each 7 s while it lives. */
	readonly logs: boolean;
	/** Stored ones, by occurrence: what REST may tell. */
	readonly beats: readonly ScriptEvent[];
}

/**
 * All that happens, whoever watches: detectors only look. Built from chance once, and played to each of them.
 */
export interface Script {
	readonly size: Size;
	readonly runs: readonly ScriptRun[];
	/** By arrival; those that never arrive are missing. */
	readonly arrivals: readonly ScriptEvent[];
	/** By occurrence on the workers' clocks; those never stored are missing. */
	readonly stored: readonly ScriptEvent[];
	readonly serverDown: Span | null;
	/** As the daemon sees it: the socket is back later than the server by a wait between tries. */
	readonly socketDown: Span | null;
	readonly untilMs: number;
}

const poolsCount = 5;
const startMs = 60_000;
/** Runs begin over so many cadences, or a quarter of their life if that is shorter. */
const startCadences = 10;
const outageMs = 5 * 60_000;
/** Between tries to connect: full jitter up to 30 s. */
const reconnectMaxMs = 30_000;
/** A client that held beats has sent them by then: measured. */
const resendMaxMs = 30_000;
const slowRuns = 0.3;
const slowMaxMs = 10_000;
const persisterMaxMs = 5_000;
const delayMedianMs = 30;
/** An interval is the cadence, and 15 ms, and next to no noise: measured. */
const overheadMs = 15;
const noiseMaxMs = 0.8;
const skewMaxMs = 5_000;
/**
 * Runs that live on amid deaths one by one: so many for each death a cadence, four in five of a pool at its least. Then a
 * pool's share of lapsed runs stays under the line of a mass lapse, as it does in a fleet in which single runs die.
 */
const bystandersPerDeath = 80;
/** A cadence is known by then. */
const beatsBeforeDeath = 4;

export function makeScript(scenario: Scenario, size: Size, seed: string): Script {
	return new Playwright(scenario, size, chanceOf(seed)).write();
}

/** Writes a script; holds what its scenes share. */
class Playwright {
	readonly #scenario: Scenario;
	readonly #size: Size;
	readonly #random: Random;
	readonly #delayMs: () => number;
	readonly #transitMs: () => number;
	readonly #span: number;
	/** The moment of an outage, or of deaths that strike many at once. */
	readonly #blowMs: number;
	readonly #events: ScriptEvent[] = [];

	constructor(scenario: Scenario, size: Size, random: Random) {
		this.#scenario = scenario;
		this.#size = size;
		this.#random = random;
		this.#delayMs = lognormal(random, delayMedianMs, scenario.delayP99Ms);
		this.#transitMs = () => 10 + 20 * random();
		this.#span = Math.min(startCadences, size.beats / 4) * size.cadenceMs;
		this.#blowMs = startMs + this.#span + (0.15 + 0.1 * random()) * size.beats * size.cadenceMs;
	}

	write(): Script {
		const { runs: count, beats, cadenceMs } = this.#size;
		const { deaths, outage } = this.#scenario;
		const runs: ScriptRun[] = [];
		const living = deaths === "each" ? Math.ceil((bystandersPerDeath * count) / beats) : 0;
		for (let run = 0; run < count + living; run++) runs.push(this.#play(run, run >= count));
		const serverDown = outage === "server" ? this.#outage() : null;
		const reconnectMs = this.#random() * reconnectMaxMs;
		const isSocketDown = outage === "server" || outage === "own-socket";
		const socketDown = isSocketDown ? { ...this.#outage(), untilMs: this.#outage().untilMs + reconnectMs } : null;
		for (const event of this.#events) {
			if (isWithin(socketDown, event.arrivesMs)) event.arrivesMs = Infinity;
			// What a server has not written when it goes down is written when it is back.
			if (serverDown !== null && isWithin(serverDown, event.storedMs)) event.storedMs += outageMs;
		}
		const occurred = ({ run, occurredMs }: ScriptEvent): number => occurredMs + (runs[run]?.skewMs ?? 0);
		const lastMs = Math.max(...runs.map(({ endMs, deathMs }) => (endMs === Infinity ? deathMs : endMs)));
		// What is wrong after the last end shows within three cadences; a fleet that dies waits 15 minutes more.
		const tailMs = 4 * cadenceMs + 120_000 + (deaths === "pool" || deaths === "fleet" ? 20 * 60_000 : 0);
		return {
			size: this.#size,
			runs,
			arrivals: this.#events.filter((one) => one.arrivesMs < Infinity).sort((a, b) => a.arrivesMs - b.arrivesMs),
			stored: this.#events.filter((one) => one.storedMs < Infinity).sort((a, b) => occurred(a) - occurred(b)),
			serverDown,
			socketDown,
			untilMs: lastMs + tailMs,
		};
	}

	#outage(): Span {
		return { fromMs: this.#blowMs, untilMs: this.#blowMs + outageMs };
	}

	#play(run: number, isBystander: boolean): ScriptRun {
		const random = this.#random;
		const { cadenceMs, beats } = this.#size;
		const pool = run % poolsCount;
		const begunMs = startMs + random() * this.#span;
		const isSlow = random() < slowRuns;
		const emittedMs = this.#beats(begunMs, isBystander ? beats + 2 * startCadences : beats);
		const deathMs = this.#death(pool, emittedMs, isBystander);
		const lived = emittedMs.filter((atMs) => atMs <= deathMs);
		const isLate = random() < this.#scenario.lateBeats;
		const lastMs = lived.at(-1) ?? begunMs;
		const plannedMs = isLate ? lastMs + cadenceMs + random() * 100 : lastMs + (0.5 + 0.5 * random()) * cadenceMs;
		const events = [this.#event(run, 0, "running", begunMs, isSlow), ...this.#sent(run, pool, lived, isSlow)];
		const last = events.at(-1);
		const endMs = deathMs < Infinity ? Infinity : Math.max(plannedMs, (last?.receivedMs ?? begunMs) + 100);
		if (endMs < Infinity) events.push(...this.#ending(run, endMs, events, isSlow, isLate));
		this.#lose(events);
		this.#events.push(...events);
		return {
			startMs: begunMs,
			endMs,
			deathMs,
			pool,
			skewMs: (2 * random() - 1) * skewMaxMs,
			logs: this.#scenario.deaths !== "none" && run % 2 === 0,
			beats: events.filter(({ kind, storedMs }) => kind === "beat" && storedMs < Infinity),
		};
	}

	#beats(begunMs: number, count: number): number[] {
		const { cadenceMs } = this.#size;
		const { stallCadences } = this.#scenario;
		const stalledAt = beatsBeforeDeath + Math.floor(this.#random() * (count - beatsBeforeDeath));
		const emittedMs: number[] = [];
		let atMs = begunMs + 50;
		for (let index = 0; index < count; index++) {
			if (index === stalledAt) atMs += stallCadences * cadenceMs;
			emittedMs.push(atMs);
			atMs += cadenceMs + overheadMs + (this.#random() - 0.5) * noiseMaxMs;
		}
		return emittedMs;
	}

	#death(pool: number, emittedMs: readonly number[], isBystander: boolean): number {
		const { deaths } = this.#scenario;
		switch (deaths) {
			case "none":
				return Infinity;
			case "each": {
				if (isBystander) return Infinity;
				const last = beatsBeforeDeath + Math.floor(this.#random() * (emittedMs.length - beatsBeforeDeath));
				return (emittedMs[last] ?? Infinity) + this.#random() * (this.#size.cadenceMs + overheadMs);
			}
			case "pool":
				return pool === 0 ? this.#blowMs : Infinity;
			case "fleet":
				return this.#blowMs;
		}
		return deaths satisfies never;
	}

	/** Beats that the client holds while its server is away go out with its next one, or soon after the server is back. */
	#sent(run: number, pool: number, emittedMs: readonly number[], isSlow: boolean): ScriptEvent[] {
		const { outage, neverStored } = this.#scenario;
		const isAway = outage === "server" || (outage === "pool-cut" && pool === 0);
		const away = isAway ? this.#outage() : null;
		const broken = outage === "broker" ? this.#outage() : null;
		const backMs = (away?.untilMs ?? 0) + this.#random() * resendMaxMs;
		const nextMs = emittedMs.find((atMs) => away !== null && atMs >= away.untilMs) ?? Infinity;
		const resentMs = Math.min(backMs, nextMs);
		return emittedMs.map((atMs, index) => {
			const event = this.#event(run, index + 1, "beat", atMs, isSlow, isWithin(away, atMs) ? resentMs : atMs);
			if (isWithin(broken, event.receivedMs) || this.#random() < neverStored) {
				event.storedMs = Infinity;
				event.arrivesMs = Infinity;
			}
			return event;
		});
	}

	/** The end is told after the last beat, except for a late one. */
	#ending(run: number, endMs: number, events: readonly ScriptEvent[], isSlow: boolean, isLate: boolean): ScriptEvent[] {
		const index = events.length;
		const end = this.#event(run, index, "completed", endMs, isSlow);
		const arrivals = events.map(({ arrivesMs }) => arrivesMs).filter((atMs) => atMs < Infinity);
		end.arrivesMs = Math.max(end.arrivesMs, ...arrivals.map((atMs) => atMs + 1));
		if (!isLate) return [end];
		// Half of them occur before the end as well, and are only received after it.
		const late = this.#event(run, index + 1, "beat", endMs + (this.#random() - 0.5) * 100, isSlow);
		late.receivedMs = Math.max(late.receivedMs, endMs + 1);
		late.arrivesMs = Math.max(late.arrivesMs, end.arrivesMs + 1);
		return [end, late];
	}

	#event(
		run: number,
		index: number,
		kind: ScriptEvent["kind"],
		occurredMs: number,
		isSlow: boolean,
		sentMs: number = occurredMs,
	): ScriptEvent {
		const isState = kind !== "beat";
		const slowMs = isSlow ? this.#random() * slowMaxMs : 0;
		const isClientSlow = this.#scenario.slowness === "client";
		const receivedMs = isState ? sentMs : sentMs + this.#transitMs() + (isClientSlow ? slowMs : 0);
		const arrivesMs = receivedMs + 5 + this.#delayMs() + (isClientSlow ? 0 : slowMs);
		return {
			run,
			index,
			kind,
			occurredMs,
			receivedMs,
			storedMs: receivedMs + this.#random() * persisterMaxMs,
			arrivesMs,
		};
	}

	#lose(events: readonly ScriptEvent[]): void {
		const { streamLoss, burstEvents } = this.#scenario;
		// Of a stretch of 1/p events and the burst that ends it the share of the burst is the loss.
		const begins = streamLoss / burstEvents / (1 - streamLoss + streamLoss / burstEvents);
		let left = 0;
		for (const event of events) {
			if (left === 0 && this.#random() < begins) left = burstEvents;
			if (left === 0) continue;
			left -= 1;
			event.arrivesMs = Infinity;
		}
	}
}

export function isWithin(span: Span | null, atMs: number): boolean {
	return span !== null && atMs >= span.fromMs && atMs < span.untilMs;
}
