import { z } from "zod";
import { renderConfigurationDocs } from "../../src/config/render-docs.ts";
import { renderExample } from "../../src/config/render-example.ts";
import { renderJsonSchema } from "../../src/config/render-schema.ts";
import { alertLineSchema } from "../../src/notify/alert-line.ts";
import { renderMetricsDocs } from "../../src/observe/render-docs.ts";
import { renderAlertFields } from "./alert-fields.ts";
import { renderLimits } from "./limits.ts";

/** A file of the repository that is made from the sources. */
export interface GeneratedDocument {
	/** From the repository's root. */
	readonly path: string;
	readonly render: () => string;
}

export const documents: readonly GeneratedDocument[] = [
	{ path: "config/zombied.example.yaml", render: renderExample },
	{ path: "config/zombied.schema.json", render: renderJsonSchema },
	{ path: "config/alert-line.schema.json", render: renderAlertLineSchema },
	{ path: "src/core/alert-fields.ts", render: renderAlertFields },
	{ path: "docs/configuration.md", render: renderConfigurationDocs },
	{ path: "docs/limits.md", render: renderLimits },
	{ path: "docs/metrics.md", render: renderMetricsDocs },
];

/** What we promise of a line. Readers must let further fields pass: within `schema: 1` fields are added, never changed. */
function renderAlertLineSchema(): string {
	const schema = z.toJSONSchema(alertLineSchema, {
		target: "draft-7",
		override: ({ jsonSchema }) => {
			delete jsonSchema.additionalProperties;
		},
	});
	return `${JSON.stringify({ ...schema, title: "Alert line of zombied" }, null, "\t")}\n`;
}
