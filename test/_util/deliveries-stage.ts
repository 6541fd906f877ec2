import { LiveSettings } from "../../src/config/live-settings.ts";
import type { LoadedConfig } from "../../src/config/load.ts";
import { fields, type Settings, settingsSchema } from "../../src/config/schema.ts";
import { type Episode, groupTransitionOf, type Transition, transitionOf } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import { wordsIn } from "../../src/daemon/attention.ts";
import { Deliveries } from "../../src/daemon/deliveries.ts";
import type { Notice, Sink } from "../../src/notify/sink.ts";
import type { MemoryDisk } from "../../src/store/memory-disk.ts";
import { type HandClock, settle } from "./daemon-clock.ts";
import { changesOf, PersisterUnderTest, workspace } from "./daemon-core.ts";
import { closedOf } from "./store-samples.ts";

const second = 1_000;

/** Remembers what it was told, and answers as it is told to. */
export class TellingSink implements Sink {
	readonly name: string;
	readonly noticesMax: number;
	readonly givesUp = true;
	readonly sent: string[] = [];
	/** Keys of each message. */
	readonly messages: string[][] = [];
	wants: (transition: Transition) => boolean = () => true;
	answer: () => Promise<void> = () => Promise.resolve();

	constructor(name: string, noticesMax = 1) {
		this.name = name;
		this.noticesMax = noticesMax;
	}

	async send(notices: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		const aborted = new Promise<never>((_resolve, reject) => {
			signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		});
		await Promise.race([this.answer(), aborted]);
		this.messages.push(notices.map(({ key }) => key));
		this.sent.push(...notices.map(({ key }) => key));
	}
}

/** Settings with these sinks and windows; everything else is a default. */
export function settingsOf(sinks: readonly object[], maintenance: readonly object[] = []): Settings {
	const sections = [...new Set(fields.map(({ path }) => path.split(".")[0] ?? ""))].filter((name) =>
		fields.some(({ path }) => path.startsWith(`${name}.`)),
	);
	const rest = Object.fromEntries(sections.map((name) => [name, {}]));
	return settingsSchema.parse({ ...rest, sinks, maintenance });
}

/** All between committed rows and sinks, on a disk that outlives it. */
export class DeliveriesStage {
	readonly under: PersisterUnderTest;
	readonly sinks: readonly Sink[];
	deliveries!: Deliveries;
	readonly live: LiveSettings;
	settings: Settings;
	open: Episode[] = [];
	openGroups: GroupIncident[] = [];
	readonly #stop = new AbortController();
	#running: Promise<unknown> = Promise.resolve();

	constructor(disk: MemoryDisk, clock: HandClock, { settings, sinks }: { settings: Settings; sinks: readonly Sink[] }) {
		const onSendable: PersisterUnderTest["sent"]["push"] = (...rows) => {
			this.deliveries.offer(rows);
			return rows.length;
		};
		this.under = new PersisterUnderTest({ disk, clock, onSendable: (rows) => void onSendable(...rows) });
		this.settings = settings;
		this.sinks = sinks;
		this.live = new LiveSettings(
			settings,
			() => ({ settings: this.settings, warnings: [] }) as unknown as LoadedConfig,
		);
	}

	async begin(): Promise<this> {
		const { store } = this.under;
		const open = () => this.open;
		const openGroups = () => this.openGroups;
		this.deliveries = new Deliveries({
			settings: this.settings,
			live: this.live,
			sinks: this.sinks,
			inspection: {
				get openEpisodes() {
					return open();
				},
				get openGroups() {
					return openGroups();
				},
			},
			store,
			persister: this.under.persister,
			releaseScope: async () => false,
			workspace,
			reporter: this.under.told.reporter,
			clock: this.under.clock,
			words: await wordsIn(store, { workspace, nowMs: this.under.clock.now().wallMs }),
			held: await store.outbox.held(workspace),
			random: () => 1,
		});
		this.deliveries.begin((await store.load(workspace)).outbox);
		const loops = Object.values(this.deliveries.loops());
		this.#running = Promise.all(loops.map((loop) => loop(this.#stop.signal)));
		this.#running.catch(() => undefined);
		await this.rest();
		return this;
	}

	async end(): Promise<void> {
		this.#stop.abort();
		await this.#running;
	}

	/** As `kill -9`: nothing of it reaches the disk any more, and what it has sent is sent. */
	async kill(): Promise<void> {
		this.under.store.death ??= { atCommit: this.under.store.tried.length, when: "before" };
		this.#stop.abort();
		await this.#running.catch(() => undefined);
	}

	async rest(): Promise<void> {
		for (let turn = 0; turn < 10; turn++) await settle();
	}

	/** As the core's decision goes: committed, then offered. */
	async raise(episode: Episode): Promise<void> {
		this.open.push(episode);
		await this.#decide(transitionOf(episode), { episodes: [episode] });
	}

	async resolve(episode: Episode): Promise<void> {
		this.open = this.open.filter(({ alertId }) => alertId !== episode.alertId);
		const closed = closedOf(episode, this.under.clock.now().wallMs);
		await this.#decide(transitionOf(closed), { episodes: [closed] });
	}

	async group(incident: GroupIncident): Promise<void> {
		this.openGroups = this.openGroups.filter(({ groupId }) => groupId !== incident.groupId);
		if (incident.closed === null) this.openGroups.push(incident);
		const transition = groupTransitionOf(incident, workspace);
		await this.#decide(transition, { groups: [incident] });
	}

	async #decide(transition: Transition, what: object): Promise<void> {
		const createdAtMs = this.under.clock.now().wallMs;
		const outbox = this.sinks.map(({ name: sink }) => ({ sink, transition, createdAtMs }));
		this.under.persister.record(changesOf({ ...what, outbox }));
		await this.rest();
	}

	/** Time goes on, a second at a time, with all that is done every second. */
	async pass(ms: number): Promise<void> {
		for (let passed = 0; passed < ms; passed += second) await this.second();
	}

	/** Time is gone at once. */
	async jump(ms: number): Promise<void> {
		this.under.clock.pass(ms - second);
		await this.second();
		await this.second();
	}

	async second(): Promise<void> {
		this.under.clock.pass(second);
		this.deliveries.reminders.round();
		await this.deliveries.held.round();
		await settle();
		await settle();
	}

	get heldReasons(): readonly string[] {
		return [...this.under.disk.outbox.values()].flatMap(({ fate, deliveredAtMs }) =>
			deliveredAtMs === null && fate !== null ? [fate] : [],
		);
	}

	get fates(): readonly (string | null)[] {
		return [...this.under.disk.outbox.values()].map(({ fate }) => fate);
	}
}
