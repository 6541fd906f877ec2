import { type Logger as PinoLogger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { Clock } from "../lib/clock.ts";
import { FactCleaner } from "./fact-cleaner.ts";
import { isoTime } from "./plain-text.ts";
import { redactionOf } from "./redaction.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Facts of a line: `event` names what happened, in the form `http.listening`. */
export interface LogFacts {
	readonly event: string;
	readonly [fact: string]: unknown;
}

/** The operational log. Texts may come from outside: they are made harmless, cut and cleared of secrets here. */
export interface Logger {
	log(level: LogLevel | "fatal", facts: LogFacts, message: string): void;
	/** From now on lines of this level and above appear. */
	setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
	/** JSON lines go here, or readable ones when it is a terminal. */
	readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };
	readonly level: LogLevel;
	readonly clock: Clock;
	/** Values that must appear nowhere. */
	readonly secrets: readonly string[];
	/** ANSI colours, on a terminal alone. */
	readonly colour: boolean;
}

export function createLogger(options: LoggerOptions): Logger {
	const destination = options.stream.isTTY === true ? readable(options.stream, options.colour) : options.stream;
	const logger = pino(pinoOptions(options), destination);
	const clean = new FactCleaner(redactionOf(options.secrets));
	return {
		log: (level, facts, message) => {
			writeLine(logger, level, clean.record(facts), clean.text(message));
		},
		setLevel: (level) => {
			logger.level = level;
		},
	};
}

/** Lines for a human at a terminal. */
function readable(stream: NodeJS.WritableStream, colour: boolean): { write(line: string): void } {
	const pretty = prettyFactory({ colorize: colour, messageKey: "message", translateTime: "SYS:HH:MM:ss.l" });
	return { write: (line) => void stream.write(pretty(line)) };
}

function writeLine(logger: PinoLogger, level: LogLevel | "fatal", facts: object, message: string): void {
	// A log that cannot be written must not end the daemon: detection and alerts go on without it.
	try {
		logger[level](facts, message);
	} catch {}
}

function pinoOptions(options: LoggerOptions) {
	return {
		level: options.level,
		// No pid and host: whoever collects the lines knows both better (in a container they say nothing).
		base: null,
		messageKey: "message",
		timestamp: () => `,"time":"${isoTime(options.clock.now().wallMs)}"`,
		// Errors come as the plain facts that `FactCleaner` made of them.
		serializers: { err: (facts: unknown) => facts },
		formatters: { level: (label: string) => ({ level: label }) },
	};
}
