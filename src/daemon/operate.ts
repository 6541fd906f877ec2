import type { LoadedConfig } from "../config/load.ts";
import { askOperator } from "../http/daemon-client.ts";
import type { OperatorAnswer, OperatorCommand } from "../http/operator-command.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";
import type { ProxyEnvironment } from "../lib/proxy.ts";
import { newShortId } from "../lib/short-id.ts";
import { openStore } from "../store/open-store.ts";
import { connectionOf, workspaceOf } from "./connection.ts";
import { Operator } from "./operator.ts";

export interface OperateOptions {
	readonly config: LoadedConfig;
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly signal: AbortSignal;
}

/**
 * An operator's command: told to the daemon on this machine or, where none answers, carried out in its database.
 *
 * @throws OperatorError
 */
export async function operate(
	command: OperatorCommand,
	{ config, environment, version, clock, signal }: OperateOptions,
): Promise<OperatorAnswer> {
	const { settings } = config;
	try {
		return await askOperator(settings.http, command, signal);
	} catch (error) {
		if (!(error instanceof OutsideError)) throw error;
	}
	await using store = await openStore(settings.store.url, {
		clock,
		appVersion: version,
		onMalformedRow: () => undefined,
		onDamaged: null,
		knownDamage: null,
	});
	const workspace = workspaceOf(connectionOf(settings, version, environment));
	const operator = new Operator({
		store,
		workspace,
		releaseScope: async (scope) => {
			const isHeld = (await store.remedies.holds(workspace)).some((hold) => hold.scope === scope);
			if (isHeld) await store.remedies.write({ workspace, entries: [], holds: [], released: [scope] });
			return isHeld;
		},
		// The next daemon reads it all.
		onAttention: () => Promise.resolve(),
		onPending: () => undefined,
		onDropped: () => undefined,
		newSilenceId: newShortId,
		clock,
	});
	return await operator.carryOut(command);
}
