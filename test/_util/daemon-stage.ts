import { deliveredToSink } from "../../src/core/delivery.ts";
import type { Inquiry } from "../../src/core/input.ts";
import { Persister } from "../../src/daemon/persister.ts";
import { Pipeline } from "../../src/daemon/pipeline.ts";
import type { MemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { epochMs, type SimServer } from "./core-server.ts";
import { second } from "./core-world.ts";
import { HandClock, settle } from "./daemon-clock.ts";
import { HeardTracker, workspace } from "./daemon-core.ts";
import { UnreliableStore } from "./daemon-store.ts";
import { ToldReporter } from "./prefect-reporter.ts";
import { placedRunsIn } from "./store-runs.ts";

/**
 * A daemon's process without its sockets: tracker, pipeline and persister on a disk that outlives it, among a server and
 * its runs in virtual time. What it sends is delivered at once.
 */
export class Stage {
	readonly store: UnreliableStore;
	readonly told = new ToldReporter();
	readonly persister: Persister;
	/** Keys of deliveries, in the order in which they were sent. */
	readonly sent: string[];
	readonly #server: SimServer;
	readonly #clock: HandClock;
	readonly #tracker: HeardTracker;
	readonly #pipeline: Pipeline;
	#asked: Inquiry[] = [];

	private constructor(parts: {
		server: SimServer;
		store: UnreliableStore;
		clock: HandClock;
		sent: string[];
	}) {
		const { server, store, clock, sent } = parts;
		this.store = store;
		this.sent = sent;
		this.#server = server;
		this.#clock = clock;
		this.#tracker = new HeardTracker(clock);
		const { reporter } = this.told;
		this.persister = new Persister({
			store,
			tracker: this.#tracker,
			reporter,
			clock,
			workspace,
			outboxRowsMax: 100,
			onReloaded: (view) => this.#tracker.apply({ kind: "stored", at: clock.now(), views: [view] }),
			onSendable: (rows) => {
				for (const { sink, transition } of rows) this.#send(sink, transition.key);
			},
		});
		this.#pipeline = new Pipeline({
			tracker: this.#tracker,
			persister: this.persister,
			reporter,
			clock,
			queueInputsMax: 1_000,
			sinks: [{ name: "log", wants: () => true }],
			onInquiries: (inquiries) => this.#asked.push(...inquiries),
			onOverflow: () => {},
		});
		server.onEvent = ({ view, receivedMs }) => {
			if (!this.store.isDead) this.#pipeline.offer({ kind: "event", at: clock.now(), view, receivedMs });
		};
	}

	/** A process starts on what is on the disk, and learns from REST what it missed. */
	static async start(
		disk: MemoryDisk,
		{
			server,
			atMs,
			sent,
			death = null,
		}: { server: SimServer; atMs: number; sent: string[]; death?: UnreliableStore["death"] },
	): Promise<Stage> {
		const clock = new HandClock(atMs, atMs - 5 * second);
		const store = new UnreliableStore(new MemoryStore({ disk, clock }));
		store.death = death;
		const world = await store.load(workspace);
		const stage = new Stage({ server, store, clock, sent });
		stage.#tracker.restoreRuns(await placedRunsIn(store, workspace), clock.now());
		stage.#tracker.restore({ ...world, workspace: world.workspaces[0] ?? null }, clock.now());
		for (const { sink, transition } of world.outbox) stage.#send(sink, transition.key);
		stage.#connect();
		await settle();
		return stage;
	}

	/** Time goes on, a tick at a time, until then, or until the process is killed. */
	async runUntil(untilMs: number): Promise<void> {
		while (this.#clock.nowMs < untilMs && !this.store.isDead) {
			this.#clock.pass(second);
			this.#server.advance(this.#clock.nowMs);
			this.#pipeline.result({ kind: "tick", at: this.#clock.now() });
			this.#pipeline.drain();
			await settle();
			const answers = this.#asked.map((inquiry) => this.#server.answer(inquiry));
			this.#asked = [];
			if (answers.length > 0) this.#pipeline.result({ kind: "answered", at: this.#clock.now(), answers });
			this.#pipeline.drain();
			await settle();
		}
	}

	get nowMs(): number {
		return this.#clock.nowMs;
	}

	#connect(): void {
		const at = this.#clock.now();
		this.#pipeline.result({ kind: "rest_answered", at, serverDateMs: epochMs + this.#clock.nowMs });
		this.#pipeline.result({ kind: "stream_opened", at });
		this.#pipeline.result({ kind: "listed", at, views: this.#server.listing() });
		this.#pipeline.result({ kind: "reconciled", at, startedMonoMs: at.monoMs });
		this.#pipeline.result({ kind: "stored", at, views: this.#server.storedSince(0) });
		this.#pipeline.result({ kind: "caught_up", at });
		this.#pipeline.drain();
	}

	#send(sink: string, key: string): void {
		this.sent.push(key);
		// As the dispatcher does: not while it is being told.
		setImmediate(() => {
			if (!this.store.isDead) this.persister.settle([{ sink, key, ...deliveredToSink }]);
		});
	}
}
