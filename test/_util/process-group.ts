import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface GroupOptions {
	readonly command: string;
	readonly args: readonly string[];
	readonly env: NodeJS.ProcessEnv;
	readonly cwd: string;
	/** Everything that the process says is appended here. */
	readonly logFile: string;
	readonly onStdoutLine?: (line: string) => void;
	readonly onStderrLine?: (line: string) => void;
	/** Ends the group at once (SIGKILL). */
	readonly signal?: AbortSignal;
}

interface Ending {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

const tailLines = 40;

/** A child process that leads its own process group, so that one signal reaches it with all its children. */
export class ProcessGroup {
	readonly pid: number;
	/**
	 * Resolves with the leader's end once nobody holds its output any more, which its children do; never rejects.
	 */
	readonly ended: Promise<Ending>;
	readonly #child: ChildProcess;
	readonly #log: WriteStream;
	readonly #tail: string[] = [];
	#guard: ChildProcess | null = null;
	#ending: Ending | null = null;
	#isOrphaned = false;

	constructor(options: GroupOptions) {
		options.signal?.throwIfAborted();
		const child = spawn(options.command, options.args, {
			cwd: options.cwd,
			env: options.env,
			detached: true,
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#child = child;
		this.#log = createWriteStream(options.logFile, { flags: "a" });
		this.#read(child.stdout, options.onStdoutLine);
		this.#read(child.stderr, options.onStderrLine);
		this.ended = this.#watchEnd();
		if (child.pid === undefined) {
			throw new Error(`${options.command} could not be started`);
		}
		this.pid = child.pid;
		this.#guard = guardGroup(child.pid);
		const abort = (): void => void this.send("SIGKILL");
		options.signal?.addEventListener("abort", abort, { once: true });
		void this.ended.then(() => {
			if (!this.#isOrphaned) options.signal?.removeEventListener("abort", abort);
		});
	}

	/** How the leader ended, null while it lives. */
	get ending(): Ending | null {
		return this.#ending;
	}

	/** The last lines of its output, for messages. */
	get tail(): string {
		return this.#tail.join("\n");
	}

	/** Signals the whole group; false when nobody of it is left. */
	send(signal: NodeJS.Signals): boolean {
		// The number of a group that has ended may belong to somebody else by now; one that has orphans keeps it.
		if (this.#ending !== null && !this.#isOrphaned) {
			return false;
		}
		try {
			process.kill(-this.pid, signal);
			return true;
		} catch {
			return false;
		}
	}

	/** SIGKILL to every process of the group, frozen ones included; resolves when they are gone. */
	async kill(): Promise<void> {
		this.send("SIGKILL");
		await this.ended;
		this.#isOrphaned = false;
		this.#guard?.kill("SIGKILL");
	}

	/** SIGKILL to the leader alone. It has to have children that live on: they are the group until `kill` ends them. */
	async orphan(): Promise<void> {
		this.#isOrphaned = true;
		process.kill(this.pid, "SIGKILL");
		await this.ended;
	}

	/** SIGTERM, and SIGKILL to whoever is still there after `graceMs`. */
	async terminate(graceMs: number): Promise<Ending> {
		this.send("SIGTERM");
		const timer = setTimeout(() => this.send("SIGKILL"), graceMs);
		const ending = await this.ended;
		clearTimeout(timer);
		return ending;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}

	#read(stream: Readable | null, onLine: ((line: string) => void) | undefined): void {
		if (stream === null) {
			return;
		}
		createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
			this.#log.write(`${line}\n`);
			this.#tail.push(line);
			if (this.#tail.length > tailLines) {
				this.#tail.shift();
			}
			onLine?.(line);
		});
	}

	#watchEnd(): Promise<Ending> {
		return new Promise((resolve) => {
			const end = (ending: Ending): void => {
				this.#ending = ending;
				if (!this.#isOrphaned) this.#guard?.kill("SIGKILL");
				this.#log.end();
				resolve(ending);
			};
			// "close" comes after "error" too, unless the process could not even be spawned.
			this.#child.once("error", () => end({ code: null, signal: null }));
			this.#child.once("close", (code, signal) => end({ code, signal }));
		});
	}
}

/**
 * Kills the group when this process ends in whatever way, kill -9 and a test runner that ends its workers included:
 * the pipe that the guard reads is closed then. The group itself would live on, being out of reach of Ctrl-C.
 */
function guardGroup(pid: number): ChildProcess {
	// Not `kill -KILL --`: Debian's sh takes the dashes for a number.
	const script = 'read -r _; kill -s KILL -- "-$0"';
	const guard = spawn("/bin/sh", ["-c", script, String(pid)], {
		detached: true,
		stdio: ["pipe", "ignore", "ignore"],
	});
	guard.unref();
	return guard;
}

/**
 * The environment for the parts under test: what a process needs to run, and nothing that this machine's user has set
 * for Prefect, zombied, proxies or Node, which would leak into the outcome.
 */
export function bareEnvironment(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
	const kept: NodeJS.ProcessEnv = {};
	for (const name of ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ"]) {
		const value = process.env[name];
		if (value !== undefined) {
			kept[name] = value;
		}
	}
	return { ...kept, ...own };
}
