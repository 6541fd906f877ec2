import type { Episode } from "../core/episode.ts";
import { formatDuration } from "../lib/duration.ts";
import { isoTime, plainText } from "../observe/plain-text.ts";

/** Of the evidence: Prefect takes far more; what is longer is read by nobody. */
const messageCharsMax = 1_500;

/** Names the alert in the state's message: after a crash of ours it shows whose mark it is. */
export function signatureOf(alertId: string): string {
	return `(zombied, alert ${alertId})`;
}

/** What the run's state says from now on: the evidence, for whoever finds it. */
export function messageFor({ condition, reason, evidence, alertId }: Episode): string {
	const { lastBeatReceivedMs, likelyCause, blindSeconds } = evidence;
	const beat = lastBeatReceivedMs === null ? "it has never beaten" : `last heartbeat ${isoTime(lastBeatReceivedMs)}`;
	const blind = blindSeconds > 0 ? `, ${formatDuration(Math.round(blindSeconds) * 1000)} of it not heard` : "";
	const cause = likelyCause === null ? "" : `; likely cause: ${likelyCause}`;
	return `${plainText(`${condition}: ${reason}; ${beat}${blind}${cause}`, messageCharsMax)} ${signatureOf(alertId)}`;
}
