import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import { parseStoreUrl } from "../../../src/store/store-url.ts";

describe("a store's url", () => {
	test.for([
		["sqlite:./data/zombied.db", resolve("data/zombied.db")],
		["sqlite:zombied.db", resolve("zombied.db")],
		["sqlite:../zombied.db", resolve("../zombied.db")],
		["sqlite:/data/zombied.db", "/data/zombied.db"],
		["sqlite:///data/zombied.db", "/data/zombied.db"],
		["sqlite:/data/with a space, and 100% ü.db", "/data/with a space, and 100% ü.db"],
		["sqlite:/data/..hidden", "/data/..hidden"],
	] as const)("%s names the file %s", ([url, path]) => {
		expect(parseStoreUrl(url)).toStrictEqual({ kind: "sqlite", path });
	});

	test("memory: names a store that is gone with the process", () => {
		expect(parseStoreUrl("memory:")).toStrictEqual({ kind: "memory" });
	});

	test.for([
		["", "is empty"],
		["zombied.db", "names no kind of store"],
		["./data/zombied.db", "names no kind of store"],
		["SQLITE:./zombied.db", "does not know"],
		["mysql://db/zombied", 'does not know: "mysql:"'],
		["memory:x", "nothing may follow memory:"],
		["sqlite:", "the path of the file is missing"],
		["sqlite:   ", "the path of the file is missing"],
		["sqlite: zombied.db", "begins or ends with a space"],
		["sqlite:zombied.db ", "begins or ends with a space"],
		["sqlite::memory:", "is written memory:"],
		["sqlite:./zombied.db?mode=ro", "parameters"],
		["sqlite:./zombied.db#x", "parameters"],
		["sqlite://data/zombied.db", "after two slashes comes a host"],
		["sqlite://./zombied.db", "after two slashes comes a host"],
		["sqlite:./data/", "names a folder"],
		["sqlite:/", "names a folder"],
		["sqlite:.", "names a folder"],
		["sqlite:data/..", "names a folder"],
		["sqlite:a\u0000b", "control character"],
		["sqlite:a\nb", "control character"],
	] as const)("%j is refused in one line that says why and how to mend it", ([url, why]) => {
		const parse = () => parseStoreUrl(url);
		expect(parse).toThrow(OperatorError);
		expect(parse).toThrow(
			/^store\.url [^\n\r\0]*; set store\.url \(ZOMBIED_STORE_URL\), for example to sqlite:\.\/data\//u,
		);
		expect(parse).toThrow(why);
	});

	test("an address of another kind is refused without showing its password", () => {
		expect(() => parseStoreUrl("postgres://me:canary@db/zombied")).toThrow(
			expect.objectContaining({ message: expect.not.stringContaining("canary") }),
		);
	});
});
