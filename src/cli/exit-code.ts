import { OperatorError, OutsideError } from "../lib/errors.ts";

/** Exit codes: an interface that scripts and service managers rely on. */
export const exitCodes = {
	/** Done, or stopped as asked. */
	done: 0,
	/** The operator has to mend something: usage, a setting, the database. */
	operator: 1,
	/** The command worked, and what it found is bad. */
	badAnswer: 10,
	bug: 70,
	/** It may work later. */
	tryAgain: 75,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOf(error: unknown): ExitCode {
	if (error instanceof OperatorError) return exitCodes.operator;
	if (error instanceof OutsideError) return error.retryable ? exitCodes.tryAgain : exitCodes.operator;
	return exitCodes.bug;
}
