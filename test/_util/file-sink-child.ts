import { FileSink } from "../../src/notify/file/file-sink.ts";
import { noticeOf } from "../../src/notify/sink.ts";
import { sampleTransition } from "./sample-episode.ts";

/** Appends an alert of each id to the file, says so, and waits to be killed. */
const [, , path = "", ...alertIds] = process.argv;
const sink = new FileSink({
	namespace: "prod",
	uiUrl: (id) => `http://prefect.test/runs/flow-run/${id}`,
	name: "file",
	wants: () => true,
	path,
});
for (const alertId of alertIds) {
	const told = await sink.send([noticeOf(sampleTransition({ alertId }))], new AbortController().signal).then(
		() => "written",
		(error: unknown) => String(error),
	);
	process.stdout.write(`${alertId}: ${told}\n`);
}
process.stdout.write("done\n");
setInterval(() => undefined, 60_000);
