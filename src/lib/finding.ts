/** What a look at one layer has come to. */
export type Finding =
	| { readonly kind: "well"; readonly detail: string }
	/** `mayPass`: waiting may mend it, and nothing else can be done from here. */
	| { readonly kind: "fault"; readonly detail: string; readonly fix: string; readonly mayPass?: true }
	/** There is nothing to look at, or it could not be looked at. */
	| { readonly kind: "unknown"; readonly detail: string };

export function well(detail: string): Finding {
	return { kind: "well", detail };
}

export function fault(detail: string, fix: string): Finding {
	return { kind: "fault", detail, fix };
}

export function unknown(detail: string): Finding {
	return { kind: "unknown", detail };
}
