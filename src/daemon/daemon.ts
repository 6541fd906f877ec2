import { secretsOf } from "../config/describe.ts";
import { LiveSettings } from "../config/live-settings.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { HttpServer } from "../http/http-server.ts";
import type { Clock, Instant } from "../lib/clock.ts";
import { messageOf, OperatorError } from "../lib/errors.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { createReporter } from "../observe/log-and-metrics.ts";
import { createLogger } from "../observe/logger.ts";
import { Metrics } from "../observe/metrics.ts";
import { isoTime } from "../observe/plain-text.ts";
import { runPageUrl } from "../prefect/connection.ts";
import { openStore } from "../store/open-store.ts";
import { StoreError } from "../store/store-error.ts";
import { connectionOf, workspaceOf } from "./connection.ts";
import type { Inspector } from "./inspector.ts";
import { livePorts } from "./ports.ts";
import { Reloader } from "./reload.ts";
import { type Restored, restoredFrom } from "./restored.ts";
import { Watch } from "./watch.ts";

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };

export interface DaemonOptions {
	readonly config: LoadedConfig;
	/** Reads all sources of the settings again; throws OperatorError. */
	readonly loadConfig: () => LoadedConfig;
	/** The listener is called whenever the settings are to be read again (SIGHUP). */
	readonly onReloadAsked: (listener: () => void) => void;
	/** Of the process: which proxy leads to the server. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly revision: string;
	readonly colour: boolean;
	/** Aborted when the process is asked to stop. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
	readonly random: Random;
	/** Alert lines. */
	readonly stdout: Output;
	/** The operational log. */
	readonly stderr: Output;
}

/**
 * The daemon, until the signal aborts: then it stops the intake, drains, saves, and resolves.
 *
 * @throws OperatorError when it cannot start; anything else thrown is a bug
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
	const { clock, version, signal } = options;
	const { settings, warnings, file } = options.config;
	const startedAt = clock.now();
	const connection = connectionOf(settings, version, options.environment);
	const workspace = workspaceOf(connection);
	const metrics = new Metrics({ version, revision: options.revision, nodeVersion: process.version });
	const logger = createLogger({
		stream: options.stderr,
		level: settings.log.level,
		clock,
		secrets: secretsOf(settings),
		colour: options.colour,
	});
	const reporter = createReporter({ logger, metrics: metrics.workspace(workspace), clock });
	reporter.starting({
		version,
		configFile: file,
		apiUrl: connection.apiUrl,
		storeUrl: settings.store.url,
	});
	for (const warning of warnings) reporter.settingDoubtful(warning);
	const live = new LiveSettings(settings, options.loadConfig);
	const reloader = new Reloader({ live, logger, reporter });
	options.onReloadAsked(() => reloader.reload());
	await using resources = new AsyncDisposableStack();
	signal.addEventListener("abort", () => reporter.stopping(messageOf(signal.reason)), { once: true });
	const served: Served = { settings, metrics, reloader, startedAt, version, clock };
	let present: Present | null = null;
	let damage: string | null = null;
	do {
		await using store = await openStore(settings.store.url, {
			clock,
			appVersion: version,
			onMalformedRow: (sample) => reporter.frameRejected("malformed_row", sample),
			onDamaged: (facts) => reporter.storeSetAside({ ...facts }),
			knownDamage: damage,
		});
		const isMadeAnew = damage !== null;
		damage = await damageMet(async () => {
			const restored = await restore({ settings, live, workspace, store, clock }, isMadeAnew);
			const ports = livePorts({ ...options, settings, connection, reporter });
			const { apiUrl } = connection;
			await using watch = new Watch({
				...options,
				settings,
				live,
				ports,
				apiUrl,
				workspace,
				store,
				...restored,
				reporter,
			});
			const current = { watch, inspector: watch.inspector((runId) => runPageUrl(connection, runId)) };
			if (present === null) {
				present = current;
				reporter.httpListening(resources.use(await startPages(present, served, signal)).address);
			}
			Object.assign(present, current);
			reporter.ready({ runs: restored.world.runsTotal, openEpisodes: restored.world.openEpisodes.length });
			await watch.run(signal);
		}, signal);
	} while (damage !== null);
	reporter.stopped();
}

/** What the pages show; replaced when a damaged database is. */
interface Present {
	watch: Watch;
	inspector: Inspector;
}

interface Served {
	readonly settings: Settings;
	readonly metrics: Metrics;
	readonly reloader: Reloader;
	readonly startedAt: Instant;
	readonly version: string;
	readonly clock: Clock;
}

function startPages(present: Present, served: Served, signal: AbortSignal): Promise<HttpServer> {
	const { settings, metrics, reloader, startedAt, version, clock } = served;
	return HttpServer.start(
		{
			listen: settings.http.listen,
			token: settings.http.token,
			metrics,
			readiness: () => present.watch.readiness(),
			status: () => ({
				started_at: isoTime(startedAt.wallMs),
				config_current: reloader.isCurrent,
				...present.watch.status(),
			}),
			reload: () => reloader.reload(),
			operate: (command) => present.watch.operator.carryOut(command),
			source: () => present.inspector,
			version,
			clock,
		},
		signal,
	);
}

/** Damage that SQLite's own check does not see, as in the root of an index, is met by the first who reads there. */
async function restore(from: Parameters<typeof restoredFrom>[0], isMadeAnew: boolean): Promise<Restored> {
	try {
		return await restoredFrom(from);
	} catch (error) {
		if (!isMadeAnew) throw error;
		// A disk that damages what was written a moment ago would go on so for ever.
		throw new OperatorError(
			`the database is damaged as soon as it is made anew; put it on another disk (${messageOf(error)})`,
		);
	}
}

/**
 * Watches until the signal aborts (null), or until the database turns out to be damaged (what SQLite said): what it held
 * can be learned again, so that a new one takes its place.
 */
async function damageMet(watching: () => Promise<void>, signal: AbortSignal): Promise<string | null> {
	try {
		await watching();
		return null;
	} catch (error) {
		const cause = error instanceof Error && !(error instanceof StoreError) ? error.cause : error;
		if (!(cause instanceof StoreError) || !cause.isDamage) throw error;
		if (signal.aborted) throw cause;
		return messageOf(cause);
	}
}
