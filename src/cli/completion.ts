import { Argument, type Command } from "commander";
import type { CliContext } from "./context.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** What may follow a chain of commands: their names, and options. */
interface Place {
	/** `config print`; empty at the top. */
	readonly commands: string;
	readonly words: readonly Word[];
}

interface Word {
	readonly text: string;
	readonly description: string;
	/** An option that a file or another value follows. */
	readonly takesValue: boolean;
}

/** `zombied completion bash|zsh|fish`: a script for the shell to read. */
export function addCompletion(program: Command, context: CliContext): void {
	program
		.command("completion")
		.description("print a completion script for a shell")
		.addArgument(new Argument("<shell>", "which one").choices(shells))
		.addHelpText("after", examples)
		.action((shell: Shell) => void context.stdout.write(scriptFor(shell, placesOf(program, []))));
}

function placesOf(command: Command, names: readonly string[]): Place[] {
	const subcommands = command.commands.map((sub) => ({
		text: sub.name(),
		description: sub.description(),
		takesValue: false,
	}));
	const options = command.options.map((option) => ({
		text: option.long ?? option.flags,
		description: option.description,
		takesValue: option.required,
	}));
	const help = { text: "--help", description: "display help for command", takesValue: false };
	const here = { commands: names.join(" "), words: [...subcommands, ...options, help] };
	return [here, ...command.commands.flatMap((sub) => placesOf(sub, [...names, sub.name()]))];
}

function scriptFor(shell: Shell, places: readonly Place[]): string {
	switch (shell) {
		case "bash":
			return bashScript(places);
		case "zsh":
			return zshScript(places);
		case "fish":
			return fishScript(places);
	}
	return shell satisfies never;
}

/** The cases of a `case` over the commands typed so far; bash and zsh write it alike. */
function casesOf(places: readonly Place[], separator: string): string {
	return places
		.map(({ commands, words }) => `\t"${commands}") words=(${words.map(({ text }) => text).join(separator)}) ;;\n`)
		.join("");
}

function bashScript(places: readonly Place[]): string {
	return `# bash completion for zombied: source it, or put it into /etc/bash_completion.d
_zombied() {
	local current=\${COMP_WORDS[COMP_CWORD]} typed="" word words=()
	for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $word in
		-*) break ;;
		*) typed+="\${typed:+ }$word" ;;
		esac
	done
	case $typed in
${casesOf(places, " ")}	esac
	COMPREPLY=()
	for word in "\${words[@]}"; do
		if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
	done
}
complete -o default -F _zombied zombied
`;
}

function zshScript(places: readonly Place[]): string {
	return `#compdef zombied
# zsh completion for zombied: put it as _zombied into a folder of $fpath
local typed="" word
local -a words_of
for word in "\${(@)words[2,CURRENT-1]}"; do
	[[ $word == -* ]] && break
	typed+="\${typed:+ }$word"
done
case $typed in
${casesOf(places, " ").replaceAll("words=(", "words_of=(")}esac
(( \${#words_of} )) && compadd -- "\${words_of[@]}" || _files
`;
}

function fishScript(places: readonly Place[]): string {
	const lines = places.flatMap(({ commands, words }) =>
		words.map(({ text, description, takesValue }) => {
			const name = text.startsWith("--") ? `-l ${text.slice(2)}` : `-a ${text}`;
			const value = takesValue ? " -r" : "";
			const told = description.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
			return `complete -c zombied -n '__zombied_at "${commands}"' ${name}${value} -d '${told}'\n`;
		}),
	);
	return `# fish completion for zombied: put it into ~/.config/fish/completions/zombied.fish
function __zombied_at
	set -l typed
	for word in (commandline -opc)[2..-1]
		string match -q -- '-*' $word; and break
		set -a typed $word
	end
	test "$typed" = "$argv[1]"
end
complete -c zombied -f
${lines.join("")}`;
}

const examples = `
Examples:
  source <(zombied completion bash)
  zombied completion zsh > "\${fpath[1]}/_zombied"
  zombied completion fish > ~/.config/fish/completions/zombied.fish`;
