import { conditions } from "../core/episode.ts";
import { thresholdMin } from "./rule-fields.ts";
import { type Field, fields } from "./schema.ts";

const head = `# Settings

<!-- Generated from src/config/schema.ts by \`npm run docs\`; edit it there. -->

Sources, the weakest first; a later one wins, setting by setting:

1. the default;
2. the active profile of Prefect's command line: \`profiles.toml\` under \`PREFECT_HOME\` (\`~/.prefect\`);
   \`PREFECT_PROFILE\` picks another profile;
3. the file: \`--config\`, else \`ZOMBIED_CONFIG\`, else \`./config/zombied.yaml\`, else \`/etc/zombied/zombied.yaml\`; none is
   fine;
4. Prefect's own variables (\`PREFECT_…\`);
5. \`ZOMBIED_…\`, and for a secret \`ZOMBIED_…_FILE\`, which names a file that holds it;
6. the flag of \`zombied run\`. Secrets have none: command lines are seen by everybody on the machine.

\`a.bCd\` is a key \`bCd\` below \`a:\` in the file. Durations are written \`90s\`, \`9m\`, \`1h30m\`, never as bare numbers. An empty
variable counts as not set. A key that does not exist is refused, with its line, column and the nearest one that does.

\`\`\`sh
zombied config init                   # a file with every setting, commented out, at ./config/zombied.yaml
zombied config check --config my.yaml # exit code 1 and a line for each fault
zombied config print                  # what is in use, and where each value comes from; secrets hidden
zombied config schema                 # JSON Schema for editors; also config/zombied.schema.json
\`\`\`

For completion in editors with yaml-language-server, put this on the file's first line:
\`# yaml-language-server: $schema=./zombied.schema.json\`.

## Changing settings while it runs

SIGHUP, or a POST to \`/-/reload\`, reads all sources again:

\`\`\`sh
kill -HUP "$(pidof -s zombied)"
curl -X POST -H 'X-Zombied-Reload: 1' http://127.0.0.1:4290/-/reload
\`\`\`

What the tables mark **live** counts at once; the rest waits for a restart and is named in the answer and in the log. When
something is wrong the settings in use stay, the log and the answer (status 422) say what, and
\`zombied_config_last_reload_successful\` is 0 until a reload succeeds.

\`/-/reload\` is taken only from the machine itself (the connection comes from a loopback address and was not forwarded by a
proxy), and only with the header \`X-Zombied-Reload: 1\`. A page in somebody's browser cannot send that header across
origins without asking first, which zombied never allows, and anything with \`Origin\` or \`Sec-Fetch-Site\`, which every
browser adds to a POST, is refused. So neither a foreign page nor a rebound DNS name can trigger it. The answer names
settings, never their values.
`;

const aboutRules = `
\`\`\`yaml
rules:
  - match: { deployment: "etl/*", tag: nightly }
    k: 4
    overrun: 6h
  - match: { workPool: "spot-*" }
    threshold: 9m
    conditions: { deaf: off, stuck_pending: off }
  - match: {} # every other run
    overrun: 1d
\`\`\`

The rules are tried from the top, and the **first that matches a run** is the only one that counts for it. What it does not
say is as for all runs; nothing is taken from the rules below it.

| key | values | |
| --- | --- | --- |
| \`match\` | keys below; needed | All that are given must match. \`{}\` matches every run, and belongs in the last rule. |
| \`match.deployment\` | glob | Over \`flow/deployment\`, as Prefect writes it. |
| \`match.workPool\` | glob | |
| \`match.flow\` | glob | The flow's name. |
| \`match.tag\` | glob | One matching tag of the run is enough. |
| \`k\` | number from 2 to 6 | In place of \`detector.k\`. |
| \`threshold\` | duration of ${thresholdMin} or more | A deadline of your own in place of K cadences. Less than 2 known cadences of a run is not used for it: one lost heartbeat would be a verdict. Less than 3 is used, although one stall makes it a coin toss. |
| \`overrun\` | duration, or \`off\` | In place of \`detector.overrun\`. |
| \`conditions\` | conditions, each \`off\` | Of these runs they are not told; an alert that is open is resolved as \`disabled\`. The names are those of alerts: ${conditions.map((condition) => `\`${condition}\``).join(", ")}. |

A glob is held against the whole text, in its case: \`*\` is any number of characters (slashes too), \`?\` is one, nothing else
is special. A name that zombied has not been told yet matches no glob. [detector.md](detector.md) explains the conditions.
`;

const aboutRemedies = `
\`\`\`yaml
remedy:
  mode: off
  scopes:
    - match: { deployment: "etl/*" }
      mode: on
      reschedule: 1
    - match: { workPool: "k8s" }
      mode: dry-run
  deny:
    - tag: "never-touch"
\`\`\`

Scopes are tried from the top, and the first that matches a run counts; \`match\` is that of the rules. A run on the deny-list
is never touched. [remedies.md](remedies.md) says what is done, when it is not, and how to switch it on.
`;

/** What is said below the table of a section. */
const aboutSinks = `
[alerting.md](alerting.md) has every type of sink, with its keys and a configuration that works.
`;

const abouts: Readonly<Record<string, string>> = { rules: aboutRules, remedy: aboutRemedies, sinks: aboutSinks };

const titles: Readonly<Record<string, string>> = {
	prefect: "Connection to Prefect",
	store: "Database",
	http: "Metrics and health",
	namespace: "Namespace",
	detector: "Detector",
	rules: "Rules for some runs",
	remedy: "Remedies",
	sinks: "Sinks",
	reconcile: "Comparison with REST",
	catchUp: "Catch-up",
	retention: "Retention",
	limits: "Limits",
	log: "Log",
};

/** `docs/configuration.md`. */
export function renderConfigurationDocs(): string {
	const sections = Map.groupBy(fields, ({ path }) => path.split(".")[0] ?? path);
	return `${head}${[...sections].map(([key, members]) => `${sectionOf(titles[key] ?? key, members)}${abouts[key] ?? ""}`).join("")}`;
}

function sectionOf(title: string, members: readonly Field[]): string {
	const rows = members.map((field) => {
		const fallback = defaultOf(field);
		return `| \`${field.path}\` | ${fallback} | ${field.form} | ${meaningOf(field)} | ${namesOf(field)} |\n`;
	});
	const table = `| setting | default | values | | also as |\n| --- | --- | --- | --- | --- |\n${rows.join("")}`;
	return `\n## ${title}\n\n${table}`;
}

function defaultOf({ defaultValue }: Field): string {
	return defaultValue === null ? "none" : `\`${defaultValue}\``;
}

function meaningOf(field: Field): string {
	return `${field.description}${field.live === true ? " **Live.**" : ""}${field.secret === true ? " Secret." : ""}`;
}

function namesOf(field: Field): string {
	if (field.env === null) return "the file alone";
	const names = [field.env];
	if (field.secret === true) names.push(`${field.env}_FILE`);
	if (field.prefectEnv !== undefined) names.push(field.prefectEnv);
	if (field.flag !== null) names.push(field.flag);
	const seconds = field.prefectEnvUnit === "seconds" ? ` (${field.prefectEnv} in seconds)` : "";
	return `${names.map((name) => `\`${name}\``).join(", ")}${seconds}`;
}
