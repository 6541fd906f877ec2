import type { Company } from "./circumstances.ts";
import type { GroupIncident, GroupKind } from "./group-incident.ts";
import type { Run } from "./run.ts";

/** A run that was judged a zombie. */
interface Casualty {
	readonly runId: string;
	readonly workPool: string;
	readonly silentSinceMonoMs: number;
}

/** Older ones are no company: what took them is another thing. */
const companyMs = 60 * 60_000;
const togetherMs = 60_000;
/** Two at a time is chance: as for a mass lapse it takes three, the run itself included. */
const companyRunsMin = 2;
/** Remembered; more in an hour only makes the numbers told too small. */
const casualtiesMax = 1_000;

/** The zombies of the last hour, for what a new one has in common with them. Not kept over a restart. */
export class Casualties {
	#casualties: readonly Casualty[] = [];

	note({ runId, aliveAtMonoMs, labels: { workPool } }: Run): void {
		if (aliveAtMonoMs === null || workPool === null) return;
		const others = this.#casualties.filter((one) => one.runId !== runId).slice(1 - casualtiesMax);
		this.#casualties = [...others, { runId, workPool, silentSinceMonoMs: aliveAtMonoMs }];
	}

	/** @param incident the open group incident that the run lapsed in */
	companyOf({ runId, aliveAtMonoMs, labels: { workPool } }: Run, incident: GroupIncident | null): Company | null {
		if (incident !== null && incident.runsTotal > companyRunsMin) {
			const { groupKind, group, runsTotal } = incident;
			return { runs: runsTotal - 1, ofWhat: ofWhatTexts[groupKind](group), when: "together" };
		}
		if (aliveAtMonoMs === null || workPool === null) return null;
		const ages = this.#casualties
			.filter((one) => one.runId !== runId && one.workPool === workPool)
			.map(({ silentSinceMonoMs }) => aliveAtMonoMs - silentSinceMonoMs);
		const ofWhat = ofWhatTexts.work_pool(workPool);
		const together = ages.filter((ageMs) => Math.abs(ageMs) <= togetherMs).length;
		if (together >= companyRunsMin) return { runs: together, ofWhat, when: "within_minute" };
		const recent = ages.filter((ageMs) => Math.abs(ageMs) <= companyMs).length;
		return recent >= companyRunsMin ? { runs: recent, ofWhat, when: "within_hour" } : null;
	}
}

const ofWhatTexts: Readonly<Record<GroupKind, (group: string) => string>> = {
	work_pool: (group) => `of work pool ${group}`,
	client_version: (group) => `with client ${group}`,
	everything: () => "",
};
