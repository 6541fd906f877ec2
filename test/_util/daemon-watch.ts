import { LiveSettings } from "../../src/config/live-settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { RestEnds } from "../../src/daemon/ports.ts";
import { restoredFrom } from "../../src/daemon/restored.ts";
import { Watch } from "../../src/daemon/watch.ts";
import type { Notice, Sink } from "../../src/notify/sink.ts";
import { ApiError } from "../../src/prefect/api-error.ts";
import type { StreamListener } from "../../src/prefect/event-stream.ts";
import type { RestCall, RestResult } from "../../src/prefect/transport.ts";
import type { MemoryDisk } from "../../src/store/memory-disk.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { second } from "./core-world.ts";
import { HandClock, HandSlots, settle } from "./daemon-clock.ts";
import { workspace } from "./daemon-core.ts";
import { UnreliableStore } from "./daemon-store.ts";
import { ToldReporter } from "./prefect-reporter.ts";

const { settings } = loadConfig({
	env: { ZOMBIED_LIMITS_OUTBOX_ROWS: "100" },
	folder: "/nowhere",
	file: null,
	flags: new Map(),
});

/** Remembers what it was sent. */
class TellingSink implements Sink {
	readonly name = "log";
	readonly noticesMax = 1;
	readonly givesUp = false;
	readonly wants = (): boolean => true;
	readonly sent: string[] = [];
	/** What every delivery comes to. */
	answer: () => Promise<void> = () => Promise.resolve();

	async send([{ transition }]: readonly [Notice, ...Notice[]], signal: AbortSignal): Promise<void> {
		await Promise.race([this.answer(), aborted(signal)]);
		this.sent.push(transition.key);
	}
}

function aborted(signal: AbortSignal): Promise<never> {
	return new Promise((_resolve, reject) => {
		if (signal.aborted) reject(signal.reason);
		signal.addEventListener("abort", () => reject(signal.reason), { once: true });
	});
}

/** A watch whose server is away unless told, and whose socket says what a test makes it say. */
export class WatchUnderTest {
	readonly clock = new HandClock();
	readonly slots = new HandSlots();
	readonly told = new ToldReporter();
	readonly sink = new TellingSink();
	readonly store: UnreliableStore;
	readonly stop = new AbortController();
	/** What the server comes to for a call; null: it answers, and has nothing. */
	failureOf: (call: RestCall<unknown>) => Error | null = () => new ApiError("unreachable", "nobody is there");
	/** What a ping of the dead man's switch comes to. */
	ping: () => Promise<void> = () => Promise.resolve();
	/** The socket's loop, each time it is started. */
	runStream: (signal: AbortSignal) => Promise<void> = (signal) => aborted(signal).catch(() => undefined);
	streamStarts = 0;
	watch!: Watch;
	listener!: StreamListener;
	running!: Promise<void>;

	constructor(disk: MemoryDisk) {
		this.store = new UnreliableStore(new MemoryStore({ disk, clock: this.clock }));
	}

	async start(): Promise<void> {
		const { clock, store } = this;
		const { reporter } = this.told;
		const live = new LiveSettings(settings, () => {
			throw new Error("nobody reloads");
		});
		this.watch = new Watch({
			...(await restoredFrom({ settings, live, workspace, store, clock })),
			settings,
			live,
			ports: {
				transport: (ends) => ({
					call: async (call) => this.#call(call, ends),
					[Symbol.asyncDispose]: async () => {},
				}),
				stream: (listener) => {
					this.listener = listener;
					return {
						run: (signal) => {
							this.streamStarts += 1;
							return this.runStream(signal);
						},
					};
				},
				slots: this.slots,
				ping: () => this.ping(),
				actsOnRuns: true,
				sinks: [this.sink],
			},
			apiUrl: "http://prefect.test/api",
			workspace,
			store,
			reporter,
			clock,
			random: () => 0,
		});
		this.running = this.watch.run(this.stop.signal);
		this.running.catch(() => undefined);
		await settle();
	}

	async tick(): Promise<void> {
		this.clock.pass(second);
		this.slots.fire();
		await settle();
	}

	async ticks(times: number): Promise<void> {
		for (let tick = 0; tick < times; tick++) await this.tick();
	}

	#call<T>(call: RestCall<T>, ends: RestEnds): RestResult<T> {
		const failure = this.failureOf(call);
		if (failure !== null) {
			ends.onFailure();
			throw failure;
		}
		const serverDateMs = this.clock.now().wallMs;
		ends.onAnswer({ serverDateMs });
		const empty = call.endpoint === "events" ? { events: [], total: 0, next_page: null } : [];
		return { value: call.schema.parse(empty), serverDateMs };
	}
}
