import { describe, expect, test } from "vitest";
import type { Toxic } from "../_util/toxic-proxy.ts";
import { firstSeed, isSoak } from "./extent.ts";
import { ToxicStage, type ToxicTimes } from "./toxic-stage.ts";

/** Settings as they come, and the stalled runs become due while the network is bad. */
const long: ToxicTimes = {
	lastsMs: 60_000,
	startsBeforeMs: 40_000,
	stall: { fromMs: -75_000, untilMs: 20_000 },
	lastBeatMs: 20_000,
	verdictPatienceMs: 300_000,
	environment: {},
	settingsFile: null,
};

/** With the least of every wait that a setting rules: a verdict is due a minute after the last beat. */
const short: ToxicTimes = {
	lastsMs: 8_000,
	startsBeforeMs: 8_000,
	stall: { fromMs: -50_000, untilMs: 3_000 },
	lastBeatMs: -48_000,
	verdictPatienceMs: 150_000,
	environment: {
		ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
		ZOMBIED_LIMITS_REST_PER_SECOND: "100",
		ZOMBIED_PREFECT_REQUEST_TIMEOUT: "5s",
	},
	settingsFile: "rules:\n  - match: {}\n    threshold: 60s\n",
};

const times = isSoak ? long : short;
/** R5's own bound. */
const hungFoundMsMax = 45_000;

const toxics: readonly Toxic[] = [
	{ kind: "latency", minMs: 1_000, maxMs: 3_000 },
	{ kind: "reset", withinMs: 3_000 },
	{ kind: "hung" },
	{ kind: "sliced", bytesMax: 8 },
	{ kind: "slow", bytesPerSecond: 20 },
];

describe.concurrent(`R5: a network that is bad for ${times.lastsMs / 1000} s`, {
	timeout: times.startsBeforeMs + times.lastsMs + times.verdictPatienceMs + 180_000,
}, () => {
	test.each(toxics)("by $kind: no run that lives is flagged, and the one that died is, afterwards", async (toxic) => {
		await using stage = await ToxicStage.start(times, firstSeed);
		const { daemon } = stage;
		const { pid } = daemon;
		await stage.poison(toxic);
		const healed = stage.heal();
		if (toxic.kind === "hung") {
			const foundAfterMs = await stage.untilFoundHung();
			if (isSoak) console.info(`the hung socket was found after ${Math.round(foundAfterMs)} ms`);
			expect(foundAfterMs).toBeLessThan(hungFoundMsMax);
		}
		await healed;
		expect(daemon.alerts.map(({ flow_run }) => flow_run.id)).toEqual([]);
		const verdict = await stage.untilVerdict();
		await stage.untilAllIsWell();
		expect(verdict).toMatchObject({ condition: "zombie", group_id: null });
		expect(daemon.alerts).toEqual([verdict]);
		expect(daemon.pid).toBe(pid);
		expect(daemon.groups).toEqual([]);
		await daemon.stop();
	});
});
