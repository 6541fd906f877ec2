import { BlockList, isIP } from "node:net";
import { OperatorError } from "./errors.ts";

/** The environment of the process; variables named `…_proxy` alone are read. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface ProxyServer {
	/** Without user and password. */
	readonly url: URL;
	/** Its login, if it wants one. Secret. */
	readonly headers: Readonly<Record<string, string>>;
	/** The variable that named it. */
	readonly variable: string;
}

/**
 * The HTTP proxy on the way to an address: `HTTPS_PROXY` or `HTTP_PROXY` by the address's scheme, then `ALL_PROXY`, and
 * none where `NO_PROXY` names the host. Lower case wins, as everywhere. An empty variable is as good as none.
 *
 * @throws OperatorError when the variable names no HTTP proxy; what it holds is not repeated
 */
export function proxyFor(address: string, environment: ProxyEnvironment): ProxyServer | null {
	const target = new URL(address);
	const names = [`${target.protocol.slice(0, -1)}_proxy`, "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
	const variable = names.find((name) => (environment[name] ?? "") !== "");
	const text = variable === undefined ? "" : (environment[variable] ?? "");
	const exempt = environment.no_proxy || environment.NO_PROXY || "";
	if (variable === undefined || isExempt(target, exempt)) {
		return null;
	}
	const proxy = proxyOf(text.includes("://") ? text : `http://${text}`);
	if (proxy === null) {
		throw new OperatorError(
			`${variable} names no HTTP proxy: expected the like of http://proxy.example:3128; to do without it, name ${target.hostname} in NO_PROXY`,
		);
	}
	return { ...proxy, variable };
}

function proxyOf(text: string): Pick<ProxyServer, "url" | "headers"> | null {
	const given = URL.parse(text);
	if (given === null || !["http:", "https:"].includes(given.protocol)) {
		return null;
	}
	const url = new URL(given.origin);
	if (given.username === "" && given.password === "") {
		return { url, headers: {} };
	}
	try {
		const login = `${decodeURIComponent(given.username)}:${decodeURIComponent(given.password)}`;
		return { url, headers: { "proxy-authorization": `Basic ${Buffer.from(login, "utf8").toString("base64")}` } };
	} catch {
		// A "%" that begins no escape.
		return null;
	}
}

function isExempt(target: URL, exempt: string): boolean {
	const host = target.hostname.replaceAll(/^\[|\]$|\.$/gu, "");
	const port = target.port || (target.protocol === "https:" ? "443" : "80");
	return exempt
		.toLowerCase()
		.split(/[\s,]+/u)
		.some((entry) => entry !== "" && names(entry, host, port));
}

const entryPattern = /^(?:\[(?<six>.+)\]|(?<name>[^:]+))(?::(?<port>\d+))?$/u;

/** A host stands for what lies under it too; a port narrows an entry down; addresses may be given as ranges. */
function names(entry: string, host: string, port: string): boolean {
	const groups = entryPattern.exec(entry)?.groups;
	// What does not fit is an IPv6 address without brackets.
	const name = (groups?.six ?? groups?.name ?? entry).replace(/^\*?\.+/u, "");
	if (groups?.port !== undefined && groups.port !== port) {
		return false;
	}
	return name === "*" || host === name || (isIP(host) === 0 ? host.endsWith(`.${name}`) : isInRange(host, name));
}

function isInRange(host: string, range: string): boolean {
	const [network = "", bits] = range.split("/");
	const family = isIP(network);
	if (family === 0 || family !== isIP(host)) {
		return false;
	}
	const bitsMax = family === 6 ? 128 : 32;
	const prefix = bits === undefined ? bitsMax : Number(bits);
	if (!Number.isInteger(prefix) || prefix < 0 || prefix > bitsMax) {
		return false;
	}
	const type = family === 6 ? "ipv6" : "ipv4";
	const list = new BlockList();
	list.addSubnet(network, prefix, type);
	return list.check(host, type);
}
