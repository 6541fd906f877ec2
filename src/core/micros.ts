/** Whole microseconds, in which the server and its clients give times: such a time comes back from them as it was. */
export function usOf(ms: number): number {
	return Math.round(ms * 1000);
}
