import { runCli } from "../../src/cli/cli.ts";
import type { CliContext } from "../../src/cli/context.ts";
import type { ExitCode } from "../../src/cli/exit-code.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { CollectingStream } from "./collecting-stream.ts";
import { eventually } from "./eventually.ts";

interface CommandOptions {
	readonly folder: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly clock?: Clock;
}

/** What a process would give a command; streams that remember. */
export function cliContext(
	args: readonly string[],
	{ folder, env = {}, clock = systemClock }: CommandOptions,
): CliContext & { readonly stdout: CollectingStream; readonly stderr: CollectingStream } {
	return {
		args,
		env,
		folder,
		stdout: new CollectingStream(),
		stderr: new CollectingStream(),
		signal: new AbortController().signal,
		clock,
		random: () => 0.5,
		secrets: new Set(),
		onReloadAsked: () => undefined,
	};
}

export interface CliAnswer {
	readonly code: ExitCode;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs a command to its end, within this process. */
export async function runCommand(args: readonly string[], options: CommandOptions): Promise<CliAnswer> {
	const context = cliContext(args, options);
	const code = await runCli(context);
	return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

/** `zombied run` within this process, on a free port. */
export class DaemonSession implements AsyncDisposable {
	readonly context: ReturnType<typeof cliContext>;
	readonly #stop = new AbortController();
	readonly #ended: Promise<ExitCode>;
	#hangUp: (() => void) | null = null;

	private constructor(options: {
		readonly folder: string;
		readonly env?: Readonly<Record<string, string>>;
		readonly args?: readonly string[];
	}) {
		const args = ["run", "--http.listen", "127.0.0.1:0", ...(options.args ?? [])];
		const onReloadAsked = (listener: () => void): void => {
			this.#hangUp = listener;
		};
		this.context = { ...cliContext(args, options), signal: this.#stop.signal, onReloadAsked };
		this.#ended = runCli(this.context);
	}

	/** Resolves when it serves its pages. */
	static async start(options: {
		readonly folder: string;
		readonly env?: Readonly<Record<string, string>>;
		readonly args?: readonly string[];
	}): Promise<DaemonSession> {
		const session = new DaemonSession(options);
		await session.untilLogged("daemon.ready");
		return session;
	}

	/** `127.0.0.1:…`, as `http.listen` is written. */
	get listen(): string {
		return new URL(this.address).host;
	}

	get address(): string {
		return /"event":"http\.listening","address":"([^"]+)"/u.exec(this.context.stderr.text)?.[1] ?? "";
	}

	/** As SIGHUP does. */
	hangUp(): void {
		this.#hangUp?.();
	}

	/** The newest line of the operational log with this event. */
	async untilLogged(event: string): Promise<Record<string, unknown>> {
		const line = await eventually(
			() => this.context.stderr.lines.findLast((candidate) => candidate.includes(`"event":"${event}"`)),
			{ what: event, timeoutMs: 10_000, why: () => this.context.stderr.text },
		);
		return JSON.parse(line) as Record<string, unknown>;
	}

	async stop(): Promise<ExitCode> {
		this.#stop.abort(new DOMException("SIGTERM", "AbortError"));
		return await this.#ended;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}
}
