import { writeFileSync } from "node:fs";

/**
 * Loaded into the daemon's process beside it (`node --import`): looks at the process from inside, and writes what it saw
 * when the process exits. It adds a timer and nothing else.
 */
export interface ProbeReport {
	readonly exitedAtMs: number;
	readonly looks: readonly ProbeLook[];
}

export interface ProbeLook {
	readonly atMs: number;
	/** User and system, since the process started. */
	readonly cpuMicros: number;
	readonly rssMb: number;
	/** How much later than asked for the timer came. */
	readonly lateMs: number;
}

const everyMs = 20;

const file = process.env.BENCH_PROBE_FILE;
if (file !== undefined) watch(file);

function watch(reportFile: string): void {
	const looks: ProbeLook[] = [];
	let askedMs = performance.now() + everyMs;
	const look = (): void => {
		const { user, system } = process.cpuUsage();
		const lateMs = Math.max(0, performance.now() - askedMs);
		looks.push({ atMs: Date.now(), cpuMicros: user + system, rssMb: process.memoryUsage.rss() / 2 ** 20, lateMs });
		askedMs = performance.now() + everyMs;
		setTimeout(look, everyMs).unref();
	};
	setTimeout(look, everyMs).unref();
	process.on("exit", () => {
		look();
		writeFileSync(reportFile, JSON.stringify({ exitedAtMs: Date.now(), looks } satisfies ProbeReport));
	});
}
