import type { LiveSettings } from "../config/live-settings.ts";
import type { Inspection } from "../core/inspection.ts";
import type { RunView } from "../core/run.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import { runsOf } from "../store/runs-of.ts";
import type { Store, StoredRun, StoredWorld } from "../store/store.ts";
import { detectorSettingsOf } from "./reload.ts";
import { knownWorldOf } from "./restored.ts";

/** What is to be looked at: runs that a store holds, and what the server says of runs that it has stored. */
export interface OtherRuns {
	readonly runs: readonly StoredRun[];
	readonly views: readonly RunView[];
}

interface InspectionOptions {
	readonly live: LiveSettings;
	readonly namespace: string;
	readonly workspace: string;
	readonly clock: Clock;
	/** The server's clock now; rows bear its times. */
	readonly serverMs: number;
}

const emptyWorld: StoredWorld = {
	runsTotal: 0,
	openEpisodes: [],
	spentAlerts: [],
	workspaces: [],
	outbox: [],
	openGroups: [],
	heldRuns: [],
	learned: [],
};

/** How runs stand that nobody watches here: as if a daemon had just read of them. */
export function inspectionOf({ runs, views }: OtherRuns, options: InspectionOptions): Inspection {
	const at = options.clock.now();
	const tracker = trackerOf(options, at);
	tracker.restoreRuns(runs, at);
	return inspected(tracker, { world: emptyWorld, views }, options, at);
}

/**
 * The same of all that a store holds.
 *
 * @param onPage told of the runs as they are read
 * @throws StoreError
 */
export async function inspectionOfStore(
	store: Pick<Store, "load" | "loadRuns">,
	options: InspectionOptions,
	onPage: (runs: readonly StoredRun[]) => void,
): Promise<Inspection> {
	const at = options.clock.now();
	const tracker = trackerOf(options, at);
	const world = await store.load(options.workspace);
	tracker.expectRuns(world.runsTotal);
	for await (const page of runsOf(store, options.workspace)) {
		onPage(page);
		tracker.restoreRuns(page, at);
	}
	return inspected(tracker, { world: { ...world, spentAlerts: [] }, views: [] }, options, at);
}

function trackerOf({ live, namespace, workspace }: InspectionOptions, at: Instant): Tracker {
	return new Tracker({ namespace, workspace, live: detectorSettingsOf(live), holdsMassLapses: true, startedAt: at });
}

function inspected(
	tracker: Tracker,
	{ world, views }: { readonly world: StoredWorld; readonly views: readonly RunView[] },
	{ serverMs }: InspectionOptions,
	at: Instant,
): Inspection {
	tracker.restore(knownWorldOf(world), at);
	tracker.apply({ kind: "rest_answered", at, serverDateMs: serverMs });
	tracker.apply({ kind: "stored", at, views });
	return tracker.inspection;
}
