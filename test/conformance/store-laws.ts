import { describe } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import type { Store } from "../../src/store/store.ts";
import { batchLaws } from "./store-laws-batch.ts";
import { beatLaws } from "./store-laws-beats.ts";
import { episodeLaws } from "./store-laws-episode.ts";
import { groupLaws } from "./store-laws-group.ts";
import { learnedLaws } from "./store-laws-learned.ts";
import { outboxLaws } from "./store-laws-outbox.ts";
import { outboxDeskLaws, silenceLaws } from "./store-laws-outbox-desk.ts";
import { remedyLaws } from "./store-laws-remedy.ts";
import { retentionLaws } from "./store-laws-retention.ts";
import { rowLaws } from "./store-laws-rows.ts";

/** Where a store keeps its things: what one store of the house commits, the next one opened there loads. */
interface StoreHouse extends AsyncDisposable {
	open(): Promise<Store>;
}

export type BuildHouse = (clock: Clock) => Promise<StoreHouse>;

/** Holds a store to the laws of `Store` (src/store/store.ts). One call a kind of store. */
export function describeStoreLaws(name: string, build: BuildHouse): void {
	describe(`laws of the ${name} store`, () => {
		describe("batches and versions", () => batchLaws(build));
		describe("beats", () => beatLaws(build));
		describe("episodes", () => episodeLaws(build));
		describe("group incidents", () => groupLaws(build));
		describe("what was learned", () => learnedLaws(build));
		describe("outbox", () => outboxLaws(build));
		describe("held and undeliverable deliveries", () => outboxDeskLaws(build));
		describe("silences and acknowledgements", () => silenceLaws(build));
		describe("remedies", () => remedyLaws(build));
		describe("rows", () => rowLaws(build));
		describe("retention", () => retentionLaws(build));
	});
}
