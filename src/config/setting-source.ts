/** Kinds of sources, the weakest first. The profile is that of Prefect's own command line. */
export type SourceKind = "default" | "prefect_profile" | "file" | "prefect_env" | "zombied_env" | "flag";

/** A value that somebody gave to a setting, not checked yet. */
export interface GivenValue {
	/** `detector.slowestCadence`. */
	readonly path: string;
	readonly value: unknown;
	readonly kind: SourceKind;
	/** For the operator: `config/zombied.yaml:3:5`, a variable's name, a flag. */
	readonly where: string;
	/** Of a value with parts, where each of them is: by its path, such as `rules[0].match`. */
	readonly places?: ReadonlyMap<string, string>;
}

/** What one source gave, and a line for each thing in it that cannot be right. */
export interface SourceReading {
	readonly given: readonly GivenValue[];
	readonly problems: readonly string[];
	/** Allowed, and probably not meant. */
	readonly warnings: readonly string[];
}
