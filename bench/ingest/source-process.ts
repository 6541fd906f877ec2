import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SourceNews, SourceOrder } from "./source.ts";

const patienceMs = 900_000;

/** The server in a process of its own, so that what it costs is nobody else's. */
export class SourceProcess implements AsyncDisposable {
	readonly apiUrl: string;
	readonly #child: ChildProcess;

	private constructor(child: ChildProcess, apiUrl: string) {
		this.#child = child;
		this.apiUrl = apiUrl;
	}

	static async start(liveRuns: number): Promise<SourceProcess> {
		const child = fork(fileURLToPath(new URL("source.ts", import.meta.url)), { stdio: ["ignore", 2, 2, "ipc"] });
		const serving = newsOf(child, "serving");
		child.send({ order: "serve", liveRuns } satisfies SourceOrder);
		return new SourceProcess(child, (await serving).apiUrl);
	}

	/** Call before whoever is to subscribe starts. */
	async subscribed(): Promise<void> {
		await newsOf(this.#child, "subscribed");
	}

	/** Resolves when all is written to the socket. */
	async send(order: Omit<SourceOrder & { order: "send" }, "order">): Promise<SourceNews & { news: "sent" }> {
		const sent = newsOf(this.#child, "sent");
		this.#child.send({ order: "send", ...order } satisfies SourceOrder);
		return await sent;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		const gone = once(this.#child, "exit");
		this.#child.kill("SIGKILL");
		if (this.#child.exitCode === null) await gone;
	}
}

async function newsOf<N extends SourceNews["news"]>(child: ChildProcess, wanted: N): Promise<SourceNews & { news: N }> {
	const over = new AbortController();
	const signal = AbortSignal.any([over.signal, AbortSignal.timeout(patienceMs)]);
	try {
		return await new Promise((resolve, reject) => {
			const onNews = (told: SourceNews): void => {
				if (told.news === wanted) resolve(told as SourceNews & { news: N });
			};
			const onExit = (): void => reject(new Error("the source of the frames has ended"));
			child.on("message", onNews);
			child.once("exit", onExit);
			signal.addEventListener("abort", () => {
				child.off("message", onNews);
				child.off("exit", onExit);
				reject(new Error(`waited ${patienceMs / 1000} s in vain for the source: ${wanted}`));
			});
		});
	} finally {
		over.abort();
	}
}
