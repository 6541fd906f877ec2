import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noLabels, type RunView } from "../../../src/core/run.ts";
import { createSilentReporter } from "../../../src/observe/silent-reporter.ts";
import { deliverFrame, type FrameListener } from "../../../src/prefect/frame-delivery.ts";
import { parseFrame } from "../../../src/prefect/frame-schema.ts";
import { HeartbeatScanner, viewOf } from "../../../src/prefect/heartbeat-scan.ts";
import { readEvent } from "../../../src/prefect/to-input.ts";
import { forgedHeartbeat, mutatedFrame, recordedFrames, singleFrames } from "../../_util/frame-forge.ts";
import { heartbeat } from "../../_util/prefect-events.ts";
import { Chance } from "../../simulation/chance.ts";

const runId = "0198c1b6-0000-7000-8000-000000000001";
const nowMs = Date.UTC(2026, 10, 22, 12);
const at = { monoMs: 0, wallMs: nowMs };
const beats = recordedFrames.filter((text) => text.includes('"prefect.flow-run.heartbeat"'));

/** What the listener is told of the frame; null: that something was heard, and no more. */
function told(
	frame: Buffer,
	knowsLabels: boolean,
): { view: RunView; receivedMs: number | null; follows: unknown } | null {
	let event = null as ReturnType<typeof told>;
	const listener: FrameListener = {
		event: (_at, view, receivedMs, follows) => {
			event = { view, receivedMs, follows };
		},
		heard: () => undefined,
		beat: () => false,
		knowsLabels: () => knowsLabels,
	};
	deliverFrame(frame, at, { listener, reporter: createSilentReporter(), scanner });
	return event;
}

/** One for all frames, so that what it remembers of some is held against others. */
const scanner = new HeartbeatScanner();

function scannedView(frame: Buffer): RunView | null {
	return scanner.scan(frame, 0, frame.length) ? viewOf(scanner) : null;
}

/** Nothing, or just what reading the whole frame gives, without the labels. */
function expectAgreement(frame: Buffer): boolean {
	const view = scannedView(frame);
	if (view === null) return false;
	const whole = parseFrame(frame);
	const reading = whole.kind === "event" ? readEvent(whole.event) : whole;
	if (reading.kind !== "heartbeat") throw new Error(`${reading.kind}, and was taken for a beat: ${frame}`);
	const { labels: _, ...rest } = reading.view;
	expect(view, String(frame)).toEqual({ ...rest, labels: noLabels });
	expect(reading).toMatchObject({ receivedMs: view.beat?.receivedMs, follows: null, senselessTimes: [] });
	return true;
}

function sameBeat(change: (text: string) => string): Buffer {
	const text = JSON.stringify({ type: "event", event: heartbeat({ runId, occurredMs: nowMs + 0.25, tags: ["a"] }) });
	const changed = change(text);
	if (changed === text) throw new Error("the frame is as it was");
	return Buffer.from(changed);
}

