import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TempFolder } from "../_util/temp-folder.ts";
import { filesOf, importsOf, layers, violationsOf } from "./rules.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

test("src keeps to the layers, the core to itself, files to their size and names", () => {
	expect(filesOf(path.join(project, "src")).length).toBeGreaterThan(20);
	expect(violationsOf(project)).toEqual([]);
});

test("nothing in src imports tests", () => {
	const imports = filesOf(path.join(project, "src")).flatMap((file) => importsOf(readFileSync(file, "utf8")));
	expect(imports.filter((specifier) => specifier.includes("test/"))).toEqual([]);
});

test("no layer may import one that may import it", () => {
	for (const [from, targets] of Object.entries(layers)) {
		for (const target of targets) expect(layers[target], `${target} and ${from}`).not.toContain(from);
	}
});

describe("a breach planted in a copy is found", () => {
	let copy: TempFolder;
	beforeAll(async () => {
		copy = await TempFolder.make("architecture");
		cpSync(path.join(project, "src"), copy.file("src"), { recursive: true });
	});
	afterAll(async () => {
		await copy[Symbol.asyncDispose]();
	});

	test.each([
		["store/planted.ts", 'import { x } from "../prefect/api-client.ts";', "store must not import prefect"],
		["prefect/planted.ts", 'import type { Sink } from "../notify/sink.ts";', "prefect must not import notify"],
		["observe/planted.ts", 'export * from "../daemon/daemon.ts";', "observe must not import daemon"],
		["lib/planted.ts", 'import "../core/run.ts";', "lib must not import core"],
		["core/planted.ts", 'const later = import("../observe/reporter.ts");', "core must not import observe"],
		["daemon/planted.ts", 'import { runCli } from "../cli/cli.ts";', "daemon must not import cli"],
		["main.ts", 'import {\n\tx,\n} from "./store/store.ts";', "main.ts must not import store"],
		["lib/planted.ts", 'import { x } from "../../test/_util/eventually.ts";', "outside src"],
		["notify/slack/planted.ts", 'import { LogSink } from "../log/log-sink.ts";', "must not import notify/log"],
		["notify/planted.ts", 'import { LogSink } from "./log/log-sink.ts";', "must not import notify/log"],
		["http/planted.ts", 'import prom from "prom-client";', "only observe/metrics.ts imports prom-client"],
		["core/planted.ts", 'import fs from "node:fs";', "core imports the package node:fs"],
		["core/planted.ts", "export const now = () => Date.now();", "core reads a clock"],
		["core/planted.ts", "export const now = () => new Date();", "core reads a clock"],
		["core/planted.ts", "export const dice = () => Math.random();", "core throws dice"],
		["core/planted.ts", "setTimeout(() => undefined, 1);", "core starts a timer"],
		["core/planted.ts", 'console.log("x");', "core reaches outside"],
		["core/planted.ts", "export const env = process.env;", "core reaches outside"],
		["core/planted.ts", "export async function wait() {}", "core waits"],
		["store/planted.ts", "//\n".repeat(301), "more than 300 lines"],
		["store/row-utils.ts", "", "says nothing of the domain"],
		["store/helpers.ts", "", "says nothing of the domain"],
		["store/queueManager.ts", "", "not in kebab-case"],
		["shared/planted.ts", "", "does not know"],
	])("%s: %j", (name, source, found) => {
		const file = copy.file(path.join("src", name));
		mkdirSync(path.dirname(file), { recursive: true });
		writeFileSync(file, `${source}\n`);
		const faults = violationsOf(copy.path).filter((fault) => fault.startsWith(`${name}:`));
		expect(faults.join("\n")).toContain(found);
	});

	test.each([
		["store/allowed.ts", 'import type { Run } from "../core/run.ts";\n// never import "../prefect/x.ts"'],
		["core/allowed.ts", "/** Not Date.now(): time is an argument. */\nexport const at = (ms: number) => new Date(ms);"],
		[
			"notify/slack/allowed.ts",
			'import type { Sink } from "../sink.ts";\nimport { plainText } from "../../observe/plain-text.ts";',
		],
		["store/long.ts", "//\n".repeat(299)],
		["store/database.ts", ""],
	])("what is allowed is not: %s", (name, source) => {
		const file = copy.file(path.join("src", name));
		mkdirSync(path.dirname(file), { recursive: true });
		writeFileSync(file, `${source}\n`);
		expect(violationsOf(copy.path).filter((fault) => fault.startsWith(`${name}:`))).toEqual([]);
	});
});
