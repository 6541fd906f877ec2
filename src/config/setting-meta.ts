import { z } from "zod";

/** What is known of a setting beside its shape. */
export interface SettingMeta {
	readonly description: string;
	/** A variable of Prefect's own that sets it too; ranks below `ZOMBIED_…`. */
	readonly prefectEnv?: string;
	/** Prefect writes this one as a bare number of seconds. */
	readonly prefectEnvUnit?: "seconds";
	/** Never printed, never a flag, and may come from the file that `ZOMBIED_…_FILE` names. */
	readonly secret?: true;
	/** A reload takes it over; the others need a restart. */
	readonly live?: true;
	/** A variable or a flag has no room for it. */
	readonly fileOnly?: true;
	/** Parts of it may be secrets: no message quotes a value of it. */
	readonly holdsSecrets?: true;
	/** Of a list: one of its items, as an operator would write it. */
	readonly example?: string;
}

/** Descriptions and names of the settings, by their schema. */
export const settingMeta = z.registry<SettingMeta>();
