import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/lib/errors.ts";
import { readCommand } from "./command-line.ts";

describe("the command line of the simulation", () => {
	test("plays one seed of a day and 200 runs, drawn by chance, unless told otherwise", () => {
		expect(readCommand([])).toEqual({ seed: null, seeds: 1, hours: 24, runs: 200, wild: false });
	});

	test("takes a first seed, and how many", () => {
		const args = ["--seeds", "20", "--seed", "7", "--hours", "2", "--runs", "30", "--wild"];
		expect(readCommand(args)).toEqual({ seed: 7, seeds: 20, hours: 2, runs: 30, wild: true });
	});

	test.each([
		[["--seeds", "0"], "--seeds 0: expected a whole number from 1"],
		[["--seed", "-1"], "--seed"],
		[["--seed", "1.5"], "--seed 1.5: expected a whole number from 0"],
		[["--seed", "4294967296"], "--seed 4294967296: expected a whole number from 0 to 4294967295"],
		[["--sed", "1"], "Unknown option '--sed'"],
		[["7"], "Unexpected argument '7'"],
	])("refuses %j in one line", (args, words) => {
		const refusal = (): unknown => readCommand(args);

		expect(refusal).toThrow(OperatorError);
		expect(refusal).toThrow(words);
		expect(refusal).not.toThrow("\n");
	});
});
