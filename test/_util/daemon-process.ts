import { loadConfig } from "../../src/config/load.ts";
import { runDaemon } from "../../src/daemon/daemon.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { CollectingStream } from "./collecting-stream.ts";
import { eventually } from "./eventually.ts";

interface LogLine {
	readonly event?: string;
	readonly [fact: string]: unknown;
}

/** On a machine with better things to do. */
const patienceMs = 30_000;

/** The daemon, in this process, on a free port, with waits as short as the settings allow. */
export class RunningDaemon implements AsyncDisposable {
	readonly stdout = new CollectingStream();
	readonly stderr = new CollectingStream();
	readonly ended: Promise<void>;
	readonly #stop = new AbortController();

	constructor(facts: { readonly apiUrl: string; readonly folder: string; readonly storePath: string }) {
		const load = () =>
			loadConfig({
				env: {
					PREFECT_API_URL: facts.apiUrl,
					ZOMBIED_STORE_URL: `sqlite:${facts.storePath}`,
					ZOMBIED_HTTP_LISTEN: "127.0.0.1:0",
					ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
					ZOMBIED_LIMITS_REST_PER_SECOND: "100",
					ZOMBIED_LOG_LEVEL: "debug",
				},
				folder: facts.folder,
				file: null,
				flags: new Map(),
			});
		this.ended = runDaemon({
			config: load(),
			loadConfig: load,
			onReloadAsked: () => {},
			environment: {},
			version: "0.0.0-test",
			revision: "test",
			colour: false,
			signal: this.#stop.signal,
			clock: systemClock,
			// The least of every wait with jitter.
			random: () => 0,
			stdout: this.stdout,
			stderr: this.stderr,
		});
		this.ended.catch(() => undefined);
	}

	logged(event: string): readonly LogLine[] {
		return this.stderr.lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.event === event);
	}

	/** The n-th line of an event, as soon as it is there. */
	untilLogged(event: string, times = 1): Promise<LogLine> {
		return this.until(() => this.logged(event)[times - 1], `${times} times ${event}`);
	}

	until<T>(look: () => T | null | undefined | false | Promise<T | null | undefined | false>, what: string): Promise<T> {
		return eventually(look, { what, timeoutMs: patienceMs, everyMs: 20, why: () => this.stderr.text });
	}

	/** The status and text of one of its pages. */
	async page(path: string): Promise<{ readonly status: number; readonly text: string }> {
		const { address } = await this.untilLogged("http.listening");
		const response = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(patienceMs) });
		return { status: response.status, text: await response.text() };
	}

	/** As SIGTERM does; milliseconds until it has ended. Rejects with what the daemon failed with. */
	async stop(): Promise<number> {
		const startedMs = performance.now();
		this.#stop.abort(new DOMException("SIGTERM", "AbortError"));
		await this.ended;
		return performance.now() - startedMs;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop().catch(() => undefined);
	}
}
