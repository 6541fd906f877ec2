import { randomUUID } from "node:crypto";
import { type EventJson, heartbeat, run, stateEvent } from "../_util/prefect-events.ts";
import type { PrefectStub } from "../_util/prefect-stub.ts";

const second = 1_000;
const minute = 60 * second;
const cadenceMs = 30 * second;
const pastBeats = 12;

const flowOf = { etl: randomUUID(), reports: randomUUID(), training: randomUUID(), sync: randomUUID() };

interface Deployment {
	readonly id: string;
	readonly name: string;
	readonly flow: keyof typeof flowOf;
	readonly pool: string | null;
	readonly client: string;
}

const deployment = (name: string, flow: keyof typeof flowOf, pool: string | null, client = "3.8.8"): Deployment => ({
	id: randomUUID(),
	name,
	flow,
	pool,
	client,
});

const nightly = deployment("nightly-import", "etl", "k8s");
const hourly = deployment("hourly-report", "reports", "k8s");
const train = deployment("train-model", "training", "gpu", "3.7.2");
const sync = deployment("sync-customers", "sync", "edge");
const legacy = deployment("legacy-export", "etl", "vm", "3.2.0");
const deployments = [nightly, hourly, train, sync, legacy];

interface Actor {
	readonly id: string;
	readonly name: string;
	readonly of: Deployment;
	/** Beats once more. */
	beat(): void;
}

/**
 * A bad night, in the past of its heartbeats, so that a daemon that starts now has something to show within minutes: dead,
 * stuck and undead runs, a work pool that falls silent, one run that comes back, and many that are well.
 */
export function setScene(stub: PrefectStub): {
	/** One cadence of everybody who is well. */
	beat(): void;
	/** The edge falls silent. */
	cut(): void;
	/** Once something was told: one comes back, one is called crashed. */
	resolve(): void;
	readonly victim: string;
} {
	for (const { id, name } of deployments) stub.deployments.set(id, name);
	for (const [name, id] of Object.entries(flowOf)) stub.flows.set(id, name);
	stub.limits.workPools.push({ name: "k8s", concurrency_limit: 8, active_slots: 8 });
	for (const pool of ["k8s", "gpu", "edge", "vm"]) stub.workers.set(pool, ["ONLINE"]);
	const startMs = stub.nowMs();
	const actor = (name: string, of: Deployment, facts: ActorFacts = {}): Actor =>
		makeActor(stub, startMs, name, of, facts);
	const well = [
		...Array.from({ length: 9 }, (_, n) => actor(`brisk-heron-${n}`, hourly, { silentMs: n * 3 * second })),
		...Array.from({ length: 6 }, (_, n) => actor(`calm-otter-${n}`, nightly, { silentMs: n * 4 * second })),
		...Array.from({ length: 4 }, (_, n) => actor(`deep-marmot-${n}`, train, { silentMs: n * 5 * second })),
	];
	const edge = Array.from({ length: 12 }, (_, n) => actor(`loose-gull-${n}`, sync, { silentMs: n * 2 * second }));
	const victim = actor("zircon-toad", nightly, { silentMs: 9 * minute });
	evict(stub, victim, startMs - 8.5 * minute);
	actor("garnet-finch", train, { silentMs: 4 * minute });
	const frozen = actor("sleepy-dormouse", hourly, { silentMs: 5 * minute });
	const crashed = actor("opal-newt", hourly, { silentMs: 3 * minute });
	actor("patient-panda", nightly, { type: "PENDING", sinceMs: 55 * minute, silentMs: null });
	actor("waiting-wombat", sync, { type: "CANCELLING", sinceMs: 24 * minute, silentMs: null });
	for (let n = 0; n < 3; n++)
		actor(`late-lark-${n}`, nightly, { type: "SCHEDULED", stateName: "Late", silentMs: null });
	for (let n = 0; n < 4; n++) actor(`quiet-quail-${n}`, legacy, { silentMs: null });
	const undead = actor("restless-raven", nightly, { type: "CANCELLED", sinceMs: 90 * second, silentMs: 0 });
	const slow: Actor[] = [actor("slow-sloth", train, { silentMs: 10 * second })];
	let [isCut, isResolved] = [false, false];
	return {
		victim: victim.id,
		beat: () => {
			const beating = [...well, undead, ...(isCut ? [] : [...edge, ...slow]), ...(isResolved ? [frozen] : [])];
			for (const one of beating) one.beat();
		},
		cut: () => {
			isCut = true;
		},
		resolve: () => {
			isResolved = true;
			frozen.beat();
			end(stub, crashed);
		},
	};
}