describe("scanning a heartbeat", () => {
	test("every heartbeat that a real server sent is recognised, and read as by the parser", () => {
		expect(beats).toHaveLength(123);
		for (const text of beats) expect(expectAgreement(Buffer.from(text)), text).toBe(true);
	});

	test("nothing else that a real server sent is", () => {
		for (const text of [...recordedFrames, ...singleFrames.values()]) {
			if (!beats.includes(text)) expect(scannedView(Buffer.from(text)), text).toBeNull();
		}
	});

	test.each([
		["without related resources", /"related":\[.*?\]/u, '"related":[]'],
		["with names in other scripts", "brave-newt", "tapferer Mölch 🦎"],
		["with further labels of a related resource", '.role":"tag"', '.role":"tag","x":"y"'],
		["with empty names", "brave-newt", ""],
	])("a heartbeat %s is recognised", (_what, from, to) => {
		const frame = sameBeat((text) => text.replace(from, to));
		expect(expectAgreement(frame)).toBe(true);
	});

	test.each<[string, (text: string) => string]>([
		[
			"a state's label",
			(text) => text.replace('"prefect.version"', '"prefect.state-type":"COMPLETED","prefect.version"'),
		],
		["a second run id", (text) => text.replace('"prefect.version":', '"prefect.resource.id":"x","prefect.version":')],
		["a label more", (text) => text.replace('"3.8.8"', '"3.8.8","more":"1"')],
		["an escape", (text) => text.replace("brave-newt", "brave\\u002dnewt")],
		["a line break in a name", (text) => text.replace("brave-newt", "brave\nnewt")],
		["a comma after the last related resource", (text) => text.replace('],"payload"', ',],"payload"')],
		["a comma missing between related resources", (text) => text.replace("},{", "}{")],
		["a related resource without a role", (text) => text.replace(',"prefect.resource.role":"tag"', "")],
		["a label that is no text", (text) => text.replace('.role":"tag"', '.role":"tag","x":1')],
		["a payload", (text) => text.replace('"payload":{}', '"payload":{"a":1}')],
		["a predecessor", (text) => text.replace('"follows":null', `"follows":"${runId}"`)],
		["ids in capitals", (text) => text.replace("0198c1b6", "0198C1B6")],
		["another event", (text) => text.replace("flow-run.heartbeat", "flow-run.heartbeet")],
		["blanks", (text) => text.replace('"related":', '"related": ')],
		["something after its end", (text) => `${text} `],
		["a byte missing at its end", (text) => text.slice(0, -1)],
		["a time without microseconds", (text) => text.replace(".000250Z", "Z")],
		["a time of another zone", (text) => text.replace(".000250Z", ".000250+00:00")],
		["a day that does not exist", (text) => text.replace("2026-11-22T12:00:00.000250", "2026-11-31T12:00:00.000250")],
		["an hour that does not exist", (text) => text.replace("T12:00:00.000250", "T24:00:00.000250")],
		["a year that makes no sense", (text) => text.replace("2026-11-22T12:00:00.000250", "1970-11-22T12:00:00.000250")],
		["a time far from its receipt", (text) => text.replace("2026-11-22T12:00:00.000250", "2026-10-22T12:00:00.000250")],
	])("a heartbeat with %s is left to the parser", (_what, change) => {
		expect(scannedView(sameBeat(change))).toBeNull();
	});

	test.each([
		["the run's name", "brave-newt"],
		["a related resource", "prefect.tag.a"],
	])("a heartbeat with bytes that are no UTF-8 in %s is left to the websocket, which refuses it", (_what, within) => {
		const frame = sameBeat((text) => text.replace(within, `${within}é`));
		expect(scannedView(frame)).not.toBeNull();
		// The second half of a letter that has two.
		frame[frame.indexOf("é") + 1] = 0x20;
		expect(scannedView(frame)).toBeNull();
	});

	test("where it recognises a frame the parser says the same, in 100,000 forged and mutated ones", {
		timeout: 120_000,
	}, () => {
		let recognised = 0;
		fc.assert(
			fc.property(fc.integer(), (seed) => {
				const chance = new Chance(seed);
				for (let frame = 0; frame < 50; frame += 1) {
					const forged = Buffer.from(chance.happens(0.8) ? forgedHeartbeat(chance) : chance.pick(beats));
					recognised += expectAgreement(forged) ? 1 : 0;
					recognised += expectAgreement(mutatedFrame(forged, chance)) ? 1 : 0;
				}
			}),
			{ numRuns: 1_000 },
		);
		// Else it would be a test of nothing.
		expect(recognised).toBeGreaterThan(20_000);
	});
});

describe("a heartbeat on its way to the listener", () => {
	const frame = Buffer.from(JSON.stringify({ type: "event", event: heartbeat({ runId, occurredMs: nowMs }) }));

	test("is the beat alone where the run's labels are known, and comes whole where they are not", () => {
		const whole = told(frame, false);
		expect(whole?.view.labels).toMatchObject({ name: "brave-newt", clientVersion: "3.8.8", flowName: "etl" });
		expect(told(frame, true)).toEqual({ ...whole, view: { ...whole?.view, labels: noLabels } });
	});

	test("comes whole, labels known or not, when it is written in another way", () => {
		const spaced = Buffer.from(JSON.stringify(JSON.parse(frame.toString()), null, 1));
		expect(told(spaced, true)).toEqual(told(frame, false));
	});
});
