import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSilentReporter } from "../../../src/observe/silent-reporter.ts";
import { deliverFrame, type FrameListener } from "../../../src/prefect/frame-delivery.ts";
import { type Frame, parseFrame } from "../../../src/prefect/frame-schema.ts";
import { HeartbeatScanner } from "../../../src/prefect/heartbeat-scan.ts";
import { type EventReading, readEvent } from "../../../src/prefect/to-input.ts";
import { forgedHeartbeat, mutatedFrame, recordedFrames, singleFrames } from "../../_util/frame-forge.ts";
import { heartbeat, isoMicros, someFlow, stateEvent } from "../../_util/prefect-events.ts";
import { Chance } from "../../simulation/chance.ts";

const recorded = recordedFrames;
const singles = [...singleFrames.values()];
const genuine = [...recorded, ...singles];
const runId = "0198c1b6-0000-7000-8000-000000000001";
const nowMs = Date.UTC(2026, 10, 22, 12);

function reading(text: string): EventReading {
	const frame = parseFrame(text);
	if (frame.kind !== "event") {
		throw new Error(`not an event: ${JSON.stringify(frame)}`);
	}
	return readEvent(frame.event);
}

function readingOf(event: object): EventReading {
	return reading(JSON.stringify({ type: "event", event }));
}

describe("recordings of a real server", () => {
	test("every frame is understood, none rejected", () => {
		expect(recorded.length + singles.length).toBe(270);
		const kinds = new Map<string, number>();
		for (const text of genuine) {
			const read = reading(text);
			kinds.set(read.kind, (kinds.get(read.kind) ?? 0) + 1);
			if (read.kind === "heartbeat" || read.kind === "state") {
				expect(read.senselessTimes).toEqual([]);
				expect(read.receivedMs).not.toBeNull();
			}
		}
		expect(Object.fromEntries(kinds)).toEqual({ heartbeat: 124, state: 144, other_event: 2 });
	});

	test("T1: a custom name does not hide the type of a state", () => {
		const read = recorded.map(reading).find((one) => one.kind === "state" && one.view.state?.name === "TimedOut");
		expect(read).toMatchObject({ view: { state: { type: "FAILED", fromRest: false } } });
	});

	test("state events name a predecessor that has come, and heartbeats name none", () => {
		const seen = new Set<string>();
		const named: string[] = [];
		for (const read of recorded.map(reading)) {
			if (read.kind !== "heartbeat" && read.kind !== "state") continue;
			if (read.kind === "heartbeat") expect(read.follows).toBeNull();
			// Of some runs the recording has not the first state.
			if (read.follows !== null && seen.has(read.view.runId)) named.push(read.follows);
			seen.add(read.view.runId).add(read.view.state?.id ?? "");
		}
		expect(named.length).toBeGreaterThan(50);
		expect(named.filter((id) => !seen.has(id))).toEqual([]);
	});

	test.each([undefined, null, 7, "no id"])("a predecessor %j is none", (follows) => {
		expect(readingOf({ ...stateEvent({ runId, type: "RUNNING", atMs: nowMs }), follows })).toMatchObject({
			follows: null,
		});
	});

	test("labels come from the related resources by role", () => {
		const read = readEventNamed("heartbeat-deployment.json");
		expect(read).toMatchObject({
			kind: "heartbeat",
			view: {
				runId: "ab4c8a8f-789b-4096-8064-ab5ea52f7b44",
				attempt: null,
				state: null,
				labels: {
					name: "susp",
					flowId: "63a83ca9-b08f-4991-b543-da7a85249146",
					flowName: "nine-suspend",
					deploymentId: "3a9abfd9-44e8-4b30-81ff-e1e3d7654536",
					deploymentName: null,
					clientVersion: "3.8.8",
					tags: ["a", "b"],
				},
			},
		});
		expect(readEventNamed("subflow-Running.json")).toMatchObject({
			view: { labels: { parentTaskRunId: "8b64df76-1b7d-4ce0-849f-4476db3c3018" } },
		});
	});
});

function readEventNamed(name: string): EventReading {
	return reading(singleFrames.get(name) ?? "");
}

