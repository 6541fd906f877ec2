import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import type { StoredWorld } from "../store/store.ts";
import { detectorSettingsOf } from "./reload.ts";

/** A tracker that knows what the store held at the start. */
export function restoredTracker({
	settings,
	live,
	workspace,
	world,
	clock,
}: {
	readonly settings: Settings;
	readonly live: LiveSettings;
	readonly workspace: string;
	readonly world: StoredWorld;
	readonly clock: Clock;
}): Tracker {
	const tracker = new Tracker({
		namespace: settings.namespace,
		workspace,
		live: detectorSettingsOf(live),
		holdsMassLapses: true,
		startedAt: clock.now(),
	});
	tracker.restore(
		{
			runs: world.runs.map(({ row }) => row),
			openEpisodes: world.openEpisodes,
			spentAlerts: world.spentAlerts,
			workspace: world.workspaces[0] ?? null,
			learned: world.learned,
			openGroups: world.openGroups,
			heldRuns: world.heldRuns,
		},
		clock.now(),
	);
	return tracker;
}
