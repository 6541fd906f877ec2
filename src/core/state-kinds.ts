import type { StateType, StateView } from "./run.ts";

/** Types and names of states that take a byte each in the run table; names are free text. */
const kindsMax = 255;

interface StateKind {
	readonly type: StateType;
	readonly name: string;
}

/** Which types and names of states there are: a few dozen in a fleet. They are never forgotten, being so few. */
export class StateKinds {
	readonly #kinds: StateKind[] = [];
	readonly #byName = new Map<string, Map<StateType, number>>();

	/** From 1; null when there is no room for one more. */
	numberOf({ type, name }: Pick<StateView, "type" | "name">): number | null {
		const known = this.#byName.get(name)?.get(type);
		if (known !== undefined) return known;
		if (this.#kinds.length >= kindsMax) return null;
		const number = this.#kinds.push({ type, name });
		const types = this.#byName.get(name) ?? new Map<StateType, number>();
		this.#byName.set(name, types.set(type, number));
		return number;
	}

	/** @param number of `numberOf` */
	at(number: number): StateKind {
		return this.#kinds[number - 1] as StateKind;
	}
}
