export function putAll<Value>(target: Map<string, Value>, writes: ReadonlyMap<string, Value>): void {
	for (const [name, value] of writes) {
		target.set(name, value);
	}
}

export function deleteWhere<Value>(map: Map<string, Value>, isGone: (value: Value, name: string) => boolean): number {
	let deleted = 0;
	for (const [name, value] of map) {
		if (isGone(value, name) && map.delete(name)) deleted += 1;
	}
	return deleted;
}
