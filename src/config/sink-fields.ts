import { resolve } from "node:path";
import { z } from "zod";
import { alertFields } from "../core/alert-fields.ts";
import { severities } from "../core/episode.ts";
import { unknownPlaceholders } from "../core/placeholders.ts";
import { plainText } from "../observe/plain-text.ts";
import { durationBetween, filePath, httpUrl, numberBetween, onOrOff, shortName, valueForms } from "./field-types.ts";
import { headerFields } from "./header-fields.ts";
import { nearest } from "./nearest.ts";
import { matchSchema } from "./rule-fields.ts";
import { secretPart } from "./secret-part.ts";
import { secretUrl } from "./secret-url.ts";

/** More receivers than a team has; each is a value of the label `sink`. */
const sinksMax = 20;
/** The sink that is always there: the alert log on stdout. */
const stdoutSink = "log";

/** One sink between its braces, for the documentation. */
export const sinkExample = "type: slack, urlEnv: SLACK_WEBHOOK_URL, severity: warning";

const listError = "needs a list of sinks, each with a type";
const severityError = `needs the least severity, one of ${severities.join(", ")}`;
const urlsError = 'needs a list of addresses, such as ["http://alertmanager:9093"]';
/** Members of a cluster of Alertmanagers. */
const urlsMax = 10;
const bodyCharsMax = 10_000;
/** Of a placeholder that is none so much is shown. */
const nameCharsMax = 60;

/** What every sink has beside the settings of its type. @param foldsGroups people are told by it, who want one message of a storm */
function common(foldsGroups = false) {
	return {
		name: shortName().optional(),
		match: matchSchema.optional(),
		severity: z.enum(severities, { error: severityError }).optional(),
		escalateAfter: durationBetween("10s", "30d").optional(),
		groupWait: durationBetween("1s", "10m").optional(),
		maxPerMinute: numberBetween(0.1, 600).optional(),
		foldGroups: onOrOff().prefault(foldsGroups),
	};
}

/** Of a sink whose receiver does not itself remember what is open. */
function reminded() {
	return { repeat: durationBetween("5m", "30d").optional() };
}

function routingKey() {
	const error = 'needs the integration key of 32 characters of an integration "Events API v2"';
	return z.string({ error }).regex(/^[A-Za-z0-9_-]{32}$/u, { error });
}

/** A body with places to fill in. Of what it holds no message repeats more than a placeholder's name. */
function bodyTemplate() {
	const error = 'needs a text, such as {"text": "{{message}}"} between quotes';
	return z
		.string({ error })
		.max(bodyCharsMax, { error: `must not be longer than ${bodyCharsMax} characters` })
		.superRefine((body, context) => {
			for (const name of unknownPlaceholders(body)) {
				const meant = nearest(name, alertFields);
				const mend = meant === null ? "docs/alerting.md tells which there are" : `did you mean {{${meant}}}?`;
				context.addIssue(`holds {{${plainText(name, nameCharsMax)}}}, which is no field of an alert; ${mend}`);
			}
		});
}

/** A secret that need not be there. */
const signingSecret = secretPart("secret");

/** One schema a type of sink; `type` tells which. */
const sinkTypes = {
	slack: z.strictObject({
		type: z.literal("slack"),
		...common(true),
		...reminded(),
		...secretPart("url", secretUrl()),
	}),
	pagerduty: z.strictObject({
		type: z.literal("pagerduty"),
		...common(true),
		...reminded(),
		...secretPart("routingKey", routingKey()),
		url: httpUrl().prefault("https://events.pagerduty.com/v2/enqueue"),
	}),
	alertmanager: z.strictObject({
		type: z.literal("alertmanager"),
		...common(),
		urls: z.array(httpUrl(), { error: urlsError }).min(1, { error: urlsError }).max(urlsMax, { error: urlsError }),
		headers: headerFields().prefault({}),
	}),
	file: z.strictObject({ type: z.literal("file"), ...common(), path: filePath() }),
	prefect: z.strictObject({ type: z.literal("prefect"), ...common() }),
	webhook: z.strictObject({
		type: z.literal("webhook"),
		...common(),
		...reminded(),
		...secretPart("url", secretUrl()),
		...signingSecret,
		secret: signingSecret.secret.optional(),
		headers: headerFields().prefault({}),
		body: bodyTemplate().optional(),
		denyPrivate: onOrOff().prefault(false),
	}),
} as const;

export type SinkType = keyof typeof sinkTypes;

const typeError = `needs a type, one of ${Object.keys(sinkTypes).join(", ")}`;

const sinkSchema = z.discriminatedUnion(
	"type",
	[sinkTypes.slack, sinkTypes.pagerduty, sinkTypes.alertmanager, sinkTypes.prefect, sinkTypes.file, sinkTypes.webhook],
	{ error: typeError },
);

/** A sink as it is configured; `name` is unique. */
export type SinkSettings = z.infer<typeof sinkSchema> & { readonly name: string };

/** The sinks beside the alert log on stdout. One without a name is called like its type. */
export function sinkList() {
	return z
		.array(sinkSchema, { error: listError })
		.max(sinksMax, { error: `has more than ${sinksMax} sinks` })
		.transform((sinks, context): SinkSettings[] => {
			const named = sinks.map((sink) => ({ ...sink, name: sink.name ?? sink.type }));
			const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
			for (const index of repeatedIn([stdoutSink, ...named.map(({ name }) => name)])) {
				const name = named[index - 1]?.name;
				refuse([index - 1], `is called ${name} as another sink is; give it a name of its own`);
			}
			// Each of the two would take the other's half-written lines for torn ones.
			for (const index of repeatedIn(named.map((sink) => (sink.type === "file" ? resolve(sink.path) : null)))) {
				refuse([index, "path"], "is that of another sink; give it a file of its own");
			}
			return named;
		})
		.register(valueForms, { form: `list of at most ${sinksMax} sinks` });
}

/** Where something stands that stood before. Null is nothing. */
function repeatedIn(texts: readonly (string | null)[]): readonly number[] {
	return texts.flatMap((text, index) => (text !== null && texts.indexOf(text) < index ? [index] : []));
}

/** The keys that may stand beside each other at a place within an entry, for suggestions. @param type as it was written */
export function keysWithinSinks(inside: PropertyKey | undefined, type: unknown): readonly string[] {
	if (inside === "match") return Object.keys(matchSchema.shape);
	return Object.keys(shapeOf(type) ?? { type: null, ...common() });
}

/** Names of the secrets of an entry as it was written. */
export function secretsOfSink({ type }: Readonly<Record<string, unknown>>): readonly string[] {
	const keys = Object.keys(shapeOf(type) ?? {});
	return keys.filter((key) => keys.includes(`${key}File`) && keys.includes(`${key}Env`));
}

function shapeOf(type: unknown): Readonly<Record<string, unknown>> | null {
	return typeof type === "string" && Object.hasOwn(sinkTypes, type) ? sinkTypes[type as SinkType].shape : null;
}
