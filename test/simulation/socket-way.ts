import { backoffMs } from "../../src/lib/backoff.ts";
import type { Reporter } from "../../src/observe/reporter.ts";
import { type StreamListener, streamTiming } from "../../src/prefect/event-stream.ts";
import { deliverFrame } from "../../src/prefect/frame-delivery.ts";
import { HeartbeatScanner } from "../../src/prefect/heartbeat-scan.ts";
import type { Chance } from "./chance.ts";
import type { Health } from "./health.ts";
import type { ProcessClock, Turns } from "./process-clock.ts";
import type { SimEvent, SimServer, Subscriber } from "./server.ts";
import type { Story } from "./story.ts";
import { type Counted, type Frame, frameOf, strayFrame } from "./stray-frames.ts";
import type { Timeline } from "./timeline.ts";
import { second } from "./units.ts";

/** How the way from the server's queue to the daemon behaves all the time. */
export interface NetworkHabits {
	readonly lostShare: number;
	readonly doubledShare: number;
	readonly lateShare: number;
	/** Events overtake one another within this. */
	readonly jitterMsMax: number;
	/** Room for what the reader has not taken; beyond it the server drops without a sign. */
	readonly queueEventsMax: number;
	/** Of the events, those beside which, or instead of which, something senseless comes. */
	readonly strayShare: number;
}

/** What is wrong with it for a while: shared by all lives of the daemon. */
export interface NetworkFaults {
	refuses: boolean;
	hangs: boolean;
}

export interface SocketWayOptions {
	readonly timeline: Timeline;
	readonly clock: ProcessClock;
	readonly turns: Turns;
	readonly server: SimServer;
	readonly chance: Chance;
	readonly habits: NetworkHabits;
	readonly faults: NetworkFaults;
	readonly health: Health;
	readonly story: Story;
	readonly reporter: Reporter;
	readonly onFrame: (counted: Counted) => void;
}

const transitMedianMs = 20;
const lateMsMax = 25 * second;
const spoiledShare = 0.3;

/** The events socket of one life of the daemon: connects, delivers, drops, hangs and connects again. */
export class SocketWay implements Subscriber {
	readonly #options: SocketWayOptions;
	/** Of its own, so that stray frames shift nothing else that is drawn. */
	readonly #strays: Chance;
	#listener: StreamListener | null = null;
	readonly #scanner = new HeartbeatScanner();
	#connectedSinceMs: number | null = null;
	#connection = 0;
	/** When the last connection ended, by the world's time. */
	closedMs = Number.NEGATIVE_INFINITY;
	#failures = 0;
	#waiting = 0;
	#heardMs = 0;
	#isOver = false;

	constructor(options: SocketWayOptions) {
		this.#options = options;
		this.#strays = options.chance.fork("stray frames");
		options.health.begin("socket");
	}

	/** The world's time; null while there is no connection. */
	get connectedSinceMs(): number | null {
		return this.#connectedSinceMs;
	}

	run(listener: StreamListener, signal: AbortSignal): Promise<void> {
		this.#listener = listener;
		this.#dialAfter(0);
		return new Promise((resolve) => {
			signal.addEventListener("abort", () => {
				this.end();
				resolve();
			});
		});
	}

	offer(event: SimEvent): void {
		const { habits, chance, story, timeline } = this.#options;
		if (chance.happens(habits.lostShare)) {
			story.tell(timeline.nowMs, event.runId, `${event.name} is lost`);
			return;
		}
		if (this.#waiting >= habits.queueEventsMax) {
			story.tell(timeline.nowMs, event.runId, `${event.name} is dropped: the subscriber's queue is full`);
			return;
		}
		if (this.#strays.happens(habits.strayShare)) {
			this.#send(strayFrame(event, this.#strays), this.#strays);
			if (this.#strays.happens(spoiledShare)) {
				story.tell(timeline.nowMs, event.runId, `${event.name} is spoiled on its way`);
				return;
			}
		}
		const frame = frameOf(event);
		this.#send(frame, chance);
		if (chance.happens(habits.doubledShare)) this.#send(frame, chance);
	}

