/** The columns of the table, in its order. */
export const scenarioNames = [
	"nominal",
	"jitter",
	"stream-loss",
	"stream-loss-bursts",
	"never-stored",
	"own-socket-down",
	"server-down",
	"broker-loss",
	"pool-cut",
	"beat-after-completed",
	"stall-2",
	"stall-4",
	"death",
	"pool-death",
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** What is told beside the table, of our detector alone. */
export const besideNames = ["fleet-death", "death-slow-clients"] as const;
export type BesideName = (typeof besideNames)[number];

/** An outage in the middle of the run, of five minutes. */
export type Outage = "own-socket" | "server" | "broker" | "pool-cut";

/** One world's faults; everything else about it is the same in all. Shares are of 1. */
export interface Scenario {
	/** Of the delay between the server's receipt of an event and its arrival. */
	readonly delayP99Ms: number;
	/** Where the 30 % of slow runs lose their time: on the way from the server, or on the way to it. */
	readonly slowness: "delivery" | "client";
	/** Of events that are stored and never arrive. */
	readonly streamLoss: number;
	/** Events that are lost in a row when any is. */
	readonly burstEvents: number;
	/** Of heartbeats that are neither stored nor delivered. */
	readonly neverStored: number;
	readonly outage: Outage | null;
	/** Of runs whose last heartbeat is received after their end. */
	readonly lateBeats: number;
	/** Cadences for which each run stands still, once. */
	readonly stallCadences: number;
	/** `each`: every run, at a moment of its own, amid others that live on; `pool`: one of five; `fleet`: all. */
	readonly deaths: "none" | "each" | "pool" | "fleet";
}

const nominal: Scenario = {
	delayP99Ms: 1_000,
	slowness: "delivery",
	streamLoss: 0,
	burstEvents: 1,
	neverStored: 0,
	outage: null,
	lateBeats: 0,
	stallCadences: 0,
	deaths: "none",
};

export const scenarios: Readonly<Record<ScenarioName | BesideName, Scenario>> = {
	nominal,
	jitter: { ...nominal, delayP99Ms: 20_000 },
	"stream-loss": { ...nominal, streamLoss: 0.02 },
	"stream-loss-bursts": { ...nominal, streamLoss: 0.02, burstEvents: 4 },
	"never-stored": { ...nominal, neverStored: 0.02 },
	"own-socket-down": { ...nominal, outage: "own-socket" },
	"server-down": { ...nominal, outage: "server" },
	"broker-loss": { ...nominal, outage: "broker" },
	"pool-cut": { ...nominal, outage: "pool-cut" },
	// Of 60 healthy runs on a real server 6 did so.
	"beat-after-completed": { ...nominal, lateBeats: 0.1 },
	"stall-2": { ...nominal, stallCadences: 2 },
	"stall-4": { ...nominal, stallCadences: 4 },
	death: { ...nominal, deaths: "each" },
	"pool-death": { ...nominal, deaths: "pool" },
	"fleet-death": { ...nominal, deaths: "fleet" },
	"death-slow-clients": { ...nominal, deaths: "each", slowness: "client" },
};
