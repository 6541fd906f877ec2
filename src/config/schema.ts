import { z } from "zod";
import { deadManSection } from "./dead-man-fields.ts";
import {
	durationBetween,
	durationOrOff,
	filePath,
	httpUrl,
	listenAddress,
	numberBetween,
	oneOf,
	onOrOff,
	secretText,
	shortName,
	storeUrl,
	valueForms,
	wholeNumberBetween,
} from "./field-types.ts";
import { headerFields } from "./header-fields.ts";
import { maintenanceExample, maintenanceList } from "./maintenance-fields.ts";
import { remedySection } from "./remedy-fields.ts";
import { ruleExample, ruleList } from "./rule-fields.ts";
import { type SettingMeta, settingMeta } from "./setting-meta.ts";
import { sinkExample, sinkList } from "./sink-fields.ts";

/**
 * Every setting, with its default as an operator would write it. The key `a.bCd` is also `ZOMBIED_A_B_CD` and, unless
 * secret, the flag `--a.b-cd`.
 */
export const settingsSchema = z.strictObject({
	prefect: z.strictObject({
		apiUrl: httpUrl().prefault("http://127.0.0.1:4200/api").register(settingMeta, {
			description: "Address of Prefect's API.",
			prefectEnv: "PREFECT_API_URL",
		}),
		apiKey: secretText().nullable().prefault(null).register(settingMeta, {
			description: "API key, for Prefect Cloud.",
			prefectEnv: "PREFECT_API_KEY",
			secret: true,
		}),
		apiAuthString: secretText().nullable().prefault(null).register(settingMeta, {
			description: "user:password, for a server with basic auth.",
			prefectEnv: "PREFECT_API_AUTH_STRING",
			secret: true,
		}),
		uiUrl: httpUrl().nullable().prefault(null).register(settingMeta, {
			description: "Address of Prefect's UI, for links in alerts; derived from prefect.apiUrl when not set.",
			prefectEnv: "PREFECT_UI_URL",
		}),
		cloudApiUrl: httpUrl().prefault("https://api.prefect.cloud/api").register(settingMeta, {
			description: "An API under this address is Prefect Cloud: its key and the links to its UI differ.",
			prefectEnv: "PREFECT_CLOUD_API_URL",
		}),
		customHeaders: headerFields().prefault({}).register(settingMeta, {
			description: "Further headers of every request and of the socket, for a proxy in front of the API.",
			prefectEnv: "PREFECT_CLIENT_CUSTOM_HEADERS",
			secret: true,
		}),
		sslCertFile: filePath().nullable().prefault(null).register(settingMeta, {
			description: "Certificates (PEM) that are trusted instead of the usual ones.",
			prefectEnv: "PREFECT_API_SSL_CERT_FILE",
		}),
		tlsInsecureSkipVerify: onOrOff().prefault(false).register(settingMeta, {
			description: "Does not check the server's certificate; whoever is on the way can then read the key.",
			prefectEnv: "PREFECT_API_TLS_INSECURE_SKIP_VERIFY",
		}),
		requestTimeout: durationBetween("1s", "10m").prefault("1m").register(settingMeta, {
			description: "A request to the API that takes longer has failed.",
			prefectEnv: "PREFECT_API_REQUEST_TIMEOUT",
			prefectEnvUnit: "seconds",
		}),
	}),
	store: z.strictObject({
		url: storeUrl().prefault("sqlite:./data/zombied.db").register(settingMeta, {
			description: "The database; its folder is made when it is missing.",
		}),
	}),
	http: z.strictObject({
		listen: listenAddress().prefault("127.0.0.1:4290").register(settingMeta, {
			description: "Where pages, API, metrics and health are served; port 0 takes a free one.",
		}),
		token: secretText().nullable().prefault(null).register(settingMeta, {
			description: "Without it pages and API show nothing that names a run; metrics and health need none.",
			secret: true,
		}),
	}),
	namespace: shortName().prefault("default").register(settingMeta, {
		description: "Part of every alert id: tells apart daemons that watch different Prefect servers.",
	}),
	detector: z.strictObject({
		k: numberBetween(2, 6).prefault(3).register(settingMeta, {
			description: "Missed heartbeats before a verdict, in cadences of the run; 2 is faster and errs more often.",
			live: true,
		}),
		slowestCadence: durationBetween("30s", "1d").prefault("10m").register(settingMeta, {
			description: "No run is assumed to beat more slowly until its cadence is known.",
			live: true,
		}),
		stuckPending: durationBetween("1s", "30d").prefault("30m").register(settingMeta, {
			description: "How long a run may be PENDING before it is stuck_pending.",
			live: true,
		}),
		stuckRetry: durationBetween("1s", "30d").prefault("5m").register(settingMeta, {
			description: "How long a retry may be overdue, from its scheduled time on, before it is stuck_retry.",
			live: true,
		}),
		stuckCancelling: durationBetween("1s", "30d").prefault("10m").register(settingMeta, {
			description: "How long a run may be CANCELLING, and beat, before it is stuck_cancelling.",
			live: true,
		}),
		stale: durationBetween("1s", "365d").prefault("24h").register(settingMeta, {
			description: "How long a run that has never beaten may show no other sign of life before it is stale.",
			live: true,
		}),
		overrun: durationOrOff("1s", "3650d").prefault("off").register(settingMeta, {
			description: "How long a run may be RUNNING before it is overrun; rules can say so for some runs.",
			live: true,
		}),
		stuckScheduled: durationOrOff("1s", "30d").prefault("off").register(settingMeta, {
			description: "How long a run may be Late or wait for a concurrency slot before it is stuck_scheduled.",
			live: true,
		}),
	}),
	rules: ruleList().prefault([]).register(settingMeta, {
		description: "What holds for some runs alone; the first rule that matches a run counts.",
		live: true,
		fileOnly: true,
		example: ruleExample,
	}),
	remedy: remedySection(),
	sinks: sinkList()
		.prefault([])
		.register(settingMeta, {
			description: "Who is told beside the alert log on stdout, which is always there.",
			fileOnly: true,
			holdsSecrets: true,
			example: `{ ${sinkExample} }`,
		}),
	deadManSwitch: deadManSection(),
	maintenance: maintenanceList().prefault([]).register(settingMeta, {
		description: "Times of planned work, in which sinks but the alert log are not told of some runs.",
		live: true,
		fileOnly: true,
		example: maintenanceExample,
	}),
	reconcile: z.strictObject({
		every: durationBetween("5s", "1h").prefault("60s").register(settingMeta, {
			description: "How often the live runs are listed over REST.",
			live: true,
		}),
	}),
	catchUp: z.strictObject({
		secondPass: durationBetween("1s", "5m").prefault("15s").register(settingMeta, {
			description: "How long after connecting stored events are read again: the server flushes them with a delay.",
			live: true,
		}),
	}),
	retention: z.strictObject({
		runs: durationBetween("1h", "3650d").prefault("7d").register(settingMeta, {
			description: "How long ended runs are kept.",
			live: true,
		}),
		episodes: durationBetween("1h", "3650d").prefault("90d").register(settingMeta, {
			description: "How long resolved alerts are kept.",
			live: true,
		}),
	}),
	limits: z.strictObject({
		queueInputs: wholeNumberBetween(100, 1_000_000).prefault(20_000).register(settingMeta, {
			description: "Inputs waiting to be processed; beyond it they are dropped, counted, and read again over REST.",
			live: true,
		}),
		outboxRows: wholeNumberBetween(100, 1_000_000).prefault(100_000).register(settingMeta, {
			description: "Undelivered alerts held in memory; the rest waits in the database.",
			live: true,
		}),
		restPerSecond: numberBetween(0.1, 100).prefault(5).register(settingMeta, {
			description: "Requests a second to Prefect's API.",
		}),
		confirmRuns: wholeNumberBetween(1, 50).prefault(50).register(settingMeta, {
			description: "Runs asked about in one request to confirm a verdict; Prefect answers for 50 at most.",
			live: true,
		}),
		unconfirmedRuns: wholeNumberBetween(100, 10_000_000).prefault(100_000).register(settingMeta, {
			description:
				"Runs in memory that events alone have told of, REST not yet; beyond it the one not heard of for longest is forgotten, until it is heard of again.",
			live: true,
		}),
	}),
	log: z.strictObject({
		level: oneOf(["debug", "info", "warn", "error"]).prefault("info").register(settingMeta, {
			description: "The least severe lines of the operational log.",
			live: true,
		}),
	}),
});

