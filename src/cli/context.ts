import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { ExitCode } from "./exit-code.ts";

export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };

/** All that a command takes from the process it runs in. */
export interface CliContext {
	/** What follows the program's name. */
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Relative paths count from here. */
	readonly folder: string;
	readonly stdout: Output;
	readonly stderr: Output;
	/** Aborted when the process is asked to stop; the reason's message is the signal's name. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
	readonly random: Random;
	/** Values that must not be printed; grows as the settings are read. */
	readonly secrets: Set<string>;
	/** The listener is called whenever the settings are to be read again: SIGHUP, which else ends the process. */
	readonly onReloadAsked: (listener: () => void) => void;
}

/** What a command is given: the process it runs in, and a way to say how it ends; without that with 0. */
export interface CommandContext extends CliContext {
	finish(code: ExitCode): void;
}

/** ANSI colours on stderr: on a terminal, unless `NO_COLOR` is set (no-color.org). */
export function hasColour({ stderr, env }: CliContext): boolean {
	return stderr.isTTY === true && (env.NO_COLOR ?? "") === "";
}
