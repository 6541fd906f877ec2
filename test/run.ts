// `npm test`: the projects of vitest.config.ts but for the soak, or those named as arguments. The last line counts the
// tests, by test, not by file; whatever broke outside a test counts as failed too, so that a green line means what it says.
import { startVitest, type TestCase, type TestModule } from "vitest/node";

interface Counts {
	passed: number;
	failed: number;
	readonly skipped: string[];
}

function countTest(counts: Counts, test: TestCase): void {
	const { state } = test.result();
	if (state === "passed") counts.passed += 1;
	else if (state === "skipped") counts.skipped.push(`${test.project.name}: ${test.fullName}`);
	// Failed, or still pending although the run is over.
	else counts.failed += 1;
}

function countModule(counts: Counts, module: TestModule): void {
	const failedBefore = counts.failed;
	for (const test of module.children.allTests()) countTest(counts, test);
	// A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
	if (!module.ok() && counts.failed === failedBefore) counts.failed += 1;
}

async function countRun(projects: readonly string[], counts: Counts): Promise<void> {
	const vitest = await startVitest("test", [], { watch: false, project: [...projects] });
	for (const module of vitest.state.getTestModules()) countModule(counts, module);
	counts.failed += vitest.state.getUnhandledErrors().length;
	await vitest.close();
}

/** One after another: a real Prefect server on two cores answers late while other tests take them. */
const phases: readonly (readonly string[])[] = [
	["architecture", "unit", "conformance", "incidents", "simulation", "robustness"],
	["integration"],
	["soak"],
];
/** Only when named. */
const byHand: readonly string[] = ["soak"];

const asked = process.argv.slice(2);
const counts: Counts = { passed: 0, failed: 0, skipped: [] };
try {
	for (const phase of phases) {
		const projects = phase.filter((project) =>
			asked.length === 0 ? !byHand.includes(project) : asked.includes(project),
		);
		if (projects.length > 0) await countRun(projects, counts);
	}
} catch (error) {
	process.stderr.write(`the test run itself failed: ${error instanceof Error ? error.stack : error}\n`);
	counts.failed += 1;
}

const lines = counts.skipped.map((name) => `skipped: ${name}`);
if (counts.passed + counts.failed === 0) lines.push("no test has run");
const skipped = counts.skipped.length === 0 ? "" : `, ${counts.skipped.length} skipped`;
lines.push(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
const isGreen = counts.failed === 0 && counts.passed > 0;
process.stdout.write(`${lines.join("\n")}\n`, () => process.exit(isGreen ? 0 : 1));
