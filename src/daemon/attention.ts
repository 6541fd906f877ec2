import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { Acknowledgement, Silence } from "../core/silence.ts";
import type { Attention } from "../core/telling.ts";
import type { Clock } from "../lib/clock.ts";
import { MaintenanceWindows } from "../schedule/maintenance-windows.ts";
import type { Store } from "../store/store.ts";

/** What people have said that counts still. */
export interface Words {
	readonly silences: readonly Silence[];
	readonly acknowledgements: readonly Acknowledgement[];
}

/** @param nowMs our wall clock. @throws StoreError */
export async function wordsIn(
	{ silences }: Pick<Store, "silences">,
	{ workspace, nowMs }: { readonly workspace: string; readonly nowMs: number },
): Promise<Words> {
	return {
		silences: await silences.silences({ workspace, afterMs: nowMs }),
		acknowledgements: await silences.acknowledgements(workspace),
	};
}

export interface AttentionOptions {
	readonly live: LiveSettings;
	readonly store: Pick<Store, "silences">;
	readonly workspace: string;
	/** As the store had them at the start. */
	readonly words: Words;
	/** Told, and not over. */
	readonly openGroups: () => readonly GroupIncident[];
	readonly clock: Clock;
}

/** What people have said about alerts, kept at hand: every try of a delivery asks for it. */
export class AttentionBook {
	readonly #options: AttentionOptions;
	#silences!: readonly Silence[];
	#acknowledgements!: ReadonlyMap<string, Acknowledgement>;
	#windows: { readonly from: Settings["maintenance"]; readonly windows: MaintenanceWindows } | null = null;

	constructor(options: AttentionOptions) {
		this.#options = options;
		this.#take(options.words);
	}

	/** Whenever something was said. @throws StoreError */
	async read(): Promise<void> {
		const { store, workspace, clock } = this.#options;
		this.#take(await wordsIn(store, { workspace, nowMs: clock.now().wallMs }));
	}

	#take({ silences, acknowledgements }: Words): void {
		this.#silences = silences;
		this.#acknowledgements = new Map(acknowledgements.map((word) => [word.alertId, word]));
	}

	get current(): Attention {
		const { workspace, openGroups, clock } = this.#options;
		const { wallMs } = clock.now();
		return {
			silences: this.#silences.filter(({ untilMs }) => untilMs > wallMs),
			windows: this.#planned().lasting(wallMs),
			acknowledgements: this.#acknowledgements,
			openGroups: openGroups(),
			workspace,
		};
	}

	/** Made anew when a reload has changed them. */
	#planned(): MaintenanceWindows {
		const { maintenance } = this.#options.live.current;
		if (this.#windows?.from !== maintenance) {
			const planned = maintenance.map(({ lasts, timezone, ...window }) => ({
				...window,
				timezone: timezone ?? null,
				lastsMs: lasts.ms,
			}));
			this.#windows = { from: maintenance, windows: new MaintenanceWindows(planned) };
		}
		return this.#windows.windows;
	}
}
