import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Page } from "playwright-core";
import { DaemonSession, runCommand } from "../_util/cli-session.ts";
import { eventually } from "../_util/eventually.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { TempFolder } from "../_util/temp-folder.ts";
import { setScene } from "./scene.ts";

/**
 * The pictures in docs/images, taken anew: a daemon on a stub of Prefect's server that has a bad night. `npm run pictures`,
 * about five minutes.
 */
const folderOfPictures = process.argv[2] ?? "docs/images";
const phonePx = 390;
const beatEveryMs = 30_000;
const patienceMs = 420_000;

await using folder = await TempFolder.make("pictures");
await using stub = await PrefectStub.start();
const scene = setScene(stub);
await using daemon = await DaemonSession.start({
	folder: folder.path,
	env: {
		PREFECT_API_URL: stub.url,
		ZOMBIED_STORE_URL: `sqlite:${folder.file("zombied.db")}`,
		ZOMBIED_CATCH_UP_SECOND_PASS: "1s",
		ZOMBIED_LIMITS_REST_PER_SECOND: "100",
	},
});
scene.beat();
const beats = setInterval(() => scene.beat(), beatEveryMs);
try {
	console.log(`the scene is set: ${daemon.address}`);
	await until((page) => /Zombies <span class="count">4</u.test(page));
	console.log("dead runs are told");
	await say();
	scene.resolve();
	scene.cut();
	await until((page) => page.includes("Fell silent together") && page.includes("recovered"));
	console.log("the edge is silent");
	// The bars of the silent ones have something to show.
	await sleep(5_000);
	await takePictures();
} finally {
	clearInterval(beats);
}

async function until(isSo: (page: string) => boolean): Promise<void> {
	const look = async (): Promise<boolean> => isSo(await (await fetch(`${daemon.address}/`)).text());
	await eventually(look, { what: "the scene", timeoutMs: patienceMs, everyMs: 1_000 });
}

/** What people say about it. */
async function say(): Promise<void> {
	const silence = ["silence", "add", "--work-pool", "gpu", "--for", "2h", "--why", "new drivers on the nodes"];
	const run = await (await fetch(`${daemon.address}/api/v1/runs/${scene.victim}`)).json();
	const { alert_id: alertId } = run as { readonly alert_id: string };
	for (const args of [silence, ["ack", alertId, "--why", "Kim is on it: the node is being replaced"]]) {
		const options = { folder: folder.path, env: { PREFECT_API_URL: stub.url, ZOMBIED_HTTP_LISTEN: daemon.listen } };
		const { code, stderr } = await runCommand(args, options);
		if (code !== 0) throw new Error(stderr);
	}
}

async function takePictures(): Promise<void> {
	const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
	try {
		for (const colorScheme of ["light", "dark"] as const) {
			await take(browser, { colorScheme, width: 1280, at: "/", name: `overview-${colorScheme}` });
			await take(browser, { colorScheme, width: 1280, at: `/runs/${scene.victim}`, name: `run-${colorScheme}` });
		}
		await take(browser, { colorScheme: "light", width: phonePx, at: "/", name: "phone" });
	} finally {
		await browser.close();
	}
}

async function take(
	browser: Browser,
	{ colorScheme, width, at, name }: { colorScheme: "light" | "dark"; width: number; at: string; name: string },
): Promise<void> {
	const page: Page = await browser.newPage({ colorScheme, viewport: { width, height: width > phonePx ? 800 : 1500 } });
	await page.goto(`${daemon.address}${at}`);
	await page.locator("#live", { hasText: "live" }).waitFor();
	await page.screenshot({ path: path.join(folderOfPictures, `${name}.png`), fullPage: width > phonePx });
	await page.close();
}
