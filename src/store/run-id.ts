import { StoreError } from "./store-error.ts";

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

/** Has it the form that comes back as it was from its bytes? */
export function isRunId(text: string): boolean {
	return uuidPattern.test(text);
}

/**
 * A run id as its 16 bytes.
 *
 * @throws StoreError `NOT_A_UUID` for anything but a UUID in lower case, because it would not come back as it was
 */
export function bytesOfRunId(runId: string): Buffer {
	if (!isRunId(runId)) {
		throw new StoreError(`not a run id in the form of a lower-case UUID: ${JSON.stringify(runId.slice(0, 80))}`, {
			code: "NOT_A_UUID",
			retryable: false,
		});
	}
	return Buffer.from(runId.replaceAll("-", ""), "hex");
}

/** The lower-case UUID of 16 bytes. */
export function runIdOfBytes(bytes: Uint8Array): string {
	return dashed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex"));
}

/** The same of the digits of its bytes, as SQLite's `hex` gives them. */
export function runIdOfHex(digits: string): string {
	return dashed(digits.toLowerCase());
}

function dashed(hex: string): string {
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
