import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { Tracker } from "../core/tracker.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import { ApiClient } from "../prefect/api-client.ts";
import { RunHistory } from "../prefect/run-history.ts";
import type { Remedier } from "../remedy/remedier.ts";
import { Schedule } from "../schedule/schedule.ts";
import type { Store } from "../store/store.ts";
import { CountedStore } from "./counted-store.ts";
import { deadManLoop } from "./dead-man.ts";
import { Deliveries } from "./deliveries.ts";
import { Inquirer } from "./inquirer.ts";
import { Inspector } from "./inspector.ts";
import { Intake } from "./intake.ts";
import { jobsOf } from "./jobs.ts";
import { Lesson } from "./lesson.ts";
import type { Operator } from "./operator.ts";
import { Persister } from "./persister.ts";
import { Pipeline } from "./pipeline.ts";
import type { Ports, StreamPort, TransportPort } from "./ports.ts";
import { remediesOf } from "./remedies.ts";
import type { Restored } from "./restored.ts";
import { inspectionOf } from "./stored-inspection.ts";
import { isOverWithin, supervise } from "./supervise.ts";
import { remedyFactsOf, statusOf, type WatchStatus } from "./watch-status.ts";
import { type WatchedPart, watchForStandstill } from "./watchdog.ts";

/** With what the store held at the start. */
export interface WatchOptions extends Restored {
	/** As they were at the start: what a reload cannot change. */
	readonly settings: Settings;
	/** As they are now: what it can. */
	readonly live: LiveSettings;
	/** The ways to the world outside: live ones, or those of a replay. */
	readonly ports: Ports;
	/** For the log: whom we wait for. */
	readonly apiUrl: string;
	readonly workspace: string;
	readonly store: Store;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** Of the 10 s that a whole shutdown has, these go to what brings inputs, to what is still to be delivered, to the core. */
const intakeStopMsMax = 3_000;
const drainMsMax = 5_000;
const coreStopMsMax = 1_000;

/** One workspace under watch: the parts, and how they hang together. */
export class Watch implements AsyncDisposable {
	readonly #options: WatchOptions;
	readonly #store: CountedStore;
	readonly #tracker: Tracker;
	readonly #transport: TransportPort;
	readonly #api: ApiClient;
	readonly #persister: Persister;
	readonly #deliveries: Deliveries;
	readonly #pipeline: Pipeline;
	readonly #inquirer: Inquirer;
	readonly #intake: Intake;
	readonly #lesson: Lesson;
	readonly #stream: StreamPort;
	readonly #schedule: Schedule;
	/** Null in a replay. */
	readonly #remedier: Remedier | null;

