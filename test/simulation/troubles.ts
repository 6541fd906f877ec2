import type { Chance } from "./chance.ts";
import { drawClockStepMs, drawDiskCode, drawKillPoint, type Fault, type FaultKind } from "./faults.ts";
import type { Fleet } from "./fleet.ts";
import type { Life, LifeWorld } from "./life.ts";
import type { RestFaults } from "./rest-way.ts";
import { minute, second } from "./units.ts";

/** A kill that waits for its point for so long happens anyway. */
const killAnywayMs = 3 * minute;

const restKinds: Readonly<Record<Extract<FaultKind, `REST ${string}`>, RestFaults["kind"]>> = {
	"REST 503": "503",
	"REST 429": "429",
	"REST hangs": "hangs",
	"REST slow": "slow",
};

/** Makes faults happen, and ends them when they are over. */
export class Troubles {
	readonly #around: LifeWorld;
	readonly #chance: Chance;
	readonly #fleet: Fleet;
	readonly #life: () => Life | null;
	/** A kill in the midst of what one input sets off: so many turns of the event loop later. */
	#killAfterTurns: number | null = null;
	#restartMs = 0;

	/** @param options.life the process of the daemon at the moment; null: there is none */
	constructor(around: LifeWorld, options: { chance: Chance; fleet: Fleet; life: () => Life | null }) {
		this.#around = around;
		this.#chance = options.chance;
		this.#fleet = options.fleet;
		this.#life = options.life;
	}

	isKillDue(turns: number): boolean {
		return this.#killAfterTurns !== null && turns > this.#killAfterTurns;
	}

	/** How long the daemon, which has just died, stays away. */
	takeRestartMs(): number {
		this.#killAfterTurns = null;
		return this.#restartMs;
	}

	begin({ kind, lastsMs }: Fault): void | Promise<void> {
		this.#tell(`begins: ${kind}${lastsMs === 0 ? "" : ` for ${Math.round(lastsMs / second)} s`}`);
		const { networkFaults, restFaults, sinkFaults, disk, machine } = this.#around;
		const chance = this.#chance.fork(`fault ${this.#around.timeline.nowMs}`);
		switch (kind) {
			case "socket drops":
				return this.#life()?.socket.drop();
			case "socket refused":
				this.#life()?.socket.drop();
				return this.#last(kind, lastsMs, (is) => {
					networkFaults.refuses = is;
				});
			case "socket hangs":
				return this.#last(kind, lastsMs, (is) => {
					networkFaults.hangs = is;
				});
			case "server restarts":
			case "server away":
				return this.#stopServer(lastsMs, false);
			case "server crashes":
				return this.#stopServer(lastsMs, true);
			case "server clock set":
				return this.#setServerClock(drawClockStepMs(chance));
			case "REST 503":
			case "REST 429":
			case "REST hangs":
			case "REST slow":
				return this.#last("REST", lastsMs, (is) => {
					restFaults.kind = is ? restKinds[kind] : "none";
				});
			case "disk fails":
				return this.#last(kind, lastsMs, (is) => {
					disk.faults.failsWith = is ? drawDiskCode(chance) : null;
				});
			case "disk slow":
				return this.#last(kind, lastsMs, (is) => {
					disk.faults.commitMs = is ? chance.between(0.1, 5) * second : 0;
				});
			case "commit fails":
				this.#around.health.strike();
				disk.faults.failsAfterCommits = chance.whole(0, 5);
				return;
			case "daemon killed":
				return this.#kill(chance, lastsMs);
			case "daemon stopped":
				return this.#stop(lastsMs);
			case "daemon frozen":
				return this.#life()?.freeze(lastsMs, chance.happens(0.5));
			case "wall clock set":
				this.#around.health.strike();
				machine.wallOffMs += drawClockStepMs(chance);
				return;
			case "receiver away":
				return this.#last(kind, lastsMs, (is) => {
					sinkFaults.fails = is;
				});
			case "pool dies":
				return this.#fleet.poolDies(chance.pick(["blue", "green", "red", null]));
			case "pool cut off":
				return this.#fleet.poolCutOff(chance.pick(["blue", "green", "red"]), lastsMs);
		}
		kind satisfies never;
	}

	#last(kind: string, ms: number, set: (is: boolean) => void): void {
		this.#around.health.begin(kind);
		set(true);
		this.#around.timeline.after(ms, () => {
			set(false);
			this.#around.health.end(kind);
			this.#tell(`ends: ${kind}`);
		});
	}

	#stopServer(ms: number, losesUnwritten: boolean): void {
		if (!this.#around.server.isUp) return;
		this.#around.health.begin("server");
		this.#around.server.stop(losesUnwritten);
		this.#around.timeline.after(ms, () => {
			this.#around.server.start();
			this.#around.health.end("server");
			this.#tell("the server is back");
			this.#fleet.serverIsBack();
		});
	}

	#setServerClock(byMs: number): void {
		this.#tell(`the server's clock is set by ${byMs / second} s`);
		const { server, health } = this.#around;
		const wasOutOfEarshot = server.isOutOfEarshot;
		health.strike();
		server.setClock(byMs);
		if (server.isOutOfEarshot && !wasOutOfEarshot) health.begin("server's clock far ahead");
		if (!server.isOutOfEarshot && wasOutOfEarshot) health.end("server's clock far ahead");
		this.#around.ledger.serverClockSet(this.#around.timeline.nowMs);
		this.#around.verdicts.serverClockSet();
		this.#around.debts.serverClockSet(byMs);
	}

	#kill(chance: Chance, awayMs: number): void {
		const life = this.#life();
		if (life === null) return;
		this.#restartMs = chance.happens(0.3) ? 0 : awayMs;
		const point = drawKillPoint(chance);
		life.killAt = point;
		if (point === null) {
			this.#killAfterTurns = chance.whole(0, 3);
			return;
		}
		this.#around.timeline.after(killAnywayMs, () => {
			if (this.#life() === life) life.kill();
		});
	}

	async #stop(awayMs: number): Promise<void> {
		const life = this.#life();
		if (life === null) return;
		this.#restartMs = awayMs;
		if (life.canStop) await life.end();
		else life.kill();
	}

	#tell(text: string): void {
		this.#around.story.tell(this.#around.timeline.nowMs, null, text);
	}
}
