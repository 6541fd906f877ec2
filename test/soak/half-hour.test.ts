import { expect, test } from "vitest";
import { pause } from "../_util/eventually.ts";
import { PrefectServer } from "../_util/prefect-server.ts";
import { heardSilenceSeconds } from "../_util/real-alert-line.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";
import { cadenceSeconds } from "../_util/real-flows.ts";
import { ensurePrefectVenv } from "../prefect/venv.ts";
import { firstSeed } from "../robustness/extent.ts";
import { Chance } from "../simulation/chance.ts";
import { Growth } from "./growth.ts";
import { PostedFleet } from "./posted-fleet.ts";

/** 6 at least: the silenced ones have to beat first, and be found before the end. */
const minutes = Number(process.env.ZOMBIED_TEST_SOAK_MINUTES ?? 30);
const minuteMs = 60_000;
const lengthMs = minutes * minuteMs;
const runsCount = 300;
const silencedCount = 20;
const cadenceMs = cadenceSeconds * 1000;
/** By then their cadence is known. */
const silencedFirstMs = 4 * cadenceMs;
/** A verdict comes 105 s after the last beat; the rest is for a machine with better things to do. */
const verdictPatienceMs = 3 * minuteMs;
const sampleEveryMs = 10_000;

/** Who falls silent, and when. */
function drawSilenced(random: () => number): ReadonlyMap<number, number> {
	const silenced = new Map<number, number>();
	while (silenced.size < silencedCount) {
		const afterMs = silencedFirstMs + random() * (lengthMs - verdictPatienceMs - silencedFirstMs);
		silenced.set(Math.floor(random() * runsCount), afterMs);
	}
	return silenced;
}

test(`of ${runsCount} runs that post real beats for ${minutes} minutes, the ${silencedCount} that fall silent are found, and no other (seed ${firstSeed})`, {
	timeout: lengthMs + 20 * minuteMs,
}, async () => {
	const { signal } = new AbortController();
	const { python } = await ensurePrefectVenv({ report: (line) => console.log(line) });
	await using server = await PrefectServer.start({ python, signal });
	await using daemon = await DaemonProcess.start({ apiUrl: server.apiUrl, signal });
	const silencedAfterMs = drawSilenced(new Chance(firstSeed).random);
	const { rest } = server;
	const fleet = await PostedFleet.make({ rest, runsCount, cadenceMs, silencedAfterMs, signal });

	const { pid } = daemon;
	const growth = new Growth(pid as number, daemon.databasePath);
	const endMs = performance.now() + lengthMs;
	const isOver = (): boolean => performance.now() >= endMs;
	const sampleUntilOver = async (): Promise<void> => {
		while (!isOver()) {
			growth.sample();
			await pause(sampleEveryMs, signal);
		}
	};
	await Promise.all([fleet.beatUntil(isOver), sampleUntilOver()]);

	const page = await daemon.metricsPage();
	console.info(`${fleet.beats} beats taken; lost: ${JSON.stringify(fleet.lostBeats)}`);
	console.info(growth.report());
	const troubles = /^zombied_(?:blind_seconds|stream_reconnects|stream_loss|api_request_failures)_total.* (?!0$)/u;
	console.info(
		page
			.split("\n")
			.filter((line) => troubles.test(line))
			.join("\n"),
	);
	const raised = daemon.alerts.filter(({ event }) => event === "alert.raised");
	const waits = raised.map((alert) => heardSilenceSeconds(alert) - alert.evidence.threshold_seconds);
	console.info(`told ${Math.min(...waits)} to ${Math.max(...waits)} s after they were due`);
	expect(raised.map(({ condition, flow_run }) => `${condition} ${flow_run.id}`).toSorted()).toEqual(
		fleet.silenced.map((run) => `zombie ${run}`).toSorted(),
	);
	expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
	expect(daemon.alerts.filter(({ event }) => event === "alert.resolved")).toEqual([]);
	expect(daemon.pid).toBe(pid);
	expect(daemon.groups).toEqual([]);
	await daemon.stop();
});
