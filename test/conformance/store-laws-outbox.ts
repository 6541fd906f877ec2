import { expect, test } from "vitest";
import { deliveredToSink } from "../../src/core/delivery.ts";
import {
	batchOf,
	closedOf,
	deliveryOf,
	episodeOf,
	groupDeliveryOf,
	groupOf,
	StandingClock,
	workspace,
} from "../_util/store-samples.ts";
import type { BuildHouse } from "./store-laws.ts";

const episode = episodeOf(1, "alert-1");
const raised = { sink: "log", key: "alert-1:raised", ...deliveredToSink };

export function outboxLaws(build: BuildHouse): void {
	test("a delivery is owed once for each key and sink, as it stood at its first commit", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const first = deliveryOf(episode);
		const toSlack = deliveryOf(episode, { sink: "slack" });
		await store.commit(batchOf({ episodes: [episode], outbox: [first, first, toSlack] }));
		const told = deliveryOf({ ...episode, reason: "told anew" }, { createdAtMs: 1 });
		await store.commit(batchOf({ episodes: [closedOf(episode, 5)], outbox: [told] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([first, toSlack]);
	});

	test("a delivery that was made is never owed again, however often its row comes", async () => {
		await using house = await build(new StandingClock());
		const row = deliveryOf(episode);
		const toSlack = deliveryOf(episode, { sink: "slack" });
		{
			await using store = await house.open();
			await store.commit(batchOf({ outbox: [row, toSlack] }));
			await store.commit(batchOf({ settled: [raised] }));
			await store.commit(batchOf({ settled: [raised] }));
		}
		await using store = await house.open();
		await store.commit(batchOf({ outbox: [row] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([toSlack]);
	});

	test("a delivery made before its row could be stored comes as delivered in one batch", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ outbox: [deliveryOf(episode)], settled: [raised] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([]);
	});

	test("the delivery of a row that is not there is nothing", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		await store.commit(batchOf({ settled: [raised, { ...raised, sink: "slack" }] }));
		await store.commit(batchOf({ outbox: [deliveryOf(episode)] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([deliveryOf(episode)]);
	});

	test("of a group incident both steps are owed, each once for each sink, until they are delivered", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const closed = groupOf("group-1", { closed: { outcome: "recovered", atMs: 5 } });
		const [raised, resolved] = [groupDeliveryOf(groupOf("group-1")), groupDeliveryOf(closed)];
		const slack = groupDeliveryOf(closed, { sink: "slack" });
		await store.commit(batchOf({ outbox: [raised, resolved, slack] }));
		await store.commit(batchOf({ outbox: [raised, groupDeliveryOf(groupOf("group-1", { extent: "full" }))] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([raised, resolved, slack]);
		await store.commit(batchOf({ settled: [{ sink: "log", key: "group-1:raised", ...deliveredToSink }] }));
		expect(await store.loadOutbox({ workspace, sink: "log", rowsMax: 9 })).toStrictEqual([resolved]);
		expect((await store.load("other")).outbox).toStrictEqual([]);
	});

	test("owed deliveries come oldest first, those of one moment in the order of their commits", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const at = (alertId: string, createdAtMs: number) => deliveryOf(episodeOf(1, alertId), { createdAtMs });
		await store.commit(batchOf({ outbox: [at("z", 20), at("y", 10)] }));
		await store.commit(batchOf({ outbox: [at("a", 20), at("b", 5)] }));
		const order = (await store.load(workspace)).outbox.map(({ transition }) => transition.key);
		expect(order).toStrictEqual(["b:raised", "y:raised", "z:raised", "a:raised"]);
	});

	test("a workspace is owed its own deliveries only", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const there = deliveryOf(episodeOf(1, "alert-2", { workspace: "other" }));
		await store.commit(batchOf({ outbox: [deliveryOf(episode), there] }));
		expect((await store.load(workspace)).outbox).toStrictEqual([deliveryOf(episode)]);
		expect((await store.load("other")).outbox).toStrictEqual([there]);
	});

	test("what one sink is owed is read in the same order, as many rows as asked for", async () => {
		await using house = await build(new StandingClock());
		await using store = await house.open();
		const at = (alertId: string, createdAtMs: number, sink = "log") =>
			deliveryOf(episodeOf(1, alertId), { createdAtMs, sink });
		const there = deliveryOf(episodeOf(1, "there", { workspace: "other" }), { createdAtMs: 1 });
		await store.commit(batchOf({ outbox: [at("z", 20), at("y", 10), at("s", 1, "slack"), there] }));
		await store.commit(batchOf({ outbox: [at("a", 20), at("b", 5), at("gone", 2)] }));
		await store.commit(batchOf({ settled: [{ sink: "log", key: "gone:raised", ...deliveredToSink }] }));
		const owed = async (rowsMax: number) =>
			(await store.loadOutbox({ workspace, sink: "log", rowsMax })).map(({ transition }) =>
				transition.key.replace(":raised", ""),
			);
		expect(await owed(3)).toStrictEqual(["b", "y", "z"]);
		expect(await owed(4)).toStrictEqual(["b", "y", "z", "a"]);
		expect(await owed(5)).toStrictEqual(["b", "y", "z", "a"]);
		expect(await store.loadOutbox({ workspace, sink: "slack", rowsMax: 5 })).toStrictEqual([at("s", 1, "slack")]);
		expect(await store.loadOutbox({ workspace, sink: "pager", rowsMax: 5 })).toStrictEqual([]);
	});
}
