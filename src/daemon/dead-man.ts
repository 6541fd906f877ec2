import type { LiveSettings } from "../config/live-settings.ts";
import { DeadMan } from "../core/dead-man.ts";
import type { Tracker } from "../core/tracker.ts";
import { type ReadinessFacts, readinessOf } from "../http/readiness.ts";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OutsideError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { Ports } from "./ports.ts";
import type { Loop } from "./supervise.ts";

/** Tells the dead man's switch that zombied works. @throws OutsideError */
export type Ping = (signal: AbortSignal) => Promise<void>;

export interface DeadManOptions {
	readonly live: LiveSettings;
	readonly ports: Pick<Ports, "ping">;
	readonly tracker: Pick<Tracker, "observation">;
	readonly readiness: () => ReadinessFacts;
	readonly reporter: Reporter;
	readonly clock: Clock;
	readonly random: Random;
}

/** A ping that failed is made up for soon: whoever waits for it allows for little more than one. */
const retryMinMs = 5_000;

/** A process that dies of its start again and again must not look alive for it. */
const firstAfterMs = 30_000;

/** Pings while zombied does its work. A loop of its own, so that it holds up nothing; none where there is no switch. */
export function deadManLoop(options: DeadManOptions): { readonly "dead-man"?: Loop } {
	const { ping } = options.ports;
	return ping === null ? {} : { "dead-man": (signal) => pingAgainAndAgain(ping, options, signal) };
}

async function pingAgainAndAgain(ping: Ping, options: DeadManOptions, signal: AbortSignal): Promise<void> {
	const { live, clock, random } = options;
	const everyMs = (): number => live.current.deadManSwitch.every.ms;
	const deadMan = new DeadMan(clock.now().monoMs);
	let failures = 0;
	let waitMs = Math.min(firstAfterMs, everyMs());
	for (;;) {
		await clock.sleep(waitMs, signal).catch(() => undefined);
		if (signal.aborted) return;
		const didWell = await pingOnce(ping, deadMan, options, signal);
		failures = didWell ? 0 : failures + 1;
		waitMs = didWell ? everyMs() : backoffMs(failures, { minMs: retryMinMs, maxMs: everyMs() }, random);
	}
}

async function pingOnce(
	ping: Ping,
	deadMan: DeadMan,
	{ tracker, readiness, reporter, clock }: DeadManOptions,
	signal: AbortSignal,
): Promise<boolean> {
	const { monoMs } = clock.now();
	const ready = readinessOf(readiness(), monoMs);
	const facts = { notReady: ready.ready ? null : ready.reason, mayJudge: tracker.observation.mayJudge(monoMs) };
	const hesitation = deadMan.hesitation(facts, monoMs);
	if (hesitation !== null) {
		reporter.deadManWithheld(hesitation);
		return false;
	}
	try {
		await ping(signal);
		reporter.deadManPinged();
		return true;
	} catch (error) {
		if (signal.aborted) return false;
		if (!(error instanceof OutsideError)) throw error;
		reporter.deadManFailed(messageOf(error));
		return false;
	}
}
