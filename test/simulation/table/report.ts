import { goalsOf, isReached } from "./goals.ts";
import type { Job, Played } from "./job.ts";
import { wholeSize } from "./options.ts";
import { renderTable } from "./render.ts";

export interface Machine {
	readonly cpu: string;
	readonly cores: number;
	readonly node: string;
	readonly platform: string;
}

/** `bench/detector.md`: what was measured, on what, of what. */
export function renderReport(measured: {
	readonly jobs: readonly Job[];
	readonly played: readonly Played[];
	readonly seed: string;
	readonly runs: number;
	readonly beats: number;
	readonly seconds: number;
	readonly machine: Machine;
}): string {
	const { jobs, played, seed, runs, beats, seconds, machine } = measured;
	const isFull = runs === wholeSize.runs && beats === wholeSize.beats;
	const flags = isFull ? "" : ` -- --runs ${runs} --beats ${beats} --report bench/detector.md`;
	const goals = goalsOf(jobs, played);
	const open = goals.filter((goal) => !isReached(goal)).length;
	const cells = played.flatMap((one) => one.cells);
	return `# The detector against its peers, in a simulated world

Written by \`npm run sim:table${flags}\`, seed ${seed}: ${runs} runs × ${beats} beats for each scenario and cadence, ${seconds} s on ${machine.cores} cores
(${machine.cpu}, ${machine.platform}, Node ${machine.node}). The same seed gives the same figures on any machine.
zombied is the shipped core (\`src/core/tracker.ts\`) with its default settings.

${renderTable(cells, goals)}

${open === 0 ? "All of it is reached." : `${open} of ${goals.length} are not reached.`}

${stalls(jobs, played)}

${slowClients(jobs, played)}

${expected}

${assumptions}
`;
}

function stalls(jobs: readonly Job[], played: readonly Played[]): string {
	const lines = jobs.flatMap(({ scenario, cadenceSeconds }, index) => {
		const notes = played[index]?.notes ?? null;
		if (scenario !== "stall-4" || notes === null) return [];
		const { recoveredInOneBeat, notRecovered } = notes;
		return [
			`- at ${cadenceSeconds} s ${recoveredInOneBeat} ended as \`recovered\` with the run's next heartbeat, ${notRecovered} did not`,
		];
	});
	return ["A stall of 4 cadences fools every detector. Of zombied's verdicts on such runs", "", ...lines].join("\n");
}

/** Where the time is lost matters to the latency, since a deadline counts from the server's receipt. */
function slowClients(jobs: readonly Job[], played: readonly Played[]): string {
	const lines = jobs.flatMap(({ scenario, cadenceSeconds }, index) => {
		const cell = played[index]?.cells[0];
		if (scenario !== "death-slow-clients" || cell === undefined) return [];
		const { medianCadences, p99Cadences } = cell;
		return [`${medianCadences ?? "none"}, p99 ${p99Cadences ?? "none"} at ${cadenceSeconds} s`];
	});
	return `Where slow runs lose their U(0, 10 s) before the server's receipt, zombied's median is ${lines.join("; ")}.`;
}

const expected = `## What was expected of the peers

From an earlier simulation of the same outline, whose shares were not all written down:

| | nominal | jitter | loss | bursts | never stored | own socket | server | broker | pool | after Completed | stall of 2 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| fixed 90 / 540 s | 0 / 0 | 1 / 0 | 31 / 43 | 639 / 689 | 20 / 24 | 1000 / 0 | 1000 / 0 | 1000 / 256 | 200 / 0 | 108 / 108 | 213 / 269 |
| 3 × learned mean | 0 / 0 | 5 / 0 | 18 / 16 | 606 / 606 | 13 / 11 | 1000 / 0 | 1000 / 0 | 1000 / 134 | 200 / 0 | 0 / 0 | 167 / 140 |
| phi rescaled | 0 / 0 | 0 / 0 | 1 / 1 | 529 / 537 | 2 / 2 | 1000 / 0 | 1000 / 0 | 1000 / 0 | 200 / 0 | 0 / 0 | 0 / 0 |`;

const assumptions = `## The world

- A run beats at once and then each cadence plus 15 ms ± 0.4 ms; runs begin over ten cadences, on five work pools, and
  each has a deployment of its own, so that nothing learned of one run helps another. Workers' clocks are off by up to 5 s, the server's by
  1.2 s.
- An event reaches the server after 10 to 30 ms, and us after a lognormal delay with a median of 30 ms and a p99 of 1 s (jitter: 20 s); of
  30 % of the runs each event takes U(0, 10 s) more. Events overtake each other. The delay lies behind the server's receipt, as that of a
  broker does; in \`death-slow-clients\` the U(0, 10 s) lies before it. A stored event is seen over REST U(0, 5 s) after its receipt.
- A run completes half a cadence to a whole one after its last beat; the end is told after that beat, except in *beat after Completed*,
  where a tenth of the runs (6 of 60 on a real server) beat once more and are heard after their end.
- *Stream loss*: events are stored and never arrive, each by itself, or four of a run in a row. *Never stored*: beats alone, each by itself:
  three in a row are a silence of four cadences, which 1.6 of 1000 runs meet and nobody can tell from a death.
- *Own socket*, *server*, *broker*, *pool*: five minutes in the middle. While the server is away, or a pool is cut off, clients hold
  their beats and send them with the next one after its end, or within 30 s; what a broker loses is gone. Our socket is back up to 30 s after the server.
- *Stalls*: every run stands still once. *One by one*: a run dies at any moment after its fourth beat, amid as many living runs as keep
  a pool's share of silent ones far below a mass lapse. Half of the runs that are to die write a log line each 7 s until then.
- zombied is driven as the daemon drives it: a tick a second, catch-up in two passes, listings each minute, questions of up to 50 runs, one
  call at a time, 5 requests a second of 40 ms each. Every condition it raises counts as false while nothing is wrong.
- The peers (\`src/replay/peers\`) read the same stream and tick as often; when their socket is back they read what was stored meanwhile. "+ REST" asks whether the run is still RUNNING, and not for newer
  stored beats: with that no socket of ours that is down could mislead them, and the expected figures say that it does. The deviation of
  phi is at least half a cadence. A false verdict is counted once a run.
- Latency counts from the death itself, wherever between two beats it falls.`;
