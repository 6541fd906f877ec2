import type { ProxyEnvironment, ProxyServer } from "../lib/proxy.ts";
import type { TlsTrust } from "./tls-trust.ts";

/** Where Prefect is and who we are there: all that REST and the socket share. */
export interface ConnectionSettings {
	/** Base of the API: http(s), without a trailing slash, user, password, query or fragment. */
	readonly apiUrl: string;
	/** For Prefect Cloud. Secret. */
	readonly apiKey: string | null;
	/** `user:password` of a server with basic auth. Secret. */
	readonly authString: string | null;
	/** An address of the UI of its own (`PREFECT_UI_URL`); null: derived from the API's. */
	readonly uiUrl: string | null;
	/** An API under this address is Prefect Cloud (`PREFECT_CLOUD_API_URL`). */
	readonly cloudApiUrl: string;
	/** One REST request, from sending to the last byte (`PREFECT_API_REQUEST_TIMEOUT`). */
	readonly requestTimeoutMs: number;
	/** Who we say we are, to servers and the proxies before them. */
	readonly userAgent: string;
	/** On every request and the socket's upgrade; may be secret. None of those that belong to us or to HTTP itself. */
	readonly customHeaders: Readonly<Record<string, string>>;
	/** Certificates (PEM) that are trusted instead of the usual ones. */
	readonly sslCertFile: string | null;
	/** Whoever answers is believed to be the server. */
	readonly tlsInsecureSkipVerify: boolean;
	/** The environment of the process: which proxy leads to the server. */
	readonly proxyEnvironment: ProxyEnvironment;
}

/** Settings, with what they name read and found: see `openConnection`. */
export interface Connection extends ConnectionSettings {
	readonly trust: TlsTrust;
	/** Null: directly. */
	readonly proxy: ProxyServer | null;
}

/** Prefect's own default for `PREFECT_CLOUD_API_URL`. */
export const cloudApiUrlDefault = "https://api.prefect.cloud/api";

export function isCloud(settings: Pick<ConnectionSettings, "apiUrl" | "cloudApiUrl">): boolean {
	const base = settings.cloudApiUrl.replace(/\/+$/u, "");
	return settings.apiUrl === base || settings.apiUrl.startsWith(`${base}/`);
}

type Credential =
	| { readonly kind: "none" }
	| { readonly kind: "api_key"; readonly secret: string }
	| { readonly kind: "auth_string"; readonly secret: string };

/** With both set: the key on a Cloud address, elsewhere the auth string, which is what a server of one's own asks for. */
function credentialOf(settings: ConnectionSettings): Credential {
	const { apiKey, authString } = settings;
	if (authString !== null && (apiKey === null || !isCloud(settings))) {
		return { kind: "auth_string", secret: authString };
	}
	return apiKey === null ? { kind: "none" } : { kind: "api_key", secret: apiKey };
}

/**
 * Headers of every REST request, and of the socket's upgrade, where proxies in front may want them; names in lower case.
 * An Authorization among the custom ones replaces ours, as in Prefect's own client.
 */
export function requestHeaders(settings: ConnectionSettings): Readonly<Record<string, string>> {
	const authorization = authorizationOf(credentialOf(settings));
	return {
		...(authorization === null ? {} : { authorization }),
		...customHeaders(settings),
		"user-agent": settings.userAgent,
	};
}

function customHeaders(settings: ConnectionSettings): Readonly<Record<string, string>> {
	const headers = Object.entries(settings.customHeaders);
	return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
}

function authorizationOf(credential: Credential): string | null {
	switch (credential.kind) {
		case "none":
			return null;
		case "api_key":
			return `Bearer ${credential.secret}`;
		case "auth_string":
			return `Basic ${Buffer.from(credential.secret, "utf8").toString("base64")}`;
	}
	return credential satisfies never;
}

/** The token of the socket's handshake: raw, where REST has a header; null where nobody asks for one. */
export function socketToken(settings: ConnectionSettings): string | null {
	const credential = credentialOf(settings);
	return credential.kind === "none" ? null : credential.secret;
}

/** The setting that a refused token came from, or the ones that are missing. */
export function credentialSetting(settings: ConnectionSettings): string {
	const credential = credentialOf(settings);
	switch (credential.kind) {
		case "none":
			return isCloud(settings) ? "set PREFECT_API_KEY" : "set PREFECT_API_AUTH_STRING (or PREFECT_API_KEY)";
		case "api_key":
			return "check PREFECT_API_KEY";
		case "auth_string":
			return "check PREFECT_API_AUTH_STRING";
	}
	return credential satisfies never;
}

/** The setting that a refused Authorization header came from. */
export function authorizationSetting(settings: ConnectionSettings): string {
	return "authorization" in customHeaders(settings)
		? "check the Authorization in PREFECT_CLIENT_CUSTOM_HEADERS"
		: credentialSetting(settings);
}

/** The events socket: http becomes ws, https wss. */
export function eventsUrl(settings: ConnectionSettings): string {
	return `${settings.apiUrl.replace(/^http/u, "ws")}/events/out`;
}

/** The run's page in Prefect's UI. Cloud's UI has another host, and says account and workspace in the singular. */
export function runPageUrl(settings: ConnectionSettings, runId: string): string {
	return `${settings.uiUrl?.replace(/\/+$/u, "") ?? derivedUiUrl(settings)}/runs/flow-run/${runId}`;
}

function derivedUiUrl(settings: ConnectionSettings): string {
	if (!isCloud(settings)) {
		return settings.apiUrl.replace(/\/api$/u, "");
	}
	return settings.apiUrl
		.replace("://api.", "://app.")
		.replace(/\/api(?=\/|$)/u, "")
		.replace("/accounts/", "/account/")
		.replace("/workspaces/", "/workspace/");
}
