import Database from "better-sqlite3";

export type FailingCode = "SQLITE_FULL" | "SQLITE_IOERR_WRITE" | "SQLITE_BUSY" | "SQLITE_CORRUPT";

export interface DriverFailure {
	/** The call that fails, counted from 1; infinity: none. */
	readonly atCall: number;
	readonly code: FailingCode;
	/** How many calls in a row fail; infinity: all from then on. */
	readonly times: number;
	/** The call is carried out, and said to have failed: what a lost fsync looks like. */
	readonly isDone: boolean;
}

type Method = (this: unknown, ...parameters: unknown[]) => unknown;
type Methods = Record<string, Method>;

/**
 * Counts every call of the SQLite driver in this process and lets some fail as SQLite would. It stands at the driver's
 * own methods, so that the BEGIN, COMMIT and ROLLBACK of a transaction and the statement of a pragma are calls like any
 * other. Closing never fails with these codes, and always goes through.
 */
export class FailingDriver implements Disposable {
	readonly #failure: DriverFailure;
	readonly #restore: (() => void)[] = [];
	calls = 0;

	constructor(failure: DriverFailure) {
		this.#failure = failure;
		const database = new Database(":memory:");
		const statements = Object.getPrototypeOf(database.prepare("SELECT 1")) as Methods;
		database.close();
		for (const name of ["run", "get", "all", "iterate"]) this.#patch(statements, name);
		for (const name of ["prepare", "exec"]) this.#patch(Database.prototype as unknown as Methods, name);
	}

	get hasFailed(): boolean {
		return this.calls >= this.#failure.atCall;
	}

	[Symbol.dispose](): void {
		for (const restore of this.#restore) restore();
	}

	#patch(methods: Methods, name: string): void {
		const original = methods[name] as Method;
		const call = (carryOut: () => unknown): unknown => this.#call(carryOut);
		methods[name] = function patched(...parameters) {
			return call(() => original.apply(this, parameters));
		};
		this.#restore.push(() => {
			methods[name] = original;
		});
	}

	#call(carryOut: () => unknown): unknown {
		this.calls += 1;
		const { atCall, times, code, isDone } = this.#failure;
		if (this.calls < atCall || this.calls >= atCall + times) return carryOut();
		if (isDone) carryOut();
		throw new Database.SqliteError(`call ${this.calls} fails`, code);
	}
}
