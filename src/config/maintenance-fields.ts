import { validate } from "node-cron";
import { z } from "zod";
import { durationBetween, shortName, valueForms } from "./field-types.ts";
import { matchSchema } from "./rule-fields.ts";

/** More than anybody plans; each is held against every alert. */
const windowsMax = 100;

/** One window, for the documentation. */
export const maintenanceExample =
	'{ name: backup, match: { workPool: "k8s" }, cron: "0 2 * * 6", lasts: 2h, timezone: Europe/Berlin }';

const cronError =
	'needs five fields: minute, hour, day of the month, month and day of the week, such as "0 2 * * 6" for Saturdays at 2:00';
const timezoneError = "needs the name of a time zone, such as Europe/Berlin";

function cronExpression() {
	return z.string({ error: cronError }).refine((text) => text.trim().split(/\s+/u).length === 5 && validate(text), {
		error: cronError,
	});
}

function timezone() {
	return z.string({ error: timezoneError }).refine(isTimezone, { error: timezoneError });
}

function isTimezone(name: string): boolean {
	try {
		return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
	} catch {
		return false;
	}
}

/** Planned work, in whatever order. */
export function maintenanceList() {
	const window = z.strictObject(
		{
			name: shortName(),
			match: matchSchema,
			cron: cronExpression(),
			lasts: durationBetween("1m", "7d"),
			timezone: timezone().optional(),
		},
		{ error: `needs name, match, cron and lasts, such as ${maintenanceExample}` },
	);
	return z
		.array(window, { error: "needs a list of windows, each with name, match, cron and lasts" })
		.max(windowsMax, { error: `has more than ${windowsMax} windows` })
		.register(valueForms, { form: `list of at most ${windowsMax} windows` });
}
