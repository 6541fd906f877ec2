import { randomUUID } from "node:crypto";
import type { Settings } from "../config/schema.ts";
import type { SinkSettings } from "../config/sink-fields.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, OperatorError, OutsideError } from "../lib/errors.ts";
import { hashOf } from "../lib/hash.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import type { Random } from "../lib/random.ts";
import { noticeOf, type Sink } from "../notify/sink.ts";
import { testAlert } from "../notify/test-alert.ts";
import { wayOutFrom } from "../notify/way-out.ts";
import { runPageUrl } from "../prefect/connection.ts";
import { EventWriter } from "../prefect/event-writer.ts";
import { oneOffTransport } from "../prefect/one-off-transport.ts";
import { connectionOf, workspaceOf } from "./connection.ts";
import { sinkOf } from "./sinks.ts";

export interface NotifyTestOptions {
	readonly settings: Settings;
	/** Of the process: which proxy leads to whom. */
	readonly environment: ProxyEnvironment;
	readonly version: string;
	/** One alone; null: all. */
	readonly sink: string | null;
	readonly clock: Clock;
	readonly random: Random;
}

export interface NotifyTestResult {
	readonly sink: string;
	readonly type: SinkSettings["type"];
	/** What went wrong; null: it has taken the alert and its resolve. May repeat what we told it. */
	readonly failure: string | null;
}

/**
 * Sends a test alert, and its resolve, to the sinks of the settings: once, at the same time, whatever they want to be told of.
 *
 * @returns in the settings' order
 * @throws OperatorError when there is no such sink; the signal's reason when aborted
 */
export async function testSinks(options: NotifyTestOptions, signal: AbortSignal): Promise<readonly NotifyTestResult[]> {
	const { settings, clock, random, environment, version } = options;
	const chosen = chosenOf(settings.sinks, options.sink);
	const connection = connectionOf(settings, version, environment);
	await using transport = oneOffTransport({
		connection,
		restPerSecond: settings.limits.restPerSecond,
		clock,
		random,
	});
	const parts = {
		namespace: settings.namespace,
		uiUrl: (runId: string): string => runPageUrl(connection, runId),
		clock,
		wayOutTo: wayOutFrom(environment),
		prefect: new EventWriter(() => transport),
	};
	const workspace = workspaceOf(connection);
	return await Promise.all(
		chosen.map(async (one) => {
			const sink = sinkOf(one, parts);
			const failure = await failureOf(sink, { workspace, severity: one.severity ?? "info", clock }, signal);
			await sink[Symbol.asyncDispose]?.();
			return { sink: one.name, type: one.type, failure };
		}),
	);
}

function chosenOf(sinks: readonly SinkSettings[], name: string | null): readonly SinkSettings[] {
	const names = sinks.map((sink) => sink.name);
	if (names.length === 0)
		throw new OperatorError("no sinks are configured: name some in the file of settings (docs/alerting.md)");
	if (name === null) return sinks;
	const found = sinks.filter((sink) => sink.name === name);
	if (found.length > 0) return found;
	throw new OperatorError(`there is no sink ${name}; there are ${names.join(", ")}`);
}

async function failureOf(
	sink: Sink,
	about: Pick<Parameters<typeof testAlert>[0], "workspace" | "severity"> & { readonly clock: Clock },
	signal: AbortSignal,
): Promise<string | null> {
	const { clock, ...rest } = about;
	const alertId = hashOf("notify-test", randomUUID());
	const { raised, resolved } = testAlert({ ...rest, alertId, atMs: clock.now().wallMs });
	try {
		for (const transition of [raised, resolved]) await sink.send([noticeOf(transition)], signal);
		return null;
	} catch (error) {
		signal.throwIfAborted();
		if (!(error instanceof OutsideError)) throw error;
		return messageOf(error);
	}
}
