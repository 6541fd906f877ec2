import { execFile } from "node:child_process";
import { chmod, chown, copyFile, cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bareEnvironment } from "./process-group.ts";
import { TempFolder } from "./temp-folder.ts";

const run = promisify(execFile);

const project = fileURLToPath(new URL("../..", import.meta.url));
const patienceMs = 180_000;
const outputBytesMax = 16 * 1024 * 1024;
/** Not part of a checkout. */
const notCopied = new Set([".git", ".venv", "coverage", "data", "dist", "node_modules"]);

/** The Dockerfile's user. */
export const imageUser = 65_532;
const isRoot = process.getuid?.() === 0;

export interface CommandLine {
	readonly command: string;
	readonly args: readonly string[];
}

export interface Outcome {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

/**
 * What the Dockerfile does, without a container engine: the project is packed by npm, the package is installed with its
 * production dependencies into a plain folder, and the folder is closed to writers. Its programs run as a user without
 * any rights who may write to the data folder alone: the image's user where the tests run as root, else the tests' own.
 */
export class PackageInstall implements AsyncDisposable {
	readonly #temp: TempFolder;
	/** Where `npm install` ran; read-only. */
	readonly folder: string;
	/** The package in it. */
	readonly packageFolder: string;
	/** The one folder its programs may write to. */
	readonly dataFolder: string;
	/** Empty and read-only: the home folder and the place for temporary files that its programs are told. */
	readonly homeFolder: string;
	/** The user its programs run as. */
	readonly user: number;

	private constructor(temp: TempFolder) {
		this.#temp = temp;
		this.folder = temp.file("app");
		this.packageFolder = path.join(this.folder, "node_modules", "zombied");
		this.dataFolder = temp.file("data");
		this.homeFolder = temp.file("home");
		this.user = isRoot ? imageUser : (process.getuid?.() ?? 0);
	}

