import type { Connection } from "./connection.ts";

/** The code of an error of the network, TLS or the HTTP client; null for any other. */
export function errorCodeOf(error: Error | null): string | null {
	return error !== null && "code" in error ? String(error.code) : null;
}

/** What the operator may do about a server that could not be reached, by the error's code. */
export function reachHint(code: string | null, { proxy }: Pick<Connection, "proxy">): string {
	switch (code) {
		case "DEPTH_ZERO_SELF_SIGNED_CERT":
		case "SELF_SIGNED_CERT_IN_CHAIN":
		case "UNABLE_TO_GET_ISSUER_CERT":
		case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
		case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
			return "the server's certificate is of nobody we trust: put its CA into PREFECT_API_SSL_CERT_FILE";
		case "ERR_TLS_CERT_ALTNAME_INVALID":
			return "the server's certificate is for another name than PREFECT_API_URL has";
		case "CERT_HAS_EXPIRED":
		case "CERT_NOT_YET_VALID":
			return "renew the server's certificate, or set the clock of this machine";
		case "EPROTO":
		case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
		case "ERR_SSL_WRONG_VERSION_NUMBER":
			return "does the server speak https, or should PREFECT_API_URL begin with http://?";
		case "ERR_PROXY":
			return `check ${proxy?.variable ?? "the proxy"}`;
		default:
			return proxy === null
				? "is the server up, and PREFECT_API_URL right?"
				: `is the proxy ${proxy.url.host} (${proxy.variable}) up, the server behind it, and PREFECT_API_URL right?`;
	}
}