interface ActorFacts {
	readonly type?: string;
	readonly stateName?: string;
	readonly sinceMs?: number;
	/** Since its last heartbeat; null: it has never sent one. */
	readonly silentMs?: number | null;
}

function makeActor(stub: PrefectStub, startMs: number, name: string, of: Deployment, facts: ActorFacts): Actor {
	const { type = "RUNNING", stateName, sinceMs = 40 * minute, silentMs = 0 } = facts;
	const atMs = startMs - sinceMs;
	const row = {
		...run({ name, type, atMs, ...(stateName === undefined ? {} : { stateName }) }),
		flow_id: flowOf[of.flow],
		deployment_id: of.id,
		work_pool_name: of.pool,
	};
	stub.runs.set(row.id, row);
	if (type !== "RUNNING")
		stub.store(placed(stateEvent({ runId: row.id, runName: name, type: "RUNNING", atMs: atMs - 20 * minute }), of));
	stub.store(
		placed(stateEvent({ id: row.state.id, runId: row.id, runName: name, type, name: row.state_name, atMs }), of),
	);
	const beatAt = (occurredMs: number): EventJson => placed(heartbeat({ runId: row.id, runName: name, occurredMs }), of);
	if (silentMs !== null) {
		for (let back = pastBeats; back >= 0; back--) stub.store(beatAt(startMs - silentMs - back * cadenceMs));
	}
	return { id: row.id, name, of, beat: () => stub.emit(beatAt(stub.nowMs())) };
}

/** As a worker of this pool, with this client, would send it. */
function placed(event: EventJson, { id, name, flow, pool, client }: Deployment): EventJson {
	const related = [
		{
			"prefect.resource.id": `prefect.flow.${flowOf[flow]}`,
			"prefect.resource.role": "flow",
			"prefect.resource.name": flow,
		},
		{
			"prefect.resource.id": `prefect.deployment.${id}`,
			"prefect.resource.role": "deployment",
			"prefect.resource.name": name,
		},
		...(pool === null
			? []
			: [
					{
						"prefect.resource.id": `prefect.work-pool.${pool}`,
						"prefect.resource.role": "work-pool",
						"prefect.resource.name": pool,
					},
				]),
	];
	const isBeat = event.event.endsWith(".heartbeat");
	return { ...event, resource: isBeat ? { ...event.resource, "prefect.version": client } : event.resource, related };
}

function evict(stub: PrefectStub, { id, name }: Actor, atMs: number): void {
	const event = heartbeat({ runId: id, occurredMs: atMs });
	stub.store({
		...event,
		event: "prefect.kubernetes.pod.evicted",
		resource: {
			"prefect.resource.id": `prefect.kubernetes.pod.${randomUUID()}`,
			"prefect.resource.name": `${name}-x7k2p`,
			"kubernetes.namespace": "flows",
			"kubernetes.reason": "Evicted",
		},
		related: [{ "prefect.resource.id": `prefect.flow-run.${id}`, "prefect.resource.role": "flow-run" }],
	});
}

function end(stub: PrefectStub, { id, name, of }: Actor): void {
	const atMs = stub.nowMs();
	const known = stub.runs.get(id);
	const event = placed(stateEvent({ runId: id, runName: name, type: "CRASHED", atMs }), of);
	if (known === undefined) return;
	const state = {
		...known.state,
		id: event.id,
		type: "CRASHED",
		name: "Crashed",
		timestamp: new Date(atMs).toISOString(),
	};
	stub.runs.set(id, { ...known, state_type: "CRASHED", state_name: "Crashed", state });
	stub.emit(event);
}
