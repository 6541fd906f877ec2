/**
 * The sum over all series of a metric on a Prometheus text page whose labels hold all of `labels`; 0 when there is none.
 */
export function sumSeries(page: string, metric: string, labels: Readonly<Record<string, string>> = {}): number {
	const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
	let sum = 0;
	for (const line of page.split("\n")) {
		const series = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/u.exec(line);
		const [, name, ownLabels = "", value] = series ?? [];
		if (name === metric && wanted.every((label) => ownLabels.includes(label))) {
			sum += Number(value);
		}
	}
	return sum;
}
