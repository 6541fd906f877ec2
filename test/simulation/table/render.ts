import type { Cell } from "./figures.ts";
import { type Goal, isReached } from "./goals.ts";
import { type DetectorName, detectorNames } from "./job.ts";
import { type ScenarioName, scenarioNames } from "./scenario.ts";

const headings: Readonly<Record<ScenarioName, string>> = {
	nominal: "nominal",
	jitter: "jitter (p99 20 s)",
	"stream-loss": "2 % stream loss",
	"stream-loss-bursts": "same, in bursts",
	"never-stored": "2 % never stored",
	"own-socket-down": "own socket down 5 min",
	"server-down": "server down 5 min",
	"broker-loss": "broker loses 5 min",
	"pool-cut": "1 of 5 pools cut 5 min",
	"beat-after-completed": "beat after Completed",
	"stall-2": "stall of 2 cadences",
	"stall-4": "stall of 4 cadences",
	death: "every run dies, one by one",
	"pool-death": "1 of 5 pools dies at once",
};

const detectors: Readonly<Record<DetectorName, string>> = {
	zombied: "**zombied**",
	"prefect-automation": "fixed 90 / 540 s, beats only (Prefect's recipe)",
	"learned-mean-3": "3 × learned mean + REST",
	"phi-rescaled": "phi rescaled to the cadence + REST",
};

/** False verdicts, latencies and goals, as Markdown; what was not played is left out. */
export function renderTable(cells: readonly Cell[], goals: readonly Goal[]): string {
	return [falseVerdicts(cells), latencies(cells), goalLines(goals)].filter((part) => part !== "").join("\n\n");
}

function falseVerdicts(cells: readonly Cell[]): string {
	const scenarios = scenarioNames.filter((name) => cells.some((cell) => cell.scenario === name));
	return [
		`Runs with a false verdict, of 1000, at a cadence of ${cadencesOf(cells)
			.map((one) => `${one} s`)
			.join(" / ")}:`,
		"",
		row(["", ...scenarios.map((name) => headings[name])]),
		row(["---", ...scenarios.map(() => "---")]),
		...detectorsOf(cells).map((detector) =>
			row([detectors[detector], ...scenarios.map((name) => both(cells, detector, name, (cell) => cell.falsePer1000))]),
		),
	].join("\n");
}

function latencies(cells: readonly Cell[]): string {
	const scenarios = scenarioNames.filter((name) =>
		cells.some((cell) => cell.scenario === name && cell.missed !== null),
	);
	if (scenarios.length === 0) return "";
	const columns = scenarios.flatMap((name) => [`${headings[name]}: median`, "p99", "missed"]);
	const figures = [
		(cell: Cell) => cell.medianCadences,
		(cell: Cell) => cell.p99Cadences,
		(cell: Cell) => cell.missed,
	] as const;
	return [
		"From a death to the verdict, in cadences:",
		"",
		row(["", ...columns]),
		row(["---", ...columns.map(() => "---")]),
		...detectorsOf(cells).map((detector) =>
			row([
				detectors[detector],
				...scenarios.flatMap((name) => figures.map((figure) => both(cells, detector, name, figure))),
			]),
		),
	].join("\n");
}

function goalLines(goals: readonly Goal[]): string {
	if (goals.length === 0) return "";
	return [
		"What zombied is to reach:",
		"",
		row(["", "cadence", "at most", "measured", "reached"]),
		row(["---", "---", "---", "---", "---"]),
		...goals.map((goal) => {
			const { what, cadenceSeconds, most, measured } = goal;
			return row([what, `${cadenceSeconds} s`, `${most}`, `${measured ?? "none"}`, isReached(goal) ? "yes" : "**no**"]);
		}),
	].join("\n");
}

function detectorsOf(cells: readonly Cell[]): readonly DetectorName[] {
	const [ours, ...peers] = detectorNames;
	return [...peers, ours].filter((name) => cells.some((cell) => cell.detector === name));
}

function cadencesOf(cells: readonly Cell[]): readonly number[] {
	return [...new Set(cells.map((cell) => cell.cadenceSeconds))].sort((a, b) => a - b);
}

function both(
	cells: readonly Cell[],
	detector: DetectorName,
	scenario: ScenarioName,
	figure: (cell: Cell) => number | null,
): string {
	const own = cells.filter((cell) => cell.detector === detector && cell.scenario === scenario);
	return own
		.toSorted((a, b) => a.cadenceSeconds - b.cadenceSeconds)
		.map((cell) => `${figure(cell) ?? "–"}`)
		.join(" / ");
}

function row(columns: readonly string[]): string {
	return `| ${columns.join(" | ")} |`;
}
