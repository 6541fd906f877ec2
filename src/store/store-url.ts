import { resolve } from "node:path";
import { OperatorError } from "../lib/errors.ts";

export type StoreLocation = { readonly kind: "memory" } | { readonly kind: "sqlite"; readonly path: string };

/** What every refusal of a store ends with. */
export const urlHint = "set store.url (ZOMBIED_STORE_URL), for example to sqlite:./data/zombied.db";

/** A path or url for a message: quoted, with control characters escaped, so that the message stays one line. */
export function shown(text: string): string {
	return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}

function reject(what: string): never {
	throw new OperatorError(`store.url ${what}; ${urlHint}`);
}

/**
 * `sqlite:./relative/file.db`, `sqlite:/absolute/file.db`, `sqlite:///absolute/file.db` or `memory:`. A relative path
 * counts from the working directory. The path is taken as it is: no percent-encoding, no parameters.
 *
 * @throws OperatorError for anything else, without showing what an address of another kind holds (it may be a password)
 */
export function parseStoreUrl(url: string): StoreLocation {
	const colon = url.indexOf(":");
	if (colon < 0) {
		return reject(url === "" ? "is empty" : `${shown(url)} names no kind of store (sqlite: or memory:)`);
	}
	const scheme = url.slice(0, colon);
	const rest = url.slice(colon + 1);
	if (scheme === "memory") {
		return rest === "" ? { kind: "memory" } : reject(`${shown(url)}: nothing may follow memory:`);
	}
	if (scheme !== "sqlite") {
		return reject(`names a kind of store that zombied does not know: ${shown(`${scheme}:`)} (known: sqlite:, memory:)`);
	}
	const fault = faultOfPath(rest);
	return fault === null ? { kind: "sqlite", path: resolve(rest) } : reject(`${shown(url)}: ${fault}`);
}

function faultOfPath(path: string): string | null {
	if (path.trim() === "") {
		return "the path of the file is missing";
	}
	if (path !== path.trim()) {
		return "the path begins or ends with a space";
	}
	if (/\p{Cc}/u.test(path)) {
		return "the path has a control character";
	}
	if (path === ":memory:") {
		return "a store in memory is written memory:";
	}
	if (/[?#]/u.test(path)) {
		return "parameters (? or #) are not supported";
	}
	if (/^\/\/[^/]/u.test(path)) {
		return "after two slashes comes a host, which a file has not: write sqlite:./file for a relative path, sqlite:/file for an absolute one";
	}
	if (/[/\\]$|(?:^|\/)\.{1,2}$/u.test(path)) {
		return "the path names a folder, not a file";
	}
	return null;
}
