import { z } from "zod";
import { durationBetween } from "./field-types.ts";
import { secretUrl } from "./secret-url.ts";
import { settingMeta } from "./setting-meta.ts";

/** The section `deadManSwitch`. */
export function deadManSection() {
	return z.strictObject({
		url: secretUrl().nullable().prefault(null).register(settingMeta, {
			description: "Asked (GET) again and again while zombied works, so that somebody else notices when it does not.",
			secret: true,
		}),
		// Whether zombied can work is looked at each time: more rarely, and a moment would count for an hour.
		every: durationBetween("10s", "5m").prefault("1m").register(settingMeta, {
			description: "How often the dead man's switch is asked.",
			live: true,
		}),
	});
}
