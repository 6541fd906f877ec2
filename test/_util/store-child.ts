import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A real second process around a store: its lines as they come, and kill -9. It ends with its owner. */
export class StoreChild {
	readonly #process: ChildProcess;
	readonly #lines: AsyncIterator<string>;

	/** @param script one of test/conformance/children, which takes the path of a database */
	constructor(script: URL, databasePath: string) {
		const child = spawn(process.execPath, [fileURLToPath(script), databasePath], {
			stdio: ["ignore", "pipe", "inherit"],
		});
		this.#process = child;
		this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	}

	/** The next line; null at the end of the output, which after a kill has all that was written before it. */
	async line(): Promise<string | null> {
		const { value, done } = await this.#lines.next();
		return done === true ? null : value;
	}

	/** SIGKILL; resolves when the kernel has taken the process away, and its locks with it. */
	async kill(): Promise<void> {
		if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
		this.#process.kill("SIGKILL");
		await once(this.#process, "exit");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}
