import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Settings } from "../../../src/config/schema.ts";
import type { Episode, Transition } from "../../../src/core/episode.ts";
import { noLabels } from "../../../src/core/run.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { type MemoryDisk, newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { HandClock } from "../../_util/daemon-clock.ts";
import { workspace } from "../../_util/daemon-core.ts";
import { DeliveriesStage, settingsOf, TellingSink } from "../../_util/deliveries-stage.ts";
import { episodeOf, groupOf } from "../../_util/store-samples.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const slackUrl = "https://hooks.example/slack-secret";

const slack = { type: "slack", url: slackUrl };
const pager = { type: "pagerduty", routingKey: "a".repeat(32) };

type Stage = DeliveriesStage & { readonly log: TellingSink; readonly slack: TellingSink; readonly pager: TellingSink };

/** With sinks of the test's own under the names of the settings. */
function stageOf(settings: Settings): Stage {
	const sinks = {
		log: new TellingSink("log"),
		slack: new TellingSink("slack", 10),
		pager: new TellingSink("pagerduty"),
	};
	return Object.assign(new DeliveriesStage(disk, clock, { settings, sinks: Object.values(sinks) }), sinks);
}

let disk: MemoryDisk;
let clock: HandClock;
let stage: Stage;

async function start(sinks: readonly object[] = [slack, pager], maintenance: readonly object[] = []): Promise<void> {
	stage = stageOf(settingsOf(sinks, maintenance));
	await stage.begin();
}

async function restart(): Promise<void> {
	const { settings, open, openGroups } = stage;
	await stage.end();
	stage = stageOf(settings);
	stage.open = open;
	stage.openGroups = openGroups;
	await stage.begin();
}

function episode(n: number, changes: Partial<Episode> = {}): Episode {
	const raisedAtMs = clock.now().wallMs;
	return episodeOf(n, `alert-${n}`, { workspace, raisedAtMs, groupId: null, ...changes });
}

const addSilence = { do: "add_silence", match: {}, conditions: [], lastsMs: hour, why: "upgrade" } as const;

beforeEach(() => {
	disk = newMemoryDisk();
	clock = new HandClock();
});
afterEach(() => stage.end());

describe("a silence", () => {
	test("keeps an alert from the sinks, not from the log, and tells it when it ends and that is open still", async () => {
		await start();
		const { ids } = await stage.deliveries.operator.carryOut(addSilence);
		expect(ids).toHaveLength(1);
		await stage.raise(episode(1));
		expect([stage.log.sent, stage.slack.sent, stage.pager.sent]).toEqual([["alert-1:raised"], [], []]);
		expect(stage.heldReasons).toEqual(["silenced", "silenced"]);
		await stage.jump(hour - minute);
		expect(stage.slack.sent).toEqual([]);
		await stage.jump(minute);
		expect([stage.slack.sent, stage.pager.sent]).toEqual([["alert-1:raised"], ["alert-1:raised"]]);
		expect(stage.fates).toEqual([null, null, null]);
	});

	test("that is over before the silence ends is told to no sink at all", async () => {
		await start();
		await stage.deliveries.operator.carryOut(addSilence);
		const one = episode(1);
		await stage.raise(one);
		await stage.resolve(one);
		await stage.jump(2 * hour);
		expect([stage.slack.sent, stage.pager.sent]).toEqual([[], []]);
		expect(stage.log.sent).toEqual(["alert-1:raised", "alert-1:resolved"]);
		expect(stage.fates.filter((fate) => fate === "silenced")).toHaveLength(4);
		expect(stage.heldReasons).toEqual([]);
	});

	test("that begins later does not keep back the resolve of what was told", async () => {
		await start();
		const one = episode(1);
		await stage.raise(one);
		await stage.deliveries.operator.carryOut(addSilence);
		await stage.resolve(one);
		expect(stage.slack.sent).toEqual(["alert-1:raised", "alert-1:resolved"]);
	});

	test("that is removed tells at once what it held; one that concerns others holds nothing", async () => {
		await start();
		const other = { ...addSilence, match: { deployment: "other/*" } };
		await stage.deliveries.operator.carryOut(other);
		await stage.raise(episode(1));
		expect(stage.slack.sent).toEqual(["alert-1:raised"]);
		const { ids } = await stage.deliveries.operator.carryOut(addSilence);
		await stage.raise(episode(2));
		expect(stage.slack.sent).toEqual(["alert-1:raised"]);
		expect(await stage.deliveries.operator.carryOut({ do: "end_silence", silenceId: "other" })).toEqual({
			changed: 0,
			ids: [],
		});
		await stage.deliveries.operator.carryOut({ do: "end_silence", silenceId: ids[0]! });
		await stage.second();
		expect(stage.slack.sent).toEqual(["alert-1:raised", "alert-2:raised"]);
	});

	test("outlives a restart, and so does what it holds", async () => {
		await start();
		await stage.deliveries.operator.carryOut(addSilence);
		const [one, two] = [episode(1), episode(2)];
		await stage.raise(one);
		await stage.raise(two);
		await restart();
		await stage.raise(episode(3));
		await stage.resolve(one);
		expect(stage.slack.sent).toEqual([]);
		await stage.jump(hour);
		expect(stage.slack.sent).toEqual(["alert-2:raised", "alert-3:raised"]);
		await stage.resolve(two);
		expect(stage.slack.sent.slice(2)).toEqual(["alert-2:resolved"]);
	});

	test("may end while the store fails: what it held is told once that is back", async () => {
		await start();
		await stage.deliveries.operator.carryOut(addSilence);
		await stage.raise(episode(1));
		stage.under.store.failingWith = "SQLITE_FULL";
		await stage.jump(hour + minute);
		expect(stage.slack.sent).toEqual([]);
		expect(stage.under.told.told("storeFailed").length).toBeGreaterThan(0);
		stage.under.store.failingWith = null;
		await stage.second();
		expect(stage.slack.sent).toEqual(["alert-1:raised"]);
	});
});

