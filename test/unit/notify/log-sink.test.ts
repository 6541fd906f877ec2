import { Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Condition, conditions, type Outcome, type Severity, severityOf } from "../../../src/core/episode.ts";
import { OutsideError } from "../../../src/lib/errors.ts";
import { alertLineSchema, toAlertLine } from "../../../src/notify/alert-line.ts";
import { episodeRaisedSchema, levelOf, toEpisodeLine } from "../../../src/notify/episode-line.ts";
import { jsonLine } from "../../../src/notify/json-line.ts";
import { LogSink } from "../../../src/notify/log/log-sink.ts";
import { noticeOf } from "../../../src/notify/sink.ts";
import { CollectingStream } from "../../_util/collecting-stream.ts";
import { sampleTransition } from "../../_util/sample-episode.ts";

const never = new AbortController().signal;
const context = { namespace: "prod", uiUrl: (runId: string) => `https://ui.example/runs/flow-run/${runId}` };
const closed = { outcome: "ended", atMs: Date.UTC(2026, 7, 1, 12, 5) } as const;

describe("an alert line", () => {
	test("L2: has every field of the contract, by value", () => {
		const labels = { deploymentId: "d-1", deploymentName: "etl/prod", workPool: "k8s" };
		expect(JSON.parse(jsonLine(sampleTransition({}, labels), context))).toEqual({
			time: "2026-08-01T12:01:50.000Z",
			level: "error",
			event: "alert.raised",
			schema: 1,
			message: "zombie: flow run calm-otter of etl: no heartbeat for 110 s, at a cadence of 30 s",
			alert_id: expect.stringMatching(/^[0-9a-f]{32}$/u),
			condition: "zombie",
			severity: "critical",
			reason: "no heartbeat for 110 s, at a cadence of 30 s",
			namespace: "prod",
			workspace: "default",
			flow_run: {
				id: "0198a3c4-1111-7222-8333-444455556666",
				name: "calm-otter",
				attempt: 1,
				state_type: "RUNNING",
				state_name: "Running",
				url: "https://ui.example/runs/flow-run/0198a3c4-1111-7222-8333-444455556666",
			},
			flow: { id: "f-1", name: "etl" },
			deployment: { id: "d-1", name: "etl/prod" },
			work_pool: "k8s",
			tags: ["nightly"],
			evidence: {
				last_beat_occurred: "2026-08-01T12:00:00.250Z",
				last_beat_received: "2026-08-01T12:00:00.500Z",
				cadence_seconds: 30.015,
				cadence_source: "learned",
				threshold_seconds: 105,
				silence_seconds: 110,
				blind_seconds: 2,
				api_state_type: "RUNNING",
				api_state_id: "0198a3c4-aaaa-7bbb-8ccc-ddddeeeeffff",
				newest_stored_beat: null,
				other_sign_at: null,
				likely_cause: null,
			},
			impact: null,
			related_runs: [],
			remedy: null,
			group_id: null,
		});
	});

	test("L4: a resolve shares the alert's id and adds outcome, start and duration", () => {
		const raised = toEpisodeLine(sampleTransition(), context);
		const resolved = toEpisodeLine(sampleTransition({ closed }), context);
		expect(resolved).toMatchObject({
			event: "alert.resolved",
			alert_id: raised.alert_id,
			time: "2026-08-01T12:05:00.000Z",
			level: "info",
			outcome: "ended",
			raised_at: raised.time,
			duration_seconds: 190,
		});
		expect(raised).not.toHaveProperty("outcome");
	});

	test("L4: delivered again it is the same line, byte for byte", () => {
		expect(jsonLine(sampleTransition(), context)).toBe(jsonLine(sampleTransition(), context));
	});

	test("what is not known is null, never missing", () => {
		const line = toEpisodeLine(sampleTransition({}, { name: null, flowId: null, flowName: null, tags: [] }), context);
		expect(line).toMatchObject({ flow: null, deployment: null, work_pool: null, tags: [] });
		expect(line.flow_run.name).toBeNull();
		expect(alertLineSchema.safeParse(line).success).toBe(true);
	});

	test.each<[Severity, string]>([
		["critical", "error"],
		["warning", "warn"],
		["info", "info"],
	])("%s is logged as %s", (severity, level) => {
		expect(levelOf[severity]).toBe(level);
		expect(toEpisodeLine(sampleTransition({ severity }), context).level).toBe(level);
	});

	test.each<Condition>(conditions)("%s is a condition of the contract", (condition) => {
		const line = toEpisodeLine(sampleTransition({ condition, severity: severityOf[condition] }), context);
		expect(alertLineSchema.parse(line)).toMatchObject({ condition, message: expect.stringMatching(`^${condition}: `) });
	});

	test.each<Outcome>(["recovered", "ended", "moved", "quiet", "superseded", "deleted", "disabled"])(
		"%s is an outcome of the contract",
		(outcome) => {
			const line = toEpisodeLine(sampleTransition({ closed: { ...closed, outcome } }), context);
			expect(alertLineSchema.parse(line)).toMatchObject({
				outcome,
				message: `zombie resolved: flow run calm-otter of etl: ${outcome} after 3m10s`,
			});
		},
	);

	test("a prior cadence, another sign of life, related runs and the group are told", () => {
		const { evidence } = sampleTransition().episode;
		const episode = {
			evidence: { ...evidence, cadenceSource: "prior", otherSignAtMs: Date.UTC(2026, 7, 1, 12, 1, 30) },
			relatedRuns: ["run-1", "run\u001b-2"],
			groupId: "group\n1",
		} as const;
		expect(alertLineSchema.parse(toAlertLine(sampleTransition(episode), context))).toMatchObject({
			evidence: { cadence_source: "prior", other_sign_at: "2026-08-01T12:01:30.000Z" },
			related_runs: ["run-1", "run\\u{1b}-2"],
			group_id: "group\\u{a}1",
		});
	});

	test("what it likely died of, and what it keeps from others, is told, and the message names the cause", () => {
		const { evidence } = sampleTransition().episode;
		const episode = {
			evidence: {
				...evidence,
				likelyCause: "pod out of memory: OOM\u001bKilled",
				impact: {
					slots: [{ kind: "work_pool", name: "k8s", limit: 5, taken: null }],
					waiting: { deployment: null, workPool: 3 },
				},
			},
		} as const;
		const raised = alertLineSchema.parse(toAlertLine(sampleTransition(episode), context));
		expect(raised).toMatchObject({
			evidence: { likely_cause: "pod out of memory: OOM\\u{1b}Killed" },
			impact: {
				text: "it holds a slot of work pool k8s (5 in all); runs late or waiting for a slot: 3 of its work pool",
				slots: [{ kind: "work_pool", name: "k8s", limit: 5, taken: null }],
				waiting_runs: { deployment: null, work_pool: 3 },
			},
		});
		expect(raised.message).toMatch(/cadence of 30 s; likely cause: pod out of memory/u);
		expect(toAlertLine(sampleTransition({ ...episode, closed }), context).message).not.toContain("likely cause");
	});

	test.each([
		[200, 200, "run-199"],
		[201, 200, "… and 2 more"],
	])("of %i related runs %i are shown", (count, shown, last) => {
		const relatedRuns = Array.from({ length: count }, (_, n) => `run-${n}`);
		const { related_runs: runs } = toEpisodeLine(sampleTransition({ relatedRuns }), context);
		expect([runs.length, runs.at(-1)]).toEqual([shown, last]);
	});

	test("the schema refuses a line with a field too many or too few", () => {
		const line = toEpisodeLine(sampleTransition(), context);
		const { reason: _reason, ...less } = line;
		expect(alertLineSchema.safeParse(line).success).toBe(true);
		expect(alertLineSchema.safeParse({ ...line, extra: 1 }).success).toBe(false);
		expect(alertLineSchema.safeParse(less).success).toBe(false);
	});
});

