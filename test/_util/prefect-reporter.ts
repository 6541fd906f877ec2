import type { Reporter } from "../../src/observe/reporter.ts";

type Call = { [Name in keyof Reporter]: readonly [name: Name, ...facts: Parameters<Reporter[Name]>] }[keyof Reporter];

const waitMsMax = 10_000;

/** Remembers what it is told, and lets tests wait for it. */
export class ToldReporter {
	readonly calls: Call[] = [];
	readonly reporter: Reporter;
	readonly #watchers = new Set<() => void>();

	constructor() {
		this.reporter = new Proxy({} as Reporter, {
			get:
				(_target, name) =>
				(...facts: unknown[]) => {
					this.calls.push([name, ...facts] as unknown as Call);
					this.look();
				},
		});
	}

	/** The arguments of every call of one name. */
	told<Name extends keyof Reporter>(name: Name): readonly Parameters<Reporter[Name]>[] {
		return this.calls.filter((call) => call[0] === name).map((call) => call.slice(1) as Parameters<Reporter[Name]>);
	}

	/** Resolves when something was told `times` times in all. */
	async until(name: keyof Reporter, times: number): Promise<void> {
		await this.untilTrue(() => this.told(name).length >= times, `${times} times ${name}`);
	}

	/** Resolves when the condition holds; it is looked at whenever something is told, and at `look()`. */
	async untilTrue(condition: () => boolean, what: string): Promise<void> {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), waitMsMax);
		const watcher = (): void => {
			if (condition()) {
				resolve();
			}
		};
		this.#watchers.add(watcher);
		watcher();
		try {
			await promise;
		} finally {
			clearTimeout(timer);
			this.#watchers.delete(watcher);
		}
	}

	look(): void {
		for (const watcher of this.#watchers) {
			watcher();
		}
	}
}
