import { readFileSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { checkDatabase } from "../../src/store/maintenance.ts";
import { eventually, pause } from "../_util/eventually.ts";
import { stateEvent } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import type { AlertLine } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { Chance } from "../simulation/chance.ts";
import { firstSeed, timesOf } from "./extent.ts";

/** Each with a server, a database and a daemon of its own: a new process tells nothing before it has listened for 45 s. */
const lanes = 4;
const rounds = timesOf({ short: 1, long: 10 });
const runsEachRound = 24;
/** One while verdicts are raised, the others while they are told, resolved, or the daemon starts. */
const shortLivesEachRound = 4;
const killsEachLane = rounds * (1 + shortLivesEachRound);

const settleMs = 45_000;
const stuckMs = 60_000;
/** The runs of a round come due one after the other over this span, so that a kill falls between them. */
const dueWithinMs = 5_000;
const verdictPatienceMs = 90_000;
const minutes = 60_000;

class Lane implements AsyncDisposable {
	readonly #stub: PrefectStub;
	readonly #stop = new AbortController();
	readonly #random: () => number;
	readonly #folder: TempFolder;
	#daemon!: DaemonProcess;
	#pending: string[] = [];
	/** How many alerts had been told when a life began. */
	readonly #lives: number[] = [0];

	private constructor(stub: PrefectStub, folder: TempFolder, seed: number) {
		this.#stub = stub;
		this.#folder = folder;
		this.#random = new Chance(seed).random;
	}

	static async start(seed: number): Promise<Lane> {
		const folder = await TempFolder.make("kills");
		const lane = new Lane(await PrefectStub.start(), folder, seed);
		lane.#addStuckRuns();
		writeFileSync(folder.file("zombied.yaml"), `sinks: [{ type: file, path: ${folder.file("alerts.jsonl")} }]\n`);
		lane.#daemon = await DaemonProcess.start({
			apiUrl: lane.#stub.url,
			signal: lane.#stop.signal,
			environment: {
				ZOMBIED_CONFIG: folder.file("zombied.yaml"),
				ZOMBIED_DETECTOR_STUCK_PENDING: `${stuckMs / 1000}s`,
				ZOMBIED_LIMITS_REST_PER_SECOND: "100",
				ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
			},
		});
		return lane;
	}

	get alerts(): readonly AlertLine[] {
		return this.#daemon.alerts;
	}

	/** What its sink of type file has written. */
	get alertsInFile(): readonly AlertLine[] {
		const lines = readFileSync(this.#folder.file("alerts.jsonl"), "utf8").trimEnd().split("\n");
		return lines.map((line) => JSON.parse(line) as AlertLine);
	}

	/** Of each life of the daemon, the alerts that it told. */
	get alertsByLife(): readonly (readonly AlertLine[])[] {
		return this.#lives.map((from, life) => this.alerts.slice(from, this.#lives[life + 1]));
	}

	get databasePath(): string {
		return this.#daemon.databasePath;
	}

	/** Kills its daemon again and again; in the end one lives on until all is told. */
	async play(): Promise<void> {
		for (let round = 0; round < rounds; round++) {
			if (round > 0) {
				this.#addStuckRuns();
				await this.#startAgain();
			}
			await this.#killAmongVerdicts();
			for (let life = 0; life < shortLivesEachRound; life++) await this.#liveShortly();
		}
		await this.#startAgain();
		this.#moveOn(this.#pending.length);
		await eventually(() => this.#everyAlertIsResolved(), {
			what: "everything that was raised to be resolved",
			timeoutMs: minutes,
			why: () => this.#daemon.tail,
		});
		await this.#daemon.stop();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#stop.abort();
		await this.#daemon[Symbol.asyncDispose]();
		await this.#stub[Symbol.asyncDispose]();
		await this.#folder[Symbol.asyncDispose]();
	}

	#startAgain(): Promise<void> {
		this.#lives.push(this.alerts.length);
		return this.#daemon.startAgain();
	}

	#addStuckRuns(): void {
		const firstDueMs = this.#stub.nowMs() + settleMs + 2_000;
		for (let n = 0; n < runsEachRound; n++) {
			const dueMs = firstDueMs + (n * dueWithinMs) / runsEachRound;
			this.#pending.push(this.#stub.addRun({ type: "PENDING", atMs: dueMs - stuckMs }).id);
		}
	}

	/** The first of the runs that are stuck go on: their alerts are to be resolved. */
	#moveOn(count: number): void {
		for (const runId of this.#pending.splice(0, count)) {
			const atMs = this.#stub.nowMs();
			const { state } = this.#stub.addRun({ id: runId, type: "RUNNING", atMs });
			this.#stub.emit(stateEvent({ runId, type: "RUNNING", atMs, id: state.id }));
		}
	}

	/** After the n-th new alert, and a moment that is short beside a commit, or as long as a few of them. */
	async #killAmongVerdicts(): Promise<void> {
		const wanted = this.alerts.length + 1 + Math.floor(this.#random() * (runsEachRound / 2));
		await eventually(() => this.alerts.length >= wanted, {
			what: `the alert ${wanted}`,
			timeoutMs: verdictPatienceMs,
			everyMs: 1,
			why: () => this.#daemon.tail,
		});
		await pause(this.#random() * 20);
		await this.#daemon.kill();
	}

	/** Killed while it starts, or while alerts are resolved. */
	async #liveShortly(): Promise<void> {
		const starting = this.#startAgain();
		const isKilledStarting = this.#random() < 0.25;
		if (isKilledStarting) {
			const failed = starting.catch(() => undefined);
			await pause(this.#random() * 1_500);
			await this.#daemon.kill();
			await failed;
			return;
		}
		await starting;
		await pause(this.#random() * 500);
		this.#moveOn(3);
		await pause(this.#random() * 60);
		await this.#daemon.kill();
	}

	#everyAlertIsResolved(): boolean {
		const raised = new Set(this.alerts.filter(({ event }) => event === "alert.raised").map(keyOf));
		const resolved = this.alerts.filter(({ event }) => event === "alert.resolved").map(keyOf);
		for (const key of resolved) raised.delete(key.replace("resolved", "raised"));
		return raised.size === 0 && openEpisodesIn(this.databasePath) === 0;
	}
}

function keyOf({ alert_id, event }: AlertLine): string {
	return `${alert_id} ${event}`;
}

function fromDatabase<T>(path: string, sql: string): T[] {
	const database = new Database(path, { readonly: true, timeout: 5_000 });
	try {
		return database.prepare(sql).pluck().all() as T[];
	} finally {
		database.close();
	}
}

function openEpisodesIn(path: string): number {
	return fromDatabase(path, "SELECT alert_id FROM episodes WHERE closed_at_ms IS NULL").length;
}

describe.concurrent(`D2: ${lanes * killsEachLane} times kill -9`, () => {
	const seeds = Array.from({ length: lanes }, (_, n) => firstSeed + n);

	test.each(seeds)(
		"no verdict is lost, no episode opens twice, a kill repeats one line at most (seed %i)",
		{
			timeout: (rounds + 2) * 2 * minutes,
		},
		async (seed) => {
			await using lane = await Lane.start(seed);
			await lane.play();
			const path = lane.databasePath;
			const { alerts } = lane;
			expect(alerts.length).toBeGreaterThan(0);

			const told = new Map<string, string>();
			const repeatedByLife = lane.alertsByLife.map((life) => {
				const repeated = life.filter((alert) => told.has(keyOf(alert)));
				for (const alert of life) {
					const line = JSON.stringify(alert);
					// The identical key with the identical content.
					expect(told.get(keyOf(alert)) ?? line).toBe(line);
					told.set(keyOf(alert), line);
				}
				return repeated.length;
			});
			// What the one before it had told, and not noted yet.
			expect(Math.max(...repeatedByLife), `repeated lines, by life: ${repeatedByLife}`).toBeLessThanOrEqual(1);

			// The file has each once, whatever was repeated on stdout.
			expect(lane.alertsInFile.map(keyOf).toSorted()).toEqual([...told.keys()].toSorted());

			const episodes = fromDatabase<string>(path, "SELECT alert_id FROM episodes ORDER BY 1");
			expect(new Set(alerts.map(({ alert_id }) => alert_id))).toEqual(new Set(episodes));
			expect(told.size).toBe(2 * episodes.length);
			expect(fromDatabase(path, "SELECT count(*) AS n FROM episodes GROUP BY run_id, attempt HAVING n > 1")).toEqual(
				[],
			);
			expect(fromDatabase(path, "SELECT key FROM outbox WHERE delivered_at_ms IS NULL")).toEqual([]);
			expect(checkDatabase(`sqlite:${path}`).faults).toEqual([]);
		},
	);
});
