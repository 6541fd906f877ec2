import type { Settings } from "../../src/config/schema.ts";
import type { Store } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { Chance } from "./chance.ts";
import { Debts } from "./debts.ts";
import { defaultSettings } from "./default-settings.ts";
import { Deliveries } from "./deliveries.ts";
import { Disk } from "./disk.ts";
import { Failures } from "./failures.ts";
import { type Ending, endings } from "./fates.ts";
import { drawFaults, type Fault, faultKinds } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { Health } from "./health.ts";
import { Ledger } from "./ledger.ts";
import { Life, type LifeWorld } from "./life.ts";
import { PoolWorkers } from "./pool-workers.ts";
import { RestAnswers } from "./rest-answers.ts";
import { isTerminalType } from "./run.ts";
import { SimServer } from "./server.ts";
import type { NetworkHabits } from "./socket-way.ts";
import { Story } from "./story.ts";
import { Timeline } from "./timeline.ts";
import { Troubles } from "./troubles.ts";
import { hour, second } from "./units.ts";
import { Verdicts } from "./verdicts.ts";

export interface WorldOptions {
	readonly seed: number;
	readonly hours: number;
	readonly runs: number;
	/** For a store in files; null: in memory. */
	readonly folder: string | null;
	/** Every kind of trouble, instead of those that the seed draws. */
	readonly wild: boolean;
	/** What goes wrong; null: chance decides. */
	readonly faults: readonly Fault[] | null;
	/** What is broken on purpose, to see the rules notice it. */
	readonly sabotage: Sabotage;
}

export interface Sabotage {
	readonly settings?: (settings: Settings) => Settings;
	readonly store?: (store: Store) => Store;
	/** Between the daemon and its store: what it writes, and what it makes of what it reads. */
	readonly daemon?: (store: Store) => Store;
	readonly deliveredTimes?: number;
}

const tickEveryMs = second;
const addUpEveryTicks = 60;
/** A process that cannot start is started again by whoever watches over it. */
const startAgainMs = 10 * second;
/** Turns of the event loop without work after which nothing more comes by itself. */
const quietTurns = 2;
/** While a commit waits for time to pass one cannot see whether more is to come. */
const turnsBesideSlowCommit = 5;

/** The whole: server, workers, network, disk, and the daemon in the midst of them, in a time that jumps from event to event. */
export class World {
	readonly timeline = new Timeline();
	readonly story = new Story();
	readonly failures = new Failures(() => this.timeline.nowMs);
	readonly verdicts: Verdicts;
	readonly deliveries: Deliveries;
	readonly debts: Debts;
	lives = 0;
	readonly #options: WorldOptions;
	readonly #chance: Chance;
	readonly #health = new Health(this.timeline);
	readonly #server: SimServer;
	readonly #fleet: Fleet;
	readonly #ledger: Ledger;
	readonly #around: LifeWorld;
	readonly #faults: readonly Fault[];
	#life: Life | null = null;
	#ticks = 0;
	/** The counters are compared when this tick has come to rest. */
	#addsUp = false;
	readonly #troubles: Troubles;

