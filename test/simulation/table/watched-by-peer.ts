import { Peer, type PeerRule } from "../../../src/replay/peers/peer.ts";
import type { PrefectWorld } from "./prefect-world.ts";
import type { ScriptEvent } from "./script.ts";
import type { Told } from "./told.ts";

const tickMs = 1_000;

/** What a peer reads over REST, once, when its socket is back. */
function missedOf({ script }: PrefectWorld): readonly ScriptEvent[] {
	const { socketDown, stored } = script;
	return stored.filter(({ arrivesMs, receivedMs, storedMs }) => {
		const isKnown = socketDown !== null && storedMs <= socketDown.untilMs;
		return isKnown && arrivesMs === Infinity && receivedMs >= socketDown.fromMs;
	});
}

/** A peer's rule in the world: it reads the same stream, and asks the same REST at each tick. */
export function watchedByPeer(world: PrefectWorld, rule: PeerRule): readonly Told[] {
	const { arrivals, untilMs } = world.script;
	const peer = new Peer(rule);
	const told: Told[] = [];
	let next = 0;
	let missed = missedOf(world);
	for (let atMs = tickMs; atMs <= untilMs; atMs += tickMs) {
		for (let event = arrivals[next]; event !== undefined && event.arrivesMs <= atMs; event = arrivals[next]) {
			peer.event(event.arrivesMs, world.viewOf(event));
			next += 1;
		}
		const isBack = atMs >= (world.script.socketDown?.untilMs ?? 0);
		if (isBack) for (const event of missed) peer.event(atMs, world.viewOf(event));
		if (isBack) missed = [];
		const { verdicts, questions } = peer.tick(atMs);
		const isUp = world.isUp(atMs);
		const confirmed = questions.filter((runId) =>
			peer.answered(atMs, runId, isUp ? world.stateTypeOf(runId, atMs) : null),
		);
		for (const runId of [...verdicts, ...confirmed]) told.push({ run: world.runOf(runId), atMs, condition: "zombie" });
	}
	return told;
}
