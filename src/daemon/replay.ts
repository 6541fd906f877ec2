import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { Reporter } from "../observe/reporter.ts";
import { ApiError } from "../prefect/api-error.ts";
import type { StreamListener } from "../prefect/event-stream.ts";
import { deliverFrame } from "../prefect/frame-delivery.ts";
import { HeartbeatScanner } from "../prefect/heartbeat-scan.ts";
import type { RestCall, RestResult } from "../prefect/transport.ts";
import type { IncidentLine } from "../replay/incident-file.ts";
import { PlayedServer } from "../replay/played-server.ts";
import { type ReplayLine, replayLineOf } from "../replay/replay-line.ts";
import type { Story } from "../replay/story.ts";
import { VirtualClock } from "../replay/virtual-clock.ts";
import { type MemoryDisk, newMemoryDisk } from "../store/memory-disk.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { Ports, RestEnds, StreamPort, TransportPort } from "./ports.ts";
import { restoredFrom } from "./restored.ts";
import { Watch } from "./watch.ts";

export interface ReplayOptions {
	/** The namespace is replaced by the story's name. */
	readonly settings: Settings;
	readonly live: LiveSettings;
	readonly reporter: Reporter;
	/** Aborts the replay, which then rejects with its reason. */
	readonly signal: AbortSignal;
	/** Called with each line, in the order of the outbox. */
	readonly onLine: (line: ReplayLine) => void;
}

/** As in the daemon, of virtual time. */
const tickEveryMs = 1_000;
/** Turns of the event loop without work after which nothing more comes by itself. */
const quietTurns = 3;
/** Frames that come in one go: fewer than the input queue has room for at its least. */
const playedMax = 100;

/**
 * Plays a story through the daemon's own pipeline on a virtual clock: frames enter as text at the parser, REST is
 * answered at the transport, and the output is what the outbox delivers.
 *
 * @throws OperatorError when the story cannot be read
 */
export async function replayStory(story: Story, options: ReplayOptions): Promise<void> {
	const player = new Player(story, options);
	await player.play();
}

/** One life of the daemon within a replay. */
interface Life {
	readonly watch: Watch;
	readonly store: MemoryStore;
	readonly stop: AbortController;
	readonly ended: Promise<void>;
	listener: StreamListener | null;
	fire: (() => void) | null;
	/** Set when the process is killed: nothing of it may reach the outside any more. */
	dead: boolean;
}

class Player {
	readonly #story: Story;
	readonly #options: ReplayOptions;
	readonly #server: PlayedServer;
	readonly #disk: MemoryDisk = newMemoryDisk();
	#clock = new VirtualClock(0);
	readonly #scanner = new HeartbeatScanner();
	#nextTickMs = 0;
	#streamUp = true;
	#connected = false;
	/** Frames since all came to rest. */
	#played = 0;
	#life: Life | null = null;
	#inFlight = 0;
	#failure: unknown = null;

	constructor(story: Story, options: ReplayOptions) {
		this.#story = story;
		this.#options = options;
		this.#server = new PlayedServer(story);
	}

