import { parseArgs } from "node:util";
import { OperatorError } from "../../src/lib/errors.ts";

export interface SimCommand {
	/** The first of them. Null: drawn and printed. */
	readonly seed: number | null;
	readonly seeds: number;
	readonly hours: number;
	readonly runs: number;
	/** Every kind of trouble in every seed. */
	readonly wild: boolean;
}

/** Room for adding the number of seeds to it. */
const seedMax = 2 ** 32 - 1;
const usage = "npm run sim -- [--seeds N] [--seed S] [--hours H] [--runs R] [--wild]";

/** @throws OperatorError with one line that says what is wrong */
export function readCommand(args: readonly string[]): SimCommand {
	let values: Readonly<Partial<Record<"seeds" | "seed" | "hours" | "runs", string>>> & { readonly wild?: boolean };
	try {
		const text = { type: "string" } as const;
		const options = { seeds: text, seed: text, hours: text, runs: text, wild: { type: "boolean" } } as const;
		values = parseArgs({ args: [...args], options }).values;
	} catch (error) {
		const [line] = (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/u);
		throw new OperatorError(`${line}; usage: ${usage}`);
	}
	return {
		seed: values.seed === undefined ? null : wholeBetween("--seed", values.seed, 0, seedMax),
		seeds: wholeBetween("--seeds", values.seeds ?? "1", 1, 1_000_000),
		hours: wholeBetween("--hours", values.hours ?? "24", 1, 24 * 365),
		runs: wholeBetween("--runs", values.runs ?? "200", 1, 100_000),
		wild: values.wild === true,
	};
}

function wholeBetween(flag: string, text: string, min: number, max: number): number {
	const value = /^\d{1,10}$/u.test(text) ? Number(text) : Number.NaN;
	if (value >= min && value <= max) return value;
	throw new OperatorError(`${flag} ${text}: expected a whole number from ${min} to ${max}; usage: ${usage}`);
}