describe("frames that are no events", () => {
	test.each<[string, Frame["kind"], string]>([
		['{"type":"checkpoint"}', "control", "checkpoint"],
		['{"type":"ping"}', "control", "ping"],
		['{"type":"auth_success"}', "control", "auth_success"],
		['{"type":"surprise"}', "rejected", "unknown_type"],
		["{}", "rejected", "unknown_type"],
		['{"type":7}', "rejected", "unknown_type"],
		["[]", "rejected", "not_an_object"],
		["7", "rejected", "not_an_object"],
		["null", "rejected", "not_an_object"],
		["not json", "rejected", "not_json"],
		["", "rejected", "not_json"],
		['{"type":"event","event":{"occurred":NaN}}', "rejected", "not_json"],
		['{"type":"event"}', "rejected", "malformed_event"],
		['{"type":"event","event":null}', "rejected", "malformed_event"],
		['{"type":"event","event":{}}', "rejected", "malformed_event"],
		['{"__proto__":{"polluted":true},"type":"event"}', "rejected", "malformed_event"],
	])("%s is %s (%s)", (text, kind, detail) => {
		const frame = parseFrame(text);
		expect(frame.kind).toBe(kind);
		expect(frame.kind === "rejected" ? frame.reason : frame.kind === "control" ? frame.type : "").toBe(detail);
		expect(parseFrame(Buffer.from(text))).toEqual(frame);
	});

	test("a sample is short, however long the frame", () => {
		const frame = parseFrame("x".repeat(1_000_000));
		expect(frame).toMatchObject({ kind: "rejected", sample: "x".repeat(300) });
	});
});

