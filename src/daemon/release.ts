import type { LoadedConfig } from "../config/load.ts";
import { askRelease } from "../http/daemon-client.ts";
import type { Clock } from "../lib/clock.ts";
import { OutsideError } from "../lib/errors.ts";
import type { ProxyEnvironment } from "../prefect/proxy.ts";
import { openStore } from "../store/open-store.ts";
import { connectionOf, workspaceOf } from "./connection.ts";

export interface ReleaseOptions {
	readonly config: LoadedConfig;
	readonly environment: ProxyEnvironment;
	readonly version: string;
	readonly clock: Clock;
	readonly signal: AbortSignal;
}

/**
 * An operator says that a scope may act again: told to the daemon on this machine or, where none answers, to its database.
 *
 * @returns false: the scope is not held
 * @throws OperatorError
 */
export async function releaseScope(
	scope: string,
	{ config, environment, version, clock, signal }: ReleaseOptions,
): Promise<boolean> {
	const { settings } = config;
	try {
		return await askRelease(settings.http, scope, signal);
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
	const isHeld = (await store.remedies.holds(workspace)).some((hold) => hold.scope === scope);
	if (isHeld) await store.remedies.write({ workspace, entries: [], holds: [], released: [scope] });
	return isHeld;
}
