import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { PrefectRest } from "./prefect-rest.ts";
import { bareEnvironment, ProcessGroup } from "./process-group.ts";
import { TempFolder } from "./temp-folder.ts";

export interface PrefectServerOptions {
	/** The interpreter of the venv that has Prefect. */
	readonly python: string;
	/** `user:password`: the server then asks everybody for it. */
	readonly authString?: string;
	/** Further settings of the server, as Prefect's variables. */
	readonly settings?: Readonly<Record<string, string>>;
	/** Ends the server at once. */
	readonly signal: AbortSignal;
}

// It takes 14 s alone on two cores, and two of them start side by side with their flows.
const startPatienceMs = 120_000;
const stopGraceMs = 15_000;

/** A real Prefect server on loopback, with a database and settings of its own in a temporary folder. */
export class PrefectServer {
	readonly apiUrl: string;
	readonly rest: PrefectRest;
	readonly authString: string | null;
	readonly #options: PrefectServerOptions;
	readonly #port: number;
	readonly #home: TempFolder;
	#process: ProcessGroup | null = null;

	private constructor(options: PrefectServerOptions, port: number, home: TempFolder) {
		this.#options = options;
		this.#port = port;
		this.#home = home;
		this.authString = options.authString ?? null;
		this.apiUrl = `http://127.0.0.1:${port}/api`;
		this.rest = new PrefectRest(this.apiUrl, this.authString);
	}

	/** Resolves when the server answers. */
	static async start(options: PrefectServerOptions): Promise<PrefectServer> {
		const server = new PrefectServer(options, await freePort(), await TempFolder.make("prefect"));
		try {
			await server.startAgain();
			return server;
		} catch (error) {
			await server[Symbol.asyncDispose]();
			throw error;
		}
	}

	get pid(): number | null {
		return this.#process?.pid ?? null;
	}

	/** What a Prefect client needs in its environment to talk to this server, its settings folder included. */
	get clientEnvironment(): Readonly<Record<string, string>> {
		return {
			PREFECT_API_URL: this.apiUrl,
			PREFECT_HOME: this.#home.file("client"),
			...(this.authString === null ? {} : { PREFECT_API_AUTH_STRING: this.authString }),
		};
	}

	/** Starts on the same port and the same database as before; resolves when the server answers. */
	async startAgain(): Promise<void> {
		const server = new ProcessGroup({
			command: this.#options.python,
			args: `-m prefect server start --host 127.0.0.1 --port ${this.#port} --no-ui`.split(" "),
			cwd: this.#home.path,
			env: bareEnvironment({
				PREFECT_HOME: this.#home.file("server"),
				PREFECT_SERVER_ANALYTICS_ENABLED: "false",
				DO_NOT_TRACK: "1",
				...(this.authString === null ? {} : { PREFECT_SERVER_API_AUTH_STRING: this.authString }),
				...this.#options.settings,
			}),
			logFile: this.#home.file("server.log"),
			signal: this.#options.signal,
		});
		this.#process = server;
		const isUp = async (): Promise<boolean> => {
			if (server.ending !== null) {
				throw new Error(`the Prefect server ended while starting:\n${server.tail}`);
			}
			return this.rest.health();
		};
		await eventually(isUp, {
			what: "the Prefect server to answer",
			timeoutMs: startPatienceMs,
			signal: this.#options.signal,
			why: () => server.tail,
		});
	}

	/** An orderly stop; the database stays for `startAgain`. */
	async stop(): Promise<void> {
		await this.#process?.terminate(stopGraceMs);
		this.#process = null;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#process?.kill();
		await this.#home[Symbol.asyncDispose]();
	}
}
