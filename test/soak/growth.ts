import { statSync } from "node:fs";
import { residentKib } from "../_util/resident-memory.ts";

interface Sample {
	readonly atHours: number;
	readonly residentMib: number;
	readonly databaseMib: number;
}

const kibPerMib = 1024;
const bytesPerMib = 1024 * 1024;
const msPerHour = 3_600_000;

/** What a process takes up, over time. */
export class Growth {
	readonly #samples: Sample[] = [];
	readonly #pid: number;
	readonly #databasePath: string;

	constructor(pid: number, databasePath: string) {
		this.#pid = pid;
		this.#databasePath = databasePath;
	}

	sample(): void {
		this.#samples.push({
			atHours: performance.now() / msPerHour,
			residentMib: residentKib(this.#pid) / kibPerMib,
			databaseMib: (bytesOf(this.#databasePath) + bytesOf(`${this.#databasePath}-wal`)) / bytesPerMib,
		});
	}

	/** In words; the slopes are those of the later two thirds, since a young process fills its heap first. */
	report(): string {
		const later = this.#samples.slice(Math.floor(this.#samples.length / 3));
		const [first, last] = [later[0], later.at(-1)];
		if (first === undefined || last === undefined) return "no samples";
		const memory = slope(later.map(({ atHours, residentMib }) => [atHours, residentMib]));
		const database = slope(later.map(({ atHours, databaseMib }) => [atHours, databaseMib]));
		return [
			`${later.length} samples of ${((last.atHours - first.atHours) * 60).toFixed(1)} minutes:`,
			`resident memory ${first.residentMib.toFixed(1)} to ${last.residentMib.toFixed(1)} MiB, ${memory.toFixed(1)} MiB an hour;`,
			`database with its log ${first.databaseMib.toFixed(2)} to ${last.databaseMib.toFixed(2)} MiB, ${database.toFixed(2)} MiB an hour`,
		].join(" ");
	}
}

/** Least squares: y for each x. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
	const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
	const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
	const up = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
	const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
	return up / across;
}

function bytesOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
