import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";
import { bareEnvironment, ProcessGroup } from "./process-group.ts";
import { type AlertLine, type GroupLine, isOfRun, parseAlertLine } from "./real-alert-line.ts";
import { TempFolder } from "./temp-folder.ts";

export interface DaemonOptions {
	readonly apiUrl: string;
	readonly authString?: string | null;
	/** Further variables of its environment. */
	readonly environment?: Readonly<Record<string, string>>;
	/** Kills the daemon. */
	readonly signal: AbortSignal;
	/** Called for every alert, as soon as it is written. */
	readonly onAlert?: (alert: AlertLine) => void;
	/** Called for every line of its operational log. */
	readonly onLogLine?: (line: string) => void;
}

const startPatienceMs = 60_000;
const stopGraceMs = 10_000;

/**
 * `zombied run` from the sources, with a database of its own. With nothing but the server's address set (and the auth
 * string where the server wants one): its address and its database are the test's, everything else is a default.
 */
export class DaemonProcess {
	readonly #options: DaemonOptions;
	readonly #folder: TempFolder;
	readonly #alerts: AlertLine[] = [];
	readonly #groups: GroupLine[] = [];
	readonly #faults: Error[] = [];
	#process: ProcessGroup | null = null;
	#address: string | null = null;

	private constructor(options: DaemonOptions, folder: TempFolder) {
		this.#options = options;
		this.#folder = folder;
	}

	/** Resolves when the daemon serves its own pages, which does not need the Prefect server. */
	static async start(options: DaemonOptions): Promise<DaemonProcess> {
		const daemon = new DaemonProcess(options, await TempFolder.make("daemon"));
		try {
			await daemon.startAgain();
			return daemon;
		} catch (error) {
			await daemon[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** Every line of a run so far, over all lives of the daemon. Throws when a line broke the contract. */
	get alerts(): readonly AlertLine[] {
		this.#throwFault();
		return this.#alerts;
	}

	/** Every line of a group so far, as `alerts`. */
	get groups(): readonly GroupLine[] {
		this.#throwFault();
		return this.#groups;
	}

	/** Where its own pages are, e.g. "http://127.0.0.1:4290". */
	get address(): string {
		if (this.#address === null) {
			throw new Error("the daemon is not listening");
		}
		return this.#address;
	}

	get databasePath(): string {
		return this.#folder.file("zombied.db");
	}

	get pid(): number | null {
		return this.#process?.pid ?? null;
	}

	get isRunning(): boolean {
		return this.#process !== null && this.#process.ending === null;
	}

	/** The last lines of both of its streams. */
	get tail(): string {
		return this.#process?.tail ?? "";
	}

	alertsOf(event: AlertLine["event"], runId: string): readonly AlertLine[] {
		return this.alerts.filter((line) => line.event === event && line.flow_run.id === runId);
	}

	/** A new life on the same database. */
	async startAgain(): Promise<void> {
		this.#address = null;
		const daemon = new ProcessGroup({
			command: process.execPath,
			args: [fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "run"],
			// Neither the project's config folder nor the user's Prefect profile may have a say.
			cwd: this.#folder.path,
			env: bareEnvironment({
				HOME: this.#folder.path,
				PREFECT_API_URL: this.#options.apiUrl,
				...(this.#options.authString == null ? {} : { PREFECT_API_AUTH_STRING: this.#options.authString }),
				ZOMBIED_STORE_URL: `sqlite:${this.databasePath}`,
				ZOMBIED_HTTP_LISTEN: "127.0.0.1:0",
				...this.#options.environment,
			}),
			logFile: this.#folder.file("daemon.log"),
			onStdoutLine: (line) => this.#hearAlert(line),
			onStderrLine: (line) => this.#hearLog(line),
			signal: this.#options.signal,
		});
		this.#process = daemon;
		const isListening = (): boolean => {
			if (daemon.ending !== null) {
				throw new Error(`the daemon ended while starting:\n${daemon.tail}`);
			}
			return this.#address !== null;
		};
		await eventually(isListening, {
			what: "the daemon to listen",
			timeoutMs: startPatienceMs,
			signal: this.#options.signal,
			why: () => daemon.tail,
		});
	}

	/** Resolves with the first alert that fits, be it written already. */
	waitForAlert(what: string, isWanted: (alert: AlertLine) => boolean, timeoutMs: number): Promise<AlertLine> {
		const look = (): AlertLine | undefined => {
			const found = this.alerts.find(isWanted);
			if (found === undefined && !this.isRunning) {
				throw new Error(`the daemon ended while ${what} was awaited:\n${this.tail}`);
			}
			return found;
		};
		return eventually(look, {
			what,
			timeoutMs,
			signal: this.#options.signal,
			why: () => this.tail,
		});
	}

	async metricsPage(): Promise<string> {
		const response = await fetch(`${this.address}/metrics`, {
			signal: AbortSignal.timeout(10_000),
		});
		if (!response.ok) {
			throw new Error(`/metrics answered ${response.status}`);
		}
		return response.text();
	}

	/** An orderly stop. Throws when it takes longer than 10 s or does not end with exit code 0. */
	async stop(): Promise<void> {
		const daemon = this.#process;
		this.#process = null;
		const ending = await daemon?.terminate(stopGraceMs);
		if (ending !== undefined && ending.code !== 0) {
			throw new Error(`the daemon ended with code ${ending.code}, signal ${ending.signal}:\n${daemon?.tail}`);
		}
	}

	/** What a crash of the machine does to it. */
	async kill(): Promise<void> {
		await this.#process?.kill();
		this.#process = null;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
		await this.#folder[Symbol.asyncDispose]();
	}

	#throwFault(): void {
		const [fault] = this.#faults;
		if (fault !== undefined) {
			throw fault;
		}
	}

	#hearAlert(line: string): void {
		try {
			const alert = parseAlertLine(line);
			if (!isOfRun(alert)) {
				this.#groups.push(alert);
				return;
			}
			this.#alerts.push(alert);
			this.#options.onAlert?.(alert);
		} catch (error) {
			this.#faults.push(error instanceof Error ? error : new Error(String(error)));
		}
	}

	#hearLog(line: string): void {
		this.#options.onLogLine?.(line);
		if (!line.includes('"http.listening"')) {
			return;
		}
		const entry = JSON.parse(line) as { event?: string; address?: string };
		if (entry.event === "http.listening" && entry.address !== undefined) {
			this.#address = entry.address;
		}
	}
}
