import { z } from "zod";
import { type Field, fields, settingsSchema } from "./schema.ts";

const title = "Configuration of zombied";
/** A section whose lines are all comments reads as null. */
const sectionTypes = ["object", "null"];

/** The JSON Schema of the configuration file (draft 7, which editors know), for completion and checking while typing. */
export function renderJsonSchema(): string {
	const schema = z.toJSONSchema(settingsSchema, {
		io: "input",
		target: "draft-7",
		override: ({ zodSchema, jsonSchema, path }) => {
			dropSecretsFromRequired(jsonSchema);
			if (!path.includes("items")) {
				// Everything has a default, sections too: nothing is required.
				delete jsonSchema.required;
				if (zodSchema instanceof z.ZodObject && path.length > 0) jsonSchema.type = sectionTypes as unknown as "object";
			}
			// Every other step is "properties"; a path of odd length leads into a setting.
			const setting = path.filter((_, index) => index % 2 === 1).join(".");
			const field = path.length % 2 === 1 ? undefined : fields.find((candidate) => candidate.path === setting);
			if (field !== undefined) describe(jsonSchema, field);
		},
	});
	return `${JSON.stringify({ ...schema, title }, null, "\t")}\n`;
}

/** A secret may stand in a file or a variable instead. */
function dropSecretsFromRequired(schema: z.core.JSONSchema.BaseSchema): void {
	const { properties, required } = schema;
	if (required === undefined || properties === undefined) return;
	schema.required = required.filter((key) => !(`${key}File` in properties));
}

function describe(schema: z.core.JSONSchema.BaseSchema, field: Field): void {
	const fileVariable = field.secret === true ? ` or ${field.env}_FILE` : "";
	schema.description =
		field.env === null ? field.description : `${field.description} Also ${field.env}${fileVariable}.`;
	// "Not set" is written by leaving the line out; a file may not say null.
	if (schema.default === null) delete schema.default;
	if (Array.isArray(schema.type)) schema.type = "string";
	const [first] = schema.anyOf ?? [];
	delete schema.anyOf;
	Object.assign(schema, first);
}
