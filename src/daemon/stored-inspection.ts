import type { LiveSettings } from "../config/live-settings.ts";
import type { Inspection } from "../core/inspection.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import type { StoredWorld } from "../store/store.ts";
import { detectorSettingsOf } from "./reload.ts";

/** What a store's rows say, looked at as if a daemon had just read them: it watches nothing. */
export function inspectionOfStored(
	world: StoredWorld,
	options: {
		readonly live: LiveSettings;
		readonly namespace: string;
		readonly workspace: string;
		readonly clock: Clock;
		/** The server's clock now; rows bear its times. */
		readonly serverMs: number;
	},
): Inspection {
	const at = options.clock.now();
	const tracker = new Tracker({
		namespace: options.namespace,
		workspace: options.workspace,
		live: detectorSettingsOf(options.live),
		holdsMassLapses: true,
		startedAt: at,
	});
	tracker.restore(
		{
			runs: world.runs.map(({ row }) => row),
			openEpisodes: world.openEpisodes,
			spentAlerts: [],
			workspace: world.workspaces[0] ?? null,
			learned: world.learned,
			openGroups: world.openGroups,
			heldRuns: world.heldRuns,
		},
		at,
	);
	tracker.apply({ kind: "rest_answered", at, serverDateMs: options.serverMs });
	return tracker.inspection;
}

/** A world of one run. */
export function worldOf(runs: StoredWorld["runs"]): StoredWorld {
	return {
		runs,
		openEpisodes: [],
		spentAlerts: [],
		workspaces: [],
		outbox: [],
		openGroups: [],
		heldRuns: [],
		learned: [],
	};
}
