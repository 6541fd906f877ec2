import { existsSync } from "node:fs";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunSource } from "../../src/http/api/api.ts";
import { HttpServer } from "../../src/http/http-server.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { apiEpisode, apiRun, apiRunDetail, pageSource, someRunId } from "../_util/page-source.ts";
import { sampleStatus } from "../_util/page-status.ts";
import { SkippingClock } from "../_util/prefect-clock.ts";

/** Debian's package chromium, which .ci/install-debian-packages.sh installs. */
const executablePath = "/usr/bin/chromium";
const hostile = `<img src=x onerror="document.title='owned'"><script>document.title="owned"</script>`;

/** Resolves in the page when the server has said twice that there may be something new. */
const twoChanges = `new Promise((resolve) => {
	const source = new EventSource("/live");
	let times = 0;
	source.addEventListener("changed", () => { if (++times === 2) { source.close(); resolve(); } });
})`;

/** What the checker finds wrong, a line each: rule, and where. */
interface AxeWindow {
	readonly axe: {
		run(): Promise<{
			readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
		}>;
	};
}

describe.skipIf(!existsSync(executablePath) && process.env.CI === undefined)("the pages in a browser", () => {
	let browser: Browser;
	let server: HttpServer;
	let guarded: HttpServer;
	let source: RunSource;

	function serve(token: string | null): Promise<HttpServer> {
		return HttpServer.start(
			{
				listen: { host: "127.0.0.1", port: 0 },
				token,
				source: () => source,
				metrics: new Metrics({ version: "1.2.3", revision: "abc", nodeVersion: process.version }),
				readiness: () => ({ loaded: true, storeFailing: false, lastTickMonoMs: 0 }),
				status: () => sampleStatus,
				operate: async () => ({ changed: 0, ids: [] }),
				reload: () => ({ reloaded: false, problems: [] }),
				version: "1.2.3",
				clock: new SkippingClock(),
			},
			new AbortController().signal,
		);
	}

	beforeAll(async () => {
		// Chromium's own sandbox cannot be had as root, and nothing here is from elsewhere.
		browser = await chromium.launch({ executablePath, args: ["--no-sandbox"], timeout: 60_000 });
		server = await serve(null);
		guarded = await serve("open sesame");
	});
	afterAll(async () => {
		await browser.close();
		await server[Symbol.asyncDispose]();
		await guarded[Symbol.asyncDispose]();
	});
	beforeEach(() => {
		source = pageSource();
	});

	/** With what the browser complained about: scripts that failed, what the policy refused. */
	async function open(
		path: string,
		options: BrowserContextOptions = {},
	): Promise<{ page: Page; complaints: string[] }> {
		const page = await browser.newPage(options);
		const complaints: string[] = [];
		page.on("console", (message) => complaints.push(message.text()));
		page.on("pageerror", (error) => complaints.push(error.message));
		await page.goto(`${server.address}${path}`);
		return { page, complaints };
	}

	const run = `/runs/${someRunId}`;
	const schemes = ["light", "dark"] as const;

	test.each(
		schemes.flatMap((colorScheme) => ["/", run, "/runs", "/runs/unknown"].map((path) => ({ colorScheme, path }))),
	)("$path in $colorScheme passes axe: names, roles, contrast", async ({ colorScheme, path }) => {
		const { page } = await open(path, { colorScheme });
		await page.evaluate(axe.source);
		const { violations } = await page.evaluate(() => (globalThis as unknown as AxeWindow).axe.run());
		expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
		await page.close();
	});

	test("no name acts, and the policy has nothing to refuse", async () => {
		const name = hostile;
		source = pageSource({
			runs: async () => ({ runs: [apiRun({ name, work_pool: name, deployment: { id: "d", name } })], next: null }),
			run: async () => apiRunDetail({ name, tags: [name], explanation: [name, name] }),
			episodes: async () => ({ episodes: [apiEpisode({ run_name: name, reason: name })], next: null }),
		});
		for (const path of ["/", run]) {
			const { page, complaints } = await open(path);
			expect(await page.title()).not.toBe("owned");
			expect(await page.locator("main img, main script").count()).toBe(0);
			expect(await page.locator("main").textContent()).toContain(hostile);
			expect(complaints).toEqual([]);
			await page.close();
		}
	});

	test("the keyboard leads past the head to the content, and from a run to its page", async () => {
		const { page } = await open("/");
		await page.keyboard.press("Tab");
		expect(await page.locator(":focus").textContent()).toBe("To the content");
		await page.keyboard.press("Enter");
		await page.keyboard.press("Tab");
		expect(await page.locator(":focus").textContent()).toBe("wise-otter");
		await page.keyboard.press("Enter");
		await page.waitForURL(`**${run}`);
		expect(await page.locator("h1").textContent()).toBe("wise-otter");
		await page.close();
	});

	test("what changes comes by itself; who stands on a link does not lose it", async () => {
		const { page } = await open("/");
		await page.locator("#live", { hasText: "live" }).waitFor();
		await page.locator("main a").first().focus();
		source = pageSource({ runs: async () => ({ runs: [apiRun({ name: "late-lark" })], next: null }) });
		// Two signals of the server, and nothing is replaced under the reader's hands.
		await page.evaluate(twoChanges);
		expect(await page.locator("main").textContent()).not.toContain("late-lark");
		await page.evaluate("document.activeElement.blur()");
		await page.locator("main", { hasText: "late-lark" }).waitFor();
		await page.close();
	});

	test("all is there without the script", async () => {
		const { page } = await open("/", { javaScriptEnabled: false });
		expect(await page.locator("main").textContent()).toMatch(/Zombies 1.*wise-otter.*Coverage/su);
		await page.close();
	});

	const overhang = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
	const phone = { viewport: { width: 390, height: 800 } };

	/** A thousand zombies, a part at a time. */
	function thousandZombies(): RunSource {
		const all = Array.from({ length: 1_000 }, (_, n) => apiRun({ name: `run-with-quite-a-long-name-${n}` }));
		const details = () => ({ ...pageSource().details(), open_by_condition: { zombie: 1_000 } });
		return pageSource({
			details,
			runs: async ({ condition, from, limit }) => {
				if (condition !== "zombie") return { runs: [], next: null };
				const next = from + limit;
				return { runs: all.slice(from, next), next: next < all.length ? next : null };
			},
		});
	}

	test("of a thousand zombies the overview shows a hundred, and leads to all, on a phone without scrolling sideways", async () => {
		source = thousandZombies();
		const { page } = await open("/", phone);
		expect(await page.locator("#zombies").textContent()).toBe("Zombies 1000");
		expect(await page.locator("#zombies ~ .wide tbody tr").count()).toBe(100);
		expect(await page.evaluate(overhang)).toBe(0);
		await page.getByText("all runs that are zombie").click();
		const names = new Set<string>();
		for (;;) {
			for (const name of await page.locator("tbody th").allTextContents()) names.add(name);
			expect(await page.evaluate(overhang)).toBe(0);
			const next = page.getByText("next page");
			if ((await next.count()) === 0) break;
			await next.click();
			await page.waitForLoadState();
		}
		expect(names.size).toBe(1_000);
		await page.close();
	});

	test.each(["/", run, "/runs"])("%s does not scroll sideways on a phone, whatever the names", async (path) => {
		const name = `${"x".repeat(300)} ${hostile}`;
		const named = apiRun({ name, work_pool: name, deployment: { id: "d", name }, reason: name, impact: name });
		source = pageSource({ runs: async () => ({ runs: [named], next: null }), run: async () => apiRunDetail(named) });
		const { page } = await open(path, phone);
		expect(await page.evaluate(overhang)).toBe(0);
		await page.close();
	});

	test("with http.token a browser asks for it once, and then the pages work, live ones too", async () => {
		const stranger = await browser.newContext();
		const denied = await (await stranger.newPage()).goto(guarded.address).catch((error: Error) => error.message);
		// A browser without anybody at it gives up where another one would ask.
		expect(denied instanceof Object && "status" in denied ? denied.status() : denied).toSatisfy(
			(answer) => answer === 401 || /ERR_INVALID_AUTH_CREDENTIALS/u.test(String(answer)),
		);
		await stranger.close();
		const person = await browser.newContext({ httpCredentials: { username: "anybody", password: "open sesame" } });
		const page = await person.newPage();
		await page.goto(guarded.address);
		await page.locator("#live", { hasText: /^live$/u }).waitFor();
		const late = apiRun({ name: "late-lark" });
		source = pageSource({ runs: async () => ({ runs: [late], next: null }), run: async () => apiRunDetail(late) });
		await page.locator("main", { hasText: "late-lark" }).waitFor();
		await page.locator("main a", { hasText: "late-lark" }).first().click();
		await page.locator("h1", { hasText: "late-lark" }).waitFor();
		await person.close();
	});
});
