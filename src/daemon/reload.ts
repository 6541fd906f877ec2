import type { Duration } from "../config/field-types.ts";
import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import { type Condition, conditions } from "../core/episode.ts";
import type { ScopedRule } from "../core/rules.ts";
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

/** The detector's settings: made anew when a reload has changed them, the same object else. */
export function detectorSettingsOf(live: LiveSettings): { readonly current: DetectorSettings } {
	let made: { readonly from: Settings; readonly settings: DetectorSettings } | null = null;
	return {
		get current() {
			if (made?.from !== live.current) made = { from: live.current, settings: detectorSettings(live.current) };
			return made.settings;
		},
	};
}

export function detectorSettings(settings: Settings): DetectorSettings {
	const { detector, limits } = settings;
	return {
		k: detector.k,
		slowestCadenceMs: detector.slowestCadence.ms,
		stuckPendingMs: detector.stuckPending.ms,
		stuckRetryMs: detector.stuckRetry.ms,
		stuckCancellingMs: detector.stuckCancelling.ms,
		staleMs: detector.stale.ms,
		overrunMs: msOrNull(detector.overrun),
		stuckScheduledMs: msOrNull(detector.stuckScheduled),
		rules: scopedRules(settings),
		confirmRunsMax: limits.confirmRuns,
		unconfirmedRunsMax: limits.unconfirmedRuns,
	};
}

/**
 * The operator's rules, and a last one for all other runs. A condition that has no time limit is off in them all: so an
 * alert that is open when a reload takes its limit away is resolved as `disabled`.
 */
function scopedRules({ detector, rules }: Settings): readonly ScopedRule[] {
	const withoutLimit = (overrun: Duration | "off"): readonly Condition[] => [
		...(overrun === "off" ? (["overrun"] as const) : []),
		...(detector.stuckScheduled === "off" ? (["stuck_scheduled"] as const) : []),
	];
	const scoped = rules.map(({ match, k, threshold, overrun = detector.overrun, conditions: switches = {} }) => ({
		match,
		k: k ?? null,
		thresholdMs: threshold?.ms ?? null,
		overrunMs: msOrNull(overrun),
		off: [...conditions.filter((condition) => switches[condition] === "off"), ...withoutLimit(overrun)],
	}));
	const others = { match: {}, k: null, thresholdMs: null, overrunMs: null, off: withoutLimit(detector.overrun) };
	return [...scoped, others];
}

function msOrNull(duration: Duration | "off"): number | null {
	return duration === "off" ? null : duration.ms;
}
