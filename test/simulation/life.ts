import { LiveSettings } from "../../src/config/live-settings.ts";
import type { Settings } from "../../src/config/schema.ts";
import { isOfEpisode, type Transition } from "../../src/core/episode.ts";
import type { Ports } from "../../src/daemon/ports.ts";
import { restoredFrom } from "../../src/daemon/restored.ts";
import { Watch } from "../../src/daemon/watch.ts";
import { OutsideError } from "../../src/lib/errors.ts";
import type { Reporter } from "../../src/observe/reporter.ts";
import type { Store } from "../../src/store/store.ts";
import type { Chance } from "./chance.ts";
import { Counters } from "./counters.ts";
import type { Debts } from "./debts.ts";
import type { Deliveries } from "./deliveries.ts";
import { type Disk, FaultyStore, type StoreUser } from "./disk.ts";
import type { Failures } from "./failures.ts";
import type { KillPoint } from "./faults.ts";
import type { Health } from "./health.ts";
import type { Ledger } from "./ledger.ts";
import { ProcessClock } from "./process-clock.ts";
import type { RestAnswers } from "./rest-answers.ts";
import { type RestFaults, RestWay } from "./rest-way.ts";
import type { SimServer } from "./server.ts";
import { type NetworkFaults, type NetworkHabits, SocketWay } from "./socket-way.ts";
import type { Story } from "./story.ts";
import { subjectOf } from "./subject.ts";
import type { Timeline } from "./timeline.ts";
import { second } from "./units.ts";
import type { Senses, Verdicts } from "./verdicts.ts";

/** The world around the processes of the daemon: what outlives each of them. */
export interface LifeWorld {
	readonly timeline: Timeline;
	readonly server: SimServer;
	readonly answers: RestAnswers;
	readonly story: Story;
	readonly health: Health;
	readonly failures: Failures;
	readonly ledger: Ledger;
	readonly deliveries: Deliveries;
	readonly verdicts: Verdicts;
	readonly debts: Debts;
	readonly disk: Disk;
	readonly machine: { wallOffMs: number };
	readonly networkHabits: NetworkHabits;
	readonly networkFaults: NetworkFaults;
	readonly restFaults: RestFaults;
	readonly sinkFaults: { fails: boolean };
	readonly settings: Settings;
	/** Wraps the store as the daemon sees it: to break the daemon on purpose. */
	readonly breakDaemon: (store: Store) => Store;
	/** How often a delivery reaches its receiver: to break it on purpose. */
	readonly deliveredTimes: number;
}

const workspace = "default";

/** One process of the daemon, from its start to its death. */
export class Life implements StoreUser {
	readonly number: number;
	readonly clock: ProcessClock;
	readonly socket: SocketWay;
	isDead = false;
	/** Something has reached the process since its world last came to rest. */
	isTouched = false;
	killAt: KillPoint | null = null;
	readonly #world: LifeWorld;
	readonly #chance: Chance;
	readonly #startedMs: number;
	#restFailedMs = Number.NEGATIVE_INFINITY;
	#frozen: (() => void)[] | null = null;
	#thawedMs = Number.NEGATIVE_INFINITY;
	#fire: (() => void) | null = null;
	#running: { readonly watch: Watch; readonly store: Store; readonly counters: Counters } | null = null;
	readonly #stop = new AbortController();
	#ended: Promise<void> = Promise.resolve();

	constructor(world: LifeWorld, options: { number: number; chance: Chance }) {
		const { timeline, server, story, health } = world;
		this.#world = world;
		this.#chance = options.chance;
		this.number = options.number;
		this.#startedMs = timeline.nowMs;
		this.clock = new ProcessClock({
			timeline,
			turns: this.#turn,
			zeroMs: timeline.nowMs - 3_000,
			machine: world.machine,
		});
		this.socket = new SocketWay({
			timeline,
			server,
			story,
			health,
			clock: this.clock,
			turns: this.#turn,
			chance: options.chance.fork("socket"),
			habits: world.networkHabits,
			faults: world.networkFaults,
			reporter: this.#reporter,
			onFrame: (counted) => this.#running?.counters.frameSent(counted),
		});
	}

