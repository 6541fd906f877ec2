import type { LiveSettings } from "../config/live-settings.ts";
import type { DetectorSettings } from "../core/settings.ts";
import type { ReloadAnswer } from "../http/http-server.ts";
import { OperatorError } from "../lib/errors.ts";
import type { Logger } from "../observe/logger.ts";
import type { Reporter } from "../observe/reporter.ts";

export interface ReloaderOptions {
	readonly live: LiveSettings;
	readonly logger: Logger;
	readonly reporter: Reporter;
}

/** Reads the settings again, on SIGHUP and on a POST; what is not sound changes nothing. */
export class Reloader {
	readonly #options: ReloaderOptions;
	#isCurrent = true;

	constructor(options: ReloaderOptions) {
		this.#options = options;
	}

	/** False: the last reload was refused, and older settings are in use. */
	get isCurrent(): boolean {
		return this.#isCurrent;
	}

	/** @throws anything but the operator's faults: a bug */
	reload(): ReloadAnswer {
		const { live, logger, reporter } = this.#options;
		try {
			const { changed, needRestart, warnings } = live.reload();
			this.#isCurrent = true;
			logger.setLevel(live.current.log.level);
			for (const warning of warnings) reporter.settingDoubtful(warning);
			reporter.configReloaded({ changed, needRestart });
			return { reloaded: true, changed, needs_restart: needRestart, warnings };
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#isCurrent = false;
			reporter.configRefused(error.message);
			return { reloaded: false, problems: error.message.split("\n") };
		}
	}
}

/** The detector's settings, each as it is when it is read: a reload changes them between two steps of the core. */
export function detectorSettingsOf(live: LiveSettings): DetectorSettings {
	return {
		get k() {
			return live.current.detector.k;
		},
		get slowestCadenceMs() {
			return live.current.detector.slowestCadence.ms;
		},
		get confirmRunsMax() {
			return live.current.limits.confirmRuns;
		},
	};
}
