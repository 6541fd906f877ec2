import { secretsOf } from "../config/describe.ts";
import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { DeliveryHold, Hold, Settlement } from "../core/delivery.ts";
import type { Transition } from "../core/episode.ts";
import type { Inspection } from "../core/inspection.ts";
import { type Attention, holdOf } from "../core/telling.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import { newShortId } from "../lib/short-id.ts";
import { Dispatcher } from "../notify/dispatcher.ts";
import type { Sink } from "../notify/sink.ts";
import { redactionOf } from "../observe/redaction.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { HeldDelivery } from "../store/outbox-store.ts";
import type { OutboxRow, Store } from "../store/store.ts";
import { AttentionBook, type Words } from "./attention.ts";
import { Backlog } from "./backlog.ts";
import { HeldDeliveries } from "./held-deliveries.ts";
import { Operator } from "./operator.ts";
import type { Persister } from "./persister.ts";
import { Reminders } from "./reminders.ts";
import { openOf, runReposter } from "./reposter.ts";
import { type SinkTelling, tellingsOf } from "./telling.ts";

export interface DeliveriesOptions {
	/** As they were at the start: which sinks there are, and how they are told. */
	readonly settings: Settings;
	readonly live: LiveSettings;
	readonly sinks: readonly Sink[];
	readonly inspection: Pick<Inspection, "openEpisodes" | "openGroups">;
	readonly store: Pick<Store, "loadOutbox" | "outbox" | "silences">;
	readonly persister: Persister;
	/** As the store had them at the start. */
	readonly words: Words;
	readonly held: readonly HeldDelivery[];
	/** See `OperatorOptions`. */
	readonly releaseScope: (scope: string) => Promise<boolean>;
	readonly workspace: string;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** From committed outbox rows to the sinks, and what people have to say to it. */
export class Deliveries {
	readonly #options: DeliveriesOptions;
	readonly #redact: (text: string) => string;
	readonly #tellingOf: (sink: Sink) => SinkTelling;
	readonly #attention: AttentionBook;
	readonly #backlog: Backlog;
	readonly dispatcher: Dispatcher;
	readonly held: HeldDeliveries;
	readonly reminders: Reminders;
	readonly operator: Operator;

	constructor(options: DeliveriesOptions) {
		this.#options = options;
		const { settings, live, inspection, workspace, persister, clock } = options;
		const openGroups = () => inspection.openGroups;
		this.#redact = redactionOf(secretsOf(settings));
		this.#tellingOf = tellingsOf(settings);
		this.#attention = new AttentionBook({ ...options, openGroups });
		this.dispatcher = new Dispatcher({
			...options,
			get outboxRowsMax() {
				return live.current.limits.outboxRows;
			},
			paceOf: this.#tellingOf,
			holdOf: (sink, raise) => this.#holdOf(sink, raise),
			hold: (hold) => this.#hold(hold),
			settle: (settlements) => persister.settle(settlements.map((one) => this.#withoutSecrets(one))),
		});
		this.#backlog = new Backlog({
			...options,
			dispatcher: this.dispatcher,
			get outboxRowsMax() {
				return live.current.limits.outboxRows;
			},
			sinks: options.sinks.map(({ name }) => name),
		});
		const openGroupIds = () => new Set(openGroups().map(({ groupId }) => groupId));
		this.held = new HeldDeliveries({ ...options, backlog: this.#backlog, openGroupIds });
		this.reminders = new Reminders({
			...options,
			repeatMsOf: (sink) => this.#tellingOf(sink).repeatMs,
			open: () => openOf(inspection, workspace),
			attention: this.#attention,
			dispatcher: this.dispatcher,
		});
		this.operator = new Operator({
			...options,
			onAttention: () => this.#attend(),
			onPending: (sinks) => {
				for (const sink of sinks) this.#backlog.reread(sink);
			},
			onDropped: (dropped) => this.dispatcher.drop(dropped),
			newSilenceId: newShortId,
			clock,
		});
	}

	/** With what an earlier process has left. */
	begin(owed: readonly OutboxRow[]): void {
		const { held } = this.#options;
		this.dispatcher.expectHeld(held);
		this.held.note(held);
		this.#backlog.offer(owed);
	}

	/** Rows that may be sent now. */
	offer(rows: readonly OutboxRow[]): void {
		this.#backlog.offer(rows);
	}

	/** What people have said about alerts. */
	get attention(): Attention {
		return this.#attention.current;
	}

	/** What sends, until the signal is aborted: loops, by name. */
	loops() {
		return {
			dispatcher: (stop: AbortSignal) => this.dispatcher.run(stop),
			backlog: (stop: AbortSignal) => this.#backlog.run(stop),
		};
	}

	/** Tells sinks that keep a state of what is open, until the signal is aborted. */
	repost(signal: AbortSignal): Promise<void> {
		return runReposter({ ...this.#options, dispatcher: this.dispatcher }, signal);
	}

	/** What a receiver answers may repeat what it was sent. */
	#withoutSecrets<Settled extends Settlement>(settled: Settled): Settled {
		return settled.detail === null ? settled : { ...settled, detail: this.#redact(settled.detail) };
	}

	#holdOf(sink: Sink, raise: Transition): Hold | null {
		const telling = { ...this.#tellingOf(sink), wants: (other: Transition) => sink.wants(other) };
		return holdOf(raise, telling, this.#attention.current, this.#options.clock.now().wallMs);
	}

	#hold(hold: DeliveryHold): void {
		this.#options.persister.hold(hold);
		this.held.note([hold]);
		this.#options.reporter.deliveryHeld(hold.sink, hold.reason);
	}

	async #attend(): Promise<void> {
		await this.#attention.read();
		this.held.askAll();
	}
}