	/** @throws StoreError when the disk fails */
	async start(): Promise<void> {
		const { disk, ledger, failures, settings, timeline, breakDaemon } = this.#world;
		const opened = await disk.open(this.clock);
		const store = breakDaemon(new FaultyStore({ store: opened, disk, user: this, ledger, failures, timeline }));
		const live = new LiveSettings(settings, () => ({ settings, provenance: new Map(), file: null, warnings: [] }));
		const restored = await restoredFrom({ settings, live, workspace, store, clock: this.clock });
		const { world } = restored;
		ledger.loaded(world, timeline.nowMs);
		const watch = new Watch({
			...restored,
			settings,
			live,
			ports: this.#ports(),
			apiUrl: "simulated",
			workspace,
			store,
			reporter: this.#reporter,
			clock: this.clock,
			random: this.#chance.fork("daemon").random,
		});
		this.#running = {
			watch,
			store,
			counters: new Counters({ failures, open: world.openEpisodes, openGroups: world.openGroups }),
		};
		this.#ended = watch.run(this.#stop.signal).catch((error: unknown) => {
			const words = error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error);
			if (!this.isDead) failures.report("the daemon does not fail", null, words);
		});
		this.isTouched = true;
	}

	/** Inputs are queued, or a commit is under way that does not wait for time to pass. */
	get isBusy(): boolean {
		return this.#running?.watch.isBusy === true && this.#world.disk.slowCommits === 0;
	}

	get isFrozen(): boolean {
		return this.#frozen !== null;
	}

	/** Nothing is owed that only time would settle: it can stop at once. */
	get canStop(): boolean {
		const { disk, sinkFaults } = this.#world;
		const isDiskWell = disk.faults.failsWith === null && disk.slowCommits === 0 && disk.faults.commitMs === 0;
		return isDiskWell && !sinkFaults.fails && this.#running?.watch.status().outbox_pending === 0 && !this.isFrozen;
	}

	tick(): void {
		if (this.#frozen !== null || this.isDead) return;
		this.#turn(() => this.#fire?.());
	}

	/** Once it has come to rest after a tick. */
	addUp(): void {
		const { timeline } = this.#world;
		if (this.#running === null || this.isFrozen || timeline.nowMs - this.#thawedMs < 5 * second) return;
		this.#running.counters.addUp(this.#running.watch.status().open_episodes);
	}

	/** It gets no turn for so long. @param isSuspended the whole machine is: its monotonic clock stands still */
	freeze(ms: number, isSuspended: boolean): void {
		const { timeline, health } = this.#world;
		if (this.#frozen !== null || this.isDead) return;
		this.#frozen = [];
		health.begin("daemon frozen");
		timeline.after(ms, () => {
			health.end("daemon frozen");
			const waiting = this.#frozen ?? [];
			this.#frozen = null;
			this.#thawedMs = timeline.nowMs;
			if (isSuspended) this.clock.standStill(ms);
			for (const act of waiting) this.#turn(act);
		});
	}

	/** As `kill -9` does. */
	kill(): void {
		if (this.isDead) return;
		const { disk, deliveries } = this.#world;
		this.isDead = true;
		this.socket.end();
		disk.slowCommits = 0;
		if (this.#running !== null) disk.close(this.#running.store);
		deliveries.forgetUnkept();
	}

	/** As SIGTERM does. Resolves when all is saved. */
	async end(): Promise<void> {
		this.killAt = null;
		this.#stop.abort(new Error("asked to stop"));
		await this.#ended;
		this.kill();
	}

	atCommit(when: "before" | "after"): void {
		if (this.killAt === `${when} a commit`) this.kill();
	}

	readonly #turn = (act: () => void): void => {
		if (this.isDead) return;
		if (this.#frozen !== null) this.#frozen.push(act);
		else {
			this.isTouched = true;
			act();
		}
	};

	#ports(): Ports {
		const { server, answers, restFaults, settings, timeline } = this.#world;
		return {
			transport: (told) =>
				new RestWay({
					clock: this.clock,
					server,
					answers,
					chance: this.#chance.fork("rest"),
					faults: restFaults,
					restPerSecond: settings.limits.restPerSecond,
					told,
					onFailure: () => {
						this.#restFailedMs = timeline.nowMs;
					},
				}),
			stream: (listener) => ({ run: (signal) => this.socket.run(listener, signal) }),
			ping: null,
			actsOnRuns: false,
			slots: {
				start: (fire) => {
					this.#fire = fire;
					return async () => {
						this.#fire = null;
					};
				},
			},
			sinks: [
				{
					name: "log",
					noticesMax: 1,
					givesUp: false,
					wants: () => true,
					send: ([{ transition }]) => this.#deliver(transition),
				},
			],
		};
	}

	async #deliver(transition: Transition): Promise<void> {
		const { sinkFaults, deliveries, deliveredTimes, story, timeline, debts } = this.#world;
		if (this.killAt === "before a delivery") this.kill();
		if (this.isDead) return new Promise(() => undefined);
		if (sinkFaults.fails) throw new OutsideError("the receiver is away", { retryable: true });
		const { runId, words } = subjectOf(transition);
		story.tell(timeline.nowMs, runId, `the receiver is told: ${words}`);
		for (let times = 0; times < deliveredTimes; times++) {
			this.#running?.counters.received();
			deliveries.received(transition, this.number);
		}
		if (isOfEpisode(transition)) {
			const { condition, closed, labels } = transition.episode;
			if (closed?.outcome === "recovered" && condition === "zombie") debts.recovered(labels.deploymentId);
		}
		if (this.killAt === "after a delivery") this.kill();
		if (this.isDead) return new Promise(() => undefined);
	}

	get #senses(): Senses {
		const { connectedSinceMs, closedMs } = this.socket;
		const { nowMs } = this.#world.timeline;
		const status = this.#running?.watch.status();
		// What came in the same moment may have been taken in after the answer that the verdict rests on.
		const hasJustChanged = closedMs === nowMs || this.#thawedMs === nowMs;
		return {
			startedMs: this.#startedMs,
			restFailedMs: this.#restFailedMs,
			connectedSinceMs: closedMs === nowMs ? this.#startedMs : connectedSinceMs,
			isBlind: !hasJustChanged && status?.blind === true,
			isOverRestAlone: status?.over_rest_alone === true,
		};
	}

	/** Tells the rules and the story; everything else is said to nobody. */
	get #reporter(): Reporter {
		const { story, timeline, failures, verdicts } = this.#world;
		const tell = (runId: string | null, text: string): void => story.tell(timeline.nowMs, runId, text);
		const told: Partial<Reporter> = {
			transition: (transition) => {
				const { kind, episode } = transition;
				tell(episode.runId, `decided: ${episode.condition} ${kind} ${episode.closed?.outcome ?? episode.reason}`);
				this.#running?.counters.transition(transition);
				verdicts.decided(transition, this.#senses);
			},
			frame: (kind, count) => this.#running?.counters.frame(kind, count),
			frameRejected: (reason) => this.#running?.counters.frame(reason),
			delivered: () => this.#running?.counters.delivered(),
			groupIncident: (incident) => {
				tell(null, `group ${incident.group} of ${incident.runsTotal}: ${incident.closed?.outcome ?? "opens"}`);
				this.#running?.counters.groupIncident(incident);
			},
			anomaly: (kind, { runId, detail }) => {
				tell(runId, `noticed: ${kind}: ${detail}`);
				if (kind === "run_set_aside") failures.report("no run makes the core throw", runId, detail);
			},
			storeFailed: (code) => tell(null, `the store fails: ${code}`),
			storeRecovered: () => tell(null, "the store is back"),
			caughtUp: ({ pass, events }) => tell(null, `caught up, pass ${pass}: ${events} events`),
			apiFailed: (endpoint, reason) => tell(null, `REST fails: ${endpoint} ${reason}`),
			queueOverflowed: (dropped) => tell(null, `the daemon drops ${dropped} inputs`),
		};
		const nothing = (): void => undefined;
		return new Proxy({} as Reporter, {
			get: (_target, name) => (this.isDead ? nothing : ((told as Record<PropertyKey, unknown>)[name] ?? nothing)),
		});
	}
}
