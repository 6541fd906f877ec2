export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;

/** The server's and the daemon's wall clocks at the beginning of the world. */
export const epochMs = Date.UTC(2026, 4, 13);

/** The world's time for a reader: days do not matter. */
export function clockText(atMs: number): string {
	return new Date(Math.floor(epochMs + atMs)).toISOString().slice(8, 23).replace("T", " ");
}
