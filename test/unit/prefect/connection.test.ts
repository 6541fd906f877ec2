import { describe, expect, test } from "vitest";
import {
	authorizationSetting,
	type ConnectionSettings,
	cloudApiUrlDefault,
	credentialSetting,
	eventsUrl,
	isCloud,
	requestHeaders,
	runPageUrl,
	socketToken,
} from "../../../src/prefect/connection.ts";

const local: ConnectionSettings = {
	apiUrl: "http://127.0.0.1:4200/api",
	apiKey: null,
	authString: null,
	uiUrl: null,
	cloudApiUrl: cloudApiUrlDefault,
	requestTimeoutMs: 1000,
	userAgent: "zombied/0",
	customHeaders: {},
	sslCertFile: null,
	tlsInsecureSkipVerify: false,
	proxyEnvironment: {},
};
const workspace = "https://api.prefect.cloud/api/accounts/a1/workspaces/w1";
const cloud: ConnectionSettings = { ...local, apiUrl: workspace };

describe("credentials", () => {
	test("none: no header, a null token, and a word on what to set", () => {
		expect(requestHeaders(local)).toEqual({ "user-agent": "zombied/0" });
		expect(socketToken(local)).toBeNull();
		expect(credentialSetting(local)).toContain("PREFECT_API_AUTH_STRING");
		expect(credentialSetting(cloud)).toContain("PREFECT_API_KEY");
	});

	test("C3: a key is a Bearer header and the socket's token", () => {
		const settings = { ...cloud, apiKey: "pnu_1" };
		expect(requestHeaders(settings)).toMatchObject({ authorization: "Bearer pnu_1" });
		expect(socketToken(settings)).toBe("pnu_1");
		expect(credentialSetting(settings)).toContain("PREFECT_API_KEY");
	});

	test("C4: an auth string is a Basic header, and raw on the socket", () => {
		const settings = { ...local, authString: "admin:pässword" };
		const encoded = Buffer.from("admin:pässword", "utf8").toString("base64");
		expect(requestHeaders(settings)).toMatchObject({ authorization: `Basic ${encoded}` });
		expect(socketToken(settings)).toBe("admin:pässword");
		expect(credentialSetting(settings)).toContain("PREFECT_API_AUTH_STRING");
	});

	test("C5: both set: the key on a Cloud address, elsewhere the auth string, on REST and the socket alike", () => {
		const both = { apiKey: "pnu_1", authString: "admin:pw" };
		expect(socketToken({ ...cloud, ...both })).toBe("pnu_1");
		expect(requestHeaders({ ...cloud, ...both })).toMatchObject({ authorization: "Bearer pnu_1" });
		expect(credentialSetting({ ...cloud, ...both })).toBe("check PREFECT_API_KEY");
		expect(socketToken({ ...local, ...both })).toBe("admin:pw");
		expect(requestHeaders({ ...local, ...both })).toMatchObject({ authorization: "Basic YWRtaW46cHc=" });
		expect(credentialSetting({ ...local, ...both })).toBe("check PREFECT_API_AUTH_STRING");
	});

	test("a key alone is used on a server of one's own too", () => {
		expect(socketToken({ ...local, apiKey: "pnu_1" })).toBe("pnu_1");
	});
});

describe("C6: custom headers", () => {
	test("go along with ours, their names in lower case; ours stay ours", () => {
		const customHeaders = { "X-Access-Id": "a1", "User-Agent": "evil/1" };
		expect(requestHeaders({ ...local, authString: "admin:pw", customHeaders })).toEqual({
			authorization: "Basic YWRtaW46cHc=",
			"x-access-id": "a1",
			"user-agent": "zombied/0",
		});
	});

	test("an Authorization among them replaces ours, and is named where it is refused; the socket's token stays", () => {
		const settings = { ...local, authString: "admin:pw", customHeaders: { AUTHORIZATION: "Bearer gate" } };
		expect(requestHeaders(settings)).toMatchObject({ authorization: "Bearer gate" });
		expect(socketToken(settings)).toBe("admin:pw");
		expect(authorizationSetting(settings)).toContain("PREFECT_CLIENT_CUSTOM_HEADERS");
		expect(credentialSetting(settings)).toContain("PREFECT_API_AUTH_STRING");
		expect(authorizationSetting({ ...settings, customHeaders: {} })).toContain("PREFECT_API_AUTH_STRING");
	});
});

describe("addresses derived from the API's", () => {
	test.each([
		[local.apiUrl, "ws://127.0.0.1:4200/api/events/out"],
		["https://prefect.example/api", "wss://prefect.example/api/events/out"],
		["http://http.example/api", "ws://http.example/api/events/out"],
	])("the socket of %s is %s", (apiUrl, url) => {
		expect(eventsUrl({ ...local, apiUrl })).toBe(url);
	});

	test("Cloud is what lies under Cloud's address, and nothing that merely begins like it", () => {
		expect(isCloud(cloud)).toBe(true);
		expect(isCloud({ ...local, apiUrl: cloudApiUrlDefault })).toBe(true);
		expect(isCloud({ ...local, apiUrl: `${cloudApiUrlDefault}x/y` })).toBe(false);
		expect(isCloud({ ...local, apiUrl: "https://api.stage.example/api/accounts/a" })).toBe(false);
		expect(
			isCloud({ ...local, cloudApiUrl: "https://api.stage.example/api/", apiUrl: "https://api.stage.example/api/x" }),
		).toBe(true);
	});

	test.each([
		[local, "http://127.0.0.1:4200/runs/flow-run/r"],
		[cloud, "https://app.prefect.cloud/account/a1/workspace/w1/runs/flow-run/r"],
		[{ ...local, uiUrl: "https://ui.example/prefect/" }, "https://ui.example/prefect/runs/flow-run/r"],
		[{ ...local, apiUrl: "https://x.example/apis/api" }, "https://x.example/apis/runs/flow-run/r"],
	])("a run's page: %#", (settings, url) => {
		expect(runPageUrl(settings, "r")).toBe(url);
	});
});
