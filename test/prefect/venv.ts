import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

const root = fileURLToPath(new URL("../..", import.meta.url));
const listFile = fileURLToPath(new URL("requirements.txt", import.meta.url));
const venvFolder = join(root, ".venv");
const venvPython = join(venvFolder, "bin", "python");
const stampFile = join(venvFolder, "zombied-requirements-hash");
const reportEveryMs = 10_000;
const lockPatienceMs = 300_000;

/** There is no Python on this machine that a real Prefect server could run on. The message is one line for a human. */
export class PythonMissingError extends Error {
	override readonly name = "PythonMissingError";
}

export interface PrefectVenv {
	/** The interpreter that has Prefect. Call modules with `-m`: the scripts beside it break when the folder moves. */
	readonly python: string;
	readonly prefectVersion: string;
}

export interface VenvOptions {
	readonly report: (line: string) => void;
	readonly signal?: AbortSignal;
}

/**
 * The project's `.venv` with the pinned Prefect, made when it is missing or when the list or the machine's Python has
 * changed. The stamp is written last, so that a half-made folder is made again.
 *
 * @throws PythonMissingError when python3 is absent, too old, or cannot make virtual environments
 */
export async function ensurePrefectVenv(options: VenvOptions): Promise<PrefectVenv> {
	const list = await readFile(listFile, "utf8");
	const prefectVersion = /^prefect==(.+)$/mu.exec(list)?.[1] ?? "unknown";
	const venv = { python: venvPython, prefectVersion };
	const pythonVersion = await findPython();
	const stamp = createHash("sha256").update(`${pythonVersion}\n${list}`).digest("hex");
	if (await isMade(stamp)) {
		return venv;
	}
	await using _lock = await VenvLock.take(options);
	if (await isMade(stamp)) {
		return venv;
	}
	options.report(`installing Prefect ${prefectVersion} into .venv (about a minute, only once)`);
	await rm(venvFolder, { recursive: true, force: true });
	await makeVenv(options);
	await install(list, options);
	await writeFile(stampFile, stamp);
	options.report(`Prefect ${prefectVersion} is installed`);
	return venv;
}

async function findPython(): Promise<string> {
	const print = "import sys; print('%d.%d' % sys.version_info[:2])";
	let version: string;
	try {
		version = (await run("python3", ["-c", print])).stdout.trim();
	} catch (cause) {
		throw new PythonMissingError("python3 was not found on PATH: Python 3.10 or newer is needed", {
			cause,
		});
	}
	const [major = 0, minor = 0] = version.split(".").map(Number);
	if (major !== 3 || minor < 10) {
		throw new PythonMissingError(`python3 on PATH is ${version}: Python 3.10 or newer is needed`);
	}
	return version;
}

async function isMade(stamp: string): Promise<boolean> {
	try {
		if ((await readFile(stampFile, "utf8")) !== stamp) {
			return false;
		}
		// The interpreter is a link to the machine's own, which may have been removed since.
		await run(venvPython, ["-c", ""]);
		return true;
	} catch {
		return false;
	}
}

async function makeVenv(options: VenvOptions): Promise<void> {
	try {
		await run("python3", ["-m", "venv", venvFolder], signalOption(options));
	} catch (cause) {
		options.signal?.throwIfAborted();
		throw new PythonMissingError(
			"python3 cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)",
			{ cause },
		);
	}
}

async function install(list: string, options: VenvOptions): Promise<void> {
	const total = list.split("\n").filter((line) => line.includes("==")).length;
	const startedMs = performance.now();
	const quietly = "--no-input --disable-pip-version-check --progress-bar off".split(" ");
	const pip = spawn(venvPython, ["-m", "pip", "install", ...quietly, "-r", listFile], {
		stdio: ["ignore", "pipe", "pipe"],
		...signalOption(options),
	});
	let collected = 0;
	const tail: string[] = [];
	for (const stream of [pip.stdout, pip.stderr]) {
		createInterface({ input: stream }).on("line", (line) => {
			collected += line.startsWith("Collecting ") ? 1 : 0;
			tail.push(line);
			tail.splice(0, tail.length - 20);
		});
	}
	const timer = setInterval(() => {
		const seconds = Math.round((performance.now() - startedMs) / 1000);
		options.report(`still installing after ${seconds} s: ${collected} of ${total} packages fetched`);
	}, reportEveryMs);
	const code = await new Promise<number | null>((resolve, reject) => {
		pip.once("error", reject);
		pip.once("close", resolve);
	}).finally(() => clearInterval(timer));
	if (code !== 0) {
		throw new Error(`pip could not install Prefect (exit code ${code}):\n${tail.join("\n")}`);
	}
}

function signalOption(options: VenvOptions): { signal?: AbortSignal } {
	return options.signal === undefined ? {} : { signal: options.signal };
}

/** Keeps two processes of this machine from making the same folder at once. Freed by death: it names its holder. */
class VenvLock {
	static readonly #folder = join(
		tmpdir(),
		`zombied-venv-${createHash("sha256").update(root).digest("hex").slice(0, 12)}.lock`,
	);

	static async take(options: VenvOptions): Promise<VenvLock> {
		const deadlineMs = performance.now() + lockPatienceMs;
		let hasReported = false;
		while (!(await VenvLock.#tryTake())) {
			if (performance.now() > deadlineMs) {
				throw new Error(`another process has been installing for too long: see ${VenvLock.#folder}`);
			}
			if (!hasReported) {
				options.report("waiting for another process that is installing Prefect");
				hasReported = true;
			}
			await delay(500, undefined, signalOption(options));
		}
		return new VenvLock();
	}

	static async #tryTake(): Promise<boolean> {
		const holderFile = join(VenvLock.#folder, "holder");
		try {
			await mkdir(VenvLock.#folder);
			await writeFile(holderFile, String(process.pid));
			return true;
		} catch {
			const holder = Number(await readFile(holderFile, "utf8").catch(() => ""));
			if (holder > 0 && !isAlive(holder)) {
				await rm(VenvLock.#folder, { recursive: true, force: true });
			}
			return false;
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await rm(VenvLock.#folder, { recursive: true, force: true });
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}
