/** `npm run test:soak` sets it: the long forms, which take hours. */
export const isSoak = process.env.ZOMBIED_TEST_SOAK === "1";

/** How often something is done to the daemon: `short` as a part of `npm test`, `long` in the soak. */
export function timesOf(extent: { readonly short: number; readonly long: number }): number {
	return isSoak ? extent.long : extent.short;
}

/** The first seed: in the soak of every run its own; or the one to be repeated (`ZOMBIED_TEST_SEED`). */
export const firstSeed = Number(process.env.ZOMBIED_TEST_SEED ?? (isSoak ? Date.now() % 1_000_000 : 1));
