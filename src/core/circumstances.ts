import type { Condition } from "./episode.ts";
import type { StateType } from "./run.ts";

/** How the pod that a run was in ended, as prefect-kubernetes tells it. */
export const podEndKinds = ["out_of_memory", "evicted", "failed", "succeeded"] as const;
export interface PodEnd {
	readonly kind: (typeof podEndKinds)[number];
	/** Kubernetes' word for it, such as `OOMKilled`; null where none is told. */
	readonly reason: string | null;
	/** The observer's clock; null where it makes no sense. */
	readonly atMs: number | null;
}

/** Whose limit the slot is of. `tag`: of a task run of the run. */
export const slotKinds = ["work_pool", "work_queue", "tag", "deployment"] as const;
export interface HeldSlot {
	readonly kind: (typeof slotKinds)[number];
	readonly name: string;
	readonly limit: number;
	/** By all together; null: the server does not tell. */
	readonly taken: number | null;
}

/** Runs that are Late or AwaitingConcurrencySlot. Null: there is no such thing, or the server does not tell. */
export interface WaitingRuns {
	readonly deployment: number | null;
	readonly workPool: number | null;
}

/** What one run that goes on for nothing keeps from others. */
export interface Impact {
	/** A deployment's slot is a lease, which ends 300 s after its last renewal: another run may have it by now. */
	readonly slots: readonly HeldSlot[];
	readonly waiting: WaitingRuns;
}

/** What REST knows around a run, asked for when a verdict on it is due. */
export interface Circumstances extends Impact {
	/** Of its newest pod; null: it has none, or goes on, or nothing is told of it. */
	readonly podEnd: PodEnd | null;
	/** Its work pool has workers, and all are offline. */
	readonly workersOffline: boolean;
}

/** Runs that fell silent with this one. */
export interface Company {
	/** Without the run itself; 2 or more. */
	readonly runs: number;
	/** "of work pool k8s", "with client 3.8.8"; empty: of any kind. */
	readonly ofWhat: string;
	readonly when: "together" | "within_minute" | "within_hour";
}

/** Of a live process nobody asks what it died of. */
const livingConditions: ReadonlySet<Condition> = new Set(["deaf", "undead", "overrun"]);

/**
 * What most likely became of the run, in one sentence without a full stop: of what is known the closest to the process.
 * Null: nothing is known.
 */
export function likelyCauseOf(facts: {
	readonly condition: Condition;
	readonly workPool: string | null;
	readonly circumstances: Circumstances | null;
	readonly company: Company | null;
}): string | null {
	const { condition, workPool, circumstances, company } = facts;
	if (livingConditions.has(condition)) return null;
	if (circumstances?.podEnd != null) return podEndText(circumstances.podEnd);
	if (workPool !== null && circumstances?.workersOffline === true)
		return `no worker of work pool ${workPool} is online`;
	return company === null ? null : companyText(company);
}

const podEndTexts: Readonly<Record<PodEnd["kind"], string>> = {
	out_of_memory: "pod out of memory",
	evicted: "pod evicted",
	failed: "pod failed",
	succeeded: "pod ended, and said that all was well,",
};

function podEndText({ kind, reason, atMs }: PodEnd): string {
	const at = atMs === null ? "" : ` at ${new Date(atMs).toISOString().slice(11, 19)} UTC`;
	return `${podEndTexts[kind]}${at}${reason === null ? "" : `: ${reason}`}`;
}

const whenTexts: Readonly<Record<Company["when"], string>> = {
	together: "together with it",
	within_minute: "within 60 s of it",
	within_hour: "within an hour of it",
};

function companyText({ runs, ofWhat, when }: Company): string {
	return `${runs} other runs${ofWhat === "" ? "" : ` ${ofWhat}`} fell silent ${whenTexts[when]}`;
}

/** In which states a run holds which slots: by the server's own counts. A deployment's is given back by any other state. */
const slotStates: Readonly<Record<HeldSlot["kind"], readonly StateType[]>> = {
	work_pool: ["PENDING", "RUNNING"],
	work_queue: ["PENDING", "RUNNING", "CANCELLING"],
	tag: ["PENDING", "RUNNING", "CANCELLING"],
	deployment: ["PENDING", "RUNNING", "CANCELLING"],
};

/** Null: the run is in no state to be in the way, or nothing is known. */
export function impactOf(stateType: StateType, circumstances: Circumstances | null): Impact | null {
	if (circumstances === null || !slotStates.deployment.includes(stateType)) return null;
	const { waiting } = circumstances;
	// Nobody holds a slot of a limit that none is taken of.
	const slots = circumstances.slots.filter(({ kind, taken }) => slotStates[kind].includes(stateType) && taken !== 0);
	const isKnown = slots.length > 0 || waiting.deployment !== null || waiting.workPool !== null;
	return isKnown ? { slots, waiting } : null;
}

/** An impact in one sentence without a full stop. */
export function impactText({ slots, waiting }: Impact): string {
	const held = slots.filter(({ kind }) => kind !== "deployment").map(slotText);
	const maybe = slots.filter(({ kind }) => kind === "deployment").map(slotText);
	const { deployment, workPool } = waiting;
	const isFree = (deployment ?? workPool) !== null && (deployment ?? 0) + (workPool ?? 0) === 0;
	const waits = [
		...(deployment === null ? [] : [`${deployment} of its deployment`]),
		...(workPool === null ? [] : [`${workPool} of its work pool`]),
	];
	return [
		...(held.length === 0 ? [] : [`it holds a slot of ${held.join(", of ")}`]),
		...(maybe.length === 0 ? [] : [`it may hold a slot of ${maybe.join(", of ")}`]),
		...(isFree ? ["no run is late or waits for a slot behind it"] : []),
		...(isFree || waits.length === 0 ? [] : [`runs late or waiting for a slot: ${waits.join(", ")}`]),
	].join("; ");
}

const slotNames: Readonly<Record<HeldSlot["kind"], string>> = {
	work_pool: "work pool",
	work_queue: "work queue",
	tag: "tag",
	deployment: "deployment",
};

function slotText({ kind, name, limit, taken }: HeldSlot): string {
	return `${slotNames[kind]} ${name} (${taken === null ? `${limit} in all` : `${taken} of ${limit} taken`})`;
}
