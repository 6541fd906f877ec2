import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TempFolder } from "../../_util/temp-folder.ts";

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
/** Nobody listens on port 1: the daemon waits for its server, as it may for hours. */
const nowhere = "http://127.0.0.1:1/api";

let folder: TempFolder;
let daemon: ChildProcess | null = null;

beforeEach(async () => {
	folder = await TempFolder.make("signals");
});

afterEach(async () => {
	if (daemon !== null && daemon.exitCode === null && daemon.signalCode === null) daemon.kill("SIGKILL");
	await folder[Symbol.asyncDispose]();
});

/** Resolves when it serves its pages. */
async function started(environment: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
	const child = spawn(process.execPath, [main, "run"], {
		env: {
			PATH: process.env.PATH,
			HOME: folder.path,
			PREFECT_API_URL: nowhere,
			ZOMBIED_STORE_URL: `sqlite:${folder.file("zombied.db")}`,
			ZOMBIED_HTTP_LISTEN: "127.0.0.1:0",
			...environment,
		},
		cwd: folder.path,
		stdio: ["ignore", "ignore", "pipe"],
	});
	daemon = child;
	for await (const line of createInterface({ input: child.stderr! })) {
		if (line.includes('"event":"http.listening"')) break;
	}
	// Read on, so that a full pipe holds nothing up.
	child.stderr!.resume();
	return child;
}

describe("O2: a daemon that is told to stop", { timeout: 30_000 }, () => {
	test("ends with 0", async () => {
		const child = await started();
		child.kill("SIGTERM");
		expect(await once(child, "exit")).toEqual([0, null]);
	});

	test("ends although something that would keep it alive for ever was left behind", async () => {
		const child = await started({ NODE_OPTIONS: "--import=data:text/javascript,setInterval(()=>{},1e9)" });
		child.kill("SIGTERM");
		expect(await once(child, "exit")).toEqual([0, null]);
	});

	test("and told again ends at once, with the code of the signal that came last", async () => {
		const child = await started();
		child.kill("SIGTERM");
		child.kill("SIGINT");
		const [code] = await once(child, "exit");
		// Of two that are pending the system chooses the order.
		expect([130, 143]).toContain(code);
	});
});
