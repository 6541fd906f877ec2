import type { Acknowledgement, Silence } from "../core/silence.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import type { SilenceStore } from "./silence-store.ts";

interface MemorySilencesParts {
	readonly disk: MemoryDisk;
	readonly refuseWhenClosed: () => void;
}

/** Silences and acknowledgements of a store without a file. */
export class MemorySilences implements SilenceStore {
	readonly #parts: MemorySilencesParts;

	constructor(parts: MemorySilencesParts) {
		this.#parts = parts;
	}

	async silences({ workspace, afterMs }: { workspace: string; afterMs: number }): Promise<readonly Silence[]> {
		return [...this.#disk.silences.values()]
			.filter((kept) => kept.workspace === workspace && kept.silence.untilMs > afterMs)
			.map(({ silence }) => silence)
			.toSorted((one, other) => one.untilMs - other.untilMs || compareText(one.silenceId, other.silenceId));
	}

	async putSilence({ workspace, ...silence }: Silence & { workspace: string }): Promise<void> {
		const name = JSON.stringify([workspace, silence.silenceId]);
		this.#disk.silences.set(name, { workspace, silence: structuredClone(silence) });
	}

	async endSilence(end: { workspace: string; silenceId: string; atMs: number }): Promise<boolean> {
		const { workspace, silenceId, atMs } = end;
		const name = JSON.stringify([workspace, silenceId]);
		const kept = this.#disk.silences.get(name);
		if (kept === undefined || kept.silence.untilMs <= atMs) return false;
		this.#disk.silences.set(name, { workspace, silence: { ...kept.silence, untilMs: atMs } });
		return true;
	}

	async openAlerts(query: { workspace: string; idPrefix: string; rowsMax: number }): Promise<readonly string[]> {
		return [...this.#openIds(query.workspace)]
			.filter((id) => id.startsWith(query.idPrefix))
			.toSorted(compareText)
			.slice(0, query.rowsMax);
	}

	async acknowledge({ workspace, ...word }: Acknowledgement & { workspace: string }): Promise<void> {
		const name = JSON.stringify([workspace, word.alertId]);
		this.#disk.acknowledgements.set(name, { workspace, word: structuredClone(word) });
	}

	async acknowledgements(workspace: string): Promise<readonly Acknowledgement[]> {
		const open = this.#openIds(workspace);
		return [...this.#disk.acknowledgements.values()]
			.filter((kept) => kept.workspace === workspace && open.has(kept.word.alertId))
			.map(({ word }) => word)
			.toSorted((one, other) => compareText(one.alertId, other.alertId));
	}

	/** As `Store.retain` does. */
	forgetBefore(beforeMs: number): void {
		for (const [name, { silence }] of this.#disk.silences) {
			if (silence.untilMs < beforeMs) this.#disk.silences.delete(name);
		}
		for (const [name, { workspace, word }] of this.#disk.acknowledgements) {
			if (word.atMs < beforeMs && !this.#openIds(workspace).has(word.alertId)) this.#disk.acknowledgements.delete(name);
		}
	}

	get #disk(): MemoryDisk {
		this.#parts.refuseWhenClosed();
		return this.#parts.disk;
	}

	#openIds(workspace: string): ReadonlySet<string> {
		const { episodes, groups } = this.#disk;
		const alerts = [...episodes.values()].filter((one) => one.workspace === workspace && one.closed === null);
		const incidents = [...groups.values()].filter((one) => one.workspace === workspace && one.incident.closed === null);
		return new Set([...alerts.map(({ alertId }) => alertId), ...incidents.map(({ incident }) => incident.groupId)]);
	}
}

function compareText(one: string, other: string): number {
	return one < other ? -1 : Number(one > other);
}
