import type { Settings } from "../config/schema.ts";
import type { Clock } from "../lib/clock.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { OutboxEntry, OutboxQuery } from "../store/outbox-store.ts";
import { ReadingStore } from "../store/reading-store.ts";
import { type Words, wordsIn } from "./attention.ts";
import { connectionOf, workspaceOf } from "./connection.ts";

export interface StoredNoticesOptions {
	readonly settings: Settings;
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
}

/** Of the outbox what is wanted, read from the database, beside a daemon that runs as well. @throws OperatorError */
export async function storedOutbox(
	query: Omit<OutboxQuery, "workspace">,
	options: StoredNoticesOptions,
): Promise<readonly OutboxEntry[]> {
	return await reading(options, (store, workspace) => store.outbox.entries({ ...query, workspace }));
}

/** Silences that last, and acknowledgements of what is open, read from the database. @throws OperatorError */
export async function storedWords(options: StoredNoticesOptions): Promise<Words> {
	return await reading(options, (store, workspace) => wordsIn(store, { workspace, nowMs: options.clock.now().wallMs }));
}

async function reading<Result>(
	{ settings, environment, version, clock }: StoredNoticesOptions,
	read: (store: ReadingStore, workspace: string) => Promise<Result>,
): Promise<Result> {
	await using store = ReadingStore.open(settings.store.url, clock);
	return await read(store, workspaceOf(connectionOf(settings, version, environment)));
}
