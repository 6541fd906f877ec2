import { describe, expect, it } from "vitest";
import { noLabels, type RunView } from "../../../src/core/run.ts";
import { Witnesses } from "../../../src/core/witnesses.ts";

const at = { monoMs: 1_000, wallMs: 0 };
const known = (serverMs: number): number => serverMs;

function beat(runId: string, receivedMs: number | null): RunView {
	const one = { eventId: `${runId}${receivedMs}`, occurredMs: null, receivedMs };
	return { runId, attempt: null, state: null, beat: one, labels: noLabels };
}

function state(runId: string, timestampMs: number): RunView {
	const one = {
		id: "s",
		type: "RUNNING",
		name: "Running",
		timestampMs,
		scheduledTimeMs: null,
		fromRest: false,
	} as const;
	return { runId, attempt: 1, state: one, beat: null, labels: noLabels };
}

function noted(...views: readonly RunView[]): Witnesses {
	const witnesses = new Witnesses();
	for (const view of views) witnesses.note(view, at, known);
	return witnesses;
}

describe("the newest event beside a run's own beats", () => {
	it("is none at first", () => {
		expect(noted().newestBeside("a")).toBe(Number.NEGATIVE_INFINITY);
	});

	it("is another run's beat, never its own", () => {
		const witnesses = noted(beat("a", 100));
		expect(witnesses.newestBeside("a")).toBe(Number.NEGATIVE_INFINITY);
		expect(witnesses.newestBeside("b")).toBe(100);
	});

	it.each([
		{ order: [beat("a", 100), beat("b", 90), beat("c", 80)] },
		{ order: [beat("c", 80), beat("b", 90), beat("a", 100)] },
		{ order: [beat("b", 90), beat("a", 100), beat("c", 80), beat("a", 70), beat("b", 60)] },
		{ order: [beat("a", 100), beat("c", 80), beat("b", 90)] },
	])("is that whatever the order: $order", ({ order }) => {
		const witnesses = noted(...order);
		expect(witnesses.newestBeside("a")).toBe(90);
		expect(witnesses.newestBeside("b")).toBe(100);
		expect(witnesses.newestBeside("z")).toBe(100);
	});

	it("is an event that is no beat, the run's own as well", () => {
		expect(noted(beat("a", 100), state("a", 300), state("b", 200)).newestBeside("a")).toBe(300);
	});

	it("is never in the future", () => {
		expect(noted(beat("a", 5_000)).newestBeside("b")).toBe(1_000);
	});

	it("is not one whose time is unknown", () => {
		const witnesses = noted(beat("a", null));
		witnesses.note(beat("a", 100), at, () => null);
		witnesses.note({ ...state("a", 0), state: null }, at, known);
		expect(witnesses.newestBeside("b")).toBe(Number.NEGATIVE_INFINITY);
	});
});
