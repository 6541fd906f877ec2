export interface Instruction {
	/** In capitals, e.g. "COPY". */
	readonly name: string;
	/** The rest of it: on one line, build arguments put in. */
	readonly text: string;
}

export interface Stage {
	readonly base: string;
	/** What `AS` says; empty for the last. */
	readonly name: string;
	readonly instructions: readonly Instruction[];
}

/**
 * The stages of a Dockerfile, with the defaults of the build arguments that stand before the first of them.
 *
 * @throws Error for what this project's Dockerfile has no need of: heredocs, other escapes
 */
export function stagesOf(dockerfile: string): readonly Stage[] {
	const globals = new Map<string, string>();
	const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
	for (const { name, text } of instructionsOf(dockerfile)) {
		const stage = stages.at(-1);
		if (name === "FROM") {
			const [base = "", , as = ""] = withArguments(text, globals).split(/\s+/u);
			stages.push({ base, name: as, instructions: [] });
		} else if (stage !== undefined) {
			stage.instructions.push({ name, text });
		} else {
			const [key = "", value = ""] = text.split("=");
			globals.set(key, value);
		}
	}
	return stages;
}

function instructionsOf(dockerfile: string): Instruction[] {
	if (/<<|^#\s*escape/mu.test(dockerfile)) throw new Error("a Dockerfile with heredocs or other escapes");
	return dockerfile
		.replaceAll(/^\s*#.*\n/gmu, "")
		.replaceAll(/\\\n\s*/gu, "")
		.split("\n")
		.filter((line) => line.trim() !== "")
		.map((line) => {
			const [, name = "", text = ""] = /^(\w+)\s+(.*)$/u.exec(line) ?? [];
			return { name: name.toUpperCase(), text: text.trim() };
		});
}

function withArguments(text: string, values: ReadonlyMap<string, string>): string {
	return text.replaceAll(/\$\{(\w+)\}/gu, (_all, name: string) => values.get(name) ?? "");
}

/** What the stage says last under a name: the one that counts, where an instruction may stand only once. */
export function lastOf(stage: Stage, name: string): string | null {
	return stage.instructions.findLast((instruction) => instruction.name === name)?.text ?? null;
}

/** What COPY takes: from the build's context (`from` null) or from another stage. */
export function copiesOf(
	stage: Stage,
): readonly { readonly from: string | null; readonly sources: readonly string[] }[] {
	return stage.instructions
		.filter(({ name }) => name === "COPY" || name === "ADD")
		.map(({ text }) => {
			const words = text.split(/\s+/u);
			const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length) ?? null;
			return { from, sources: words.filter((word) => !word.startsWith("--")).slice(0, -1) };
		});
}
