import { randomUUID } from "node:crypto";

/** Eight hexadecimal digits, short enough to be typed: for what there are few of at a time. */
export function newShortId(): string {
	return randomUUID().slice(0, 8);
}