export type Settings = z.infer<typeof settingsSchema>;

/** One setting: its place in the file, and its names elsewhere. */
export interface Field extends SettingMeta {
	/** `detector.slowestCadence`. */
	readonly path: string;
	/** `ZOMBIED_DETECTOR_SLOWEST_CADENCE`; null for what only the file can say. */
	readonly env: string | null;
	/** `--detector.slowest-cadence`; null for secrets, and for what only the file can say. */
	readonly flag: string | null;
	/** As an operator would write it; null: none. */
	readonly defaultValue: DefaultValue;
	/** What the environment and the command line, which know texts alone, have to be read as. */
	readonly kind: FieldKind;
	/** In words, what may be written. */
	readonly form: string;
}

export type DefaultValue = string | number | boolean | null;
export type FieldKind = "text" | "number" | "boolean" | "headers" | "list";

/** All settings, in the schema's order. */
export const fields: readonly Field[] = fieldsOf(settingsSchema, []);

function fieldsOf(section: z.ZodObject, parents: readonly string[]): Field[] {
	return Object.entries(section.shape).flatMap(([key, schema]) => {
		const path = [...parents, key];
		return schema instanceof z.ZodObject ? fieldsOf(schema, path) : [fieldOf(schema as z.ZodType, path)];
	});
}

