import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { messageOf, OperatorError } from "../lib/errors.ts";

/** Whom we believe to be the server; the same for REST and the socket. */
export interface TlsTrust {
	/** Certificates (PEM) that stand in for the usual ones. */
	readonly ca?: string;
	/** False: anybody is believed. */
	readonly rejectUnauthorized: boolean;
}

const certificatePattern = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gsu;

/** @throws OperatorError when the file cannot be read, or holds what is no certificate */
export function tlsTrust(facts: {
	readonly sslCertFile: string | null;
	readonly tlsInsecureSkipVerify: boolean;
}): TlsTrust {
	const rejectUnauthorized = !facts.tlsInsecureSkipVerify;
	return facts.sslCertFile === null
		? { rejectUnauthorized }
		: { ca: certificatesIn(facts.sslCertFile), rejectUnauthorized };
}

function certificatesIn(file: string): string {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		throw new OperatorError(
			`PREFECT_API_SSL_CERT_FILE cannot be read (${messageOf(error)}): mend the path or its rights`,
		);
	}
	const certificates = text.match(certificatePattern) ?? [];
	// Node takes what it understands and is silent on the rest, which would show as distrust of every server.
	if (certificates.length === 0 || !certificates.every(isCertificate)) {
		throw new OperatorError(
			`PREFECT_API_SSL_CERT_FILE: ${file} does not hold certificates in PEM form ("-----BEGIN CERTIFICATE-----")`,
		);
	}
	return certificates.join("\n");
}

function isCertificate(pem: string): boolean {
	try {
		return new X509Certificate(pem).raw.length > 0;
	} catch {
		return false;
	}
}
