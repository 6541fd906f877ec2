import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reportFailure, runCli } from "../../../src/cli/cli.ts";
import { type CliContext, hasColour } from "../../../src/cli/context.ts";
import { OperatorError, OutsideError } from "../../../src/lib/errors.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { SkippingClock } from "../../_util/prefect-clock.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
let stdout: CollectingStream;
let stderr: CollectingStream;
beforeEach(async () => {
	folder = await TempFolder.make("cli");
	stdout = new CollectingStream();
	stderr = new CollectingStream();
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

function contextOf(args: readonly string[], env: Record<string, string> = {}): CliContext {
	return {
		args,
		env,
		folder: folder.path,
		stdout,
		stderr,
		signal: new AbortController().signal,
		clock: new SkippingClock(),
		random: () => 0.5,
		secrets: new Set(),
		onReloadAsked: () => undefined,
	};
}

describe("usage", () => {
	test.each([[["--help"]], [["run", "--help"]], [["config", "print", "--help"]]])(
		"%j prints help and is done",
		async (args) => {
			expect(await runCli(contextOf(args))).toBe(0);
			expect(stdout.text).toMatch(/^Usage: zombied/u);
			expect(stderr.text).toBe("");
		},
	);

	test("help has examples, and `run --help` every setting that is no secret, with variable and default", async () => {
		await runCli(contextOf(["--help"]));
		expect(stdout.text).toContain("Examples:");
		await runCli(contextOf(["run", "--help"]));
		expect(stdout.text).toContain("--detector.slowest-cadence <value>");
		expect(stdout.text).toContain("ZOMBIED_HTTP_LISTEN");
		expect(stdout.text).not.toContain("--prefect.api-key");
	});

	test("--version prints the version alone", async () => {
		expect(await runCli(contextOf(["--version"]))).toBe(0);
		expect(stdout.text).toMatch(/^\d+\.\d+\.\d+\n$/u);
	});

	test.each([
		[["run", "--http.listn", "x"], "zombied: unknown option '--http.listn' (Did you mean --http.listen?)\n"],
		[["rn"], "zombied: unknown command 'rn' (Did you mean run?)\n"],
		[["config", "print", "extra"], /^zombied: too many arguments/u],
	])("%j is the operator's fault, in one line", async (args, message) => {
		expect(await runCli(contextOf(args))).toBe(1);
		expect(stderr.lines).toHaveLength(1);
		expect(stderr.text).toMatch(message);
	});
});

describe("what is printed", () => {
	test("O5: every read command has --json", async () => {
		const reading = [
			["scan"],
			["doctor"],
			["replay"],
			["status"],
			["runs"],
			["explain"],
			["coverage"],
			["notify", "test"],
			["health"],
			["config", "check"],
			["config", "print"],
			["db", "check"],
		];
		for (const command of reading) {
			stdout = new CollectingStream();
			await runCli(contextOf([...command, "--help"]));
			expect(stdout.text, command.join(" ")).toMatch(/^ +--json +/mu);
		}
	});

	test("in a command's help what is its own comes before the settings, which are many", async () => {
		stdout = new CollectingStream();
		await runCli(contextOf(["runs", "--help"]));
		const { text } = stdout;
		expect(text).toMatch(
			/Options:.*--config.*--condition.*--json.*Settings:.*--prefect\.api-url.*--detector\.k.*Examples:/su,
		);
		expect(text.slice(text.indexOf("Settings:"))).not.toContain("--condition <condition>");
	});

	test("O5: colour is for terminals without NO_COLOR", () => {
		const colourOf = (isTTY: boolean, env: Record<string, string>): boolean => {
			stderr = new CollectingStream(isTTY);
			return hasColour(contextOf([], env));
		};
		expect(colourOf(true, {})).toBe(true);
		expect(colourOf(true, { NO_COLOR: "" })).toBe(true);
		expect(colourOf(true, { NO_COLOR: "1" })).toBe(false);
		expect(colourOf(false, {})).toBe(false);
	});

	test("every command's help has examples", async () => {
		const commands = [
			["run"],
			["scan"],
			["doctor"],
			["record"],
			["replay"],
			["status"],
			["notify"],
			["notify", "test"],
			["health"],
			["config"],
			["db"],
			["completion"],
		];
		for (const command of commands) {
			stdout = new CollectingStream();
			await runCli(contextOf([...command, "--help"]));
			expect(stdout.text, command.join(" ")).toContain("Examples:\n  ");
		}
	});
});

describe("settings", () => {
	test("O4: an unknown key ends with exit code 1 and its line, column and suggestion", async () => {
		writeFileSync(folder.file("z.yaml"), "http:\n  listn: 127.0.0.1:1\n");
		for (const command of [["run"], ["config", "check"], ["config", "print"]]) {
			stderr = new CollectingStream();
			expect(await runCli(contextOf([...command, "--config", "z.yaml"]))).toBe(1);
			expect(stderr.text).toBe("zombied: z.yaml:2:3: there is no setting http.listn; did you mean http.listen?\n");
		}
		expect(stdout.text).toBe("");
	});

	test("every fault is a line of its own", async () => {
		expect(await runCli(contextOf(["run", "--detector.k", "9"], { ZOMBIED_NAMESPACE: "a b" }))).toBe(1);
		expect(stderr.lines).toHaveLength(2);
		expect(stderr.lines.every((line) => line.startsWith("zombied: "))).toBe(true);
	});

	test("sound settings are said to be sound, doubtful ones with a warning", async () => {
		expect(await runCli(contextOf(["config", "check"], { ZOMBIED_NAMESPASE: "x" }))).toBe(0);
		expect(stdout.text).toBe("the settings are sound (no file)\n");
		expect(stderr.text).toContain("did you mean ZOMBIED_NAMESPACE?");
	});

	test("print tells value and origin, as text and as JSON, and no secret", async () => {
		const env = { PREFECT_API_KEY: "canary-key", ZOMBIED_DETECTOR_K: "2" };
		expect(await runCli(contextOf(["config", "print", "--json", "--http.listen", "[::1]:0"], env))).toBe(0);
		const printed = JSON.parse(stdout.text);
		expect(printed).toMatchObject({
			"detector.k": { value: 2, from: "ZOMBIED_DETECTOR_K" },
			"http.listen": { value: "[::1]:0", from: "--http.listen" },
			"prefect.apiKey": { value: "[redacted]", from: "PREFECT_API_KEY" },
			"retention.runs": { value: "7d", from: "default" },
		});
		await runCli(contextOf(["config", "print"], env));
		expect(stdout.text).toMatch(/^detector\.k +2 +ZOMBIED_DETECTOR_K$/mu);
		expect(stdout.text).not.toContain("canary-key");
	});
});

describe("failures", () => {
	test.each<[string, Error, number]>([
		["the operator's fault", new OperatorError("mend it"), 1],
		["a database that cannot be used", new OutsideError("mend it", { retryable: false }), 1],
		["a server that is away", new OutsideError("mend it", { retryable: true }), 75],
	])("%s is one line", (_what, error, code) => {
		expect(reportFailure(contextOf([]), error)).toBe(code);
		expect(stderr.text).toBe("zombied: mend it\n");
	});

	test("a bug is a log line with its stack, 70, and no secret", () => {
		const context = contextOf([]);
		context.secrets.add("canary-key");
		expect(reportFailure(context, new TypeError("canary-key is not a function"))).toBe(70);
		const line = JSON.parse(stderr.text);
		expect(line).toMatchObject({ level: "fatal", event: "bug", err: { type: "TypeError" } });
		expect(line.err.stack).toContain("cli.test.ts");
		expect(stderr.text).not.toContain("canary-key");
	});

	test("what an error says cannot act on the terminal", () => {
		reportFailure(contextOf([]), new OperatorError("bad \u001b[2J name"));
		expect(stderr.text).toBe("zombied: bad \\u{1b}[2J name\n");
	});
});

describe("the process", () => {
	const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

	const children: ChildProcess[] = [];
	afterEach(() => {
		// A daemon that a failed test left behind.
		for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
	});

	function zombied(args: readonly string[], env: Record<string, string> = {}) {
		const child = spawn(process.execPath, [main, ...args], {
			cwd: folder.path,
			env: { PATH: process.env.PATH, ...env },
		});
		children.push(child);
		const ended = once(child, "exit").then(([code]) => Number(code));
		return { child, ended };
	}

	test("a port in use: one line in words, exit 1", async () => {
		const taken = createServer().listen(0, "127.0.0.1");
		await once(taken, "listening");
		const address = taken.address();
		const port = typeof address === "object" ? address?.port : null;
		const { child, ended } = zombied(["run", "--http.listen", `127.0.0.1:${port}`]);
		const said = text(child.stderr);
		expect(await ended).toBe(1);
		expect(await said).toMatch(
			/^zombied: http\.listen: cannot listen on 127\.0\.0\.1:\d+: another process listens there/mu,
		);
		taken.close();
	});

	/** Resolves with the address of a daemon that has no Prefect to watch. */
	async function listening(args: readonly string[] = []) {
		const { child, ended } = zombied(["run", "--http.listen", "127.0.0.1:0", ...args], {
			PREFECT_API_URL: "http://127.0.0.1:1/api",
		});
		let log = "";
		const watchers = new Set<() => void>();
		child.stderr.on("data", (chunk: Buffer) => {
			log += chunk.toString();
			for (const look of watchers) look();
		});
		/** What the pattern captures, once the log has it. */
		const logged = async (pattern: RegExp): Promise<string> => {
			const { promise, resolve, reject } = Promise.withResolvers<string>();
			const look = (): void => {
				const found = pattern.exec(log);
				if (found !== null) resolve(found[1] ?? found[0]);
			};
			watchers.add(look);
			look();
			void ended.then((code) => reject(new Error(`ended with ${code}: ${log}`)));
			return await promise;
		};
		const address = await logged(/"event":"http\.listening","address":"([^"]+)"/u);
		return { child, ended, address, logged };
	}

	test.each(["SIGTERM", "SIGINT"] as const)(
		"O1: with Prefect away it serves its pages; %s ends it with 0",
		async (name) => {
			const { child, ended, address } = await listening();
			expect((await fetch(`${address}/-/healthy`)).status).toBe(200);
			child.kill(name);
			expect(await ended).toBe(0);
		},
		20_000,
	);

	test("O11: SIGHUP reaches the process, which reads the settings again and goes on", async () => {
		writeFileSync(folder.file("z.yaml"), "detector:\n  k: 3\n");
		const { child, ended, address, logged } = await listening(["--config", "z.yaml"]);
		writeFileSync(folder.file("z.yaml"), "detector:\n  k: 2\n");
		child.kill("SIGHUP");
		expect(await logged(/read the settings again, changed: ([\w.]+)/u)).toBe("detector.k");
		expect((await fetch(`${address}/-/healthy`)).status).toBe(200);
		child.kill("SIGTERM");
		expect(await ended).toBe(0);
	}, 20_000);
});
