import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Attention } from "../core/telling.ts";
import { type ApiRunDetail, runDetailSchema } from "../http/api/run-schema.ts";
import {
	type ApiCoverage,
	type ApiLedger,
	type ApiRuns,
	coverageSchema,
	ledgerSchema,
	type RunsQuery,
	runsSchema,
} from "../http/api/schemas.ts";
import { askApi } from "../http/daemon-client.ts";
import type { Clock } from "../lib/clock.ts";
import { OperatorError, OutsideError } from "../lib/errors.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import { runPageUrl } from "../prefect/connection.ts";
import { ReadingStore } from "../store/reading-store.ts";
import type { RunRow } from "../store/store.ts";
import { wordsIn } from "./attention.ts";
import { connectionOf, workspaceOf } from "./connection.ts";
import { Inspector } from "./inspector.ts";
import { inspectionOf, inspectionOfStore } from "./stored-inspection.ts";
import { remedyFactsOf } from "./watch-status.ts";

/** What the commands that look are answered by. */
export interface Lookup extends AsyncDisposable {
	/** `database`: no daemon runs, and this is what the last one had stored. */
	readonly from: "daemon" | "database";
	runs(query: RunsQuery): Promise<ApiRuns>;
	run(runId: string): Promise<ApiRunDetail | null>;
	coverage(): Promise<ApiCoverage>;
	ledger(sinceMs: number): Promise<ApiLedger>;
}

export interface LookupOptions {
	readonly config: LoadedConfig;
	readonly loadConfig: () => LoadedConfig;
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly signal: AbortSignal;
}

/**
 * Asks the daemon that runs on this machine; where none answers, what its database holds.
 *
 * @throws OperatorError when there is neither, or the daemon refuses
 */
export async function openLookup(options: LookupOptions): Promise<Lookup> {
	const { http } = options.config.settings;
	const daemon = lookupOfDaemon(http, options.signal);
	try {
		await daemon.runs({ limit: 1, from: 0 });
		return daemon;
	} catch (error) {
		if (!(error instanceof OutsideError)) throw error;
		try {
			return await lookupOfDatabase(options);
		} catch (fault) {
			// Whoever asks mostly means a daemon that runs: that none answers comes first.
			if (!(fault instanceof OperatorError)) throw fault;
			throw new OperatorError(`${error.message}; and without a daemon, ${fault.message}`, { cause: fault });
		}
	}
}

function lookupOfDaemon(at: LoadedConfig["settings"]["http"], signal: AbortSignal): Lookup {
	return {
		from: "daemon",
		runs: async (query) =>
			(await askApi(at, `/runs?${parametersOf(query)}`, runsSchema, signal)) ?? { runs: [], next: null },
		run: (runId) => askApi(at, `/runs/${encodeURIComponent(runId)}`, runDetailSchema, signal),
		coverage: async () => (await askApi(at, "/coverage", coverageSchema, signal)) ?? { rows: [], more: 0 },
		ledger: async (sinceMs) => {
			const since = new Date(sinceMs).toISOString();
			const answer = await askApi(at, `/ledger?${new URLSearchParams({ since })}`, ledgerSchema, signal);
			return answer ?? { since, rows: [], more: 0, held_scopes: [] };
		},
		[Symbol.asyncDispose]: () => Promise.resolve(),
	};
}

function parametersOf(query: RunsQuery): string {
	const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
	return new URLSearchParams(given).toString();
}

async function lookupOfDatabase({
	config,
	loadConfig,
	environment,
	version,
	clock,
	signal,
}: LookupOptions): Promise<Lookup> {
	const { settings } = config;
	const store = ReadingStore.open(settings.store.url, clock);
	const connection = connectionOf(settings, version, environment);
	const workspace = workspaceOf(connection);
	const { namespace } = settings;
	const live = new LiveSettings(settings, loadConfig);
	const stored = { live, namespace, workspace, clock, serverMs: clock.now().wallMs };
	const runIdsByName = new Map<string, string[]>();
	const inspection = await inspectionOfStore(store, stored, (runs) => {
		for (const { row } of runs) noteName(runIdsByName, row);
	});
	const attention = await storedAttention(store, { workspace, nowMs: stored.serverMs });
	const inspector = new Inspector({
		inspection,
		store,
		history: null,
		inspectOther: (what) => inspectionOf(what, stored),
		storedNamesakes: (name) => runIdsByName.get(name) ?? [],
		remedy: () => remedyFactsOf(settings),
		openEpisodes: () => ({}),
		sinks: () => [],
		attention: () => attention,
		namespace,
		workspace,
		apiUrl: connection.apiUrl,
		runUrl: (runId) => runPageUrl(connection, runId),
		clock,
	});
	return {
		from: "database",
		runs: async (query) => inspector.runs(query),
		run: (runId) => inspector.run(runId, signal),
		coverage: () => inspector.coverage(),
		ledger: (sinceMs) => inspector.ledger({ since: new Date(sinceMs).toISOString() }),
		[Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
	};
}

/** What people have said; which windows last only a daemon tells. */
async function storedAttention(
	store: ReadingStore,
	{ workspace, nowMs }: { readonly workspace: string; readonly nowMs: number },
): Promise<Attention> {
	const { silences, acknowledgements } = await wordsIn(store, { workspace, nowMs });
	return {
		silences,
		windows: [],
		acknowledgements: new Map(acknowledgements.map((word) => [word.alertId, word])),
		openGroups: [],
		workspace,
	};
}

function noteName(runIdsByName: Map<string, string[]>, { runId, labels: { name } }: RunRow): void {
	if (name === null) return;
	const namesakes = runIdsByName.get(name);
	if (namesakes === undefined) runIdsByName.set(name, [runId]);
	else namesakes.push(runId);
}
