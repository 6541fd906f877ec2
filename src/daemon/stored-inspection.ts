import type { LiveSettings } from "../config/live-settings.ts";
import type { Inspection } from "../core/inspection.ts";
import type { RunView } from "../core/run.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import type { StoredWorld } from "../store/store.ts";
import { detectorSettingsOf } from "./reload.ts";

/** What is to be looked at: what a store holds, and what the server says of runs that it has stored. */
export interface OtherRuns {
	readonly world: StoredWorld;
	readonly views: readonly RunView[];
}

/** How runs stand that nobody watches here: as if a daemon had just read of them. */
export function inspectionOf(
	{ world, views }: OtherRuns,
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
	tracker.apply({ kind: "stored", at, views });
	return tracker.inspection;
}

/** A world of some runs, or none. */
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
