import { z } from "zod";
import { valueForms } from "./field-types.ts";

/** An address that is a secret, since whoever has it can write there. Its messages do not repeat it. */
export function secretUrl() {
	const error = "needs an address that begins with https:// or http://";
	return z
		.string({ error })
		.refine((text) => /^https?:$/u.test(URL.parse(text)?.protocol ?? ""), { error })
		.register(valueForms, { form: "http(s) address" });
}
