import { chown, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "#package" with { type: "json" };
import { eventually } from "../_util/eventually.ts";
import { freePort } from "../_util/free-port.ts";
import { filesOpenForWriting, PackageInstall, stateOf, strayFilesOf } from "../_util/package-install.ts";
import { ProcessGroup } from "../_util/process-group.ts";
import { TempFolder } from "../_util/temp-folder.ts";

const startPatienceMs = 30_000;
const stopMs = 10_000;
const isRoot = process.getuid?.() === 0;

let installed: PackageInstall;
beforeAll(async () => {
	installed = await PackageInstall.make();
});
afterAll(async () => {
	await installed?.[Symbol.asyncDispose]();
});

async function filesBelow(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

describe("the package that npm makes", () => {
	test("holds the built program, its migrations, the image's settings and the texts for people", async () => {
		const files = await filesBelow(installed.packageFolder);
		expect(files).toEqual(
			expect.arrayContaining([
				"package.json",
				"dist/main.js",
				"migrations/sqlite/0001-tracker.sql",
				"config/image.yaml",
				"LICENSE",
				"README.md",
				"CHANGELOG.md",
			]),
		);
	});

	test("holds nothing else: no sources, no tests, nothing of an earlier build", async () => {
		const files = await filesBelow(installed.packageFolder);
		const texts = ["package.json", "LICENSE", "README.md", "CHANGELOG.md"];
		const foreign = files.filter(
			(file) =>
				!/^(?:dist\/.*\.js|migrations\/.*\.sql|deploy\/.*\.rules\.yaml|config\/[\w.-]+\.(?:yaml|json))$/u.test(file),
		);
		expect(foreign.toSorted()).toEqual(texts.toSorted());
		const sources = await filesBelow(path.join(import.meta.dirname, "../../src"));
		const built = files.filter((file) => file.startsWith("dist/")).map((file) => file.slice("dist/".length));
		expect(built.toSorted()).toEqual(sources.map((file) => file.replace(/\.ts$/u, ".js")).toSorted());
	});

	test("points to no source map", async () => {
		const dist = path.join(installed.packageFolder, "dist");
		const pointing: string[] = [];
		for (const file of await filesBelow(dist)) {
			if ((await readFile(path.join(dist, file), "utf8")).includes("sourceMappingURL")) pointing.push(file);
		}
		expect(pointing).toEqual([]);
	});

	test("says which Node it needs, and brings neither Node nor any tool of the developers", async () => {
		const manifest = JSON.parse(await readFile(path.join(installed.packageFolder, "package.json"), "utf8"));
		expect(manifest).toMatchObject({ engines: { node: ">=24" }, bin: { zombied: "dist/main.js" } });
		const modules = await readdir(path.join(installed.folder, "node_modules"));
		expect(modules).toEqual(expect.arrayContaining(Object.keys(packageJson.dependencies)));
		expect(modules.filter((name) => name in packageJson.devDependencies)).toEqual([]);
	});

	test("runs with npx", async () => {
		expect(await installed.npx("zombied", "--version")).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
	});

	test("tells its version to a user who may write nowhere", async () => {
		const outcome = await installed.outcomeOf(installed.zombied("--version"), installed.environment());
		expect(outcome).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
	});
});

describe("O9: installed as in the image, as a user without rights, on folders that are read-only but for the data", () => {
	let daemon: ProcessGroup;
	let address: string;
	let env: NodeJS.ProcessEnv;
	let before: Record<"installation" | "home" | "elsewhere", string>;

	async function state(): Promise<typeof before> {
		return {
			installation: await stateOf(installed.folder),
			home: await stateOf(installed.homeFolder),
			elsewhere: isRoot ? await strayFilesOf(installed.user) : "",
		};
	}

	beforeAll(async () => {
		before = await state();
		const port = await freePort();
		address = `http://127.0.0.1:${port}`;
		env = installed.environment({
			ZOMBIED_CONFIG: path.join(installed.packageFolder, "config", "image.yaml"),
			ZOMBIED_REVISION: "0123abcd",
			ZOMBIED_HTTP_LISTEN: `127.0.0.1:${port}`,
			ZOMBIED_STORE_URL: `sqlite:${installed.dataFolder}/zombied.db`,
			// Nobody listens on port 9: its own pages must not need the server.
			PREFECT_API_URL: "http://127.0.0.1:9/api",
		});
		daemon = new ProcessGroup({
			...installed.zombied("run"),
			env,
			cwd: installed.folder,
			logFile: installed.file("daemon.log"),
		});
		const isHealthy = async (): Promise<boolean> => {
			if (daemon.ending !== null) throw new Error(`the daemon ended while starting:\n${daemon.tail}`);
			const response = await fetch(`${address}/-/healthy`).catch(() => null);
			return response?.ok === true;
		};
		await eventually(isHealthy, {
			what: "the daemon to be healthy",
			timeoutMs: startPatienceMs,
			why: () => daemon.tail,
		});
	});
	afterAll(async () => {
		await daemon?.[Symbol.asyncDispose]();
	});

	test("the user may write to the data folder, and not to the installation", async () => {
		const write = async (folder: string) =>
			installed.outcomeOf(installed.confined("touch", [path.join(folder, "planted")]), installed.environment());
		expect(await write(installed.dataFolder)).toMatchObject({ code: 0 });
		const places = [installed.folder, path.join(installed.packageFolder, "dist"), installed.homeFolder];
		for (const place of isRoot ? [...places, path.dirname(installed.folder)] : places) {
			expect(await write(place), place).toMatchObject({ code: 1, stderr: expect.stringContaining("denied") });
		}
	});

	test("the process is that user, and has no capability nor any way to one", async () => {
		const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
		const fact = (name: string): string[] =>
			new RegExp(`^${name}:\\s*(.*)$`, "mu").exec(status)?.[1]?.split(/\s+/u) ?? [];
		const user = String(installed.user);
		expect(fact("Uid")).toEqual([user, user, user, user]);
		expect(installed.user).not.toBe(0);
		expect(fact("CapEff")).toEqual(["0000000000000000"]);
		if (isRoot) {
			expect(fact("CapBnd")).toEqual(["0000000000000000"]);
			expect(fact("NoNewPrivs")).toEqual(["1"]);
		}
	});

	test("it is node itself that runs, so that signals reach it", async () => {
		const commandLine = await readFile(`/proc/${daemon.pid}/cmdline`, "utf8");
		expect(commandLine.split("\0").slice(0, 1)).toEqual(["node"]);
	});

	test("it serves health and metrics without Prefect, and knows its version and revision", async () => {
		const healthy = await fetch(`${address}/-/healthy`);
		expect([healthy.status, await healthy.text()]).toEqual([200, "healthy\n"]);
		const metrics = await fetch(`${address}/metrics`);
		expect(metrics.status).toBe(200);
		const info = (await metrics.text()).split("\n").find((line) => line.startsWith("zombied_build_info{"));
		expect(info).toContain(`version="${packageJson.version}"`);
		expect(info).toContain('revision="0123abcd"');
	});

	test("every file it holds open for writing is in the data folder", async () => {
		const files = await filesOpenForWriting(daemon.pid);
		expect(files).toContain(path.join(installed.dataFolder, "zombied.db"));
		expect(files.filter((file) => !file.startsWith(`${installed.dataFolder}/`))).toEqual([]);
	});

	test("the healthcheck says yes while it runs", async () => {
		expect(await installed.outcomeOf(installed.zombied("health"), env)).toMatchObject({ code: 0 });
	});

	test("SIGTERM ends it with 0 within 10 s", async () => {
		// terminate sends SIGKILL when the time is up, so a late end has no code.
		expect(await daemon.terminate(stopMs), daemon.tail).toEqual({ code: 0, signal: null });
	});

	test("the healthcheck says no when it has ended", async () => {
		const { code, stderr } = await installed.outcomeOf(installed.zombied("health"), env);
		expect(code).toBe(1);
		expect(stderr).toContain(new URL(address).host);
	});

	test("after all that nothing outside the data folder has changed", async () => {
		expect(daemon.ending).not.toBeNull();
		expect((await stat(path.join(installed.dataFolder, "zombied.db"))).size).toBeGreaterThan(0);
		expect(await state()).toEqual(before);
	});

	test("a change outside the data folder would have been seen", async () => {
		await using folder = await TempFolder.make("planted");
		const empty = await stateOf(folder.path);
		await writeFile(folder.file("planted"), "");
		expect(await stateOf(folder.path)).not.toBe(empty);
		if (!isRoot) return;
		await chown(folder.path, installed.user, installed.user);
		expect(await strayFilesOf(installed.user)).toContain(folder.path);
	});
});
