/** A uniform number in [0, 1). Passed in wherever chance decides, so that a seed replays a run. */
export type Random = () => number;

// Jitter needs no cryptographic strength.
export const systemRandom: Random = () => Math.random();
