// Opens the database named on the command line and holds it until it is killed; tells how the opening went.
import { messageOf } from "../../../src/lib/errors.ts";
import { openFile } from "../../_util/store-houses.ts";
import { StandingClock } from "../../_util/store-samples.ts";

const [path = ""] = process.argv.slice(2);
const startedMs = performance.now();
try {
	await using store = await openFile(path, new StandingClock());
	console.log("held");
	// Only the kill ends this.
	await new Promise(() => setInterval(() => store, 60_000));
} catch (error) {
	const told = error instanceof Error ? error.name : "unknown";
	console.log(JSON.stringify({ name: told, message: messageOf(error), tookMs: performance.now() - startedMs }));
}