test("what was held for longer than a day is tried for a day then, as any other", async () => {
	await start();
	await stage.deliveries.operator.carryOut({ ...addSilence, lastsMs: 48 * hour });
	await stage.raise(episode(1));
	stage.slack.answer = () => Promise.reject(new OutsideError("nobody is there", { retryable: true }));
	await stage.jump(48 * hour);
	await stage.jump(2 * hour);
	expect(stage.fates).toEqual([null, null, null]);
	stage.slack.answer = () => Promise.resolve();
	await stage.jump(hour);
	expect(stage.slack.sent).toEqual(["alert-1:raised"]);
	// One that happened a day ago, and was not held, is given up at the first failure.
	stage.slack.answer = () => Promise.reject(new OutsideError("nobody is there", { retryable: true }));
	await stage.raise(episode(2, { raisedAtMs: clock.now().wallMs - 25 * hour }));
	expect(stage.fates.filter((fate) => fate === "given_up")).toHaveLength(1);
});

test("a sink that keeps a state is told again of what it was told, and of nothing that is held", async () => {
	await start();
	const reposted: string[][] = [];
	const repost = async (open: readonly Transition[]) => void reposted.push(open.map(({ key }) => key));
	Object.assign(stage.pager, { repost });
	const stop = new AbortController();
	const reposting = stage.deliveries.repost(stop.signal);
	await stage.raise(episode(1));
	await stage.deliveries.operator.carryOut(addSilence);
	await stage.raise(episode(2));
	await stage.jump(minute);
	expect(reposted).toEqual([["alert-1:raised"]]);
	await stage.jump(hour);
	await stage.jump(minute);
	expect(reposted.at(-1)).toEqual(["alert-1:raised", "alert-2:raised"]);
	stop.abort();
	await reposting;
});

describe("a maintenance window", () => {
	// The test's clock stands on a whole hour of UTC.
	const window = (cron: string) => ({
		name: "backup",
		match: { workPool: "gpu" },
		cron,
		lasts: "10m",
		timezone: "UTC",
	});
	const labels = { ...noLabels, workPool: "gpu" };

	test("keeps alerts from the sinks while it lasts, as often as it comes", async () => {
		const minuteNow = new Date(clock.now().wallMs).getUTCMinutes();
		await start([slack, pager], [window(`${minuteNow} * * * *`)]);
		await stage.raise(episode(1, { labels }));
		await stage.raise(episode(2));
		expect(stage.slack.sent).toEqual(["alert-2:raised"]);
		expect(stage.heldReasons).toEqual(["maintenance", "maintenance"]);
		await stage.jump(10 * minute);
		expect(stage.slack.sent).toEqual(["alert-2:raised", "alert-1:raised"]);
		await stage.raise(episode(3, { labels }));
		expect(stage.slack.sent).toHaveLength(3);
		await stage.jump(50 * minute);
		await stage.raise(episode(4, { labels }));
		expect(stage.slack.sent).toHaveLength(3);
	});

	test("that is taken out of the settings by a reload holds nothing any more", async () => {
		await start([slack, pager], [window("* * * * *")]);
		await stage.raise(episode(1, { labels }));
		expect(stage.slack.sent).toEqual([]);
		stage.settings = { ...stage.settings, maintenance: [] };
		expect(stage.live.reload().changed).toEqual(["maintenance"]);
		await stage.raise(episode(2, { labels }));
		expect(stage.slack.sent).toEqual(["alert-2:raised"]);
	});
});

