import type { Settings } from "../config/schema.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import { type Connection, isCloud } from "../prefect/connection.ts";
import { openConnection } from "../prefect/open-connection.ts";

/** @throws OperatorError when the certificate file or the proxy that the settings name is no good */
export function connectionOf(settings: Settings, version: string, environment: ProxyEnvironment): Connection {
	const { prefect } = settings;
	return openConnection({
		apiUrl: prefect.apiUrl,
		apiKey: prefect.apiKey,
		authString: prefect.apiAuthString,
		uiUrl: prefect.uiUrl,
		cloudApiUrl: prefect.cloudApiUrl,
		requestTimeoutMs: prefect.requestTimeout.ms,
		userAgent: `zombied/${version}`,
		customHeaders: prefect.customHeaders,
		sslCertFile: prefect.sslCertFile,
		tlsInsecureSkipVerify: prefect.tlsInsecureSkipVerify,
		proxyEnvironment: environment,
	});
}

/** What of the connection is allowed and probably not meant: a line each. */
export function connectionDoubts(settings: Settings): readonly string[] {
	const { apiKey, apiAuthString } = settings.prefect;
	if (apiKey === null || apiAuthString === null) return [];
	const onCloud = isCloud(settings.prefect);
	const [used, unused] = onCloud ? ["apiKey", "apiAuthString"] : ["apiAuthString", "apiKey"];
	const why = onCloud ? "the address is Prefect Cloud's" : "the address is not Prefect Cloud's";
	return [
		`prefect.apiKey and prefect.apiAuthString are both set: prefect.${used} is used, since ${why}; remove prefect.${unused}`,
	];
}

/** A workspace of Prefect Cloud by its id; a server of one's own has only one. */
export function workspaceOf(connection: Connection): string {
	return /\/workspaces\/([0-9a-f-]{36})$/iu.exec(connection.apiUrl)?.[1]?.toLowerCase() ?? "default";
}
