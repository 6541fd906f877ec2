import { defineConfig } from "vitest/config";

// One project a kind of test, named by the folder it lives in, so that `vitest run --project unit` is the fast loop.
// Integration files share one machine with a real Prefect server: they run one file at a time, scenarios within a file together.
export default defineConfig({
	test: {
		projects: [
			{ test: { name: "architecture", include: ["test/architecture/**/*.test.ts"] } },
			{ test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
			{ test: { name: "conformance", include: ["test/conformance/**/*.test.ts"] } },
			{ test: { name: "incidents", include: ["test/incidents/**/*.test.ts"], testTimeout: 60_000 } },
			{
				test: {
					name: "integration",
					include: ["test/integration/**/*.test.ts"],
					testTimeout: 840_000,
					hookTimeout: 600_000,
					fileParallelism: false,
					maxConcurrency: 64,
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
