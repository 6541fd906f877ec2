import { proxyFor } from "../lib/proxy.ts";
import type { Connection, ConnectionSettings } from "./connection.ts";
import { tlsTrust } from "./tls-trust.ts";

/**
 * The one connection that REST and the socket share: what the settings name is read and found, once. A certificate that
 * is renewed later needs a restart.
 *
 * @throws OperatorError when the certificate file or the proxy's address is no good
 */
export function openConnection(settings: ConnectionSettings): Connection {
	return { ...settings, trust: tlsTrust(settings), proxy: proxyFor(settings.apiUrl, settings.proxyEnvironment) };
}
