import { parseArgs } from "node:util";
import { OperatorError } from "../../../src/lib/errors.ts";
import { type DetectorName, detectorNames } from "./job.ts";
import { type ScenarioName, scenarioNames } from "./scenario.ts";

export interface TableOptions {
	readonly json: boolean;
	readonly seed: string;
	readonly runs: number;
	readonly beats: number;
	readonly scenarios: readonly ScenarioName[];
	readonly detectors: readonly DetectorName[];
	readonly cadencesSeconds: readonly number[];
	/** A file for the whole table's report; null: the usual one, for a table of full size. */
	readonly report: string | null;
}

const cadences = ["30", "180"] as const;
export const wholeSize = { runs: 1_000, beats: 200 } as const;
/** Fewer leave no room for an outage of five minutes, or for five pools of more than three runs. */
const runsMin = 20;
const beatsMin = 40;
const sizeMax = 100_000;

/** @throws OperatorError with one line */
export function readOptions(args: readonly string[]): TableOptions {
	const { values } = parsed(args);
	return {
		json: values.json,
		seed: values.seed,
		runs: wholeNumber("runs", values.runs, runsMin),
		beats: wholeNumber("beats", values.beats, beatsMin),
		scenarios: chosen("scenario", values.scenario, scenarioNames),
		detectors: chosen("detector", values.detector, detectorNames),
		cadencesSeconds: chosen("cadence", values.cadence, cadences).map(Number),
		report: values.report ?? null,
	};
}

function parsed(args: readonly string[]) {
	try {
		return parseArgs({
			args: [...args],
			options: {
				json: { type: "boolean", default: false },
				report: { type: "string" },
				seed: { type: "string", default: "1" },
				runs: { type: "string", default: String(wholeSize.runs) },
				beats: { type: "string", default: String(wholeSize.beats) },
				scenario: { type: "string", multiple: true, default: [] },
				detector: { type: "string", multiple: true, default: [] },
				cadence: { type: "string", multiple: true, default: [] },
			},
		});
	} catch (error) {
		if (error instanceof TypeError) throw new OperatorError(error.message.split(". ")[0] ?? error.message);
		throw error;
	}
}

/** Nothing asked for is everything; the order is the table's. */
function chosen<Name extends string>(flag: string, asked: readonly string[], known: readonly Name[]): readonly Name[] {
	const names = asked.flatMap((one) => one.split(","));
	const strange = names.find((name) => !known.some((one) => one === name));
	if (strange !== undefined) throw new OperatorError(`--${flag} ${strange}: it is one of ${known.join(", ")}`);
	return names.length === 0 ? known : known.filter((name) => names.includes(name));
}

function wholeNumber(flag: string, text: string, min: number): number {
	const value = Number(text);
	if (Number.isInteger(value) && value >= min && value <= sizeMax) return value;
	throw new OperatorError(`--${flag} ${text}: it is a whole number from ${min} to ${sizeMax}`);
}
