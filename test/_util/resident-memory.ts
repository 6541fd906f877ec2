import { readFileSync } from "node:fs";

/** Resident memory of a process, KiB. */
export function residentKib(pid: number): number {
	return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
