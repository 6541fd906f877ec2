import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Damaged databases kept beside the present one: enough to see what a failing disk does, and they do not fill it. */
const damagedFilesMax = 5;
const damagedMark = ".damaged-";

/** A database that could not be read, and what has become of it. */
export interface Damage {
	readonly path: string;
	/** Where it is kept now, for whoever wants to look into it. */
	readonly keptAs: string;
	/** What SQLite said. */
	readonly detail: string;
}

/** The file is not what it was written as. */
export class DamagedDatabaseError extends Error {
	override readonly name = "DamagedDatabaseError";
}

/**
 * Moves a damaged database out of the way, under the date of today, with the files that SQLite keeps beside it. Nobody
 * may have it open. The oldest of several such are deleted.
 */
export function setAsideDamaged(path: string, nowMs: number, detail: string): Damage {
	const keptAs = freeName(`${path}${damagedMark}${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/gu, "")}`);
	for (const part of ["-wal", "-shm", ""]) {
		if (existsSync(`${path}${part}`)) renameSync(`${path}${part}`, `${keptAs}${part}`);
	}
	forgetOldest(path);
	return { path, keptAs, detail };
}

/** Two in one second. */
function freeName(name: string): string {
	let free = name;
	for (let number = 2; existsSync(free); number++) free = `${name}.${number}`;
	return free;
}

function forgetOldest(path: string): void {
	const folder = dirname(path);
	const start = `${basename(path)}${damagedMark}`;
	const kept = readdirSync(folder).filter((name) => name.startsWith(start) && !/-(?:wal|shm)$/u.test(name));
	for (const name of kept.toSorted().slice(0, -damagedFilesMax)) {
		for (const part of ["-wal", "-shm", ""]) rmSync(join(folder, `${name}${part}`), { force: true });
	}
}