function fieldOf(schema: z.ZodType, path: readonly string[]): Field {
	const meta = settingMeta.get(schema);
	if (!(schema instanceof z.ZodPrefault) || meta === undefined) {
		throw new Error(`the setting ${path.join(".")} lacks a default or a description`);
	}
	const inner = schema.def.innerType;
	const type = (inner instanceof z.ZodNullable ? inner.def.innerType : inner) as z.ZodType;
	const kind = kindOf(type);
	const form = valueForms.get(type)?.form;
	if (form === undefined) throw new Error(`the setting ${path.join(".")} does not say what may be written`);
	const { secret = false, fileOnly = false } = meta;
	const variable = path.map((part) => kebab(part).replaceAll("-", "_").toUpperCase()).join("_");
	return {
		...meta,
		path: path.join("."),
		env: fileOnly ? null : `ZOMBIED_${variable}`,
		flag: secret || fileOnly ? null : `--${path.map(kebab).join(".")}`,
		// Of headers and lists the default is to have none.
		defaultValue: kind === "headers" || kind === "list" ? null : (schema.def.defaultValue as DefaultValue),
		kind,
		form,
	};
}

/** The keys that may stand beside each other at a place within the settings; none where it is no place of keys. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
	let at: unknown = settingsSchema;
	for (const key of path) {
		const within = withoutWrapping(at);
		at = within instanceof z.ZodObject ? within.shape[String(key)] : within instanceof z.ZodArray && within.element;
	}
	const found = withoutWrapping(at);
	return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function withoutWrapping(type: unknown): unknown {
	const isWrapped = type instanceof z.ZodPrefault || type instanceof z.ZodOptional || type instanceof z.ZodNullable;
	return isWrapped ? withoutWrapping(type.def.innerType) : type;
}

function kindOf(type: z.ZodType): FieldKind {
	if (type instanceof z.ZodNumber) return "number";
	if (type instanceof z.ZodBoolean) return "boolean";
	if (type instanceof z.ZodArray || (type instanceof z.ZodPipe && type.in instanceof z.ZodArray)) return "list";
	return type instanceof z.ZodRecord ? "headers" : "text";
}

function kebab(name: string): string {
	return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}
