import type { Settings } from "./schema.ts";

/** What is allowed in itself and probably not meant, or dangerous: a line each. */
export function doubtsOf({ prefect, rules }: Settings): readonly string[] {
	const doubts: string[] = [];
	if (prefect.tlsInsecureSkipVerify) {
		doubts.push(
			"prefect.tlsInsecureSkipVerify is on: the server's certificate is not checked, and whoever sits between can read the API key; prefer prefect.sslCertFile",
		);
	}
	const ofEveryRun = rules.findIndex(({ match }) => Object.keys(match).length === 0);
	if (ofEveryRun >= 0 && ofEveryRun < rules.length - 1) {
		doubts.push(`rules[${ofEveryRun}] matches every run, so that the rules after it never count; put it last`);
	}
	return doubts;
}
