import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import packageJson from "#package" with { type: "json" };
import { copiesOf, lastOf, type Stage, stagesOf } from "../_util/package-dockerfile.ts";
import { imageUser } from "../_util/package-install.ts";

const project = path.join(import.meta.dirname, "../..");
const textOf = (file: string): Promise<string> => readFile(path.join(project, file), "utf8");
const stages = stagesOf(await textOf("Dockerfile"));
const image = stages.at(-1)!;
const settings: { http: { listen: string }; store: { url: string } } = parse(await textOf("config/image.yaml"));

const positionOf = (stage: Stage, name: string): number =>
	stage.instructions.findIndex((instruction) => instruction.name === name);

describe("O9: the Dockerfile", () => {
	test("builds in stages of its own, and each rests on the very Node that the tests run on", () => {
		expect(stages.map(({ name }) => name)).toEqual(["dependencies", "build", ""]);
		const { node } = packageJson.devDependencies;
		expect(node).toMatch(/^\d+\.\d+\.\d+$/u);
		expect(new Set(stages.map(({ base }) => base))).toEqual(new Set([`node:${node}-bookworm-slim`]));
	});

	test("runs as a user with a number that is not root's, from the last step on", () => {
		expect(imageUser).toBeGreaterThan(0);
		expect(lastOf(image, "USER")).toBe(`${imageUser}:${imageUser}`);
		expect(positionOf(image, "USER")).toBeGreaterThan(image.instructions.findLastIndex(({ name }) => name === "RUN"));
	});

	test("has one volume, which belongs to that user, and the image's settings keep the database in it", () => {
		const volumes = image.instructions.filter(({ name }) => name === "VOLUME");
		expect(volumes.map(({ text }) => text)).toEqual(["/data"]);
		expect(lastOf(image, "RUN")).toContain(`install -d -o ${imageUser} -g ${imageUser} /data`);
		expect(path.posix.dirname(settings.store.url.replace(/^sqlite:/u, ""))).toBe("/data");
	});

	test("starts the program without a shell, and stops it by SIGTERM", () => {
		expect(JSON.parse(lastOf(image, "ENTRYPOINT")!)).toEqual(["zombied"]);
		expect(JSON.parse(lastOf(image, "CMD")!)).toEqual(["run"]);
		expect(lastOf(image, "STOPSIGNAL")).toBe("SIGTERM");
	});

	test("gives node the options that npm start gives it", () => {
		const options = packageJson.scripts.start.split(" ").filter((word) => word.startsWith("--"));
		expect(options.length).toBeGreaterThan(0);
		expect(lastOf(image, "ENV")!.split(" ")).toContain(`NODE_OPTIONS=${options.join(" ")}`);
	});

	test("asks zombied itself for its health, without a shell", () => {
		const [, options = "", command = "null"] = /^(.*?)\s*CMD (.*)$/u.exec(lastOf(image, "HEALTHCHECK")!) ?? [];
		expect(JSON.parse(command)).toEqual(["zombied", "health"]);
		const named = Object.fromEntries(options.split(" ").map((option) => option.split("=")));
		expect(Object.keys(named).toSorted()).toEqual(["--interval", "--retries", "--start-period", "--timeout"]);
	});

	test("exposes the port that the image's settings listen on, on every address", () => {
		expect(settings.http.listen).toBe(`0.0.0.0:${lastOf(image, "EXPOSE")}`);
	});

	test("ships what is built and the dependencies of production, and no sources", () => {
		expect(copiesOf(image)).toEqual([
			{ from: null, sources: ["LICENSE", "package.json"] },
			{ from: null, sources: ["config/image.yaml"] },
			{ from: null, sources: ["migrations"] },
			{ from: "dependencies", sources: ["/app/node_modules"] },
			{ from: "build", sources: ["/app/dist"] },
		]);
		expect(lastOf(stages[0]!, "RUN")).toBe("npm ci --omit=dev --ignore-scripts");
	});

	test("lets into the build what it copies, and nothing else", async () => {
		const copied = stages.flatMap(copiesOf).flatMap(({ from, sources }) => (from === null ? sources : []));
		const [first, ...allowed] = (await textOf(".dockerignore"))
			.split("\n")
			.filter((line) => line !== "" && !line.startsWith("#"));
		expect(first).toBe("*");
		expect(allowed.toSorted()).toEqual([...new Set(copied)].map((source) => `!${source}`).toSorted());
		for (const source of copied) await expect(stat(path.join(project, source)), source).resolves.toBeDefined();
	});
});

describe("the reader of Dockerfiles", () => {
	test("puts build arguments into bases, joins lines, and leaves comments out", () => {
		const [first, second] = stagesOf(
			`# syntax
ARG BASE=node:1
FROM \${BASE} AS build
RUN a \\
    # not this
    && b
FROM x
user 1
`,
		);
		expect(first).toEqual({ base: "node:1", name: "build", instructions: [{ name: "RUN", text: "a && b" }] });
		expect(second).toEqual({ base: "x", name: "", instructions: [{ name: "USER", text: "1" }] });
	});

	test("takes the last of what may stand only once, and null for what is not there", () => {
		const [stage] = stagesOf("FROM x\nUSER 1\nUSER root\nCOPY --from=build a b c/\nADD d e\n");
		expect([lastOf(stage!, "USER"), lastOf(stage!, "VOLUME")]).toEqual(["root", null]);
		expect(copiesOf(stage!)).toEqual([
			{ from: "build", sources: ["a", "b"] },
			{ from: null, sources: ["d"] },
		]);
	});

	test("refuses what it cannot read", () => {
		expect(() => stagesOf("FROM x\nRUN <<EOF\necho\nEOF\n")).toThrow(/heredocs/u);
	});
});
