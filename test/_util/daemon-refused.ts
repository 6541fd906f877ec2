import { LiveSettings } from "../../src/config/live-settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Transition } from "../../src/core/episode.ts";
import { restoredFrom } from "../../src/daemon/restored.ts";
import { Watch, type WatchOptions } from "../../src/daemon/watch.ts";
import { EventStream, streamTiming } from "../../src/prefect/event-stream.ts";
import { RestTransport } from "../../src/prefect/rest-transport.ts";
import { newMemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { HandClock, HandSlots, settle } from "./daemon-clock.ts";
import { workspace } from "./daemon-core.ts";
import { connectionTo } from "./prefect-client.ts";
import { heartbeat } from "./prefect-events.ts";
import { ToldReporter } from "./prefect-reporter.ts";
import { PrefectStub } from "./prefect-stub.ts";

const { settings } = loadConfig({ env: {}, folder: "/nowhere", file: null, flags: new Map() });
const tickMs = 1_000;

/** A watch on a real server on loopback that refuses websockets; time passes by the tick, when the test says so. */
export class RefusedWatch implements AsyncDisposable {
	readonly stub: PrefectStub;
	readonly told = new ToldReporter();
	readonly sent: Transition[] = [];
	readonly watch: Watch;
	readonly #clock: HandClock;
	readonly #slots = new HandSlots();
	readonly #stop = new AbortController();
	readonly #running: Promise<void>;
	/** When each run that beats does so next. */
	readonly #nextBeatMs = new Map<string, number>();
	#inFlight = 0;

	private constructor(
		stub: PrefectStub,
		clock: HandClock,
		held: Pick<WatchOptions, "live" | "store" | "tracker" | "world" | "words" | "held">,
	) {
		this.stub = stub;
		stub.upgradeStatus = 403;
		this.#clock = clock;
		const { reporter } = this.told;
		const connection = connectionTo(stub.url);
		const stray = { settings: connection, clock, random: () => 0, reporter };
		this.watch = new Watch({
			...held,
			settings,
			ports: {
				transport: (ends) =>
					this.#counted(new RestTransport({ ...stray, restPerSecond: 1_000, csrfClientId: "c", ...ends })),
				stream: (listener) => new EventStream({ ...stray, listener, timing: streamTiming }),
				slots: this.#slots,
				ping: null,
				actsOnRuns: false,
				sinks: [
					{
						name: "log",
						noticesMax: 1,
						givesUp: false,
						wants: () => true,
						send: async ([{ transition }]) => void this.sent.push(transition),
					},
				],
			},
			apiUrl: stub.url,
			workspace,
			reporter,
			clock,
			random: () => 0,
		});
		this.#running = this.watch.run(this.#stop.signal);
	}

	static async start(): Promise<RefusedWatch> {
		const clock = new HandClock();
		const store = new MemoryStore({ disk: newMemoryDisk(), clock });
		const live = new LiveSettings(settings, () => {
			throw new Error("nobody reloads");
		});
		const restored = await restoredFrom({ settings, live, workspace, store, clock });
		const under = new RefusedWatch(await PrefectStub.start(), clock, { ...restored, live, store });
		await under.stub.until(() => under.stub.upgrades.length > 0, "the socket was tried");
		return under;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#stop.abort();
		await this.#running;
		await this.watch[Symbol.asyncDispose]();
		await this.stub[Symbol.asyncDispose]();
	}

	/** A run begins to beat. */
	beating(): string {
		const { id } = this.stub.addRun();
		this.#nextBeatMs.set(id, this.#clock.nowMs);
		return id;
	}

	kill(runId: string): void {
		this.#nextBeatMs.delete(runId);
	}

	async pass(ms: number): Promise<void> {
		const untilMs = this.#clock.nowMs + ms;
		while (this.#clock.nowMs < untilMs) {
			this.stub.moveClock(tickMs);
			this.#beat();
			this.#clock.pass(tickMs);
			this.#slots.fire();
			await this.#rest();
		}
	}

	#beat(): void {
		for (const [runId, dueMs] of this.#nextBeatMs) {
			if (dueMs > this.#clock.nowMs) continue;
			this.stub.emit(heartbeat({ runId, occurredMs: this.stub.nowMs() }));
			this.#nextBeatMs.set(runId, dueMs + 30_000);
		}
	}

	/** Until nothing is asked, queued or saved: whatever is left waits for time. */
	async #rest(): Promise<void> {
		do await settle();
		while (this.#inFlight > 0 || this.watch.isBusy);
	}

	#counted(transport: RestTransport): RestTransport {
		const call = transport.call.bind(transport);
		transport.call = async (...asked) => {
			this.#inFlight += 1;
			try {
				return await call(...asked);
			} finally {
				this.#inFlight -= 1;
			}
		};
		return transport;
	}
}
