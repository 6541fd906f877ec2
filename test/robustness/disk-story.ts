import { LiveSettings } from "../../src/config/live-settings.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Ports } from "../../src/daemon/ports.ts";
import { restoredFrom } from "../../src/daemon/restored.ts";
import { Watch } from "../../src/daemon/watch.ts";
import { ApiError } from "../../src/prefect/api-error.ts";
import type { StreamListener } from "../../src/prefect/event-stream.ts";
import { deliverFrame } from "../../src/prefect/frame-delivery.ts";
import { HeartbeatScanner } from "../../src/prefect/heartbeat-scan.ts";
import { VirtualClock } from "../../src/replay/virtual-clock.ts";
import { openStore } from "../../src/store/open-store.ts";
import { HandSlots } from "../_util/daemon-clock.ts";
import { type EventJson, heartbeat, run, stateEvent } from "../_util/prefect-events.ts";
import { ToldReporter } from "../_util/prefect-reporter.ts";
import { answerRest, type StubWorld } from "../_util/prefect-stub-rest.ts";

const startsMs = Date.parse("2026-05-13T05:00:00Z");
const second = 1_000;
const idOf = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const [beating, stuckAtFirst, stuckLater] = [1, 2, 3].map(idOf) as [string, string, string];

const { settings } = loadConfig({
	env: { ZOMBIED_DETECTOR_STUCK_PENDING: "5s" },
	folder: "/nowhere",
	file: null,
	flags: new Map(),
});

/** What happens on the server, by the second after the start. */
const happenings: ReadonlyMap<number, (world: StoryWorld) => void> = new Map([
	[2, (world) => world.beat(beating)],
	[32, (world) => world.beat(beating)],
	[62, (world) => world.beat(beating)],
	[65, (world) => world.enter(stuckAtFirst, "RUNNING")],
	[66, (world) => world.enter(stuckLater, "PENDING")],
]);
const endsAfterSeconds = 76;

/** A server in virtual time: three runs, of which one beats, and two are stuck in PENDING one after the other. */
class StoryWorld implements StubWorld {
	readonly runs = new Map<string, ReturnType<typeof run>>();
	readonly flows = new Map<string, string>();
	readonly deployments = new Map<string, string>();
	readonly stored: EventJson[] = [];
	readonly logs: StubWorld["logs"] = [];
	readonly taskRuns: StubWorld["taskRuns"] = [];
	readonly workers: StubWorld["workers"] = new Map();
	pageRowsMax = 200;
	eventsPageRowsMax = 50;
	readonly clock = new VirtualClock(startsMs);
	onFrame: (text: string) => void = () => {};
	#states = 0;

	constructor() {
		this.#set(beating, "RUNNING");
		this.#set(stuckAtFirst, "PENDING");
		this.#set(stuckLater, "SCHEDULED");
	}

	nowMs(): number {
		return this.clock.now().wallMs;
	}

	beat(runId: string): void {
		this.#tell(heartbeat({ runId, occurredMs: this.nowMs() - 20, id: idOf(this.#nextState()) }));
	}

	enter(runId: string, type: string): void {
		const id = this.#set(runId, type);
		this.#tell(stateEvent({ runId, type, atMs: this.nowMs() - 20, id }));
	}

	#nextState(): number {
		this.#states += 1;
		return this.#states;
	}

	#set(id: string, type: string): string {
		const stateId = idOf(this.#nextState());
		this.runs.set(id, run({ id, type, stateId, atMs: this.nowMs() - 20 }));
		return stateId;
	}

	#tell(event: EventJson): void {
		this.stored.push(event);
		this.onFrame(JSON.stringify({ type: "event", event }));
	}
}

/** How a life of the daemon ended. */
export interface StoryEnd {
	/** Null is success, as exit code 0 is. */
	readonly failure: unknown;
	/** Keys of the alerts, in the order in which they were told. */
	readonly told: readonly string[];
}

/**
 * One life of the daemon's parts on a database of its own, from the opening of the database to its closing: a verdict is
 * raised, told and resolved, another one is raised just before the end.
 */
export async function playStory(storePath: string): Promise<StoryEnd> {
	const told: string[] = [];
	try {
		await live(storePath, told);
		return { failure: null, told };
	} catch (failure) {
		return { failure, told };
	}
}

async function live(storePath: string, told: string[]): Promise<void> {
	const world = new StoryWorld();
	const { clock } = world;
	const { reporter } = new ToldReporter();
	await using store = await openStore(`sqlite:${storePath}`, {
		clock,
		appVersion: "0.0.0-test",
		onMalformedRow: (sample) => {
			throw new Error(`a row was not understood: ${sample}`);
		},
		onDamaged: () => {},
		knownDamage: null,
	});
	const workspace = "default";
	const slots = new HandSlots();
	const stop = new AbortController();
	const live = new LiveSettings(settings, () => {
		throw new Error("nobody reloads");
	});
	await using watch = new Watch({
		...(await restoredFrom({ settings, live, workspace, store, clock })),
		settings,
		live,
		ports: portsOf(world, { slots, told, reporter }),
		apiUrl: "http://prefect.test/api",
		workspace,
		store,
		reporter,
		clock,
		random: () => 0.5,
	});
	let isOver = false;
	const running = watch.run(stop.signal).finally(() => {
		isOver = true;
	});
	// Awaited below, when time has passed.
	running.catch(() => undefined);
	for (let seconds = 1; seconds <= endsAfterSeconds && !isOver; seconds++) {
		clock.advanceTo(startsMs + seconds * second);
		happenings.get(seconds)?.(world);
		slots.fire();
		await rest(watch);
	}
	stop.abort();
	await running;
}

async function rest(watch: Watch): Promise<void> {
	for (let quiet = 0; quiet < 3; quiet = watch.isBusy ? 0 : quiet + 1) await new Promise(setImmediate);
}

function portsOf(
	world: StoryWorld,
	{ slots, told, reporter }: { slots: HandSlots; told: string[]; reporter: ToldReporter["reporter"] },
): Ports {
	const { clock } = world;
	return {
		transport: ({ onAnswer, onFailure }) => ({
			call: async (call) => {
				const url = new URL(`/api${call.path}`, "http://prefect.test");
				const answer = answerRest(world, call.method, url, (call.body ?? null) as Record<string, unknown> | null);
				if (answer?.status !== 200) {
					onFailure();
					throw new ApiError("server_error", `${call.path} is not to be had`);
				}
				const serverDateMs = Math.floor(world.nowMs() / second) * second;
				onAnswer({ serverDateMs });
				return { value: call.schema.parse(answer.body), serverDateMs };
			},
			[Symbol.asyncDispose]: async () => {},
		}),
		stream: (listener: StreamListener) => ({
			run: async (signal) => {
				const scanner = new HeartbeatScanner();
				world.onFrame = (text) => deliverFrame(Buffer.from(text), clock.now(), { listener, reporter, scanner });
				listener.opened(clock.now());
				await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
			},
		}),
		slots,
		ping: null,
		actsOnRuns: false,
		sinks: [
			{ name: "log", noticesMax: 1, givesUp: false, wants: () => true, send: async ([{ key }]) => void told.push(key) },
		],
	};
}