	constructor(options: WorldOptions) {
		this.#options = options;
		const chance = new Chance(options.seed);
		this.#chance = chance;
		const { timeline, story, failures } = this;
		const habits = chance.fork("habits");
		const server = new SimServer({
			timeline,
			chance: chance.fork("server"),
			habits: { persisterMsMax: habits.pick([0.5, 5]) * second, driftPpm: habits.between(-60, 60) },
		});
		this.#server = server;
		const pools = new PoolWorkers({ timeline, server, chance: chance.fork("pools") });
		const answers = new RestAnswers({ server, timeline, pools });
		this.#ledger = new Ledger({ failures, server });
		this.verdicts = new Verdicts({ failures, server, answers, timeline });
		this.deliveries = new Deliveries({ failures, ledger: this.#ledger });
		const { verdicts, deliveries } = this;
		this.debts = new Debts({
			timeline,
			failures,
			deliveries,
			health: this.#health,
			ledger: this.#ledger,
			runs: () => server.runs.values(),
		});
		const drawn = drawnFrom(habits, faultKinds, habits.pick([0, 0.15, 0.4, 0.8]));
		const kinds = options.wild ? faultKinds : drawn;
		this.#faults = options.faults ?? drawFaults(chance.fork("faults"), kinds, options.hours);
		this.#around = {
			timeline,
			server,
			answers,
			story,
			failures,
			verdicts,
			deliveries,
			health: this.#health,
			ledger: this.#ledger,
			debts: this.debts,
			disk: new Disk({ folder: options.folder, breakStore: options.sabotage.store ?? ((store) => store) }),
			machine: { wallOffMs: 0 },
			networkHabits: { ...networkHabits(habits), strayShare: chance.fork("stray frames").pick([0, 0.01, 0.1]) },
			networkFaults: { refuses: false, hangs: false },
			restFaults: { kind: "none" },
			sinkFaults: { fails: false },
			settings: (options.sabotage.settings ?? ((settings) => settings))(defaultSettings("simulated")),
			breakDaemon: options.sabotage.daemon ?? ((store) => store),
			deliveredTimes: options.sabotage.deliveredTimes ?? 1,
		};
		this.#fleet = new Fleet({
			timeline,
			server,
			story,
			pools,
			chance: chance.fork("fleet"),
			runs: options.runs,
			hours: options.hours,
			habits: {
				endings: new Set<Ending>(["completes", ...drawnFrom(habits, endings, habits.pick([0.3, 0.6, 1]))]),
				skewedShare: habits.pick([0, 0, 0.2]),
				subflowShare: habits.pick([0, 0.1, 0.3]),
				resendsSoonShare: habits.pick([0, 0.5, 1]),
			},
		});
		this.#troubles = new Troubles(this.#around, { chance, fleet: this.#fleet, life: () => this.#life });
		story.tell(0, null, `goes wrong: ${kinds.join(", ") || "nothing"}; ${this.#faults.length} times`);
		this.#listen();
	}

	async play(): Promise<void> {
		const { timeline } = this;
		this.#fleet.begin();
		for (const fault of this.#faults) timeline.at(fault.atMs, () => this.#troubles.begin(fault));
		this.#health.begin("daemon down");
		timeline.at(0, () => this.#start());
		timeline.at(this.#chance.fork("ticks").between(0, tickEveryMs), () => this.#tick());
		const endMs = this.#options.hours * hour;
		for (let act = timeline.next(endMs); act !== null; act = timeline.next(endMs)) {
			await act();
			if (this.#life?.isTouched === true) await this.#rest();
			if (this.#life?.isDead === true) this.#buried();
			if (this.failures.first !== null) break;
		}
		this.#life?.kill();
		await this.#around.disk.closed();
	}

	#listen(): void {
		const server = this.#server;
		const { debts, story, timeline } = this;
		server.onState = (run, state) => {
			if (isTerminalType(state.type)) debts.ended(run);
			if (state.type === "PENDING") debts.pending(run);
		};
		server.onLost = (event) => {
			story.tell(timeline.nowMs, event.runId, `${event.name} is lost by the server`);
			const run = server.runs.get(event.runId);
			run?.excuses.push({
				fromMs: event.acceptedMs,
				untilMs: event.acceptedMs + run.cadenceMs,
				why: "beat lost by the server",
			});
		};
		this.#fleet.onDeath = (run) => debts.died(run);
		this.#fleet.onDeleted = (run) => debts.ended(run);
		this.#ledger.onKept = (key, runId) => debts.kept(key, runId);
	}

	async #start(): Promise<void> {
		if (this.#life !== null) return;
		this.lives += 1;
		const life = new Life(this.#around, { number: this.lives, chance: this.#chance.fork(`life ${this.lives}`) });
		try {
			await life.start();
		} catch (error) {
			if (!(error instanceof StoreError)) throw error;
			life.kill();
			this.#tell(`the daemon cannot start: ${error.code}`);
			this.timeline.after(startAgainMs, () => this.#start());
			return;
		}
		this.#life = life;
		this.#health.end("daemon down");
		this.#tell(`the daemon starts, process ${this.lives}`);
	}

	#tick(): void {
		this.timeline.after(tickEveryMs, () => this.#tick());
		this.#ticks += 1;
		this.#addsUp = this.#ticks % addUpEveryTicks === 0;
		this.#life?.tick();
	}

	/** What has been set off comes to rest: whatever is left waits for time to pass. */
	async #rest(): Promise<void> {
		const life = this.#life;
		if (life === null) return;
		life.isTouched = false;
		let turns = 0;
		for (let quiet = 0; quiet < quietTurns || (this.#around.disk.slowCommits > 0 && turns < turnsBesideSlowCommit); ) {
			await new Promise((resolve) => setImmediate(resolve));
			turns += 1;
			if (this.#troubles.isKillDue(turns)) life.kill();
			if (life.isDead) return;
			quiet = life.isBusy ? 0 : quiet + 1;
		}
		if (this.#addsUp) life.addUp();
		this.#addsUp = false;
	}

	/** The process is dead, by whatever way. */
	#buried(): void {
		this.#life = null;
		this.#health.begin("daemon down");
		this.#tell("the daemon is dead");
		this.timeline.after(this.#troubles.takeRestartMs(), () => this.#start());
	}

	#tell(text: string): void {
		this.story.tell(this.timeline.nowMs, null, text);
	}
}

/** Swarm testing (Groce et al., 2012): each seed has some kinds of trouble and lacks the others. */
function drawnFrom<T>(chance: Chance, kinds: readonly T[], share: number): readonly T[] {
	return kinds.filter(() => chance.happens(share));
}

function networkHabits(chance: Chance): Omit<NetworkHabits, "strayShare"> {
	return {
		lostShare: chance.pick([0, 0, 0.005, 0.02]),
		doubledShare: chance.pick([0, 0.05]),
		lateShare: chance.pick([0, 0.01]),
		jitterMsMax: chance.pick([0, 2 * second]),
		queueEventsMax: chance.pick([256, 256, 40, 8]),
	};
}
