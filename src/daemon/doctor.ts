import type { LoadedConfig } from "../config/load.ts";
import { probeListen } from "../http/listen-probe.ts";
import type { Clock } from "../lib/clock.ts";
import { OperatorError } from "../lib/errors.ts";
import { type Finding, fault, unknown, well } from "../lib/finding.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import type { Connection } from "../prefect/connection.ts";
import { ReachProbe } from "../prefect/reach-probe.ts";
import { probeRest } from "../prefect/rest-probe.ts";
import { probeStream } from "../prefect/stream-probe.ts";
import { probeTraffic } from "../prefect/traffic-probe.ts";
import { probeDatabase } from "../store/database-probe.ts";
import { connectionOf } from "./connection.ts";

/** In the order in which they are looked at: each rests on those before it, but for the last two. */
const connectionChecks = [
	"dns",
	"tcp",
	"proxy",
	"tls",
	"rest",
	"credentials",
	"version",
	"csrf",
	"clock",
	"websocket",
	"subprotocol",
	"token",
	"filter",
	"events",
	"heartbeats",
] as const;
export type CheckName = "settings" | (typeof connectionChecks)[number] | "database" | "port";

export interface Check {
	readonly name: CheckName;
	readonly finding: Finding;
}

export interface DoctorOptions {
	/** Reads all sources of the settings; throws OperatorError. */
	readonly loadConfig: () => LoadedConfig;
	/** Of the process: which proxy leads to the server. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly random: Random;
	/** How long to wait for an event on the socket. */
	readonly listenMs: number;
}

/** Looks at each layer between us and Prefect, and at what the daemon needs here. Changes nothing, here and there. */
export async function* examine(options: DoctorOptions, signal: AbortSignal): AsyncGenerator<Check> {
	const read = readSettings(options);
	yield { name: "settings", finding: read.finding };
	if (read.loaded === null) {
		const not = unknown("not looked at: the settings are not sound");
		for (const name of [...connectionChecks, "database", "port"] as const) yield { name, finding: not };
		return;
	}
	const { settings } = read.loaded;
	if (read.connection === null) yield* skipped(0, "the settings of the connection are not sound");
	else yield* connectionFindings(read.connection, read.loaded, options, signal);
	yield { name: "database", finding: probeDatabase(settings.store.url) };
	yield { name: "port", finding: await probeListen(settings.http.listen, signal) };
}

type Read =
	| { readonly finding: Finding; readonly loaded: LoadedConfig; readonly connection: Connection | null }
	| { readonly finding: Finding; readonly loaded: null };

function readSettings({ loadConfig, version, environment }: DoctorOptions): Read {
	const fix = "mend what is named; `zombied config print` shows where each setting comes from";
	let loaded: LoadedConfig;
	try {
		loaded = loadConfig();
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return { finding: fault(error.message.replaceAll("\n", " · "), fix), loaded: null };
	}
	try {
		const connection = connectionOf(loaded.settings, version, environment);
		const doubts = loaded.warnings.map((warning) => `; doubtful: ${warning}`).join("");
		return {
			finding: well(`${loaded.file ?? "no file"}, Prefect at ${connection.apiUrl}${doubts}`),
			loaded,
			connection,
		};
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return { finding: fault(error.message, fix), loaded, connection: null };
	}
}

function* skipped(from: number, why: string): Generator<Check> {
	for (const name of connectionChecks.slice(from)) yield { name, finding: unknown(`not looked at: ${why}`) };
}

async function* connectionFindings(
	connection: Connection,
	{ settings }: LoadedConfig,
	{ clock, random, listenMs }: DoctorOptions,
	signal: AbortSignal,
): AsyncGenerator<Check> {
	const reach = new ReachProbe(connection);
	for (const [step, name] of (["dns", "tcp", "proxy", "tls"] as const).entries()) {
		const finding = await reach[name](signal);
		yield { name, finding };
		if (finding.kind !== "fault") continue;
		yield* skipped(step + 1, `${name} failed`);
		return;
	}
	const { aheadMs, ...rest } = await probeRest(connection, clock, signal);
	for (const name of ["rest", "credentials", "version", "csrf", "clock"] as const) yield { name, finding: rest[name] };
	const isKnown = rest.credentials.kind === "well";
	const { heard, ...stream } = await probeStream({ connection, clock, listenMs, isKnown }, signal);
	for (const name of ["websocket", "subprotocol", "token", "filter"] as const) yield { name, finding: stream[name] };
	const failed = (["rest", "credentials", "version", "csrf"] as const).find((name) => rest[name].kind === "fault");
	if (failed !== undefined) {
		yield* skipped(connectionChecks.indexOf("events"), `${failed} failed`);
		return;
	}
	const { restPerSecond } = settings.limits;
	const slowestCadenceMs = settings.detector.slowestCadence.ms;
	const asked = { connection, clock, random, restPerSecond, slowestCadenceMs, aheadMs: aheadMs ?? 0, heard };
	const traffic = await probeTraffic(asked, signal);
	for (const name of ["events", "heartbeats"] as const) yield { name, finding: traffic[name] };
}
