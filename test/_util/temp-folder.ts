import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A fresh folder that is gone with its owner; kept, with the logs in it, when KEEP_TEMP is set. */
export class TempFolder {
	readonly path: string;

	private constructor(path: string) {
		this.path = path;
	}

	static async make(name: string): Promise<TempFolder> {
		return new TempFolder(await mkdtemp(join(tmpdir(), `zombied-${name}-`)));
	}

	file(name: string): string {
		return join(this.path, name);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (process.env.KEEP_TEMP) {
			console.error(`kept: ${this.path}`);
			return;
		}
		// A process that has just been killed may still be closing its files.
		await rm(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
	}
}
