import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../_util/cli-session.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
	folder = await TempFolder.make("completion");
});
afterEach(async () => {
	await folder[Symbol.asyncDispose]();
});

async function script(shell: string): Promise<string> {
	const { code, stdout, stderr } = await runCommand(["completion", shell], { folder: folder.path });
	expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
	return stdout;
}

describe("bash", () => {
	/** What bash offers after these words, the last of which is being typed. */
	async function offered(...words: readonly string[]): Promise<string[]> {
		writeFileSync(folder.file("zombied.bash"), await script("bash"));
		const typed = words.map((word) => `'${word}'`).join(" ");
		const program = `source "$1"; COMP_WORDS=(zombied ${typed}); COMP_CWORD=${words.length}; _zombied; printf '%s\\n' "\${COMPREPLY[@]}"`;
		// A pipe of Node's is a socket, for which bash may take itself for a remote shell and read the user's files.
		const { stdout, stderr, status } = spawnSync(
			"bash",
			["--norc", "--noprofile", "-euc", program, "bash", folder.file("zombied.bash")],
			{ encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
		);
		expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
		return stdout.split("\n").filter((line) => line !== "");
	}

	test("offers the commands, those below them, and their options", async () => {
		expect(await offered("")).toEqual(expect.arrayContaining(["run", "scan", "status", "config", "db", "--version"]));
		expect(await offered("st")).toEqual(["status"]);
		expect(await offered("config", "")).toEqual(expect.arrayContaining(["check", "print", "schema", "init"]));
		expect(await offered("db", "check", "--js")).toEqual(["--json"]);
		expect(await offered("run", "--config", "x.yaml", "--http")).toEqual(["--http.listen"]);
	});

	test("offers nothing of its own where nothing is known", async () => {
		expect(await offered("nonsense", "")).toEqual([]);
	});

	test("offers no flag for a secret", async () => {
		expect((await offered("run", "--prefect.")).join()).not.toMatch(/api-key|auth-string|custom-headers/u);
	});
});

test.each(["zsh", "fish"])("%s gets the same words", async (shell) => {
	const text = await script(shell);
	for (const word of ["scan", "slowest-cadence", "backup", "completion"]) expect(text).toContain(word);
	const { error, status, stderr } = spawnSync(shell, ["-n", "/dev/stdin"], {
		input: text,
		encoding: "utf8",
		cwd: tmpdir(),
	});
	// Where the shell is not installed its grammar goes unchecked.
	if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("another shell is the operator's fault", async () => {
	const { code, stderr } = await runCommand(["completion", "powershell"], { folder: folder.path });
	expect(code).toBe(1);
	expect(stderr).toMatch(/^zombied: .*'powershell' is invalid.*bash, zsh, fish/u);
});
