import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Episode } from "../../../src/core/episode.ts";
import { noLabels } from "../../../src/core/run.ts";
import { sinksOf } from "../../../src/daemon/sinks.ts";
import type { Sink } from "../../../src/notify/sink.ts";
import { wayOutFrom } from "../../../src/notify/way-out.ts";
import { type MemoryDisk, newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { HandClock } from "../../_util/daemon-clock.ts";
import { workspace } from "../../_util/daemon-core.ts";
import type { UnreliableStore } from "../../_util/daemon-store.ts";
import { DeliveriesStage, settingsOf } from "../../_util/deliveries-stage.ts";
import { HttpReceiver, type Received } from "../../_util/http-receiver.ts";
import { episodeOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

/** When the first process is killed: at a commit, before or after it is on the disk, or while the receiver has a message. */
type Kill = NonNullable<UnreliableStore["death"]> | { readonly atMessage: number };

/** What a receiver was told, alert by alert. */
type KeysOf = (told: { readonly received: readonly Received[]; readonly file: string }) => readonly string[];

const raisedOrResolved = (raised: boolean): string => (raised ? "raised" : "resolved");

interface Told {
	readonly id: string;
	readonly dedup_key: string;
	readonly event_action: string;
	readonly text: string;
}

function bodiesOf<Body = Told>(received: readonly Received[]): readonly Body[] {
	return received.map(({ body }) => JSON.parse(body) as Body);
}

const kinds: readonly {
	readonly type: string;
	readonly settings: (url: string, file: string) => object;
	keysOf: KeysOf;
}[] = [
	{
		type: "webhook",
		settings: (url) => ({ type: "webhook", url }),
		keysOf: ({ received }) => bodiesOf(received).map(({ id }) => id),
	},
	{
		type: "pagerduty",
		settings: (url) => ({ type: "pagerduty", routingKey: "a".repeat(32), url }),
		keysOf: ({ received }) =>
			bodiesOf(received).map((event) => `${event.dedup_key}:${raisedOrResolved(event.event_action === "trigger")}`),
	},
	{
		type: "slack",
		settings: (url) => ({ type: "slack", url }),
		keysOf: ({ received }) =>
			bodiesOf(received).flatMap(({ text }) =>
				[...String(text).matchAll(/(:\w+:) [^\n]*run-(\d)/gu)].map(
					([, mark, n]) => `alert-${n}:${raisedOrResolved(mark !== ":white_check_mark:")}`,
				),
			),
	},
	{
		type: "alertmanager",
		settings: (url) => ({ type: "alertmanager", urls: [url.replace("/hook", "")] }),
		keysOf: ({ received }) =>
			bodiesOf<{ labels: { alert_id: string }; endsAt?: string }[]>(received).flatMap((alerts) =>
				alerts.map(({ labels, endsAt }) => `${labels.alert_id}:${raisedOrResolved(endsAt === undefined)}`),
			),
	},
	{
		type: "prefect",
		settings: () => ({ type: "prefect" }),
		keysOf: ({ received }) =>
			bodiesOf<{ event: string; payload: { alert_id: string } }[]>(received).flatMap((events) =>
				events.map(({ event, payload }) => `${payload.alert_id}:${raisedOrResolved(!event.endsWith(".resolved"))}`),
			),
	},
	{
		type: "file",
		settings: (_url, path) => ({ type: "file", path }),
		keysOf: ({ file }) =>
			file
				.split("\n")
				.filter((line) => line !== "")
				.map((line) => JSON.parse(line))
				.map(({ alert_id: id, event }) => `${id}:${raisedOrResolved(event === "alert.raised")}`),
	},
];

interface Step {
	readonly take: (stage: DeliveriesStage, episodes: readonly Episode[]) => Promise<unknown>;
	/** Its decision has been saved: whoever starts anew knows it. */
	readonly isSaved: (disk: MemoryDisk) => boolean;
}

const isOwed =
	(key: string) =>
	({ outbox }: MemoryDisk): boolean =>
		[...outbox.values()].some(({ row }) => row.transition.key === key);

function raise(n: number): Step {
	return { take: (stage, episodes) => stage.raise(episodes[n - 1]!), isSaved: isOwed(`alert-${n}:raised`) };
}

function resolve(n: number): Step {
	return { take: (stage, episodes) => stage.resolve(episodes[n - 1]!), isSaved: isOwed(`alert-${n}:resolved`) };
}

const silence: Step = {
	take: ({ deliveries }) =>
		deliveries.operator.carryOut({ do: "add_silence", match: {}, conditions: [], lastsMs: 3_600_000, why: "test" }),
	isSaved: ({ silences }) => silences.size > 0,
};

/** Two alerts that overlap, and one that begins and ends within a silence. */
const steps: readonly Step[] = [raise(1), raise(2), resolve(1), silence, raise(3), resolve(2), resolve(3)];

const whole = ["alert-1:raised", "alert-2:raised", "alert-1:resolved", "alert-2:resolved"];
/** A file is the log as well, which no silence concerns. */
const record = [...whole.slice(0, 3), "alert-3:raised", "alert-2:resolved", "alert-3:resolved"];

class Story {
	readonly disk: MemoryDisk = newMemoryDisk();
	readonly clock = new HandClock();
	readonly #receiver: HttpReceiver;
	readonly #kind: (typeof kinds)[number];
	readonly #folder: TempFolder;
	stage!: DeliveriesStage;

	constructor(kind: (typeof kinds)[number], receiver: HttpReceiver, folder: TempFolder) {
		this.#kind = kind;
		this.#receiver = receiver;
		this.#folder = folder;
	}

	async play(
		kill: Kill | null,
	): Promise<{ readonly keys: readonly string[]; readonly commits: number; readonly kills: number }> {
		const episodes = [1, 2, 3].map((n) =>
			episodeOf(n, `alert-${n}`, { workspace, groupId: null, labels: { ...noLabels, name: `run-${n}` } }),
		);
		await this.#start(kill);
		let kills = 0;
		let commits = 0;
		for (const step of steps) {
			await Promise.race([step.take(this.stage, episodes), this.#quiet()]);
			await this.#quiet();
			if (this.stage.under.store.isDead && kills === 0) {
				kills += 1;
				commits = this.stage.under.store.tried.length;
				await this.#restart();
				// The core, started anew, comes to the same verdict where it had not been saved.
				if (!step.isSaved(this.disk)) await step.take(this.stage, episodes);
				await this.#quiet();
			}
		}
		await this.stage.end();
		const { path } = this;
		const file = existsSync(path) ? readFileSync(path, "utf8") : "";
		const keys = this.#kind.keysOf({ received: this.#receiver.received, file });
		return { keys, kills, commits: kills === 0 ? this.stage.under.store.tried.length : commits };
	}

	get path(): string {
		return this.#folder.file("alerts.log");
	}

	async #start(kill: Kill | null): Promise<void> {
		const settings = settingsOf([this.#kind.settings(this.#receiver.url, this.path)]);
		const { clock } = this;
		const sinks: readonly Sink[] = sinksOf(settings, {
			stdout: new CollectingStream(),
			namespace: "default",
			uiUrl: (runId) => `http://prefect.test/${runId}`,
			wayOutTo: wayOutFrom({}),
			clock,
			prefect: {
				post: async (events, signal) => {
					await fetch(this.#receiver.url, { method: "POST", body: JSON.stringify(events), signal });
				},
				workPoolId: async () => null,
			},
		})
			.slice(1)
			.map((sink) => this.#mortal(sink));
		this.stage = new DeliveriesStage(this.disk, clock, { settings, sinks });
		this.#receiver.answer = () => {
			const { store } = this.stage.under;
			if (kill !== null && "atMessage" in kill && this.#receiver.received.length === kill.atMessage) {
				// It has the message; the process does not live to hear so.
				store.death ??= { atCommit: store.tried.length, when: "before" };
				return null;
			}
			return { status: 200, body: "ok" };
		};
		if (kill !== null && "atCommit" in kill) this.stage.under.store.death = kill;
		await this.stage.begin();
	}

	/** A dead process sends nothing. */
	#mortal(sink: Sink): Sink {
		return new Proxy(sink, {
			get: (target, name) => {
				const value: unknown = Reflect.get(target, name, target);
				if (typeof value !== "function") return value;
				const isMute = (): boolean => name === "send" && this.stage.under.store.isDead;
				return (...args: unknown[]): unknown =>
					isMute() ? new Promise(() => undefined) : Reflect.apply(value, target, args);
			},
		});
	}

	async #restart(): Promise<void> {
		const { open } = this.stage;
		await this.stage.kill();
		const received = [...this.#receiver.received];
		await this.#start(null);
		this.stage.open = open;
		expect(this.#receiver.received.slice(0, received.length)).toEqual(received);
	}

	/** Until nothing is on its way any more, or the process is dead. */
	async #quiet(): Promise<void> {
		for (let turn = 0; turn < 2_000; turn++) {
			await delay(1);
			await this.stage.rest();
			const { store } = this.stage.under;
			if (store.isDead || (this.stage.deliveries.dispatcher.pendingCount === 0 && !this.stage.under.persister.isBusy))
				return;
			// Slack is told once a second.
			this.clock.pass(100);
		}
		throw new Error("it does not come to rest");
	}
}

async function told(kind: (typeof kinds)[number], kill: Kill | null): Promise<Awaited<ReturnType<Story["play"]>>> {
	await using receiver = await HttpReceiver.start();
	await using folder = await TempFolder.make("crash");
	return await new Story(kind, receiver, folder).play(kill);
}

describe.each(kinds)("a sink of type $type", { timeout: 30_000 }, (kind) => {
	test("is told everything in order (the whole story, without a crash)", async () => {
		const { keys, commits } = await told(kind, null);
		expect(keys).toEqual(kind.type === "file" ? record : whole);
		expect(commits).toBeGreaterThan(5);
	});

	test("D2: has every alert in order, and one at most twice, wherever the process is killed", async () => {
		const expected = kind.type === "file" ? record : whole;
		const { commits } = await told(kind, null);
		const kills: Kill[] = [
			...Array.from({ length: commits }, (_, n) => ({ atCommit: n + 1, when: "before" as const })),
			...Array.from({ length: commits }, (_, n) => ({ atCommit: n + 1, when: "after" as const })),
			...(kind.type === "file" ? [] : whole.map((_, n) => ({ atMessage: n + 1 }))),
		];
		for (const kill of kills) {
			const story = await told(kind, kill);
			const where = JSON.stringify({ kill, keys: story.keys });
			expect(story.kills, where).toBe(1);
			expect([...new Set(story.keys)], where).toEqual(expected);
			expect(story.keys.length, where).toBeLessThanOrEqual(expected.length + (kind.type === "file" ? 0 : 1));
		}
	});
});
