import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Package {
	readonly version: string;
	readonly integrity?: string;
	readonly resolved?: string;
	readonly link?: boolean;
	readonly dev?: boolean;
	readonly optional?: boolean;
	readonly hasInstallScript?: boolean;
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly devDependencies?: Readonly<Record<string, string>>;
}

function read(name: string): string {
	return readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
}

const manifest = JSON.parse(read("package.json")) as Package & {
	readonly allowScripts: Readonly<Record<string, boolean>>;
};
const { packages } = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, Package>> };
const installed = Object.entries(packages).filter(([place]) => place !== "");

test("R11: every dependency is asked for in one version, which is the one in the lockfile", () => {
	const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
	expect(wanted.length).toBeGreaterThan(10);
	for (const [name, version] of wanted) {
		expect(version, name).toMatch(/^\d+\.\d+\.\d+$/u);
		expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
	}
	expect(packages[""]).toMatchObject({
		dependencies: manifest.dependencies,
		devDependencies: manifest.devDependencies,
	});
});

test("R11: whatever is installed has its hash in the lockfile, and comes from a registry", () => {
	expect(installed.length).toBeGreaterThan(100);
	for (const [place, { integrity, resolved, link, dev, optional }] of installed) {
		// npm writes no hashes of what it could not install on the machine where the lockfile was made: tools for others.
		if (dev === true && optional === true && integrity === undefined) continue;
		expect(integrity, place).toMatch(/^sha512-/u);
		// Which registry, the machine decides: no address is in the lockfile, so that none is where it does not belong.
		expect([resolved, link], place).toEqual([undefined, undefined]);
	}
	const production = installed.filter(([, { dev }]) => dev !== true);
	expect(production.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
});

test("R11: the scripts that run at an install were decided on, each by name", () => {
	const decided = new Set(Object.keys(manifest.allowScripts).map((name) => name.replace(/@[\d.]+$/u, "")));
	const withScripts = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
	expect(
		withScripts.map(([place]) => place.replace(/^.*node_modules\//u, "")).filter((name) => !decided.has(name)),
	).toEqual([]);
});

test("R11: the image and the instructions install what the lockfile says, and nothing else", () => {
	for (const name of ["Dockerfile", "README.md", "CONTRIBUTING.md", "docs/install.md"]) {
		const lines = read(name)
			.split("\n")
			.filter((line) => /^(?:RUN )?npm (?:i|install|ci)\b/u.test(line));
		expect(lines.length, name).toBeGreaterThan(0);
		// A tarball that was made here is no dependency.
		expect(
			lines.filter((line) => !/npm ci\b|\.tgz\b/u.test(line)),
			name,
		).toEqual([]);
	}
});
