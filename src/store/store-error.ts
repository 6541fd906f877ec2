import { OutsideError } from "../lib/errors.ts";

/** A read or write failed. `code` is SQLite's (`SQLITE_FULL`, `SQLITE_BUSY`, …) or another stable word. */
export class StoreError extends OutsideError {
	override readonly name = "StoreError";
	readonly code: string;

	constructor(message: string, options: { code: string; retryable: boolean; cause?: unknown }) {
		super(message, options);
		this.code = options.code;
	}

	/** The database itself is no longer what was written: it has to be set aside, and what it held learned again. */
	get isDamage(): boolean {
		return /^SQLITE_(?:CORRUPT|NOTADB)/u.test(this.code);
	}
}
