import packageJson from "#package" with { type: "json" };

export const version: string = packageJson.version;

/** The commit an image was built from; `unknown` elsewhere. */
export function revisionOf(env: Readonly<Record<string, string | undefined>>): string {
	return env.ZOMBIED_REVISION || "unknown";
}
