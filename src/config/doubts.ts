import type { Settings } from "./schema.ts";

/** What is allowed in itself and probably not meant, or dangerous: a line each. */
export function doubtsOf({ prefect }: Settings): readonly string[] {
	if (!prefect.tlsInsecureSkipVerify) return [];
	return [
		"prefect.tlsInsecureSkipVerify is on: the server's certificate is not checked, and whoever sits between can read the API key; prefer prefect.sslCertFile",
	];
}
