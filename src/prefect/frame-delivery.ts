import type { HeardBeat } from "../core/heard-beat.ts";
import type { RunView } from "../core/run.ts";
import type { Instant } from "../lib/clock.ts";
import type { Reporter } from "../observe/reporter.ts";
import { parseFrame, sampleOf } from "./frame-schema.ts";
import { type HeartbeatScanner, viewOf } from "./heartbeat-scan.ts";
import { reportSenselessTimes } from "./row-reading.ts";
import { readEvent } from "./to-input.ts";

/** Who is told what frames bring. */
export interface FrameListener {
	/**
	 * @param receivedMs server's clock; null when the event's makes no sense
	 * @param follows id of the run's event before this one, where it names one
	 */
	event(at: Instant, view: RunView, receivedMs: number | null, follows: string | null): void;
	/**
	 * A heartbeat whose frame need not be parsed, in the short way: it is neither kept nor counted by whoever calls.
	 *
	 * @returns false when the listener cannot take it so: then it comes as an `event`
	 */
	beat(at: Instant, beat: HeardBeat): boolean;
	/** A sign of life other than an event of a run. */
	heard(at: Instant): void;
	/** The run's labels are known, from a beat of its present attempt: the next one need not bring them again. */
	knowsLabels(runId: string): boolean;
}

export interface FrameDelivery {
	readonly listener: FrameListener;
	readonly reporter: Reporter;
	readonly scanner: HeartbeatScanner;
}

/**
 * Reads one frame of the events socket, counts it, and tells the listener: `event` for one of a run, `heard` for
 * anything else, whatever it is. Throws only what the listener throws.
 */
export function deliverFrame(data: Buffer, at: Instant, { listener, reporter, scanner }: FrameDelivery): void {
	if (scanner.scan(data, 0, data.length)) {
		if (listener.beat(at, scanner)) return;
		const view = viewOf(scanner);
		if (listener.knowsLabels(view.runId)) {
			reporter.frame("heartbeat");
			listener.event(at, view, scanner.receivedMs, null);
			return;
		}
	}
	const frame = parseFrame(data);
	if (frame.kind === "rejected") {
		reporter.frameRejected(frame.reason, frame.sample);
		listener.heard(at);
		return;
	}
	const reading = frame.kind === "event" ? readEvent(frame.event) : frame;
	switch (reading.kind) {
		case "control":
		case "other_event":
			reporter.frame(reading.kind);
			listener.heard(at);
			return;
		case "malformed_event":
			reporter.frameRejected(reading.kind, sampleOf(data.toString()));
			listener.heard(at);
			return;
		case "heartbeat":
		case "state":
			reporter.frame(reading.kind);
			reportSenselessTimes(reading, reporter);
			listener.event(at, reading.view, reading.receivedMs, reading.follows);
			return;
	}
	reading satisfies never;
}