	async play(): Promise<void> {
		const { startsMs, endsMs } = this.#story;
		let endMs = endsMs ?? Number.NEGATIVE_INFINITY;
		let hasBegun = false;
		for await (const line of this.#story.lines()) {
			if (!hasBegun) await this.#begin(startsMs ?? line.at);
			hasBegun = true;
			if (endsMs !== null && line.at > endsMs) break;
			if (!this.#playsFrame(line)) await this.#apply(line);
			endMs = Math.max(endMs, line.at);
		}
		if (hasBegun) await this.#moveTo(endMs);
		await this.#kill();
		if (this.#failure !== null) throw this.#failure;
	}

	async #begin(startsMs: number): Promise<void> {
		this.#clock = new VirtualClock(startsMs);
		this.#nextTickMs = startsMs + tickEveryMs;
		await this.#start();
	}

	/** Every tick and every sleeper up to `ms` has its turn, in order of time, and what it sets off comes to rest first. */
	async #moveTo(ms: number): Promise<void> {
		if (this.#played > 0) await this.#rest();
		for (;;) {
			const nextMs = Math.min(this.#nextTickMs, this.#clock.nextWakeMs);
			if (nextMs > ms) break;
			this.#clock.advanceTo(nextMs);
			if (nextMs === this.#nextTickMs) {
				this.#nextTickMs += tickEveryMs;
				this.#connectIfUp();
				this.#life?.fire?.();
			}
			await this.#rest();
		}
		this.#clock.advanceTo(ms);
	}

	/**
	 * Frames between two ticks come in one go, as a socket brings them: nothing is asked or judged before the next tick.
	 *
	 * @returns false: it is another line, or others have to have their turn before it
	 */
	#playsFrame(line: IncidentLine): boolean {
		const isFrame = line.frame !== undefined || line.text !== undefined;
		const nextMs = Math.min(this.#nextTickMs, this.#clock.nextWakeMs);
		if (!isFrame || this.#played === playedMax || line.at >= nextMs) return false;
		this.#clock.advanceTo(line.at);
		this.#played += 1;
		this.#server.learn(line);
		this.#deliver(line.text ?? JSON.stringify(line.frame));
		return true;
	}

	async #apply(line: IncidentLine): Promise<void> {
		await this.#moveTo(line.at);
		if (this.#playsFrame(line)) return;
		this.#server.learn(line);
		if (line.stream !== undefined) this.#setStream(line.stream === "up");
		if (line.daemon === "stop") await this.#kill();
		if (line.daemon === "start") await this.#start();
		await this.#rest();
	}

	#deliver(text: string): void {
		const listener = this.#life?.listener;
		if (!this.#connected || listener == null) return;
		deliverFrame(Buffer.from(text), this.#clock.now(), {
			listener,
			reporter: this.#options.reporter,
			scanner: this.#scanner,
		});
	}

	#setStream(up: boolean): void {
		this.#streamUp = up;
		if (!up && this.#connected) {
			this.#connected = false;
			this.#life?.listener?.closed(this.#clock.now(), "closed_dirty");
		}
		this.#connectIfUp();
	}

	#connectIfUp(): void {
		const listener = this.#life?.listener;
		if (listener == null) return;
		// A live socket shows signs of life between events: pings and pongs.
		if (this.#connected) listener.heard(this.#clock.now());
		else if (this.#streamUp) {
			this.#connected = true;
			listener.opened(this.#clock.now());
		}
	}

	async #start(): Promise<void> {
		if (this.#life !== null) return;
		const { settings, live, reporter } = this.#options;
		const store = new MemoryStore({ clock: this.#clock, disk: this.#disk });
		const workspace = "default";
		const named = { ...settings, namespace: this.#story.name };
		const stop = new AbortController();
		const life: { -readonly [K in keyof Life]?: Life[K] } = { store, stop, listener: null, fire: null, dead: false };
		const watch = new Watch({
			settings: named,
			live,
			ports: this.#ports(life as Life),
			apiUrl: "replay",
			workspace,
			store,
			...(await restoredFrom({ settings: named, live, workspace, store, clock: this.#clock })),
			reporter,
			clock: this.#clock,
			// Chance would make two replays differ.
			random: () => 0.5,
		});
		const ended = watch.run(stop.signal).catch((error: unknown) => {
			if (life.dead !== true) this.#failure ??= error;
		});
		this.#life = Object.assign(life, { watch, ended }) as Life;
		await this.#rest();
		this.#connectIfUp();
		await this.#rest();
	}

	/** As `kill -9` does: what has not been committed is gone. */
	async #kill(): Promise<void> {
		const life = this.#life;
		if (life === null) return;
		life.dead = true;
		this.#life = null;
		this.#connected = false;
		// A closed store refuses what the watch would still like to save on its way out.
		await life.store[Symbol.asyncDispose]();
		life.stop.abort();
		await life.ended;
	}

	#ports(life: Life): Ports {
		const { onLine } = this.#options;
		return {
			transport: (told) => this.#transport(life, told),
			stream: (listener) => this.#stream(life, listener),
			ping: null,
			actsOnRuns: false,
			slots: {
				start: (fire) => {
					life.fire = fire;
					return async () => {
						life.fire = null;
					};
				},
			},
			sinks: [
				{
					name: "log",
					noticesMax: 1,
					givesUp: false,
					wants: () => true,
					send: async ([{ transition }]) => {
						if (!life.dead) onLine(replayLineOf(this.#story.name, transition));
					},
				},
			],
		};
	}

	#stream(life: Life, listener: StreamListener): StreamPort {
		return {
			run: (signal) =>
				new Promise((resolve) => {
					life.listener = listener;
					signal.addEventListener("abort", () => resolve(), { once: true });
				}),
		};
	}

	#transport(life: Life, told: RestEnds): TransportPort {
		return {
			call: async <T>(call: RestCall<T>, signal: AbortSignal): Promise<RestResult<T>> => {
				signal.throwIfAborted();
				this.#inFlight += 1;
				try {
					return this.#answer(call, life, told);
				} finally {
					this.#inFlight -= 1;
				}
			},
			[Symbol.asyncDispose]: async () => undefined,
		};
	}

	#answer<T>(call: RestCall<T>, life: Life, told: RestEnds): RestResult<T> {
		const json = this.#server.restUp && !life.dead ? this.#server.answer(call.path, call.body) : undefined;
		if (json === undefined) {
			if (call.isIdle !== true) told.onFailure();
			throw new ApiError("server_error", "503 Service Unavailable, in the incident");
		}
		const serverDateMs = Math.floor(this.#clock.now().wallMs / 1000) * 1000;
		told.onAnswer({ serverDateMs });
		return { value: call.schema.parse(json), serverDateMs };
	}

	/** Lets the event loop turn until nothing is queued, asked or committed: whatever is left waits for virtual time. */
	async #rest(): Promise<void> {
		this.#played = 0;
		for (let quiet = 0; quiet < quietTurns; ) {
			await new Promise((resolve) => setImmediate(resolve));
			const busy = this.#inFlight > 0 || this.#life?.watch.isBusy === true;
			quiet = busy ? 0 : quiet + 1;
		}
		if (this.#failure !== null) throw this.#failure;
		this.#options.signal.throwIfAborted();
	}
}
