import { Coverage } from "./census.ts";
import { Departures } from "./departures.ts";
import { Family } from "./family.ts";
import { Learning } from "./learning.ts";
import { Observation } from "./observation.ts";
import { RunTable } from "./run-table.ts";
import type { TrackerOptions } from "./settings.ts";
import { StreamLoss } from "./stream-loss.ts";
import { UnconfirmedRuns } from "./unconfirmed-runs.ts";
import { Witnesses } from "./witnesses.ts";
import { Yardstick } from "./yardstick.ts";

/** What the parts of a tracker share. */
export function sharedParts({ namespace, workspace, live, startedAt }: TrackerOptions) {
	const [table, family, learning, witnesses] = [new RunTable(), new Family(), new Learning(), new Witnesses()];
	const observation = new Observation(startedAt);
	const unconfirmed = new UnconfirmedRuns({ table, live });
	const departures = new Departures({ table, family, unconfirmed });
	const loss = new StreamLoss(observation);
	const yardstick = new Yardstick({ live, observation, learning });
	const coverage = new Coverage({ table, yardstick });
	const known = { table, family, learning, witnesses, observation, unconfirmed, departures };
	return { namespace, workspace, ...known, loss, yardstick, coverage };
}

export type SharedParts = ReturnType<typeof sharedParts>;
