import { describe, expect, test } from "vitest";
import { type MemoryDisk, newMemoryDisk } from "../../../src/store/memory-disk.ts";
import { SimServer } from "../../_util/core-server.ts";
import { minute, second } from "../../_util/core-world.ts";
import { Stage } from "../../_util/daemon-stage.ts";
import type { UnreliableStore } from "../../_util/daemon-store.ts";

const diedAtMs = 2 * minute;
const endedAtMs = 6 * minute;
const untilMs = 8 * minute;
const restartMs = 2 * second;

interface Story {
	readonly disk: MemoryDisk;
	readonly sent: readonly string[];
	/** Commits of the first process. */
	readonly commits: number;
	readonly alertIds: readonly string[];
}

/** What happens on the server is the same in every story: a run is killed, and marked as crashed minutes later. */
class Incident {
	readonly server = new SimServer();
	readonly #victim = this.server.start(0, { name: "victim" });
	#killed = false;
	#ended = false;

	constructor() {
		this.server.start(0, { name: "healthy" });
	}

	async play(stage: Stage, toMs: number): Promise<void> {
		await stage.runUntil(Math.min(toMs, diedAtMs));
		if (stage.nowMs >= diedAtMs && !this.#killed) {
			this.#killed = true;
			this.server.kill(this.#victim);
		}
		await stage.runUntil(Math.min(toMs, endedAtMs));
		if (stage.nowMs >= endedAtMs && !this.#ended) {
			this.#ended = true;
			this.server.end(this.#victim, stage.nowMs, "CRASHED");
		}
		await stage.runUntil(toMs);
	}
}

/** One process until the end, or a first one that is killed and a second. */
async function told(death: UnreliableStore["death"]): Promise<Story> {
	const disk = newMemoryDisk();
	const sent: string[] = [];
	const incident = new Incident();
	const { server } = incident;
	const first = await Stage.start(disk, { server, atMs: 0, sent, death });
	await incident.play(first, untilMs);
	if (first.store.isDead) {
		server.onEvent = () => {};
		server.advance(first.nowMs + restartMs);
		const second = await Stage.start(disk, { server, atMs: first.nowMs + restartMs, sent });
		await incident.play(second, untilMs);
	}
	return { disk, sent, commits: first.store.tried.length, alertIds: [...disk.episodes.keys()] };
}

/** A restart delays a verdict at most; everything else is as if there had been none. */
function expectTheSame(story: Story, whole: Story, mostSent: number): void {
	expect(story.alertIds).toEqual(whole.alertIds);
	expect([...new Set(story.sent)]).toEqual(whole.sent);
	expect(story.sent.length).toBeLessThanOrEqual(mostSent);
	expect([...story.disk.episodes.values()].map(({ closed }) => closed?.outcome)).toEqual(["ended"]);
	expect([...story.disk.outbox.values()].map(({ deliveredAtMs }) => deliveredAtMs === null)).toEqual([false, false]);
}

describe("a process that is killed", async () => {
	const whole = await told(null);

	test("(the whole story, without a crash: one episode, told twice)", () => {
		expect(whole.alertIds).toHaveLength(1);
		const [alertId] = whole.alertIds;
		expect(whole.sent).toEqual([`${alertId}:raised`, `${alertId}:resolved`]);
		expect(whole.commits).toBeGreaterThan(20);
	});

	test.each(["before", "after"] as const)(
		"%s any of its commits is on the disk loses no verdict and raises none twice",
		async (when) => {
			for (let atCommit = 1; atCommit <= whole.commits; atCommit++) {
				const story = await told({ atCommit, when });
				// At most one delivery is repeated, with the same key.
				expectTheSame(story, whole, 3);
			}
		},
		60_000,
	);

	test("while the store fails has told its verdict already, and the next process comes to the same one", async () => {
		const disk = newMemoryDisk();
		const sent: string[] = [];
		const incident = new Incident();
		const { server } = incident;
		const first = await Stage.start(disk, { server, atMs: 0, sent });
		await incident.play(first, diedAtMs + 30 * second);
		first.store.failingWith = "SQLITE_FULL";
		await incident.play(first, endedAtMs - minute);
		expect(sent).toEqual([whole.sent[0]]);
		expect(disk.episodes.size).toBe(0);
		server.onEvent = () => {};
		const next = await Stage.start(disk, { server, atMs: first.nowMs + restartMs, sent });
		await incident.play(next, untilMs + minute);
		expect([...new Set(sent)]).toEqual(whole.sent);
		expect([...disk.episodes.keys()]).toEqual(whole.alertIds);
	});

	test("(a store that fails all the time has the whole story told from memory, once)", async () => {
		const disk = newMemoryDisk();
		const sent: string[] = [];
		const incident = new Incident();
		const stage = await Stage.start(disk, { server: incident.server, atMs: 0, sent });
		stage.store.failingWith = "SQLITE_FULL";
		await incident.play(stage, untilMs);
		expect(sent).toEqual(whole.sent);
		stage.store.failingWith = null;
		await stage.runUntil(untilMs + 2 * second);
		expect([...disk.outbox.values()].map(({ deliveredAtMs }) => deliveredAtMs === null)).toEqual([false, false]);
		expect([...disk.episodes.values()].map(({ closed }) => closed?.outcome)).toEqual(["ended"]);
	});
});