describe("events", () => {
	test("a heartbeat: both clocks, microseconds kept", () => {
		const event = heartbeat({ runId, occurredMs: nowMs + 0.123, receivedMs: nowMs + 20.456 });
		expect(readingOf(event)).toMatchObject({
			kind: "heartbeat",
			view: { runId, beat: { eventId: event.id, occurredMs: nowMs + 0.123, receivedMs: nowMs + 20.456 } },
			receivedMs: nowMs + 20.456,
			senselessTimes: [],
		});
	});

	test("a state: its id is the event's", () => {
		const event = stateEvent({ runId, type: "PAUSED", name: "Suspended", atMs: nowMs, runCount: 3 });
		expect(readingOf(event)).toMatchObject({
			kind: "state",
			view: {
				attempt: 3,
				state: { id: event.id, type: "PAUSED", name: "Suspended", timestampMs: nowMs, fromRest: false },
				beat: null,
				labels: { flowId: someFlow.id, flowName: someFlow.name },
			},
		});
	});

	test("a state named heartbeat is a state", () => {
		expect(readingOf(stateEvent({ runId, type: "COMPLETED", name: "heartbeat", atMs: nowMs }))).toMatchObject({
			kind: "state",
			view: { state: { type: "COMPLETED" }, beat: null },
		});
	});

	test("ids in capitals are the same run", () => {
		const event = heartbeat({ runId: runId.toUpperCase(), occurredMs: nowMs });
		expect(readingOf(event)).toMatchObject({ view: { runId } });
	});

	test.each(["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "NaN", "2026-11-22T12:00:00", null, 5])(
		"T9: a beat that occurred %j is proof of life by its receipt",
		(occurred) => {
			const event = { ...heartbeat({ runId, occurredMs: nowMs, receivedMs: nowMs + 20 }), occurred };
			expect(readingOf(event)).toMatchObject({
				kind: "heartbeat",
				view: { beat: { occurredMs: null, receivedMs: nowMs + 20 } },
				senselessTimes: ["occurred"],
			});
		},
	);

	test("T9: a senseless receipt is null, and told", () => {
		const event = { ...heartbeat({ runId, occurredMs: nowMs }), received: "9999-01-01T00:00:00Z" };
		expect(readingOf(event)).toMatchObject({
			view: { beat: { occurredMs: nowMs, receivedMs: null } },
			receivedMs: null,
			senselessTimes: ["received"],
		});
	});

	test("T9: a state with a senseless timestamp does not enter the order of states", () => {
		const event = stateEvent({ runId, type: "COMPLETED", atMs: nowMs, receivedMs: nowMs });
		for (const timestamp of ["1970-01-01T00:00:00Z", isoMicros(nowMs + 3 * 86_400_000), "soon"]) {
			const resource = { ...event.resource, "prefect.state-timestamp": timestamp };
			expect(readingOf({ ...event, resource })).toMatchObject({
				kind: "state",
				view: { state: null, attempt: 1 },
				senselessTimes: ["state-timestamp"],
			});
		}
	});

	test.each(["", "-1", "1.5", "many", "99999999999999999999"])("a run count of %j is not told", (count) => {
		const event = stateEvent({ runId, type: "RUNNING", atMs: nowMs });
		const resource = { ...event.resource, "prefect.run-count": count };
		expect(readingOf({ ...event, resource })).toMatchObject({ view: { attempt: null } });
	});

	test("a type of state that Prefect does not have is malformed", () => {
		expect(readingOf(stateEvent({ runId, type: "ZOMBIE", atMs: nowMs }))).toEqual({ kind: "malformed_event" });
	});

	test("what is not about a flow run, or neither state nor beat, is another event", () => {
		const beat = heartbeat({ runId, occurredMs: nowMs });
		const others = [
			{ ...beat, event: "prefect.flow-run.pull-step.executed" },
			{ ...beat, event: "prefect.task-run.Running" },
			// What zombied itself has told Prefect of the run is no word of the run.
			{ ...beat, event: "zombied.flow-run.zombie" },
			{ ...stateEvent({ runId, type: "RUNNING", atMs: nowMs }), event: "zombied.flow-run.zombie.resolved" },
			{ ...beat, resource: { "prefect.resource.id": `prefect.task-run.${runId}` } },
			{ ...beat, resource: { "prefect.resource.id": "prefect.flow-run.not-a-uuid" } },
		];
		for (const event of others) {
			expect(readingOf(event)).toEqual({ kind: "other_event" });
		}
	});

	test("names and tags of any size stay bounded", () => {
		const event = heartbeat({ runId, occurredMs: nowMs, tags: Array.from({ length: 1000 }, () => "t".repeat(5000)) });
		const resource = { ...event.resource, "prefect.resource.name": "n".repeat(1_000_000) };
		const read = readingOf({ ...event, resource });
		expect(read).toMatchObject({ view: { labels: { name: "n".repeat(512) } } });
		expect(JSON.stringify(read).length).toBeLessThan(60_000);
	});
});

const hostile: [string, string][] = [
	["depth 10,000", `{"type":"event","event":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
	["a key of 1 MB", `{"type":"event","event":{"${"k".repeat(1_000_000)}":1}}`],
	["__proto__", `{"type":"event","event":{"__proto__":{"id":"${runId}"},"constructor":{"prototype":{"id":1}}}}`],
];

const listener: FrameListener = {
	event: () => undefined,
	heard: () => undefined,
	beat: () => true,
	knowsLabels: () => true,
};
const reporter = createSilentReporter();
const scanner = new HeartbeatScanner();

function deliver(frame: Buffer): void {
	deliverFrame(frame, { monoMs: 0, wallMs: nowMs }, { listener, reporter, scanner });
}

/** Of several tries: what the machine does beside it is not the frame's fault. */
function fastestMs(frame: Buffer): number {
	let fastest = Number.POSITIVE_INFINITY;
	for (let tries = 0; tries < 20; tries += 1) {
		const before = performance.now();
		deliver(frame);
		fastest = Math.min(fastest, performance.now() - before);
	}
	return fastest;
}

describe("R7: hostile frames", { timeout: 30_000 }, () => {
	test("whatever the text, parsing does not throw", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.json()), (text) => {
				const frame = parseFrame(text);
				expect(["event", "control", "rejected"]).toContain(frame.kind);
			}),
			{ numRuns: 500 },
		);
	});

	test("whatever the bytes, parsing does not throw", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
				expect(["event", "control", "rejected"]).toContain(parseFrame(Buffer.from(bytes)).kind);
			}),
			{ numRuns: 500 },
		);
	});

	test("events of any JSON do not throw", () => {
		const anything = fc.jsonValue();
		fc.assert(
			fc.property(anything, anything, anything, (resource, related, occurred) => {
				const event = { ...heartbeat({ runId, occurredMs: nowMs }), resource, related, occurred };
				const frame = parseFrame(JSON.stringify({ type: "event", event }));
				expect(frame.kind === "event" ? readEvent(frame.event).kind : frame.kind).toBeTypeOf("string");
			}),
			{ numRuns: 500 },
		);
	});

	test("a real frame with unknown fields added parses the same", () => {
		fc.assert(
			fc.property(fc.nat(genuine.length - 1), fc.nat(), fc.jsonValue(), (index, where, value) => {
				const text = genuine[index] ?? "";
				const changed = mutated(text, where, (node) => {
					node[`extra-${where}`] = value;
				});
				expect(reading(changed)).toEqual(reading(text));
			}),
			{ numRuns: 500 },
		);
	});

	test("a real frame with a field dropped or replaced is rejected, skipped, or still about the same run", () => {
		const value = fc.option(fc.jsonValue(), { nil: undefined });
		fc.assert(
			fc.property(fc.nat(genuine.length - 1), fc.nat(), value, (index, where, replacement) => {
				const text = genuine[index] ?? "";
				const before = reading(text);
				const frame = parseFrame(
					mutated(text, where, (node, key) => {
						node[key] = replacement;
					}),
				);
				const after = frame.kind === "event" ? readEvent(frame.event) : frame;
				if (after.kind === "heartbeat" || after.kind === "state") {
					expect("view" in before && before.view.runId).toBe(after.view.runId);
				} else {
					expect(["rejected", "other_event", "malformed_event"]).toContain(after.kind);
				}
			}),
			{ numRuns: 500 },
		);
	});

	test("a real frame with one needed field gone is rejected", () => {
		for (const field of ["id", "event", "resource", "related"]) {
			for (const text of singles) {
				const value = JSON.parse(text) as { event: Record<string, unknown> };
				delete value.event[field];
				expect(parseFrame(JSON.stringify(value))).toMatchObject({ kind: "rejected", reason: "malformed_event" });
			}
		}
	});

	test("any frame cut short is no JSON", () => {
		fc.assert(
			fc.property(fc.nat(recorded.length - 1), fc.double({ min: 0, max: 0.999, noNaN: true }), (index, share) => {
				const text = (recorded[index] ?? "").trim();
				const cut = text.slice(0, Math.floor(text.length * share));
				expect(parseFrame(cut)).toMatchObject({ kind: "rejected", reason: "not_json" });
			}),
		);
	});

	test.each([
		...hostile,
		["100,000 keys", `{"type":"event","event":{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join(",")}}}`],
	])("%s is rejected", (_name, text) => {
		expect(parseFrame(text)).toMatchObject({ kind: "rejected", reason: "malformed_event" });
		expect(({} as Record<string, unknown>).id).toBeUndefined();
	});

	test.each(hostile)("%s takes less than 10 ms", (_name, text) => {
		expect(fastestMs(Buffer.from(text))).toBeLessThan(10);
	});

	test("of a million frames that chance has made none throws, and none takes 10 ms", { timeout: 300_000 }, () => {
		const seed = Number(process.env.ZOMBIED_TEST_SEED ?? Date.now() % 2 ** 32);
		const chance = new Chance(seed);
		const roots = [...genuine, ...Array.from({ length: 1_000 }, () => forgedHeartbeat(chance))].map((text) =>
			Buffer.from(text),
		);
		for (let index = 0; index < 1_000_000; index += 1) {
			const frame = mutatedFrame(chance.pick(roots), chance);
			const where = `seed ${seed}, frame ${index}: ${frame.toString("base64")}`;
			const before = performance.now();
			try {
				deliver(frame);
			} catch (error) {
				throw new Error(where, { cause: error });
			}
			if (performance.now() - before >= 10) expect(fastestMs(frame), where).toBeLessThan(10);
		}
	});

	test("__proto__ inside an event's labels changes nothing", () => {
		const event = heartbeat({ runId, occurredMs: nowMs });
		const text = JSON.stringify({ type: "event", event });
		const hostile = text.replace('"resource":{', '"resource":{"__proto__":{"prefect.state-type":"COMPLETED"},');
		expect(hostile).not.toBe(text);
		expect(reading(hostile)).toEqual(reading(text));
	});
});

/** Changes one object of a frame; which one, and which key is meant, the number decides. */
function mutated(text: string, where: number, change: (node: Record<string, unknown>, key: string) => void): string {
	const root = JSON.parse(text) as Record<string, unknown>;
	let node = root;
	let rest = where;
	for (;;) {
		const keys = Object.keys(node);
		const key = keys[rest % keys.length] ?? "type";
		rest = Math.floor(rest / Math.max(1, keys.length));
		const child = node[key];
		if (typeof child !== "object" || child === null || Array.isArray(child) || rest % 3 === 0) {
			change(node, key);
			return JSON.stringify(root);
		}
		node = child as Record<string, unknown>;
	}
}