	dropped(): void {
		this.drop();
	}

	/** The connection breaks. */
	drop(): void {
		this.#close("closed_dirty");
	}

	/** The process is gone. */
	end(): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#connection += 1;
		if (this.#connectedSinceMs === null) this.#options.health.end("socket");
		this.#connectedSinceMs = null;
		this.#options.server.unsubscribe(this);
	}

	#send(frame: Frame, chance: Chance): void {
		const { habits, timeline, turns } = this.#options;
		const connection = this.#connection;
		const lateMs = chance.happens(habits.lateShare) ? chance.between(0, lateMsMax) : 0;
		const transitMs = chance.lognormal(transitMedianMs, 0.7) + chance.between(0, habits.jitterMsMax) + lateMs;
		this.#waiting += 1;
		timeline.after(transitMs, () => turns(() => this.#arrive(frame, connection)));
	}

	#arrive({ data, counted }: Frame, connection: number): void {
		if (connection !== this.#connection || this.#listener === null || this.#options.faults.hangs) return;
		const { clock, reporter, onFrame } = this.#options;
		this.#waiting -= 1;
		this.#heardMs = this.#options.timeline.nowMs;
		onFrame(counted);
		const bytes = typeof data === "string" ? Buffer.from(data) : data;
		deliverFrame(bytes, clock.now(), { listener: this.#listener, reporter, scanner: this.#scanner });
	}

	#dialAfter(ms: number): void {
		const { timeline, turns, chance } = this.#options;
		const connection = this.#connection;
		timeline.after(ms + chance.between(20, 200), () => turns(() => this.#dial(connection)));
	}

	#dial(connection: number): void {
		const { server, faults, chance, timeline, clock, health } = this.#options;
		if (this.#isOver || connection !== this.#connection || this.#listener === null) return;
		if (!server.isUp || faults.refuses || faults.hangs) {
			this.#failures += 1;
			this.#dialAfter(backoffMs(this.#failures, streamTiming.backoff, chance.random));
			return;
		}
		this.#failures = 0;
		this.#waiting = 0;
		this.#connectedSinceMs = timeline.nowMs;
		this.#heardMs = timeline.nowMs;
		health.end("socket");
		server.subscribe(this);
		this.#tell("the socket opens");
		this.#listener.opened(clock.now());
		this.#pingAgain(connection);
	}

	/** Pings are answered as long as the socket does not hang. */
	#pingAgain(connection: number): void {
		const { timeline, turns, faults, clock } = this.#options;
		timeline.after(streamTiming.pingEveryMs, () =>
			turns(() => {
				if (connection !== this.#connection || this.#connectedSinceMs === null) return;
				if (!faults.hangs) {
					this.#heardMs = timeline.nowMs;
					this.#listener?.heard(clock.now());
				} else if (timeline.nowMs - this.#heardMs >= streamTiming.silenceMsMax) return this.#close("hung");
				this.#pingAgain(connection);
			}),
		);
	}

	#close(reason: "closed_dirty" | "hung"): void {
		const { server, turns, clock, health, chance, timeline } = this.#options;
		if (this.#connectedSinceMs === null) return;
		this.#connectedSinceMs = null;
		this.closedMs = timeline.nowMs;
		this.#connection += 1;
		health.begin("socket");
		server.unsubscribe(this);
		this.#tell(`the socket ends: ${reason}`);
		turns(() => this.#listener?.closed(clock.now(), reason));
		this.#failures = 1;
		this.#dialAfter(backoffMs(this.#failures, streamTiming.backoff, chance.random));
	}

	#tell(text: string): void {
		this.#options.story.tell(this.#options.timeline.nowMs, null, text);
	}
}
