import type { RunView } from "../../src/core/run.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { StreamEndReason } from "../../src/observe/reporter.ts";
import type { ConnectionSettings } from "../../src/prefect/connection.ts";
import { EventStream, type StreamListener, type StreamTiming } from "../../src/prefect/event-stream.ts";
import { connectionTo } from "./prefect-client.ts";
import { ToldReporter } from "./prefect-reporter.ts";

/** Milliseconds where the real ones are seconds, so that tests with live sockets need not wait. */
const quickTiming: StreamTiming = {
	pingEveryMs: 40,
	silenceMsMax: 2_000,
	handshakeMsMax: 2_000,
	filterVerdictMs: 500,
	filterRetry: { minMs: 2, maxMs: 5 },
	healthyAfterMs: 10_000,
	backoff: { minMs: 2, maxMs: 5 },
	operatorBackoff: { minMs: 3, maxMs: 5 },
};

/** An EventStream that runs from the start, and all that it says. */
export class StreamUnderTest implements AsyncDisposable {
	readonly told = new ToldReporter();
	readonly log: string[] = [];
	readonly views: RunView[] = [];
	readonly receivedMs: (number | null)[] = [];
	readonly ended: Promise<void>;
	readonly #stop = new AbortController();

	constructor(
		url: string,
		timing: Partial<StreamTiming> = {},
		connection: Partial<ConnectionSettings> = {},
		listener: Partial<StreamListener> = {},
		random: () => number = () => 0,
	) {
		const stream = new EventStream({
			settings: connectionTo(url, connection),
			clock: systemClock,
			random,
			reporter: this.told.reporter,
			timing: { ...quickTiming, ...timing },
			listener: {
				opened: () => this.#logged("opened"),
				event: (_at, view, receivedMs) => {
					this.views.push(view);
					this.receivedMs.push(receivedMs);
					this.#logged("event");
				},
				heard: () => this.#logged("heard"),
				beat: () => false,
				knowsLabels: () => false,
				closed: (_at, reason) => this.#logged(`closed ${reason}`),
				...listener,
			},
		});
		this.ended = stream.run(this.#stop.signal);
		// Whoever expects a failure awaits it; nobody else has one.
		this.ended.catch(() => undefined);
	}

	get ends(): readonly { reason: StreamEndReason; detail: string; retryInMs: number }[] {
		return this.told.told("streamEnded").map(([facts]) => facts);
	}

	count(entry: string): number {
		return this.log.filter((one) => one === entry).length;
	}

	async until(entry: string, times: number): Promise<void> {
		await this.told.untilTrue(() => this.count(entry) >= times, `${times} times "${entry}" (${this.log.join(", ")})`);
	}

	stop(): void {
		this.#stop.abort();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.stop();
		await this.ended.catch(() => undefined);
	}

	#logged(entry: string): void {
		this.log.push(entry);
		this.told.look();
	}
}