describe("an escalation", () => {
	const late = { ...pager, escalateAfter: "30m" };

	test("hears of what has been open so long, and of its end", async () => {
		await start([slack, late]);
		const [one, two] = [episode(1), episode(2)];
		await stage.raise(one);
		await stage.raise(two);
		await stage.jump(29 * minute);
		await stage.resolve(two);
		expect(stage.pager.sent).toEqual([]);
		await stage.jump(minute);
		expect(stage.pager.sent).toEqual(["alert-1:raised"]);
		await stage.resolve(one);
		expect(stage.pager.sent).toEqual(["alert-1:raised", "alert-1:resolved"]);
		expect(stage.slack.sent).toHaveLength(4);
	});

	test("hears nothing of what somebody has acknowledged, nor of its end", async () => {
		await start([slack, late]);
		const one = episode(1);
		await stage.raise(one);
		const word = { do: "acknowledge", alertId: "alert-1", why: "Kim is on it" } as const;
		expect(await stage.deliveries.operator.carryOut(word)).toEqual({ changed: 1, ids: ["alert-1"] });
		await stage.jump(hour);
		await restart();
		await stage.resolve(one);
		expect(stage.pager.sent).toEqual([]);
		expect(stage.slack.sent).toEqual(["alert-1:resolved"]);
	});
});

describe("a group incident", () => {
	const runs = [1, 2, 3];

	test("stands for its runs where people are told, until it is over; the log hears of each", async () => {
		await start();
		const incident = groupOf("group-1");
		await stage.group(incident);
		const episodes = runs.map((n) => episode(n, { groupId: "group-1" }));
		for (const one of episodes) await stage.raise(one);
		await stage.raise(episode(9));
		expect(stage.slack.sent).toEqual(["group-1:raised", "alert-9:raised"]);
		expect(stage.pager.sent).toEqual(["group-1:raised", "alert-9:raised"]);
		expect(stage.log.sent).toHaveLength(5);
		await stage.pass(10 * second);
		await stage.resolve(episodes[0]!);
		await stage.group({ ...incident, closed: { outcome: "recovered", atMs: clock.now().wallMs } });
		await stage.second();
		expect(stage.slack.sent.slice(2)).toEqual(["group-1:resolved", "alert-2:raised", "alert-3:raised"]);
		// What has become free together is one message.
		expect(stage.slack.messages.at(-1)).toEqual(["alert-2:raised", "alert-3:raised"]);
		expect(stage.pager.sent.slice(2)).toEqual(["group-1:resolved", "alert-2:raised", "alert-3:raised"]);
	});

	test("does not stand for them where it is switched off, or the sink does not hear of it", async () => {
		await start([{ ...slack, foldGroups: false }, pager]);
		stage.pager.wants = ({ kind }) => kind === "raised" || kind === "resolved";
		await stage.group(groupOf("group-1"));
		await stage.raise(episode(1, { groupId: "group-1" }));
		expect(stage.slack.sent).toEqual(["group-1:raised", "alert-1:raised"]);
		expect(stage.pager.sent.at(-1)).toBe("alert-1:raised");
	});
});

describe("reminders", () => {
	const reminded = { ...slack, repeat: "4h" };

	test("come at every multiple while it is open, to those who want them", async () => {
		await start([reminded, pager]);
		const one = episode(1);
		await stage.raise(one);
		for (let hours = 0; hours < 9; hours++) await stage.jump(hour);
		const told = ["alert-1:raised", "alert-1:raised:reminder:1", "alert-1:raised:reminder:2"];
		expect(stage.slack.sent).toEqual(told);
		expect(stage.pager.sent).toEqual(["alert-1:raised"]);
		await stage.resolve(one);
		await stage.jump(12 * hour);
		expect(stage.slack.sent).toEqual([...told, "alert-1:resolved"]);
		// Nothing of it is owed.
		expect(disk.outbox.size).toBe(6);
	});

	test.each([
		["somebody has acknowledged it", { do: "acknowledge", alertId: "alert-1", why: "Kim" }],
		["it is silenced", { ...addSilence, lastsMs: 24 * hour }],
	] as const)("do not come when %s", async (_what, command) => {
		await start([reminded, pager]);
		await stage.raise(episode(1));
		await stage.deliveries.operator.carryOut(command);
		await stage.jump(5 * hour);
		expect(stage.slack.sent).toEqual(["alert-1:raised"]);
	});

	test("that fell into a restart are left out, and what was not told yet is not reminded of", async () => {
		await start([reminded, { ...pager, repeat: "4h", escalateAfter: "6h" }]);
		await stage.raise(episode(1));
		clock.pass(5 * hour);
		await restart();
		await stage.jump(2 * minute);
		expect([stage.slack.sent, stage.pager.sent]).toEqual([[], []]);
		await stage.jump(3 * hour);
		expect(stage.slack.sent).toEqual(["alert-1:raised:reminder:2"]);
		expect(stage.pager.sent).toEqual(["alert-1:raised"]);
	});
});

