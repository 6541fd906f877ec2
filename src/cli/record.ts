import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { type Recorded, recordStream } from "../daemon/record.ts";
import { formatDuration } from "../lib/duration.ts";
import { messageOf, OperatorError } from "../lib/errors.ts";
import { plainText } from "../observe/plain-text.ts";
import type { CommandContext, Output } from "./context.ts";
import { durationOption } from "./duration-option.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const textCharsMax = 500;
const forBounds = { minMs: 1_000, maxMs: 7 * 86_400_000 };
/** A reader of stdout that is so far behind does not come back. */
const unreadBytesMax = 64 * 1024 * 1024;

/** `zombied record`: frames of the events socket into a file that `replay` reads. */
export function addRecord(program: Command, context: CommandContext): void {
	const command = program
		.command("record")
		.description("write what comes on the events socket into a file, for `replay`");
	withSettingsOptions(command, ["prefect"])
		.option("--for <duration>", "how long, from connecting on, e.g. 10m; until it is stopped when not given")
		.option("-o, --output <file>", "where to; must not exist (default: stdout)")
		.addHelpText("after", examples)
		.action(async () => {
			const { for: text, output } = command.opts<{ for?: string; output?: string }>();
			const forMs = text === undefined ? null : durationOption("--for", text, forBounds);
			const { settings, warnings } = loadSettings(context, command);
			const { clock, random, signal, env, secrets } = context;
			const say = (line: string): void => void context.stderr.write(`zombied: ${plainText(line, textCharsMax)}\n`);
			for (const warning of warnings) say(`warning: ${warning}`);
			const target = output === undefined ? stdoutTarget(context.stdout) : fileTarget(context.folder, output);
			try {
				const recorded = await recordStream(
					{
						settings,
						environment: env,
						version,
						clock,
						random,
						forMs,
						secrets: [...secrets],
						write: target.write,
						onConnected: ({ url }) => say(`recording ${url} ${untilWhen(forMs)}`),
						onLost: ({ detail, retryInMs }) =>
							say(`the socket is lost (${detail}); trying again in ${formatDuration(retryInMs)}`),
					},
					signal,
				);
				say(summaryOf(recorded));
				say(`play them with: zombied replay ${output ?? "FILE"}`);
			} finally {
				target.close();
			}
		});
}

function summaryOf({ frames, gaps, durationMs }: Recorded): string {
	const gapsText = gaps === 0 ? "" : `, the socket was lost ${gaps === 1 ? "once" : `${gaps} times`}`;
	const framesText = frames === 1 ? "1 frame" : `${frames} frames`;
	return `${framesText} in ${formatDuration(Math.round(durationMs / 1000) * 1000)}${gapsText}`;
}

function untilWhen(forMs: number | null): string {
	return forMs === null ? "until it is stopped (Ctrl-C)" : `for ${formatDuration(forMs)} (Ctrl-C ends it sooner)`;
}

interface Target {
	/** @throws OperatorError */
	readonly write: (line: string) => void;
	readonly close: () => void;
}

/** Each line is written at once, so that a killed recording has all that came. */
function fileTarget(folder: string, name: string): Target {
	const shown = plainText(name, textCharsMax);
	const absolute = path.resolve(folder, name);
	const file = newFile(absolute, shown);
	let isEmpty = true;
	const write = (line: string): void => {
		try {
			writeSync(file, line);
			isEmpty = false;
		} catch (error) {
			throw new OperatorError(`${shown} cannot be written (${messageOf(error)}); what came before is in it`);
		}
	};
	const close = (): void => {
		closeSync(file);
		// So that the same command can be tried again.
		if (isEmpty) rmSync(absolute, { force: true });
	};
	return { write, close };
}

/** Names of runs will be in it: only its owner may read it. */
function newFile(absolute: string, shown: string): number {
	try {
		return openSync(absolute, "wx", 0o600);
	} catch (error) {
		const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
		const why = exists ? "exists and was left as it is; name another file" : `cannot be made (${messageOf(error)})`;
		throw new OperatorError(`${shown} ${why}`);
	}
}

function stdoutTarget(stdout: Output): Target {
	let unreadBytes = 0;
	let isGone = false;
	const write = (line: string): void => {
		const bytes = Buffer.byteLength(line);
		unreadBytes += bytes;
		if (isGone || unreadBytes > unreadBytesMax) throw new OperatorError("nobody reads stdout any more");
		stdout.write(line, (error) => {
			unreadBytes -= bytes;
			isGone ||= error != null;
		});
	};
	return { write, close: () => undefined };
}

const examples = `
A line a frame, with the moment of its arrival, as the daemon would get it; also when the socket was lost and found. No
secret of your settings is in it, but names, tags and state messages of your runs are. stderr says what is going on.

Examples:
  zombied record --for 10m -o monday.jsonl
  zombied record > monday.jsonl                    until Ctrl-C
  zombied replay monday.jsonl                      what zombied says of it`;
