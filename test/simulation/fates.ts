import type { Chance } from "./chance.ts";
import { hasEndedOnServer, isTerminalType, type SimRun, stateOf } from "./run.ts";
import type { SimServer } from "./server.ts";
import type { Story } from "./story.ts";
import type { Timeline } from "./timeline.ts";
import { hour, minute, second } from "./units.ts";
import type { WorkerProcess } from "./worker-process.ts";

export const endings = [
	"completes",
	"fails",
	"crashes by itself",
	"killed",
	"killed while it waits for a retry",
	"stalls",
	"freezes for long",
	"heartbeat thread dies",
	"retries",
	"pauses",
	"cancelled",
	"cancelled and goes on",
	"crashed from outside and goes on",
	"deleted",
	"stuck in Pending",
	"holds its events for hours",
] as const;
export type Ending = (typeof endings)[number];

/** How often each comes, in a world where all of them do. */
export const usualShares: Readonly<Record<Ending, number>> = {
	completes: 40,
	fails: 5,
	"crashes by itself": 3,
	killed: 16,
	"killed while it waits for a retry": 3,
	stalls: 6,
	"freezes for long": 4,
	"heartbeat thread dies": 3,
	retries: 6,
	pauses: 4,
	cancelled: 3,
	"cancelled and goes on": 2,
	"crashed from outside and goes on": 2,
	deleted: 2,
	"stuck in Pending": 1,
	"holds its events for hours": 1,
};

export interface FateOptions {
	readonly timeline: Timeline;
	readonly server: SimServer;
	readonly story: Story;
	readonly chance: Chance;
	readonly run: SimRun;
	readonly process: WorkerProcess;
	readonly ending: Ending;
	/** From RUNNING to where the ending sets in. */
	readonly lastsMs: number;
	readonly onDeleted: (run: SimRun) => void;
}

/** What becomes of one run, from PENDING on. */
export class Fate {
	readonly #options: FateOptions;

	constructor(options: FateOptions) {
		this.#options = options;
	}

	begin(): void {
		const { server, run, chance, process, ending } = this.#options;
		server.runs.set(run.id, run);
		this.#set("PENDING", "Pending");
		if (ending === "stuck in Pending") return;
		process.after(chance.between(1, 20) * second, () => this.#beginAttempt(() => this.#live()));
	}

	#live(): void {
		const { process, run, lastsMs, ending } = this.#options;
		process.after(lastsMs, () => {
			if (run.endMs === null && !hasEndedOnServer(run)) this.#meet(ending);
		});
	}