	constructor(options: WatchOptions) {
		this.#options = options;
		const { live, ports, workspace, tracker, reporter, clock } = options;
		const store = new CountedStore(options.store);
		this.#store = store;
		this.#tracker = tracker;
		this.#transport = ports.transport({
			onAnswer: ({ serverDateMs }) => this.#intake.restEnded(serverDateMs, true),
			onFailure: () => this.#intake.restEnded(null, false),
		});
		this.#api = new ApiClient({ transport: this.#transport, clock, reporter });
		const common = { store, reporter, clock, workspace };
		this.#persister = new Persister({
			...common,
			tracker,
			get outboxRowsMax() {
				return live.current.limits.outboxRows;
			},
			onReloaded: (view) => {
				this.#pipeline.result({ kind: "stored", at: clock.now(), views: [view] });
				this.#pipeline.drain();
			},
			onSendable: (rows) => this.#deliveries.offer(rows),
		});
		this.#deliveries = new Deliveries({
			...options,
			store,
			persister: this.#persister,
			sinks: ports.sinks,
			inspection: tracker.inspection,
			releaseScope: async (scope) => (await this.#remedier?.release(scope)) ?? false,
		});
		this.#pipeline = new Pipeline({
			tracker,
			persister: this.#persister,
			reporter,
			clock,
			get queueInputsMax() {
				return live.current.limits.queueInputs;
			},
			sinks: ports.sinks,
			onInquiries: (inquiries, workPools) => this.#inquirer.ask(inquiries, workPools),
			onOverflow: () => this.#intake.resync(),
		});
		const onResult = this.#pipeline.result.bind(this.#pipeline);
		this.#inquirer = new Inquirer({ api: this.#api, clock, onResult });
		this.#intake = this.#newIntake();
		this.#lesson = new Lesson({ ...options, tracker, transport: this.#transport, pipeline: this.#pipeline });
		this.#stream = ports.stream(this.#intake.listener);
		const shared = { ...options, tracker, store, transport: this.#transport, api: this.#api, onResult };
		this.#remedier = ports.actsOnRuns ? remediesOf(shared) : null;
		const parts = {
			pipeline: this.#pipeline,
			intake: this.#intake,
			remedier: this.#remedier,
			dispatcher: this.#deliveries.dispatcher,
			held: this.#deliveries.held,
			reminders: this.#deliveries.reminders,
			sinks: ports.sinks.map(({ name }) => name),
		};
		this.#schedule = new Schedule(jobsOf({ ...shared, ...parts }), { slots: ports.slots, reporter, clock });
	}

	#newIntake(): Intake {
		const { live, clock, random, reporter, apiUrl } = this.#options;
		return new Intake({
			api: this.#api,
			pipeline: this.#pipeline,
			tracker: this.#tracker,
			clock,
			random,
			reporter,
			get secondPassMs() {
				return live.current.catchUp.secondPass.ms;
			},
			apiUrl,
		});
	}

	/** For whoever looks. @param runUrl address of a run's page in Prefect */
	inspector(runUrl: (runId: string) => string): Inspector {
		const { live, settings, workspace, clock, reporter } = this.#options;
		const tracker = this.#tracker;
		return new Inspector({
			...this.#options,
			runUrl,
			inspection: tracker.inspection,
			history: new RunHistory({
				transport: this.#transport,
				reporter,
				clock,
				withNames: (views, signal) => this.#api.withNames(views, signal),
			}),
			inspectOther: (what) => {
				const { monoMs, wallMs } = clock.now();
				const serverMs = tracker.observation.clock.toServerMs(monoMs) ?? wallMs;
				const { namespace } = settings;
				return inspectionOf(what, { live, namespace, workspace, clock, serverMs });
			},
			remedy: () => remedyFactsOf(live.current),
			storedNamesakes: () => [],
			openEpisodes: () => tracker.census.openEpisodes,
			sinks: () => [...this.#deliveries.dispatcher.figures],
			attention: () => this.#deliveries.attention,
			namespace: settings.namespace,
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#transport[Symbol.asyncDispose]();
		for (const sink of this.#options.ports.sinks) await sink[Symbol.asyncDispose]?.();
	}

	/** Something is queued or being committed, so that more may follow without time going on. */
	get isBusy(): boolean {
		return this.#pipeline.isBusy || this.#persister.isBusy;
	}

	/** What operators command. */
	get operator(): Operator {
		return this.#deliveries.operator;
	}

	/** For `/-/ready`: our own affairs alone. */
	readiness(): { loaded: boolean; storeFailing: boolean; lastTickMonoMs: number | null } {
		return { loaded: true, storeFailing: this.#persister.isFailing, lastTickMonoMs: this.#pipeline.lastTickMonoMs };
	}

	/** For `/-/status`: numbers alone. */
	status(): WatchStatus {
		return statusOf(this.#tracker, {
			at: this.#options.clock.now(),
			lastTickMonoMs: this.#pipeline.lastTickMonoMs,
			outboxPending: this.#deliveries.dispatcher.pendingCount,
		});
	}

	/**
	 * Resolves after the signal has aborted and all is saved; rejects on a bug.
	 *
	 * @throws StoreError when the database is damaged; OutsideError when verdicts could not be saved at the end
	 */
	async run(signal: AbortSignal): Promise<void> {
		this.#deliveries.begin(this.#options.world.outbox);
		const drained = new AbortController();
		const failed = new AbortController();
		const core = supervise(
			{
				pipeline: (stop) => this.#pipeline.run(stop),
				...this.#deliveries.loops(),
			},
			drained.signal,
			{ ...this.#options, stopMsMax: coreStopMsMax },
		);
		core.catch(() => failed.abort());
		try {
			await supervise(this.#intakeLoops(), AbortSignal.any([signal, failed.signal]), {
				...this.#options,
				stopMsMax: intakeStopMsMax,
			});
		} finally {
			try {
				await this.#drain(failed.signal);
			} finally {
				// What failed in the core is what is told, whatever comes of draining it.
				drained.abort();
				await core;
			}
		}
		this.#refuseToLose();
	}

	#intakeLoops(): Parameters<typeof supervise>[0] {
		return {
			stream: (stop) => this.#stream.run(stop),
			"catch-up": (stop) => this.#intake.runCatchUp(stop),
			probe: (stop) => this.#intake.runProbe(stop),
			inquirer: (stop) => this.#inquirer.run(stop),
			lesson: (stop) => this.#lesson.run(stop),
			persister: (stop) => this.#persister.run(stop),
			schedule: (stop) => this.#schedule.run(stop),
			...deadManLoop({ ...this.#options, tracker: this.#tracker, readiness: () => this.readiness() }),
			reposter: (stop) => this.#deliveries.repost(stop),
			watchdog: (stop) => watchForStandstill(this.#watchedParts(), this.#options.clock, stop),
		};
	}

	/** What else waits (sockets, REST, sinks) waits for others, has limits of its own, and is told where it is met. */
	#watchedParts(): readonly WatchedPart[] {
		return [
			{ name: "the sweep", progress: () => this.#pipeline.lastTickMonoMs ?? "not begun" },
			{ name: "a commit", progress: () => (this.#persister.isBusy ? this.#store.commitsBegun : null) },
		];
	}

	/** Whoever stops us is to know that the database lacks something; it comes again with the next start, over REST. */
	#refuseToLose(): void {
		const { unsavedVerdicts, isBusy } = this.#persister;
		if (isBusy) throw new OutsideError("stopped while the database had not ended a commit", { retryable: true });
		if (unsavedVerdicts === 0) return;
		throw new OutsideError(`stopped with ${unsavedVerdicts} verdicts that the database did not take`, {
			retryable: true,
		});
	}

	/**
	 * Everything decided is saved, and what can be delivered soon is; the rest stays owed in the store.
	 *
	 * @param failed aborted when the dispatcher is gone
	 */
	async #drain(failed: AbortSignal): Promise<void> {
		const over = AbortSignal.any([failed, AbortSignal.timeout(drainMsMax)]);
		this.#pipeline.drain();
		if (!(await isOverWithin(this.#persister.flush(), drainMsMax))) return;
		await this.#deliveries.dispatcher.idle(over).catch(() => undefined);
		await isOverWithin(this.#persister.flush(), drainMsMax);
	}
}
