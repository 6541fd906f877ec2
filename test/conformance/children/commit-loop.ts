// Commits one numbered batch after the other to the database named on the command line, and tells each number once it
// is acknowledged, until it is killed. The numbers go on where an earlier process stopped.
import { writeSync } from "node:fs";
import { openFile } from "../../_util/store-houses.ts";
import {
	batchOf,
	deliveryOf,
	episodeOf,
	rowOf,
	runsPerNumberedBatch,
	StandingClock,
	workspace,
} from "../../_util/store-samples.ts";

const [path = ""] = process.argv.slice(2);
writeSync(1, "opening\n");
await using store = await openFile(path, new StandingClock());
const [known] = (await store.load(workspace)).workspaces;
for (let number = (known?.coveredUntilServerMs ?? 0) + 1; ; number += 1) {
	const firstRun = number * runsPerNumberedBatch;
	const episode = episodeOf(firstRun, `alert-${number}`, { attempt: number });
	await store.commit(
		batchOf({
			runs: Array.from({ length: runsPerNumberedBatch }, (_, index) => ({
				row: rowOf(firstRun + index, { attempt: number }),
				version: 0,
			})),
			episodes: [episode],
			outbox: [deliveryOf(episode)],
			workspaces: [{ workspace, coveredUntilServerMs: number, blindSpans: [], healthScore: 0, trippedGroups: [] }],
			durable: number % 2 === 0,
		}),
	);
	writeSync(1, `${number}\n`);
}
