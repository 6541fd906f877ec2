import type { Database } from "better-sqlite3";
import type { Acknowledgement, Silence } from "../core/silence.ts";
import { understood } from "./remedy-schema.ts";
import { acknowledgementSchema, silenceSchema } from "./silence-schema.ts";
import type { SilenceStore } from "./silence-store.ts";
import type { Guard } from "./sqlite-remedies.ts";

/** The tables of silences and acknowledgements in a database of SQLite. */
export class SqliteSilences implements SilenceStore {
	readonly #guard: Guard;
	readonly #statements: ReturnType<typeof prepare>;

	constructor(database: Database, guard: Guard) {
		this.#guard = guard;
		this.#statements = prepare(database);
	}

	async silences(query: { workspace: string; afterMs: number }): Promise<readonly Silence[]> {
		return this.#guard("reading silences", () =>
			this.#statements.readSilences.all(query).flatMap(({ silence }) => understood(silenceSchema, silence)),
		);
	}

	async putSilence({ workspace, ...silence }: Silence & { workspace: string }): Promise<void> {
		const { silenceId, untilMs } = silence;
		const columns = { workspace, silenceId, untilMs, silence: JSON.stringify(silence) };
		this.#guard("writing down a silence", () => this.#statements.putSilence.run(columns));
	}

	async endSilence(end: { workspace: string; silenceId: string; atMs: number }): Promise<boolean> {
		return this.#guard("ending a silence", () => this.#statements.endSilence.run(end).changes > 0);
	}

	async openAlerts(query: { workspace: string; idPrefix: string; rowsMax: number }): Promise<readonly string[]> {
		return this.#guard("looking for an alert", () => this.#statements.openAlerts.all(query).map(({ id }) => id));
	}

	async acknowledge({ workspace, ...word }: Acknowledgement & { workspace: string }): Promise<void> {
		const { alertId, atMs } = word;
		const columns = { workspace, alertId, atMs, acknowledgement: JSON.stringify(word) };
		this.#guard("writing down an acknowledgement", () => this.#statements.acknowledge.run(columns));
	}

	async acknowledgements(workspace: string): Promise<readonly Acknowledgement[]> {
		return this.#guard("reading acknowledgements", () =>
			this.#statements.readAcknowledgements
				.all({ workspace })
				.flatMap(({ acknowledgement }) => understood(acknowledgementSchema, acknowledgement)),
		);
	}
}

function prepare(database: Database) {
	return {
		readSilences: database.prepare<[{ workspace: string; afterMs: number }], { silence: string }>(`
			SELECT silence FROM silences WHERE workspace = @workspace AND until_ms > @afterMs ORDER BY until_ms, silence_id`),
		putSilence: database.prepare<[{ workspace: string; silenceId: string; untilMs: number; silence: string }]>(`
			INSERT INTO silences (workspace, silence_id, until_ms, silence) VALUES (@workspace, @silenceId, @untilMs, @silence)
			ON CONFLICT (workspace, silence_id) DO UPDATE SET until_ms = excluded.until_ms, silence = excluded.silence`),
		endSilence: database.prepare<[{ workspace: string; silenceId: string; atMs: number }]>(`
			UPDATE silences SET until_ms = @atMs, silence = json_set(silence, '$.untilMs', @atMs)
			WHERE workspace = @workspace AND silence_id = @silenceId AND until_ms > @atMs`),
		openAlerts: database.prepare<[{ workspace: string; idPrefix: string; rowsMax: number }], { id: string }>(`
			SELECT alert_id AS id FROM episodes
			WHERE workspace = @workspace AND closed_at_ms IS NULL AND substr(alert_id, 1, length(@idPrefix)) = @idPrefix
			UNION SELECT group_id FROM group_incidents
			WHERE workspace = @workspace AND closed_at_ms IS NULL AND substr(group_id, 1, length(@idPrefix)) = @idPrefix
			ORDER BY id LIMIT @rowsMax`),
		acknowledge: database.prepare<[{ workspace: string; alertId: string; atMs: number; acknowledgement: string }]>(`
			INSERT INTO acknowledgements (workspace, alert_id, at_ms, acknowledgement)
			VALUES (@workspace, @alertId, @atMs, @acknowledgement)
			ON CONFLICT (workspace, alert_id) DO UPDATE SET at_ms = excluded.at_ms, acknowledgement = excluded.acknowledgement`),
		readAcknowledgements: database.prepare<[{ workspace: string }], { acknowledgement: string }>(`
			SELECT acknowledgement FROM acknowledgements
			WHERE workspace = @workspace AND (
				EXISTS (SELECT 1 FROM episodes WHERE episodes.alert_id = acknowledgements.alert_id AND closed_at_ms IS NULL)
				OR EXISTS (SELECT 1 FROM group_incidents WHERE group_incidents.workspace = @workspace
					AND group_id = acknowledgements.alert_id AND closed_at_ms IS NULL))
			ORDER BY alert_id`),
	};
}
