import { parseArgs } from "node:util";
import { OperatorError } from "../src/lib/errors.ts";

export interface BenchArguments {
	readonly json: boolean;
	readonly liveRuns: readonly number[];
	readonly events: number | null;
	readonly repetitions: number;
	readonly minutes: number;
	/** For the daemon's node, as `--cpu-prof`. */
	readonly nodeArgs: readonly string[];
	readonly reportFile: string | null;
}

const usage =
	"npm run bench -- [--json] [--runs 1000,10000] [--events N] [--repetitions N] [--minutes N] [--report FILE] [--node-arg ARG]";

/** @throws OperatorError */
export function benchArguments(args: readonly string[]): BenchArguments {
	const text = { type: "string" } as const;
	const options = {
		json: { type: "boolean" },
		runs: text,
		events: text,
		repetitions: text,
		minutes: text,
		report: text,
		"node-arg": { type: "string", multiple: true },
	} as const;
	let values: ReturnType<typeof parseArgs<{ args: string[]; options: typeof options }>>["values"];
	try {
		({ values } = parseArgs({ args: [...args], options }));
	} catch (error) {
		throw new OperatorError(`${error instanceof Error ? error.message : error}; usage: ${usage}`);
	}
	return {
		json: values.json === true,
		liveRuns: (values.runs ?? "1000,10000,100000,1000000").split(",").map((one) => whole("--runs", one, 10_000_000)),
		events: values.events === undefined ? null : whole("--events", values.events, 1_000_000_000),
		repetitions: whole("--repetitions", values.repetitions ?? "3", 100),
		minutes: whole("--minutes", values.minutes ?? "9", 10_000),
		nodeArgs: values["node-arg"] ?? [],
		reportFile: values.report ?? null,
	};
}

function whole(flag: string, text: string, max: number): number {
	const value = /^\d{1,10}$/u.test(text) ? Number(text) : 0;
	if (value >= 1 && value <= max) return value;
	throw new OperatorError(`${flag} ${text}: expected a whole number from 1 to ${max}; usage: ${usage}`);
}