	#meet(ending: Ending): void {
		const { process, run, chance, server } = this.#options;
		switch (ending) {
			case "completes":
			case "stuck in Pending":
				this.#end("COMPLETED", "Completed");
				return;
			case "fails":
				this.#end("FAILED", "Failed");
				return;
			case "crashes by itself":
				this.#end("CRASHED", "Crashed");
				return;
			case "killed":
				process.kill();
				this.#tidyUp();
				return;
			case "killed while it waits for a retry":
				this.#retry(
					() => undefined,
					() => process.kill(),
				);
				return;
			case "stalls":
				process.freeze(chance.between(0.2, 1.9) * run.cadenceMs);
				this.#goOn();
				return;
			case "freezes for long":
				process.freeze(chance.between(2, 8) * run.cadenceMs + chance.between(0, 2) * minute);
				this.#goOn();
				return;
			case "heartbeat thread dies":
				process.endThread(run);
				this.#goOn();
				return;
			case "retries":
				this.#retry(
					() => this.#goOn(),
					() => undefined,
				);
				return;
			case "pauses":
				process.propose(() => this.#set("PAUSED", "Paused"));
				process.after(chance.between(1, 60) * minute, () => process.propose(() => this.#resume()));
				return;
			case "cancelled":
				server.setState(run, { type: "CANCELLING", name: "Cancelling" });
				this.#endAfter(chance.between(5, 60) * second, "CANCELLED", "Cancelled");
				return;
			case "cancelled and goes on":
				this.#cancelInVain();
				return;
			case "crashed from outside and goes on":
				this.#set("CRASHED", "Crashed");
				this.#endAfter(chance.between(1, 90) * minute, "COMPLETED", "Completed");
				return;
			case "deleted":
				this.#delete();
				if (chance.happens(0.5)) process.kill();
				else process.after(chance.between(1, 20) * minute, () => process.ends(run));
				return;
			case "holds its events for hours":
				process.holdFor(chance.between(0.5, 3) * hour);
				this.#goOn();
				return;
		}
		ending satisfies never;
	}

	/** Later it completes, or is killed after all. */
	#goOn(): void {
		const { process, chance, run } = this.#options;
		process.after(chance.between(20, 120) * minute, () => {
			if (run.endMs === null && !hasEndedOnServer(run)) this.#meet(chance.happens(0.2) ? "killed" : "completes");
		});
	}

	#resume(): void {
		this.#set("RUNNING", "Running");
		this.#goOn();
	}

	#retry(then: () => void, whileWaiting: () => void): void {
		const { process, chance, run } = this.#options;
		const waitMs = chance.between(10, 900) * second;
		process.stopBeating(run);
		process.propose(() => {
			this.#set("SCHEDULED", "AwaitingRetry", waitMs);
			process.after(waitMs / 2, whileWaiting);
			process.after(waitMs, () => this.#beginAttempt(then));
		});
	}

	#beginAttempt(then: () => void): void {
		const { process, run, timeline } = this.#options;
		process.propose(() => {
			// The server refuses to run what has ended or is gone.
			if (hasEndedOnServer(run)) return process.ends(run);
			run.runCount += 1;
			run.attemptMs = timeline.nowMs;
			this.#set("RUNNING", "Running");
			process.after(0, () => {
				process.startBeating(run);
				then();
			});
		});
	}

	#cancelInVain(): void {
		const { server, run, chance, timeline } = this.#options;
		server.setState(run, { type: "CANCELLING", name: "Cancelling" });
		const cancel = (): void => {
			if (!server.isUp) timeline.after(minute, cancel);
			else if (stateOf(run)?.type === "CANCELLING") this.#set("CANCELLED", "Cancelled");
		};
		timeline.after(300 * second, cancel);
		this.#endAfter(chance.between(10, 90) * minute, "COMPLETED", "Completed");
	}

	#endAfter(ms: number, type: "COMPLETED" | "CANCELLED", name: string): void {
		this.#options.process.after(ms, () => this.#end(type, name));
	}

	#end(type: "COMPLETED" | "FAILED" | "CRASHED" | "CANCELLED", name: string): void {
		const { process, run, chance } = this.#options;
		process.propose(() => {
			const current = stateOf(run);
			// Only what has crashed may still complete; any other end stands.
			const isAccepted = current !== null && (!isTerminalType(current.type) || current.type === "CRASHED");
			if (isAccepted && run.deletedMs === null) this.#set(type, name);
			if (chance.happens(0.1)) process.after(chance.between(0, 200), () => process.straggle(run));
			process.after(0, () => process.ends(run));
		});
	}

	/** An operator, or an automation, that sooner or later clears away what has died. */
	#tidyUp(): void {
		const { chance, run, timeline, server } = this.#options;
		if (chance.happens(0.4)) return;
		const tidy = (): void => {
			if (!server.isUp) timeline.after(minute, tidy);
			else if (hasEndedOnServer(run)) return;
			else if (chance.happens(0.8)) this.#set("CRASHED", "Crashed");
			else this.#delete();
		};
		timeline.after(chance.between(1.5, 5) * hour, tidy);
	}

	#delete(): void {
		const { run, timeline, onDeleted } = this.#options;
		run.deletedMs = timeline.nowMs;
		this.#tell("it is deleted");
		onDeleted(run);
	}

	#set(type: Parameters<SimServer["setState"]>[1]["type"], name: string, dueInMs?: number): void {
		const { server, run } = this.#options;
		server.setState(run, dueInMs === undefined ? { type, name } : { type, name, dueInMs });
		this.#tell(`the server says ${type} (${name}), attempt ${run.runCount}`);
	}

	#tell(text: string): void {
		const { story, timeline, run } = this.#options;
		story.tell(timeline.nowMs, run.id, text);
	}
}
