import { setImmediate as nextTurn } from "node:timers/promises";
import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { KnownWorld } from "../core/restoration.ts";
import { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import type { HeldDelivery } from "../store/outbox-store.ts";
import { runsOf } from "../store/runs-of.ts";
import type { Store, StoredWorld } from "../store/store.ts";
import { type Words, wordsIn } from "./attention.ts";
import { detectorSettingsOf } from "./reload.ts";

/** What the store held at the start, and a tracker that knows it. */
export interface Restored {
	readonly tracker: Tracker;
	readonly world: StoredWorld;
	readonly words: Words;
	/** Deliveries that are kept from their sinks. */
	readonly held: readonly HeldDelivery[];
}

/** @throws StoreError */
export async function restoredFrom({
	settings,
	live,
	workspace,
	store,
	clock,
}: {
	readonly settings: Settings;
	readonly live: LiveSettings;
	readonly workspace: string;
	readonly store: Store;
	readonly clock: Clock;
}): Promise<Restored> {
	const tracker = new Tracker({
		namespace: settings.namespace,
		workspace,
		live: detectorSettingsOf(live),
		holdsMassLapses: true,
		startedAt: clock.now(),
	});
	const world = await store.load(workspace);
	tracker.expectRuns(world.runsTotal);
	for await (const page of runsOf(store, workspace)) {
		tracker.restoreRuns(page, clock.now());
		// A million runs take seconds, and signals are to be heard meanwhile.
		await nextTurn();
	}
	tracker.restore(knownWorldOf(world), clock.now());
	const words = await wordsIn(store, { workspace, nowMs: clock.now().wallMs });
	return { tracker, world, words, held: await store.outbox.held(workspace) };
}

export function knownWorldOf(world: StoredWorld): KnownWorld {
	const { openEpisodes, spentAlerts, workspaces, learned, openGroups, heldRuns } = world;
	return { openEpisodes, spentAlerts, workspace: workspaces[0] ?? null, learned, openGroups, heldRuns };
}
