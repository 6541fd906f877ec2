import { valueAt } from "./describe.ts";
import type { LoadedConfig } from "./load.ts";
import { type Field, fields, type Settings } from "./schema.ts";

/** What re-reading the settings has come to. Paths, never values: some are secret. */
export interface ReloadResult {
	/** Settings that have changed and count from now on. */
	readonly changed: readonly string[];
	/** Settings that differ from those in use and wait for a restart. */
	readonly needRestart: readonly string[];
}

/**
 * The settings in use. `reload` takes over what can change while running and leaves the rest as it was at the start;
 * whoever must notice reads `current` each time.
 */
export class LiveSettings {
	readonly #load: () => LoadedConfig;
	#current: Settings;

	/** @param load reads all sources again, as at the start; throws OperatorError */
	constructor(settings: Settings, load: () => LoadedConfig) {
		this.#current = settings;
		this.#load = load;
	}

	get current(): Settings {
		return this.#current;
	}

	/** @throws OperatorError when the sources are not sound: the settings in use stay as they are */
	reload(): ReloadResult & Pick<LoadedConfig, "warnings"> {
		const { settings, warnings } = this.#load();
		const differing = fields.filter(({ path }) => differs(this.#current, settings, path));
		const changed = differing.filter((field) => field.live === true);
		this.#current = withFields(this.#current, settings, changed);
		const needRestart = differing.filter((field) => field.live !== true);
		return { changed: changed.map(({ path }) => path), needRestart: needRestart.map(({ path }) => path), warnings };
	}
}

function differs(a: Settings, b: Settings, path: string): boolean {
	return JSON.stringify(valueAt(a, path)) !== JSON.stringify(valueAt(b, path));
}

/** A copy of `into` in which these fields are as they are in `from`. */
function withFields(into: Settings, from: Settings, taken: readonly Field[]): Settings {
	const copy = structuredClone(into);
	for (const { path } of taken) {
		const dot = path.lastIndexOf(".");
		const section = (dot < 0 ? copy : valueAt(copy, path.slice(0, dot))) as Record<string, unknown>;
		section[path.slice(dot + 1)] = valueAt(from, path);
	}
	return copy;
}
