import { isOfEpisode } from "../../src/core/episode.ts";
import type { GroupIncident } from "../../src/core/group-incident.ts";
import type { Input } from "../../src/core/input.ts";
import type { LearnedRow } from "../../src/core/learning.ts";
import { type BeatView, noLabels, type RunView, type StateType } from "../../src/core/run.ts";
import type { DetectorSettings } from "../../src/core/settings.ts";
import { Tracker } from "../../src/core/tracker.ts";
import type { Changes } from "../../src/daemon/changes.ts";
import { Persister, type PersisterOptions } from "../../src/daemon/persister.ts";
import { newMemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type { OutboxRow } from "../../src/store/store.ts";
import { epochMs, uuid } from "./core-server.ts";
import { defaultSettings } from "./core-world.ts";
import { HandClock } from "./daemon-clock.ts";
import { UnreliableStore } from "./daemon-store.ts";
import { ToldReporter } from "./prefect-reporter.ts";
import { deliveryOf, episodeOf, runIdOf } from "./store-samples.ts";

export const workspace = "w";

/** The real tracker, which also remembers what it was told. */
export class HeardTracker extends Tracker {
	readonly heard: Input[] = [];
	/** An input of this kind meets a bug. */
	failsOn: Input["kind"] | null = null;
	/** Called after each input. */
	onHeard: () => void = () => {};

	constructor(clock: HandClock, live: { current: DetectorSettings } = { current: defaultSettings }) {
		super({
			namespace: "test",
			workspace,
			live,
			holdsMassLapses: true,
			startedAt: clock.now(),
		});
	}

	override apply(input: Input): void {
		this.heard.push(input);
		if (input.kind === this.failsOn) throw new TypeError(`a bug at ${input.kind}`);
		super.apply(input);
		this.onHeard();
	}

	get kinds(): readonly Input["kind"][] {
		return this.heard.map(({ kind }) => kind);
	}

	count(kind: Input["kind"]): number {
		return this.kinds.filter((one) => one === kind).length;
	}
}

/** The n-th run in a state entered at a moment of the world. */
export function stateView(n: number, type: StateType, atMs: number, fromRest = false): RunView {
	const state = { id: uuid(2, atMs), type, name: type, timestampMs: epochMs + atMs, scheduledTimeMs: null, fromRest };
	return { runId: runIdOf(n), attempt: 1, state, beat: null, labels: noLabels };
}

export function beatView(n: number, atMs: number): RunView {
	const beat: BeatView = { eventId: uuid(3, atMs), occurredMs: epochMs + atMs, receivedMs: epochMs + atMs };
	return { runId: runIdOf(n), attempt: null, state: null, beat, labels: noLabels };
}

export function eventOf(view: RunView, clock: HandClock): Input & { readonly kind: "event" } {
	return { kind: "event", at: clock.now(), view, receivedMs: epochMs + clock.nowMs };
}

export function changesOf(some: Partial<Record<keyof Changes, Iterable<unknown>>>): Changes {
	return {
		changedRuns: new Set(some.changedRuns as Iterable<string>),
		evictedRuns: [...((some.evictedRuns ?? []) as Iterable<string>)],
		forgottenRuns: [...((some.forgottenRuns ?? []) as Iterable<string>)],
		episodes: [...((some.episodes ?? []) as Changes["episodes"])],
		outbox: [...((some.outbox ?? []) as Changes["outbox"])],
		heldRuns: new Set(some.heldRuns as Iterable<string>),
		groups: [...((some.groups as Iterable<GroupIncident>) ?? [])],
		learned: [...((some.learned as Iterable<LearnedRow>) ?? [])],
	};
}

/** A verdict on the n-th run, as a step of the core gives it. */
export function verdictOf(n: number) {
	const episode = episodeOf(n, `alert-${n}`, { workspace });
	return { episodes: [episode], outbox: [deliveryOf(episode)] };
}

/** A persister between the real tracker and a store that fails on demand, on a disk that outlives both. */
export class PersisterUnderTest {
	readonly clock: HandClock;
	readonly live = { current: defaultSettings };
	readonly store: UnreliableStore;
	readonly told = new ToldReporter();
	readonly tracker: HeardTracker;
	readonly persister: Persister;
	readonly sent: OutboxRow[] = [];
	readonly reloaded: RunView[] = [];
	readonly disk;

	constructor({
		disk = newMemoryDisk(),
		clock = new HandClock(),
		...more
	}: Partial<PersisterOptions> & { disk?: ReturnType<typeof newMemoryDisk>; clock?: HandClock } = {}) {
		this.disk = disk;
		this.clock = clock;
		this.store = new UnreliableStore(new MemoryStore({ disk, clock }));
		this.tracker = new HeardTracker(clock, this.live);
		this.persister = new Persister({
			store: this.store,
			tracker: this.tracker,
			reporter: this.told.reporter,
			clock,
			workspace,
			outboxRowsMax: 100,
			onReloaded: (view) => {
				this.reloaded.push(view);
				this.tracker.apply({ kind: "stored", at: clock.now(), views: [view] });
			},
			onSendable: (rows) => this.sent.push(...rows),
			...more,
		});
	}

	/** What the tracker makes of a view is recorded, as the pipeline does. */
	learn(view: RunView): void {
		this.tracker.apply({ kind: "stored", at: this.clock.now(), views: [view] });
		this.record();
	}

	/** As at every tick: time is all that has changed. */
	record(): void {
		const { transitions, ...changes } = this.tracker.drain();
		const groups = transitions.flatMap((transition) => (isOfEpisode(transition) ? [] : [transition.incident]));
		const told = { groups, episodes: [], outbox: [] };
		this.persister.record({ ...changes, ...told });
	}

	get sentKeys(): readonly string[] {
		return this.sent.map(({ transition }) => transition.key);
	}

	/** Run rows of every commit so far, as they were numbered. */
	get commits(): readonly (readonly string[])[] {
		return this.store.committed.map(({ runs }) => runs.map(({ row }) => row.runId));
	}
}
