/**
 * Why a sink is not told yet, and perhaps never will be. `silenced`: an operator's silence lasts; `maintenance`: a window of the
 * settings does; `escalation`: the alert is not old enough for this sink; `acknowledged`: somebody has it, before it was old
 * enough; `folded`: its group incident, which this sink was told of, is open.
 */
export const holdReasons = ["silenced", "maintenance", "escalation", "acknowledged", "folded"] as const;
export type HoldReason = (typeof holdReasons)[number];

/** Why a sink will not be told any more. `refused`: it says so itself; `given_up`: it took nothing for a day; `dropped`: an operator's word. */
export const deadFates = ["refused", "given_up", "dropped"] as const;
export type DeadFate = (typeof deadFates)[number];

/** Which delivery: a transition has one for each sink that wants it. */
export interface DeliveryKey {
	readonly sink: string;
	/** `Transition.key`. */
	readonly key: string;
}

/** A raise that is kept from a sink. */
export interface Hold {
	readonly reason: HoldReason;
	/** For people; one line. */
	readonly detail: string;
	/** Our wall clock: when to look again. Null: something else has to happen first. */
	readonly untilMs: number | null;
}

/**
 * What became of a delivery in the end. `delivered`: the sink has it; a reason to hold: it was over before that ended, and so
 * neither its raise nor its resolve is told.
 */
export interface Settlement {
	readonly fate: "delivered" | HoldReason | DeadFate;
	/** For people; null of what was delivered. */
	readonly detail: string | null;
}

/** A delivery is kept from its sink for a while. */
export type DeliveryHold = DeliveryKey & Hold;

/** A delivery has come to its end. */
export type DeliverySettlement = DeliveryKey & Settlement;

export const deliveredToSink: Settlement = { fate: "delivered", detail: null };

export function isDead(fate: string): fate is DeadFate {
	return deadFates.some((one) => one === fate);
}
