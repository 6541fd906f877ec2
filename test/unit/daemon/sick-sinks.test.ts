import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/open-store.ts";
import { DaemonSession } from "../../_util/cli-session.ts";
import { eventually } from "../../_util/eventually.ts";
import { HttpReceiver } from "../../_util/http-receiver.ts";
import { sumSeries } from "../../_util/metrics-page.ts";
import { PrefectStub } from "../../_util/prefect-stub.ts";
import { batchOf, deliveryOf, episodeOf } from "../../_util/store-samples.ts";
import { TempFolder } from "../../_util/temp-folder.ts";

const workspace = "default";
const alerts = 200;
const sick = ["hangs", "refuses", "floods", "is-gone"];

/** Answers without an end. */
async function flood(): Promise<{ readonly url: string } & AsyncDisposable> {
	const server = createServer((_request, response) => {
		response.writeHead(500);
		const chunk = Buffer.alloc(65_536, "x");
		const pour = (): void => {
			while (!response.destroyed && response.write(chunk));
		};
		response.on("drain", pour);
		pour();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		[Symbol.asyncDispose]: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

test("a sink that hangs, refuses, floods or is gone delays neither the sweep nor another sink", {
	timeout: 60_000,
}, async () => {
	await using folder = await TempFolder.make("sick");
	await using stub = await PrefectStub.start();
	await using well = await HttpReceiver.start();
	await using hung = await HttpReceiver.start();
	hung.answer = () => null;
	await using refusing = await HttpReceiver.start();
	refusing.answer = () => ({ status: 503 });
	await using flooding = await flood();
	const urls = {
		hangs: hung.url,
		refuses: refusing.url,
		floods: flooding.url,
		"is-gone": "http://127.0.0.1:1/",
		well: well.url,
	};
	const sinks = Object.entries(urls).map(([name, url]) => `  - { type: webhook, name: ${name}, url: "${url}" }`);
	writeFileSync(folder.file("zombied.yaml"), `sinks:\n${sinks.join("\n")}\n`);
	const storeUrl = `sqlite:${folder.file("data/zombied.db")}`;
	const env = { PREFECT_API_URL: stub.url, ZOMBIED_STORE_URL: storeUrl, ZOMBIED_CONFIG: folder.file("zombied.yaml") };
	const nowMs = systemClock.now().wallMs;
	const keys = Array.from({ length: alerts }, (_, n) => `alert-${n}:raised`);
	{
		const quiet = { onMalformedRow: () => undefined, onDamaged: null, knownDamage: null };
		await using store = await openStore(storeUrl, { clock: systemClock, appVersion: "1.2.3", ...quiet });
		const outbox = keys.flatMap((_, n) =>
			Object.keys(urls).map((sink) =>
				deliveryOf(episodeOf(n, `alert-${n}`, { workspace, raisedAtMs: nowMs }), { sink, createdAtMs: nowMs + n }),
			),
		);
		await store.commit(batchOf({ outbox }));
	}
	await using daemon = await DaemonSession.start({ folder: folder.path, env });
	const metrics = async (): Promise<string> => await (await fetch(`${daemon.address}/metrics`)).text();
	await eventually(() => well.received.length === alerts, {
		what: "the sink that is well to be told",
		timeoutMs: 30_000,
	});
	expect(well.received.map(({ body }) => JSON.parse(body).id)).toEqual(keys);
	const before = sumSeries(await metrics(), "zombied_last_sweep_timestamp_seconds");
	await eventually(async () => sumSeries(await metrics(), "zombied_last_sweep_timestamp_seconds") >= before + 3, {
		what: "three more seconds of sweeps",
		timeoutMs: 20_000,
	});
	const page = await metrics();
	for (const sink of sick) {
		expect(page, sink).toContain(`zombied_outbox_pending{sink="${sink}",workspace="default"} ${alerts}`);
		expect(page, sink).toContain(`zombied_deliveries_total{sink="${sink}",workspace="default"} 0`);
	}
	expect((await fetch(`${daemon.address}/-/ready`)).status).toBe(200);
	// It has had one alert all the time, and is not asked a second time meanwhile.
	expect(hung.received).toHaveLength(1);
});
