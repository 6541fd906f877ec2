import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../_util/eventually.ts";
import { sumSeries } from "../_util/metrics-page.ts";
import { heartbeat } from "../_util/prefect-events.ts";
import { PrefectStub } from "../_util/prefect-stub.ts";
import { DaemonProcess } from "../_util/real-daemon.ts";

const patienceMs = 60_000;
const growthKibMax = 32 * 1024;
const mib = 1024 * 1024;
const fragments = 1_000_000;

/** A frame of a server: opcode and flags, length, payload. */
function frame(head: number, payload: Buffer): Buffer {
	const length = Buffer.alloc(8);
	length.writeBigUInt64BE(BigInt(payload.length));
	return Buffer.concat([Buffer.from([head, 127]), length, payload]);
}

/** A message in pieces, of which the last never comes. */
function pieces(payload: string): Buffer {
	const first = Buffer.from([0x01, payload.length, ...Buffer.from(payload)]);
	const next = Buffer.from([0x00, payload.length, ...Buffer.from(payload)]);
	return Buffer.concat([first, Buffer.alloc((fragments - 1) * next.length, next)]);
}

const attacks: readonly (readonly [name: string, reason: string, bytes: () => Buffer])[] = [
	["a compression bomb of 256 MiB", "closed_dirty", () => frame(0xc1, deflateRawSync(Buffer.alloc(256 * mib)))],
	["a frame of 5 MiB", "frame_too_large", () => frame(0x81, Buffer.alloc(5 * mib, "x"))],
	["a message in a million pieces", "frame_too_large", () => pieces("x")],
	["a message in a million empty pieces", "frame_too_large", () => pieces("")],
];

describe("R8: a server that sends", () => {
	const end = new AbortController();
	let stub: PrefectStub;
	let daemon: DaemonProcess;
	let runs = 0;

	const procFile = (name: string): string => `/proc/${daemon.pid}/${name}`;
	const statusKib = (field: string): number =>
		Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "mu").exec(readFileSync(procFile("status"), "utf8"))?.[1]);
	const ends = async (reason: string): Promise<number> =>
		sumSeries(await daemon.metricsPage(), "zombied_stream_reconnects_total", { reason });

	/** It hears a run that nobody has told it of before. */
	async function hearsAgain(): Promise<void> {
		await eventually(() => stub.subscribers === 1, {
			what: "the socket",
			timeoutMs: patienceMs,
			why: () => daemon.tail,
		});
		runs += 1;
		const { id } = stub.addRun();
		stub.emit(heartbeat({ runId: id, occurredMs: stub.nowMs() }));
		const isHeard = async (): Promise<boolean> =>
			sumSeries(await daemon.metricsPage(), "zombied_runs", { coverage: "beating" }) === runs;
		await eventually(isHeard, { what: "a run", timeoutMs: patienceMs, why: () => daemon.tail });
	}

	beforeAll(async () => {
		stub = await PrefectStub.start();
		daemon = await DaemonProcess.start({ apiUrl: stub.url, signal: end.signal });
		await hearsAgain();
	}, patienceMs * 2);
	afterAll(async () => {
		await daemon?.[Symbol.asyncDispose]();
		await stub?.[Symbol.asyncDispose]();
	});

	test.for(attacks)(
		"%s is cut off, costs little memory, and is heard again",
		{ timeout: 3 * patienceMs },
		async ([name, reason, bytes]) => {
			const before = await ends(reason);
			const residentKib = statusKib("VmRSS");
			// The peak is measured from here on.
			writeFileSync(procFile("clear_refs"), "5");
			stub.sendBytes(bytes());
			await eventually(async () => (await ends(reason)) > before, {
				what: `${name} to be cut off`,
				timeoutMs: patienceMs,
				why: () => daemon.tail,
			});
			const growthKib = statusKib("VmHWM") - residentKib;
			await hearsAgain();
			expect(growthKib).toBeLessThan(growthKibMax);
		},
	);

	test("compression that nobody asked for gets no connection, until it stops", {
		timeout: 3 * patienceMs,
	}, async () => {
		const before = await ends("refused");
		stub.insistsOnCompression = true;
		stub.dropAll();
		await eventually(async () => (await ends("refused")) > before, {
			what: "the upgrade to be refused",
			timeoutMs: patienceMs,
			why: () => daemon.tail,
		});
		stub.insistsOnCompression = false;
		await hearsAgain();
	});
});
