import { heartbeat, someDeployment, stateEvent } from "./prefect-events.ts";
import type { PrefectStub } from "./prefect-stub.ts";

const second = 1_000;
const cadenceMs = 30 * second;
const pastBeats = 9;

/** Names as an attacker, or a poet, would choose them. */
export const hostileName = `<img src=x onerror="document.title='owned'">'"&amp;\u{202e}`;

export interface Actors {
	readonly zombie: string;
	readonly suspect: string;
	readonly stuck: string;
	readonly healthy: readonly string[];
	readonly unmonitored: string;
}

/**
 * Runs of every kind on a stub of Prefect's server, in the past of their beats: a daemon that starts now has something to
 * show within a minute. `beat` has to be called every cadence for the healthy ones.
 */
export function setStage(stub: PrefectStub, healthyRuns: number): { readonly actors: Actors; beat(): void } {
	const nowMs = stub.nowMs();
	const actor = (name: string, facts: { lastBeatMs: number | null; type?: string; sinceMs?: number }): string => {
		const atMs = nowMs - (facts.sinceMs ?? 30 * 60 * second);
		const type = facts.type ?? "RUNNING";
		const { id, state } = stub.addRun({ name, atMs, type, deployed: true });
		stub.store(stateEvent({ id: state.id, runId: id, runName: name, type, atMs }));
		const { lastBeatMs } = facts;
		if (lastBeatMs === null) return id;
		for (let back = pastBeats; back >= 0; back--) {
			stub.store(
				heartbeat({
					runId: id,
					runName: name,
					deploymentId: someDeployment.id,
					occurredMs: nowMs - lastBeatMs - back * cadenceMs,
				}),
			);
		}
		return id;
	};
	const healthy = Array.from({ length: healthyRuns }, (_, n) =>
		actor(`healthy-heron-${n}`, { lastBeatMs: (n % 30) * second }),
	);
	const actors: Actors = {
		zombie: actor(hostileName, { lastBeatMs: 240 * second }),
		suspect: actor("slow-sloth", { lastBeatMs: 78 * second }),
		stuck: actor("patient-panda", { lastBeatMs: null, type: "PENDING", sinceMs: 3_600 * second }),
		unmonitored: actor("quiet-quail", { lastBeatMs: null }),
		healthy,
	};
	return {
		actors,
		beat: () => stub.emit(...healthy.map((runId) => heartbeat({ runId, occurredMs: stub.nowMs() }))),
	};
}
