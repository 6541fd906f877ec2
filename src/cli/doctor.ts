import type { Command } from "commander";
import { type Check, examine } from "../daemon/doctor.ts";
import { plainText } from "../observe/plain-text.ts";
import { redactionOf } from "../observe/redaction.ts";
import type { CommandContext, Output } from "./context.ts";
import { durationOption } from "./duration-option.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { loadSettings, withSettingsOptions } from "./settings-options.ts";
import { version } from "./version.ts";

const textCharsMax = 1_000;
const listenBounds = { minMs: 1_000, maxMs: 600_000 };
const nameChars = "subprotocol".length;

/** `zombied doctor`: which layer between us and Prefect fails, and what to do about it. */
export function addDoctor(program: Command, context: CommandContext): void {
	const command = program
		.command("doctor")
		.description(
			"look at each layer between zombied and Prefect, at database and port; exit code 10 when one has a fault",
		);
	withSettingsOptions(command, ["prefect", "store", "http", "detector.slowestCadence", "limits"])
		.option("--listen <duration>", "how long to wait for an event on the socket", "20s")
		.option("--json", "one JSON object a check")
		.addHelpText("after", examples)
		.action(async () => {
			const { json, listen } = command.opts<{ json?: true; listen: string }>();
			const { env: environment, clock, random, signal, stdout } = context;
			const listenMs = durationOption("--listen", listen, listenBounds);
			const loadConfig = () => loadSettings(context, command);
			const checks: Check[] = [];
			const show = json === true ? new JsonPrinter(stdout) : new TextPrinter(stdout);
			for await (const check of examine({ loadConfig, environment, version, clock, random, listenMs }, signal)) {
				// What a server says may hold what we told it.
				const clean = cleanCheck(check, redactionOf([...context.secrets]));
				checks.push(clean);
				show.check(clean);
			}
			show.end(checks);
			context.finish(codeOf(checks));
		});
}

function cleanCheck({ name, finding }: Check, redacted: (text: string) => string): Check {
	const clean = (text: string): string => plainText(redacted(text), textCharsMax);
	const detail = clean(finding.detail);
	return {
		name,
		finding: finding.kind === "fault" ? { ...finding, detail, fix: clean(finding.fix) } : { ...finding, detail },
	};
}

class JsonPrinter {
	readonly #stdout: Output;

	constructor(stdout: Output) {
		this.#stdout = stdout;
	}

	check({ name, finding }: Check): void {
		const ok = finding.kind === "unknown" ? null : finding.kind === "well";
		const fix = finding.kind === "fault" ? finding.fix : null;
		this.#stdout.write(`${JSON.stringify({ check: name, ok, detail: finding.detail, fix })}\n`);
	}

	end(): void {}
}

class TextPrinter {
	readonly #stdout: Output;
	/** What could not be looked at for one reason is told in one line. */
	#idle: Check[] = [];

	constructor(stdout: Output) {
		this.#stdout = stdout;
	}

	check(check: Check): void {
		const { kind, detail } = check.finding;
		if (kind !== "unknown" || this.#idle[0]?.finding.detail !== detail) this.#showIdle();
		if (kind === "unknown") this.#idle.push(check);
		else this.#stdout.write(asText(check));
	}

	end(checks: readonly Check[]): void {
		this.#showIdle();
		this.#stdout.write(summaryOf(checks));
	}

	#showIdle(): void {
		const [first] = this.#idle;
		if (first === undefined) return;
		this.#stdout.write(`-     ${this.#idle.map(({ name }) => name).join(", ")}: ${first.finding.detail}\n`);
		this.#idle = [];
	}
}

function asText({ name, finding }: Check): string {
	const line = `${finding.kind === "fault" ? "FAIL" : "ok  "}  ${name.padEnd(nameChars)}  ${finding.detail}\n`;
	return finding.kind === "fault" ? `${line}${" ".repeat(6)}${"fix:".padEnd(nameChars)}  ${finding.fix}\n` : line;
}

function faultsOf(checks: readonly Check[]): readonly Check[] {
	return checks.filter(({ finding }) => finding.kind === "fault");
}

function summaryOf(checks: readonly Check[]): string {
	const names = faultsOf(checks).map(({ name }) => name);
	if (names.length === 0) return "all is well\n";
	return `${names.length === 1 ? "1 fault" : `${names.length} faults`}: ${names.join(", ")}\n`;
}

/** When all that is wrong passes by itself (the server asks us to come back later), there is nothing to mend. */
function codeOf(checks: readonly Check[]): ExitCode {
	const faults = faultsOf(checks);
	if (faults.length === 0) return exitCodes.done;
	const onlyWait = faults.every(({ finding }) => finding.kind === "fault" && finding.mayPass === true);
	return onlyWait ? exitCodes.tryAgain : exitCodes.badAnswer;
}

const examples = `
A check with "-" could not be made: one before it failed, or there is nothing to look at. Reads alone; the daemon may run
meanwhile. Exit code 10: a fault was found; 75: nothing but a server that asks to come back later (429, 503).

Examples:
  zombied doctor
  zombied doctor --listen 4m                                     for runs that beat every 180 s
  zombied doctor --json | jq 'select(.ok == false) | {check, fix}'`;
