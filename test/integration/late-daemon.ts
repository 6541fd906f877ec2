import { eventually, pause } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import type { PrefectServer } from "../_util/prefect-server.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";

export interface Coverage {
	readonly beating: number;
	readonly unmonitored: number;
}

const runsBefore = 5;
const spacingMs = 1000;
// Past the moment at which the daemon subscribes, whenever that is: later beats reach it on the stream.
const runsDuringBoot = 20;
const bootSpacingMs = 150;
// The second pass comes after 15 s, and the daemon has to digest it.
const secondPassMs = 22_000;
const patienceMs = 18_000;
const reconcileEveryMs = 60_000;

/**
 * Starts a daemon for the first time while runs begin, beat and end in the seconds before and while it comes up. Those
 * events are on no stream that it hears, and partly not in the database yet when it first looks: the server stores
 * events every 5 s or so. Resolves with what it knows after its second look, and what the server says.
 */
export async function startLate(
	server: PrefectServer,
	signal: AbortSignal,
): Promise<{ known: Coverage; expected: Coverage }> {
	const during = await makeRuns(server, runsDuringBoot);
	await waitForQuietPartOfMinute(signal);
	const before = await beatAndEnd(server, signal);
	const [daemon] = await Promise.all([
		DaemonProcess.start({ apiUrl: server.apiUrl, signal }),
		beatInTurn(server, during, signal),
	]);
	try {
		await pause(secondPassMs, signal);
		const expected = await coverageByRest(server);
		const known = await waitForCoverage(daemon, expected, signal);
		await daemon.stop();
		return { known, expected };
	} finally {
		await daemon[Symbol.asyncDispose]();
		for (const run of [...before, ...during]) {
			await server.rest.setState(run, "COMPLETED", "Completed");
		}
	}
}

/** The periodic reconcile would heal what the second pass missed: it runs on the minute, so all is done within one. */
async function waitForQuietPartOfMinute(signal: AbortSignal): Promise<void> {
	const intoMinuteMs = Date.now() % reconcileEveryMs;
	const isEarly = intoMinuteMs >= 1000 && intoMinuteMs < 6000;
	await pause(isEarly ? 0 : (reconcileEveryMs + 1000 - intoMinuteMs) % reconcileEveryMs, signal);
}

/** One after another: at a dozen writes at a time the server's SQLite file is locked, and it answers 503. */
async function makeRuns({ rest }: PrefectServer, count: number): Promise<readonly string[]> {
	const runs: string[] = [];
	while (runs.length < count) {
		runs.push(await rest.createBareRun("bare"));
	}
	return runs;
}

/** Runs that live and beat once, which it returns, and as many that beat and end, spread over the last seconds. */
async function beatAndEnd(server: PrefectServer, signal: AbortSignal): Promise<readonly string[]> {
	const living = await makeRuns(server, runsBefore);
	for (const [index, ending] of (await makeRuns(server, runsBefore)).entries()) {
		await server.rest.postHeartbeat(living[index] as string, "bare");
		await server.rest.postHeartbeat(ending, "bare");
		await server.rest.setState(ending, "COMPLETED", "Completed");
		await pause(index < runsBefore - 1 ? spacingMs : 0, signal);
	}
	return living;
}

async function beatInTurn(server: PrefectServer, runs: readonly string[], signal: AbortSignal): Promise<void> {
	for (const run of runs) {
		await server.rest.postHeartbeat(run, "bare");
		await pause(bootSpacingMs, signal);
	}
}

async function coverageByRest({ rest }: PrefectServer): Promise<Coverage> {
	const running = await rest.filterRuns(["RUNNING"]);
	let beating = 0;
	for (const run of running) {
		beating += (await rest.heartbeats(run.id)).length > 0 ? 1 : 0;
	}
	return { beating, unmonitored: running.length - beating };
}

/** What the daemon knows once it is what is expected, or when it has had its time. */
async function waitForCoverage(daemon: DaemonProcess, expected: Coverage, signal: AbortSignal): Promise<Coverage> {
	const deadlineMs = performance.now() + patienceMs;
	const look = async (): Promise<Coverage | null> => {
		const page = await daemon.metricsPage();
		const beating = sumSeries(page, "zombied_runs", { coverage: "beating" });
		const unmonitored = sumSeries(page, "zombied_runs", { coverage: "unmonitored" });
		const isAll = beating === expected.beating && unmonitored === expected.unmonitored;
		return isAll || performance.now() >= deadlineMs ? { beating, unmonitored } : null;
	};
	return eventually(look, {
		what: "the daemon's metrics",
		timeoutMs: 2 * patienceMs,
		everyMs: 1000,
		signal,
	});
}
