import { describe, expect, test } from "vitest";
import { OperatorError } from "../../../src/lib/errors.ts";
import { proxyFor } from "../../../src/lib/proxy.ts";

const far = "https://prefect.example/api";
const plain = "http://prefect.example:4200/api";

function hostFor(address: string, environment: Record<string, string>): string | null {
	return proxyFor(address, environment)?.url.host ?? null;
}

describe("C8: which proxy leads to the server", () => {
	test.each([
		[far, { HTTPS_PROXY: "http://p:1" }, "p:1"],
		[far, { HTTP_PROXY: "http://p:1" }, null],
		[plain, { HTTP_PROXY: "http://p:1" }, "p:1"],
		[plain, { HTTPS_PROXY: "http://p:1" }, null],
		[far, { ALL_PROXY: "http://p:1" }, "p:1"],
		[plain, { all_proxy: "http://p:1" }, "p:1"],
		[far, { HTTPS_PROXY: "http://p:1", ALL_PROXY: "http://q:2" }, "p:1"],
		[far, { HTTPS_PROXY: "http://upper:1", https_proxy: "http://lower:2" }, "lower:2"],
		[far, { HTTPS_PROXY: "http://upper:1", https_proxy: "" }, "upper:1"],
		[far, { HTTPS_PROXY: "p:3128" }, "p:3128"],
		[far, { HTTPS_PROXY: "https://p" }, "p"],
		[far, { HTTPS_PROXY: "" }, null],
		[far, {}, null],
	])("to %s with %j it is %s", (address, environment, host) => {
		expect(hostFor(address, environment)).toBe(host);
	});

	test.each([
		["prefect.example", true],
		["PREFECT.Example", true],
		["example", true],
		[".example", true],
		["*.example", true],
		["other, prefect.example", true],
		["other prefect.example", true],
		["*", true],
		["prefect.example:4200", true],
		["prefect.example:4201", false],
		["*:4201", false],
		["fect.example", false],
		["a.prefect.example", false],
		["", false],
		[" , ", false],
		["10.0.0.0/8", false],
	])("NO_PROXY %j keeps it from http://prefect.example:4200: %s", (exempt, isExempt) => {
		const environment = { HTTP_PROXY: "http://p:1", NO_PROXY: exempt };
		expect(hostFor(plain, environment)).toBe(isExempt ? null : "p:1");
		expect(hostFor(plain, { ...environment, no_proxy: "nothing.else" })).toBe("p:1");
	});

	test.each([
		["http://10.1.2.3/api", "10.1.2.3", true],
		["http://10.1.2.3/api", "10.0.0.0/8", true],
		["http://10.1.2.3/api", "10.1.2.4/31", false],
		["http://10.1.2.3/api", "10.1.2.2/31", true],
		["http://10.1.2.3/api", "0.0.0.0/0", true],
		["http://10.1.2.3/api", "10.0.0.0/33", false],
		["http://10.1.2.3/api", "10.0.0.0/x", false],
		["http://10.1.2.3/api", "2.3", false],
		["http://10.1.2.3/api", "10.1.2.3:80", true],
		["http://10.1.2.3/api", "10.1.2.3:81", false],
		["http://[::1]:4200/api", "::1", true],
		["http://[::1]:4200/api", "[::1]", true],
		["http://[::1]:4200/api", "[::1]:4200", true],
		["http://[::1]:4200/api", "[::1]:4201", false],
		["http://[fd00::7]/api", "fd00::/8", true],
		["http://[fd00::7]/api", "0:0::/127", false],
		["https://prefect.example./api", "prefect.example", true],
		["https://prefect.example/api", "prefect.example:443", true],
	])("%s under NO_PROXY %j is reached directly: %s", (address, exempt, isExempt) => {
		expect(hostFor(address, { ALL_PROXY: "http://p:1", NO_PROXY: exempt })).toBe(isExempt ? null : "p:1");
	});

	test.each(["socks5://u:canary@p:1080", "http://", "http://u:canary@", "http://u:%zzcanary@p", "ftp://p"])(
		"%s is refused with words, on one line, without repeating it",
		(text) => {
			const act = (): unknown => proxyFor(far, { HTTPS_PROXY: text });
			expect(act).toThrow(OperatorError);
			expect(act).toThrow(/^HTTPS_PROXY names no HTTP proxy: (?!.*canary).*NO_PROXY$/u);
		},
	);

	test("its login is kept apart from its address", () => {
		const proxy = proxyFor(far, { HTTPS_PROXY: "http://me:p%40ss@p:3128" });
		expect(proxy?.url.href).toBe("http://p:3128/");
		expect(proxy?.headers).toEqual({ "proxy-authorization": `Basic ${btoa("me:p@ss")}` });
		expect(proxyFor(far, { HTTPS_PROXY: "http://p:3128" })?.headers).toEqual({});
	});

	test("one that is not needed may be wrong", () => {
		expect(proxyFor(far, { HTTPS_PROXY: "socks5://p", NO_PROXY: "*" })).toBeNull();
		expect(proxyFor(far, { HTTP_PROXY: "socks5://p" })).toBeNull();
	});
});