	static async make(): Promise<PackageInstall> {
		const install = new PackageInstall(await TempFolder.make("package"));
		try {
			await install.#install(await install.#pack());
			await install.#close();
			return install;
		} catch (error) {
			await install[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** For what the test itself keeps, such as logs. */
	file(name: string): string {
		return this.#temp.file(name);
	}

	/** The same as a line for `spawn`: as the user without rights, and as process itself, with no shell between. */
	confined(command: string, args: readonly string[]): CommandLine {
		if (!isRoot) return { command, args };
		const identity = [`--reuid=${this.user}`, `--regid=${this.user}`, "--clear-groups"];
		const rights = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
		return { command: "setpriv", args: [...identity, ...rights, command, ...args] };
	}

	/** `zombied` as a user calls it: by the link that npm made, which finds its node on PATH. */
	zombied(...args: string[]): CommandLine {
		return this.confined(path.join(this.folder, "node_modules", ".bin", "zombied"), args);
	}

	/** Nothing of the project, the user or the machine but the system's programs and a copy of node. */
	environment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
		return bareEnvironment({
			PATH: `${this.#temp.file("bin")}:/usr/local/bin:/usr/bin:/bin`,
			HOME: this.homeFolder,
			TMPDIR: this.homeFolder,
			...own,
		});
	}

	/** Runs to its end. */
	async outcomeOf({ command, args }: CommandLine, env: NodeJS.ProcessEnv): Promise<Outcome> {
		return outcomeOf(command, args, { cwd: this.folder, env });
	}

	/** `npx` in the installed folder, as whoever runs the tests; it may not fetch anything. */
	async npx(...args: string[]): Promise<Outcome> {
		return outcomeOf("npx", ["--no", "--", ...args], { cwd: this.folder, env: npmEnvironment() });
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await run("chmod", ["-R", "u+w", this.#temp.path]);
		await this.#temp[Symbol.asyncDispose]();
	}

	/** Packs a copy, so that the project's own `dist` is neither used nor touched. Resolves with the package's file. */
	async #pack(): Promise<string> {
		const tree = this.#temp.file("tree");
		await cp(project, tree, {
			recursive: true,
			filter: (source) => !notCopied.has(path.relative(project, source)),
		});
		await symlink(path.join(project, "node_modules"), path.join(tree, "node_modules"));
		await mkdir(path.join(tree, "dist"));
		await writeFile(path.join(tree, "dist", "left-by-an-earlier-build.js"), "");
		const packed = this.#temp.file("packed");
		await mkdir(packed);
		await npm(["pack", "--pack-destination", packed], tree);
		const [name, ...others] = await readdir(packed);
		if (name === undefined || others.length > 0) throw new Error(`npm pack made ${[name, ...others].join(", ")}`);
		return path.join(packed, name);
	}

	async #install(packageFile: string): Promise<void> {
		await mkdir(this.folder);
		await writeFile(path.join(this.folder, "package.json"), '{"private":true}\n');
		await npm(["install", "--omit=dev", packageFile], this.folder);
	}

	async #close(): Promise<void> {
		const bin = this.#temp.file("bin");
		await mkdir(bin);
		// Copied, for the project may lie where another user cannot reach it.
		await copyFile(process.execPath, path.join(bin, "node"));
		await chmod(path.join(bin, "node"), 0o755);
		await mkdir(this.homeFolder);
		await mkdir(this.dataFolder);
		if (isRoot) await chown(this.dataFolder, this.user, this.user);
		await chmod(this.#temp.path, 0o755);
		await run("chmod", ["-R", "a-w,a+rX", this.folder, this.homeFolder, bin]);
	}
}

/** The regular files that a process holds open for writing. */
export async function filesOpenForWriting(pid: number): Promise<string[]> {
	const { stdout } = await run("find", [`/proc/${pid}/fd`, "-type", "l", "-printf", "%f %l\n"]);
	const open = stdout
		.trim()
		.split("\n")
		.map((line) => /^(?<fd>\d+) (?<file>\/.*)$/u.exec(line)?.groups)
		.filter((groups) => groups !== undefined);
	const files: string[] = [];
	for (const { fd = "", file = "" } of open) {
		if (!file.startsWith("/dev/") && (await isWritable(pid, fd))) files.push(file);
	}
	return files;
}

async function isWritable(pid: number, fd: string): Promise<boolean> {
	const facts = await readFile(`/proc/${pid}/fdinfo/${fd}`, "utf8");
	const flags = /^flags:\s*(?<octal>[0-7]+)$/mu.exec(facts)?.groups?.octal;
	if (flags === undefined) throw new Error(`/proc/${pid}/fdinfo/${fd} has no flags`);
	// O_WRONLY or O_RDWR.
	return (Number.parseInt(flags, 8) & 0o3) !== 0;
}

/** Each entry below a folder on a line with its kind, rights, size and times: the same text when nothing has changed. */
export async function stateOf(folder: string): Promise<string> {
	const { stdout } = await run("find", [folder, "-printf", "%p %y %m %U %s %T@ %C@\n"], { maxBuffer: outputBytesMax });
	return stdout.split("\n").toSorted().join("\n");
}

/** Entries at the top of the folders that everybody may write to which belong to a user. */
export async function strayFilesOf(user: number): Promise<string> {
	const open = [tmpdir(), "/tmp", "/var/tmp", "/dev/shm"];
	const { stdout } = await run("find", [...open, "-mindepth", "1", "-maxdepth", "1", "-uid", String(user)]);
	return stdout.split("\n").toSorted().join("\n");
}

/** As configured: the registry, the proxy and the cache are whoever's who runs the tests. */
function npmEnvironment(): NodeJS.ProcessEnv {
	const bin = path.join(project, "node_modules", ".bin");
	return { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}` };
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
	const { code, stdout, stderr } = await outcomeOf("npm", [...args, "--no-audit", "--no-fund"], {
		cwd,
		env: npmEnvironment(),
	});
	if (code !== 0) throw new Error(`npm ${args[0]} ended with ${code}:\n${stdout}${stderr}`);
}

function outcomeOf(
	command: string,
	args: readonly string[],
	options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		execFile(command, args, { ...options, timeout: patienceMs, maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
			const code = error === null ? 0 : error.code;
			if (typeof code === "number") resolve({ code, stdout, stderr });
			else reject(error);
		});
	});
}
