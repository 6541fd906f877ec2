import type { Chance } from "./chance.ts";
import { type AcceptedBeat, type SetState, type SimRun, stateOf } from "./run.ts";
import type { Timeline } from "./timeline.ts";
import { epochMs, minute } from "./units.ts";

/** An event as the server holds it. */
export interface SimEvent {
	readonly id: string;
	readonly name: string;
	readonly runId: string;
	readonly resourceId: string;
	/** The sender's clock, milliseconds since the epoch. */
	readonly occurredMs: number;
	/** The world's time. */
	readonly acceptedMs: number;
	/** The world's time from which REST shows it; infinity: never. */
	visibleMs: number;
	readonly json: Readonly<Record<string, unknown>> & { readonly resource: object };
	/** The frame in which a subscriber gets it. */
	readonly text: string;
}

export interface Subscriber {
	offer(event: SimEvent): void;
	/** The server is going away. */
	dropped(): void;
}

export interface ServerHabits {
	/** From taking an event in to showing it over REST. */
	readonly persisterMsMax: number;
	readonly driftPpm: number;
}

/** Subscriptions get nothing that occurred, by the sender's clock, earlier than so long before. */
const subscriptionReachMs = 15 * minute;

/** Prefect's server: its runs, what it has stored, its clock, and whom it tells. */
export class SimServer {
	readonly runs = new Map<string, SimRun>();
	readonly events: SimEvent[] = [];
	readonly beatsOf = new Map<string, SimEvent[]>();
	/** Parents' flow runs by the task runs that subflows stand for. */
	readonly taskRuns = new Map<string, string>();
	readonly #timeline: Timeline;
	readonly #chance: Chance;
	readonly #habits: ServerHabits;
	readonly #lastStateEvent = new Map<string, string>();
	/** The same in every event of a kind: by the run's id, of its beats and of its states. */
	readonly #related = new Map<string, readonly object[]>();
	#subscriber: { readonly to: Subscriber; readonly sinceMs: number } | null = null;
	#clockOffMs = 0;
	isUp = true;
	/** What the persister had not written when the server crashed is gone. */
	onLost: (event: SimEvent) => void = () => undefined;
	onState: (run: SimRun, state: SetState) => void = () => undefined;

	constructor(options: { timeline: Timeline; chance: Chance; habits: ServerHabits }) {
		this.#timeline = options.timeline;
		this.#chance = options.chance;
		this.#habits = options.habits;
	}

	/** Milliseconds since the epoch. */
	get clockMs(): number {
		const { nowMs } = this.#timeline;
		return epochMs + nowMs * (1 + this.#habits.driftPpm / 1e6) + this.#clockOffMs;
	}

	setClock(byMs: number): void {
		this.#clockOffMs += byMs;
	}

	/** Its clock is so far ahead that subscriptions leave out the beats of workers whose clocks are right. */
	get isOutOfEarshot(): boolean {
		return this.#clockOffMs > subscriptionReachMs - minute;
	}

	subscribe(to: Subscriber): void {
		this.#subscriber = { to, sinceMs: this.clockMs - subscriptionReachMs };
	}

	unsubscribe(from: Subscriber): void {
		if (this.#subscriber?.to === from) this.#subscriber = null;
	}

	stop(losesUnwritten: boolean): void {
		this.isUp = false;
		const { nowMs } = this.#timeline;
		if (losesUnwritten) {
			for (let index = this.events.length - 1; index >= 0; index--) {
				const event = this.events[index];
				// The persister is never further behind.
				if (event === undefined || event.acceptedMs < nowMs - this.#habits.persisterMsMax) break;
				if (event.visibleMs > nowMs) this.#lose(event);
			}
		}
		const subscriber = this.#subscriber?.to;
		this.#subscriber = null;
		subscriber?.dropped();
	}

	start(): void {
		this.isUp = true;
	}

	/** Sets a state and tells of it, as the server does when it accepts one. */
	setState(run: SimRun, state: Pick<SetState, "type" | "name"> & { readonly dueInMs?: number }): SetState {
		const { nowMs } = this.#timeline;
		const timestampMs = this.clockMs;
		const set: SetState = {
			atMs: nowMs,
			id: this.#chance.uuid(),
			type: state.type,
			name: state.name,
			timestampMs,
			scheduledMs: state.dueInMs === undefined ? null : timestampMs + state.dueInMs,
		};
		run.states.push(set);
		const resource = {
			"prefect.run-count": String(run.runCount),
			"prefect.state-message": "",
			"prefect.state-name": set.name,
			"prefect.state-timestamp": isoOf(timestampMs),
			"prefect.state-type": set.type,
		};
		const follows = this.#lastStateEvent.get(run.id) ?? null;
		this.#lastStateEvent.set(run.id, set.id);
		this.#take(run, { id: set.id, name: `prefect.flow-run.${set.name}`, occurredMs: timestampMs, resource, follows });
		this.onState(run, set);
		return set;
	}

	/** Takes in a heartbeat. */
	takeBeat(run: SimRun, beat: { readonly id: string; readonly occurredMs: number }): AcceptedBeat {
		const event = this.#take(run, {
			...beat,
			name: "prefect.flow-run.heartbeat",
			resource: { "prefect.version": run.version },
			follows: null,
		});
		const ofRun = this.beatsOf.get(run.id) ?? [];
		ofRun.push(event);
		this.beatsOf.set(run.id, ofRun);
		const accepted = { eventId: event.id, acceptedMs: event.acceptedMs, visibleMs: event.visibleMs };
		run.accepted.push(accepted);
		return accepted;
	}

	#relatedOf(run: SimRun, eventName: string): readonly object[] {
		const isBeat = eventName === "prefect.flow-run.heartbeat";
		const key = isBeat ? `${run.id} beats` : run.id;
		const known = this.#related.get(key);
		if (known !== undefined) return known;
		const related = relatedOf(run, isBeat);
		this.#related.set(key, related);
		return related;
	}

