import { PageTooLargeError } from "./api-error.ts";

/** How many rows of one kind the server gives at once: learned downwards from its refusals, for the life of the process. */
export class PageSize {
	#rows: number;

	constructor(rowsMax: number) {
		this.#rows = rowsMax;
	}

	/**
	 * Calls `ask` with the page size, and again with smaller ones while it throws PageTooLargeError, which the transport
	 * does not for a single row.
	 */
	async adapt<T>(ask: (rows: number) => Promise<T>): Promise<T> {
		for (;;) {
			const rows = this.#rows;
			try {
				return await ask(rows);
			} catch (error) {
				if (!(error instanceof PageTooLargeError)) {
					throw error;
				}
				this.#shrink(rows, error);
			}
		}
	}

	#shrink(refusedRows: number, error: PageTooLargeError): void {
		const allowed = error.rowsAllowed ?? 0;
		const smaller = allowed >= 1 && allowed < refusedRows ? allowed : Math.max(1, Math.floor(refusedRows / 2));
		// Another call may have learned it meanwhile.
		this.#rows = Math.min(this.#rows, smaller);
	}
}
