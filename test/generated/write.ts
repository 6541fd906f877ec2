// `npm run docs`: writes every file that is made from the sources. A test fails while one of them is stale.
import { writeFileSync } from "node:fs";
import { documents } from "./documents.ts";

for (const { path, render } of documents) {
	writeFileSync(new URL(`../../${path}`, import.meta.url), render());
	process.stdout.write(`wrote ${path}\n`);
}