	#lose(event: SimEvent): void {
		event.visibleMs = Number.POSITIVE_INFINITY;
		const beat = this.runs.get(event.runId)?.accepted.findLast(({ eventId }) => eventId === event.id);
		if (beat !== undefined) beat.visibleMs = Number.POSITIVE_INFINITY;
		this.onLost(event);
	}

	#take(
		run: SimRun,
		told: {
			readonly id: string;
			readonly name: string;
			readonly occurredMs: number;
			readonly resource: object;
			readonly follows: string | null;
		},
	): SimEvent {
		const { nowMs } = this.#timeline;
		const resourceId = `prefect.flow-run.${run.id}`;
		const json = {
			occurred: isoOf(told.occurredMs),
			event: told.name,
			resource: { "prefect.resource.id": resourceId, "prefect.resource.name": run.name, ...told.resource },
			related: this.#relatedOf(run, told.name),
			payload: {},
			id: told.id,
			follows: told.follows,
			received: isoOf(this.clockMs),
		};
		const event: SimEvent = {
			id: told.id,
			name: told.name,
			runId: run.id,
			resourceId,
			occurredMs: told.occurredMs,
			acceptedMs: nowMs,
			visibleMs: nowMs + this.#chance.between(0, this.#habits.persisterMsMax),
			json,
			text: JSON.stringify({ type: "event", event: json }),
		};
		this.events.push(event);
		if (this.#subscriber !== null && told.occurredMs >= this.#subscriber.sinceMs) this.#subscriber.to.offer(event);
		return event;
	}
}

/** With six digits of a second, as Prefect writes times. */
export function isoOf(ms: number): string {
	return new Date(Math.floor(ms)).toISOString().replace("Z", "000Z");
}

function relatedOf(run: SimRun, isBeat: boolean): readonly object[] {
	const role = (id: string, as: string, name?: string): object => ({
		"prefect.resource.id": id,
		"prefect.resource.role": as,
		...(name === undefined ? {} : { "prefect.resource.name": name }),
	});
	const related = [role(`prefect.flow.${run.flowId}`, "flow", `flow-${run.flowId.slice(0, 4)}`)];
	if (run.deploymentId !== null) related.push(role(`prefect.deployment.${run.deploymentId}`, "deployment"));
	if (run.workPool !== null) related.push(role(`prefect.work-pool.${run.workPool}`, "work-pool", run.workPool));
	// A plain subflow's beats do not name the parent; its states do, through a task run.
	if (run.parentTaskRunId !== null && !isBeat) {
		related.push(role(`prefect.task-run.${run.parentTaskRunId}`, "task-run"));
	}
	return [...related, ...run.tags.map((tag) => role(`prefect.tag.${tag}`, "tag"))];
}

/** What `POST /flow_runs/filter` gives of a run. */
export function flowRunJson(run: SimRun): object {
	const state = stateOf(run);
	return {
		id: run.id,
		name: run.name,
		flow_id: run.flowId,
		deployment_id: run.deploymentId,
		work_pool_name: run.workPool,
		parent_task_run_id: run.parentTaskRunId,
		tags: run.tags,
		run_count: run.runCount,
		state_type: state?.type ?? null,
		state_name: state?.name ?? null,
		state:
			state === null
				? null
				: {
						id: state.id,
						type: state.type,
						name: state.name,
						timestamp: isoOf(state.timestampMs),
						state_details: { scheduled_time: state.scheduledMs === null ? null : isoOf(state.scheduledMs) },
					},
	};
}
