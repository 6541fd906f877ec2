import type { LiveSettings } from "../config/live-settings.ts";
import type { Settings } from "../config/schema.ts";
import type { GroupIncident } from "../core/group-incident.ts";
import type { Acknowledgement, Silence } from "../core/silence.ts";
import type { Attention } from "../core/telling.ts";
import type { Clock } from "../lib/clock.ts";
import { MaintenanceWindows } from "../schedule/maintenance-windows.ts";
import type { Store } from "../store/store.ts";

export interface AttentionOptions {
	readonly live: LiveSettings;
	readonly store: Pick<Store, "silences">;
	readonly workspace: string;
	/** Told, and not over. */
	readonly openGroups: () => readonly GroupIncident[];
	readonly clock: Clock;
}

/** What people have said about alerts, kept at hand: every try of a delivery asks for it. */
export class AttentionBook {
	readonly #options: AttentionOptions;
	#silences: readonly Silence[] = [];
	#acknowledgements: ReadonlyMap<string, Acknowledgement> = new Map();
	#windows: { readonly from: Settings["maintenance"]; readonly windows: MaintenanceWindows } | null = null;

	constructor(options: AttentionOptions) {
		this.#options = options;
	}

	/** At the start, and whenever something was said. @throws StoreError */
	async read(): Promise<void> {
		const { store, workspace, clock } = this.#options;
		this.#silences = await store.silences.silences({ workspace, afterMs: clock.now().wallMs });
		const words = await store.silences.acknowledgements(workspace);
		this.#acknowledgements = new Map(words.map((word) => [word.alertId, word]));
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
