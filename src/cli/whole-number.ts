import { InvalidArgumentError } from "commander";

/** Of an option, from 1 on. */
export function wholeNumber(text: string): number {
	const number = Number(text);
	if (!Number.isSafeInteger(number) || number < 1)
		throw new InvalidArgumentError("It has to be a whole number from 1 on.");
	return number;
}