describe("an operator", () => {
	test("sees again what was refused, once it is retried; what it answered is kept, without secrets", async () => {
		await start();
		stage.slack.answer = () => Promise.reject(new OutsideError(`${slackUrl} answers 404`, { retryable: false }));
		await stage.raise(episode(1));
		const [, refused] = [...disk.outbox.values()];
		expect(refused).toMatchObject({ fate: "refused", detail: "[redacted] answers 404" });
		stage.slack.answer = () => Promise.resolve();
		await stage.raise(episode(2));
		const { operator } = stage.deliveries;
		const retry = { do: "retry_deliveries", sink: null, key: "alert-1:raised" } as const;
		expect(await operator.carryOut({ ...retry, sink: "pagerduty" })).toMatchObject({ changed: 0 });
		expect(await operator.carryOut(retry)).toEqual({ changed: 1, ids: [] });
		await stage.rest();
		expect(stage.slack.sent).toEqual(["alert-2:raised", "alert-1:raised"]);
		expect(stage.fates.every((fate) => fate === null)).toBe(true);
	});

	test("can drop what is owed, also what is held, so that it is never sent", async () => {
		await start();
		stage.slack.answer = () => Promise.reject(new OutsideError("nobody is there", { retryable: true }));
		const one = episode(1);
		await stage.raise(one);
		await stage.raise(episode(2));
		const drop = { do: "drop_deliveries", sink: "slack", key: null, why: "the channel is gone" } as const;
		expect(await stage.deliveries.operator.carryOut(drop)).toEqual({ changed: 2, ids: [] });
		stage.slack.answer = () => Promise.resolve();
		await stage.jump(hour);
		expect(stage.slack.sent).toEqual([]);
		expect(stage.pager.sent).toHaveLength(2);
		expect(stage.fates.filter((fate) => fate === "dropped")).toHaveLength(2);
		await stage.deliveries.operator.carryOut(addSilence);
		await stage.raise(episode(3));
		await stage.deliveries.operator.carryOut({ ...drop, key: "alert-3:raised" });
		await stage.jump(2 * hour);
		expect(stage.slack.sent).toEqual([]);
		expect(stage.pager.sent).toHaveLength(3);
	});

	test("names an alert by the beginning of its id, and is told of several that it may be", async () => {
		await start();
		await stage.raise(episode(11));
		await stage.raise(episode(12));
		const acknowledge = (alertId: string) =>
			stage.deliveries.operator.carryOut({ do: "acknowledge", alertId, why: "Kim" });
		expect(await acknowledge("alert-1")).toEqual({ changed: 0, ids: ["alert-11", "alert-12"] });
		expect(await acknowledge("alert-12")).toEqual({ changed: 1, ids: ["alert-12"] });
		expect(await acknowledge("nothing")).toEqual({ changed: 0, ids: [] });
	});
});

describe("the pace of a sink", () => {
	test("lets what comes within a while go along, and the rest wait for its turn", async () => {
		await start([{ ...slack, groupWait: "30s", maxPerMinute: 2 }, pager]);
		await stage.raise(episode(1));
		await stage.pass(20 * second);
		await stage.raise(episode(2));
		expect(stage.slack.messages).toEqual([]);
		await stage.pass(10 * second);
		expect(stage.slack.messages).toEqual([["alert-1:raised", "alert-2:raised"]]);
		for (let n = 3; n < 20; n++) await stage.raise(episode(n));
		await stage.pass(29 * second);
		expect(stage.slack.messages).toHaveLength(1);
		await stage.pass(2 * second);
		expect(stage.slack.messages.map(({ length }) => length)).toEqual([2, 10]);
		await stage.pass(31 * second);
		expect(stage.slack.messages.map(({ length }) => length)).toEqual([2, 10, 7]);
		expect(stage.pager.sent).toHaveLength(19);
	});
});

test("a sink that hangs, or cannot be reached, keeps no other from what it is owed, however much that is", async () => {
	await start();
	stage.slack.answer = () => new Promise(() => undefined);
	stage.pager.answer = () => Promise.reject(new OutsideError("nobody is there", { retryable: true }));
	const many = 120;
	for (let n = 0; n < many; n++) await stage.raise(episode(n));
	for (let turn = 0; turn < 20; turn++) await stage.rest();
	expect(stage.log.sent).toHaveLength(many);
	stage.pager.answer = () => Promise.resolve();
	await stage.jump(10 * minute);
	for (let turn = 0; turn < 40; turn++) await stage.rest();
	expect(stage.pager.sent).toEqual(Array.from({ length: many }, (_, n) => `alert-${n}:raised`));
	expect(stage.slack.sent).toEqual([]);
});