describe("L1: whatever the texts", () => {
	const nasty = fc.constantFrom("\n", "\u001b[31m", "\u2028", "\u202e", "\u0000", '"', "\\", "😀", "語", "\ud800", "a");
	const text = fc.oneof(
		fc.array(nasty, { maxLength: 40 }).map((parts) => parts.join("")),
		fc.tuple(nasty, fc.integer({ min: 0, max: 120_000 })).map(([part, times]) => part.repeat(times)),
	);

	function checkLine(line: string): void {
		expect(Buffer.byteLength(line)).toBeLessThanOrEqual(16_384);
		expect(line.endsWith("\n")).toBe(true);
		expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
		expect(alertLineSchema.safeParse(JSON.parse(line)).success).toBe(true);
	}

	test("a line is one JSON object of the schema, harmless, in at most 16 KiB", () => {
		fc.assert(
			fc.property(
				fc.array(text, { minLength: 9, maxLength: 9 }),
				fc.array(text, { maxLength: 20 }),
				fc.boolean(),
				(texts, tags, isOver) => {
					const [
						name = "",
						flowName = "",
						flowId = "",
						deploymentId = "",
						deploymentName = "",
						workPool = "",
						reason = "",
						stateName = "",
						runId = "",
					] = texts;
					const labels = { name, flowName, flowId, deploymentId, deploymentName, workPool, tags };
					checkLine(
						jsonLine(
							sampleTransition(
								{
									reason,
									stateName,
									groupId: reason,
									relatedRuns: tags,
									runId: runId.toWellFormed().slice(0, 36),
									closed: isOver ? closed : null,
								},
								labels,
							),
							context,
						),
					);
				},
			),
			{ numRuns: 60 },
		);
	});

	test("the worst of all texts at once still fits, with the ids whole", () => {
		for (const worst of ["語", "\u001b", '"', "😀"]) {
			const huge = worst.repeat(100_000);
			const labels = {
				name: huge,
				flowId: huge,
				flowName: huge,
				deploymentId: huge,
				deploymentName: huge,
				workPool: huge,
			};
			const tags = Array.from({ length: 5000 }, () => huge.slice(0, 2000));
			const longUi = {
				...context,
				uiUrl: (runId: string) => `https://ui.example/${"p".repeat(480)}/runs/flow-run/${runId}`,
			};
			const slots = Array.from(
				{ length: 8 },
				() => ({ kind: "work_queue", name: huge, limit: 1e9, taken: 1e9 }) as const,
			);
			const impact = { slots, waiting: { deployment: 1e9, workPool: 1e9 } };
			const evidence = { ...sampleTransition().episode.evidence, likelyCause: huge, impact };
			const facts = { reason: huge, stateName: huge, groupId: huge, relatedRuns: tags, evidence };
			const line = jsonLine(sampleTransition(facts, { ...labels, tags }), longUi);
			checkLine(line);
			const { flow_run, tags: kept, related_runs: related } = episodeRaisedSchema.parse(JSON.parse(line));
			expect(flow_run.id).toBe("0198a3c4-1111-7222-8333-444455556666");
			expect(flow_run.url.endsWith(flow_run.id)).toBe(true);
			expect(kept.at(-1)).toMatch(/^… and 49\d\d more$/u);
			expect(related.at(-1)).toMatch(/^… and 49\d\d more$/u);
		}
	});

	test("only the long text is cut, with a mark; the short ones stay", () => {
		const line = episodeRaisedSchema.parse(
			JSON.parse(jsonLine(sampleTransition({ reason: "r".repeat(100_000) }), context)),
		);
		expect(line.reason).toMatch(/^r+…$/u);
		expect(line.reason.length).toBe(4096);
		expect(line.flow_run.name).toBe("calm-otter");
		expect(line.tags).toEqual(["nightly"]);
	});
});

