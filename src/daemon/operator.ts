import type { OperatorAnswer, OperatorCommand } from "../http/operator-command.ts";
import type { Clock } from "../lib/clock.ts";
import type { SinkRows } from "../store/outbox-store.ts";
import type { Store } from "../store/store.ts";

/** More that begin so are not told. */
const candidatesMax = 5;

export interface OperatorOptions {
	readonly store: Pick<Store, "outbox" | "silences">;
	readonly workspace: string;
	/** Lets a scope act again; false: it is not held. */
	readonly releaseScope: (scope: string) => Promise<boolean>;
	/** Something was said about alerts. */
	readonly onAttention: () => Promise<void>;
	/** Rows of these sinks are pending again. */
	readonly onPending: (sinks: readonly string[]) => void;
	/** Null: whatever the sink; whatever the key. */
	readonly onDropped: (dropped: { readonly sink: string | null; readonly key: string | null }) => void;
	readonly newSilenceId: () => string;
	readonly clock: Clock;
}

/** Carries out what operators command: in the store, and in the daemon that runs on it. Calls throw StoreError, and OutsideError. */
export class Operator {
	readonly #options: OperatorOptions;

	constructor(options: OperatorOptions) {
		this.#options = options;
	}

	async carryOut(command: OperatorCommand): Promise<OperatorAnswer> {
		switch (command.do) {
			case "release_scope":
				return changed(Number(await this.#options.releaseScope(command.scope)));
			case "add_silence":
				return await this.#addSilence(command);
			case "end_silence":
				return await this.#endSilence(command.silenceId);
			case "acknowledge":
				return await this.#acknowledge(command);
			case "retry_deliveries":
				return await this.#retry(command);
			case "drop_deliveries":
				return await this.#drop(command);
		}
		return command satisfies never;
	}

	async #addSilence({ match, conditions, lastsMs, why }: OperatorCommand & { do: "add_silence" }) {
		const { store, workspace, newSilenceId, onAttention, clock } = this.#options;
		const fromMs = clock.now().wallMs;
		const silenceId = newSilenceId();
		await store.silences.putSilence({
			workspace,
			silenceId,
			match,
			conditions,
			fromMs,
			untilMs: fromMs + lastsMs,
			why,
		});
		await onAttention();
		return { changed: 1, ids: [silenceId] };
	}

	async #endSilence(silenceId: string): Promise<OperatorAnswer> {
		const { store, workspace, onAttention, clock } = this.#options;
		const isEnded = await store.silences.endSilence({ workspace, silenceId, atMs: clock.now().wallMs });
		if (isEnded) await onAttention();
		return { changed: Number(isEnded), ids: isEnded ? [silenceId] : [] };
	}

	async #acknowledge({ alertId, why }: OperatorCommand & { do: "acknowledge" }): Promise<OperatorAnswer> {
		const { store, workspace, onAttention, clock } = this.#options;
		const ids = await store.silences.openAlerts({ workspace, idPrefix: alertId, rowsMax: candidatesMax });
		const [only, ...others] = ids;
		if (only === undefined || others.length > 0) return { changed: 0, ids: [...ids] };
		await store.silences.acknowledge({ workspace, alertId: only, why, atMs: clock.now().wallMs });
		await onAttention();
		return { changed: 1, ids: [only] };
	}

	async #retry({ sink, key }: OperatorCommand & { do: "retry_deliveries" }): Promise<OperatorAnswer> {
		const { store, workspace, onPending } = this.#options;
		const sinks = await store.outbox.retry({ workspace, sink, key });
		onPending(sinks.map((one) => one.sink));
		return changed(rowsIn(sinks));
	}

	async #drop({ sink, key, why }: OperatorCommand & { do: "drop_deliveries" }): Promise<OperatorAnswer> {
		const { store, workspace, onDropped } = this.#options;
		const sinks = await store.outbox.drop({ workspace, sink, key, detail: why });
		onDropped({ sink, key });
		return changed(rowsIn(sinks));
	}
}

function changed(count: number): OperatorAnswer {
	return { changed: count, ids: [] };
}

function rowsIn(sinks: readonly SinkRows[]): number {
	return sinks.reduce((sum, { rows }) => sum + rows, 0);
}
