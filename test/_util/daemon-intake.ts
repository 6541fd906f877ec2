import type { Input } from "../../src/core/input.ts";
import { Intake, type IntakeOptions } from "../../src/daemon/intake.ts";
import { Pipeline } from "../../src/daemon/pipeline.ts";
import { PersisterUnderTest } from "./daemon-core.ts";
import { eventually } from "./eventually.ts";
import { ClientUnderTest } from "./prefect-client.ts";
import { PrefectStub } from "./prefect-stub.ts";

export const secondPassMs = 15_000;
const patienceMs = 10_000;

/** An intake that asks a real server on loopback, while time passes only when a test moves it on. */
export class IntakeStage implements AsyncDisposable {
	readonly stub: PrefectStub;
	readonly client: ClientUnderTest;
	readonly under = new PersisterUnderTest();
	readonly stop = new AbortController();
	intake: Intake;
	readonly #loops: Promise<void>[] = [];

	private constructor(stub: PrefectStub) {
		this.stub = stub;
		this.under.tracker.onHeard = () => this.under.told.look();
		this.client = new ClientUnderTest(stub.url, {
			clock: this.under.clock,
			reporter: this.under.told.reporter,
			onAnswer: ({ serverDateMs }) => this.intake.restEnded(serverDateMs, true),
			onFailure: () => this.intake.restEnded(null, false),
		});
		this.intake = this.#intakeWith(this.client.api);
	}

	static async make(): Promise<IntakeStage> {
		return new IntakeStage(await PrefectStub.start());
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.stop.abort();
		await Promise.all(this.#loops);
		await this.client[Symbol.asyncDispose]();
		await this.stub[Symbol.asyncDispose]();
	}

	/** Some of the calls are answered otherwise from now on. */
	replaceApi(some: Partial<IntakeOptions["api"]>): void {
		const { api } = this.client;
		this.intake = this.#intakeWith({
			health: (signal) => api.health(signal),
			listLiveRuns: (signal) => api.listLiveRuns(signal),
			storedEvents: (options, signal) => api.storedEvents(options, signal),
			...some,
		});
	}

	runCatchUp(): void {
		this.#loops.push(this.intake.runCatchUp(this.stop.signal));
	}

	runProbe(): void {
		this.#loops.push(this.intake.runProbe(this.stop.signal));
	}

	open(): void {
		this.intake.listener.opened(this.under.clock.now());
	}

	close(): void {
		this.intake.listener.closed(this.under.clock.now(), "closed_clean");
	}

	async untilHeard(kind: Input["kind"], times = 1): Promise<void> {
		const { told, tracker } = this.under;
		await told.untilTrue(() => tracker.count(kind) >= times, `${times} times ${kind}: ${tracker.kinds}`);
	}

	/** Until somebody waits for time to pass. */
	async untilAsleep(): Promise<void> {
		await eventually(() => this.under.clock.sleepers === 1, { what: "a sleeper", timeoutMs: patienceMs, everyMs: 1 });
	}

	/** The whole of a catch-up, with its wait before the second pass. */
	async caughtUp(times = 1): Promise<void> {
		await this.untilAsleep();
		this.under.clock.pass(secondPassMs);
		await this.untilHeard("caught_up", times);
	}

	/** Requests for the two lists that matter here, in order. */
	get asked(): readonly ("listing" | "stored")[] {
		return this.stub.requests.flatMap(({ path }) => {
			if (path.endsWith("/flow_runs/filter")) return ["listing"] as const;
			return path.endsWith("/events/filter") ? (["stored"] as const) : [];
		});
	}

	/** Where the first reading of stored events began. */
	get sinceMs(): number {
		const [request] = this.stub.requestsTo("/events/filter");
		const filter = request?.body?.filter as { readonly occurred: { readonly since: string } } | undefined;
		return Date.parse(filter?.occurred.since ?? "never");
	}

	#intakeWith(api: IntakeOptions["api"]): Intake {
		const { tracker, clock, told, persister } = this.under;
		const { reporter } = told;
		const pipeline = new Pipeline({
			tracker,
			persister,
			reporter,
			clock,
			queueInputsMax: 10,
			sinks: [{ name: "log", wants: () => true }],
			onInquiries: () => {},
			onOverflow: () => this.intake.resync(),
		});
		return new Intake({
			api,
			pipeline,
			tracker,
			clock,
			random: () => 0,
			reporter,
			secondPassMs,
			apiUrl: this.stub.url,
		});
	}
}
