// `npm run sim`: plays seeds, one worker thread a core. The same seed prints the same bytes.
import { availableParallelism } from "node:os";
import { exitCodeOf, exitCodes } from "../../src/cli/exit-code.ts";
import { OperatorError } from "../../src/lib/errors.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { readCommand, type SimCommand } from "./command-line.ts";
import type { Played } from "./play.ts";
import { PlayPool } from "./play-pool.ts";

/** Plays all seeds, and hands on what came of each in their order. */
async function playAll(command: SimCommand, first: number, onPlayed: (played: Played) => void): Promise<void> {
	const { seeds, hours, runs, wild } = command;
	await using pool = new PlayPool({ hours, runs, wild });
	const finished = new Map<number, Played>();
	let next = 0;
	let told = 0;
	const work = async (): Promise<void> => {
		while (next < seeds) {
			const index = next++;
			finished.set(index, await pool.play(first + index));
			for (let played = finished.get(told); played !== undefined; played = finished.get(told)) {
				finished.delete(told++);
				onPlayed(played);
			}
		}
	};
	await Promise.all(Array.from({ length: Math.min(availableParallelism(), seeds) }, work));
}

function lineOf({ seed, failure, lines, lives, deliveries, debtsPaid, digest }: Played): string {
	const result = failure === null ? "ok" : "FAILED";
	const story = `${lives} processes, ${deliveries} alert lines, ${debtsPaid} told in time, ${lines} lines of story`;
	return `seed ${seed}: ${result}, ${story}, ${digest.slice(0, 16)}`;
}

try {
	const command = readCommand(process.argv.slice(2));
	const first = command.seed ?? Math.floor(systemRandom() * 2 ** 31);
	if (command.seed === null) process.stdout.write(`sim: the first seed is ${first}\n`);
	let failed = 0;
	await playAll(command, first, (played) => {
		if (played.failure !== null) failed += 1;
		for (const line of [...played.report, lineOf(played)]) process.stdout.write(`${line}\n`);
	});
	process.stdout.write(`sim: ${command.seeds} seeds, ${failed} failed\n`);
	process.exitCode = failed > 0 ? exitCodes.badAnswer : exitCodes.done;
} catch (error) {
	if (!(error instanceof OperatorError)) throw error;
	process.stderr.write(`sim: ${error.message}\n`);
	process.exitCode = exitCodeOf(error);
}
