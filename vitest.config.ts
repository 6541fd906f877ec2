import { defineConfig } from "vitest/config";

// One project a kind of test, named by the folder it lives in, so that `vitest run --project unit` is the fast loop.
// Integration files mostly wait, and share one machine with real Prefect servers: two run at a time, as many as there are
// long ones, and the scenarios within a file together.
export default defineConfig({
	test: {
		projects: [
			{ test: { name: "architecture", include: ["test/architecture/**/*.test.ts"] } },
			{ test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
			{ test: { name: "conformance", include: ["test/conformance/**/*.test.ts"] } },
			{ test: { name: "simulation", include: ["test/simulation/*.test.ts"], testTimeout: 300_000 } },
			{
				test: {
					name: "robustness",
					include: ["test/robustness/**/*.test.ts"],
					testTimeout: 60_000,
					// Daemons that wait more than they work, as in the integration tests.
					maxWorkers: 3,
					sequence: { groupOrder: 2 },
				},
			},
			{ test: { name: "incidents", include: ["test/incidents/**/*.test.ts"], testTimeout: 60_000 } },
			{
				test: {
					name: "integration",
					include: ["test/integration/**/*.test.ts"],
					testTimeout: 840_000,
					hookTimeout: 600_000,
					maxWorkers: 2,
					// Projects with different numbers of workers cannot be of one group.
					sequence: { groupOrder: 1 },
					maxConcurrency: 64,
				},
			},
			{
				test: {
					// Hours on real servers, side by side. Without ZOMBIED_TEST_SOAK there is nothing in it.
					name: "soak",
					include: process.env.ZOMBIED_TEST_SOAK === "1" ? ["test/soak/**/*.test.ts"] : [],
					hookTimeout: 600_000,
					maxWorkers: 3,
					sequence: { groupOrder: 3 },
				},
			},
		],
		coverage: {
			provider: "v8",
			include: ["src/**/*.ts"],
			reporter: ["text-summary", "json-summary"],
			thresholds: { "src/core/**/*.ts": { branches: 100 } },
		},
	},
});