describe("the sink on stdout", () => {
	test("writes one line for each transition", async () => {
		const stdout = new CollectingStream();
		await using sink = new LogSink({ ...context, stdout });
		await sink.send([noticeOf(sampleTransition())], never);
		await sink.send([noticeOf(sampleTransition({ closed }))], never);
		expect(stdout.lines.map((line) => JSON.parse(line).event)).toEqual(["alert.raised", "alert.resolved"]);
	});

	test("on a terminal the line is for humans", async () => {
		const stdout = new CollectingStream(true);
		await using sink = new LogSink({ ...context, stdout });
		await sink.send([noticeOf(sampleTransition({}, { name: "a\u001b[2Jb" }))], never);
		expect(stdout.lines).toHaveLength(1);
		expect(stdout.text).toMatch(/^2026-08-01T12:01:50\.000Z ERROR zombie: flow run a\\u\{1b\}\[2Jb/u);
	});

	test("waits for a reader that is slow", async () => {
		let release: (() => void) | undefined;
		const slow = new Writable({
			write: (_chunk, _encoding, done) => {
				release = done;
			},
		});
		await using sink = new LogSink({ ...context, stdout: slow });
		let isSent = false;
		const sending = sink.send([noticeOf(sampleTransition())], never).then(() => {
			isSent = true;
		});
		await new Promise(setImmediate);
		expect(isSent).toBe(false);
		release?.();
		await sending;
		expect(isSent).toBe(true);
	});

	test("a stop ends the wait for a reader that does not read", async () => {
		const stuck = new Writable({ write: () => undefined });
		await using sink = new LogSink({ ...context, stdout: stuck });
		const stop = new AbortController();
		const sending = sink.send([noticeOf(sampleTransition())], stop.signal);
		stop.abort(new Error("stop"));
		await expect(sending).rejects.toThrow("stop");
	});

	test("a reader that went away is a failure that may pass, and ends nothing", async () => {
		const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
		await using sink = new LogSink({ ...context, stdout: gone });
		const failure = await sink.send([noticeOf(sampleTransition())], never).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(OutsideError);
		expect(failure).toMatchObject({ retryable: true, message: "stdout: EPIPE" });
		// The stream is destroyed by now: a second try fails in the same way.
		await expect(sink.send([noticeOf(sampleTransition())], never)).rejects.toThrow(OutsideError);
	});
});
