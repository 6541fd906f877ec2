import type { ApiRunDetail, Happening } from "../api/run-schema.ts";
import { type Html, html } from "./html.ts";
import { durationText } from "./words.ts";

const widthPx = 960;
const heightPx = 150;
const leftPx = 8;
const rightPx = widthPx - 8;
const stateTopPx = 22;
const stateHeightPx = 26;
const beatTopPx = 62;
const beatHeightPx = 30;
const axisPx = 116;
/** Of a state's name, and about how wide one of them is. */
const labelCharsMax = 24;
const labelCharPx = 7;
/** The server is asked for 200 events: where there are nearly as many beats, there may have been more. */
const manyBeats = 190;
/** Along the axis. */
const timesShown = 5;
const dayMs = 86_400_000;
/** Room to the right of the last moment, as a share of the whole. */
const airShare = 0.04;

interface Span {
	readonly fromMs: number;
	readonly untilMs: number;
}

/**
 * A run's life as a picture: states as bands, heartbeats as strokes, what could not be heard as hatching, the silence since
 * the last sign of life, and the limit at which it counts as dead.
 *
 * @param nowMs our wall clock
 */
export function timelinePicture(run: ApiRunDetail, nowMs: number): Html {
	const span = spanOf(run, nowMs);
	if (span === null) return html`<p class="none">Nothing is known of its past.</p>`;
	const x = (ms: number): number =>
		Math.round(10 * (leftPx + ((ms - span.fromMs) / (span.untilMs - span.fromMs)) * (rightPx - leftPx))) / 10;
	const endMs = run.standing === "ended" ? span.untilMs : nowMs;
	return html`<figure tabindex="0"><svg class="timeline" role="img" aria-label="${saidOf(run)}" viewBox="0 0 ${widthPx} ${heightPx}">
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" x2="0" y1="0" y2="6"/></pattern></defs>
${stateBands(run.timeline, endMs, x)}${blindBands(run.timeline, x)}${silenceLine(run, nowMs, x)}${beatStrokes(run.timeline, x)}${alertMarks(run.timeline, x)}
<line class="axis" x1="${leftPx}" x2="${rightPx}" y1="${axisPx}" y2="${axisPx}"/>
${timeMarks(span, x)}
</svg><figcaption>States above, heartbeats as strokes${legendOf(run)}. Times are UTC${daysOf(span)}.${run.timeline_source === "memory" ? " Prefect could not be asked: this is what zombied remembers." : ""}</figcaption></figure>`;
}

function spanOf(run: ApiRunDetail, nowMs: number): Span | null {
	const moments = run.timeline.flatMap(({ at, until }) => [at, until ?? at]).map((at) => Date.parse(at));
	if (moments.length === 0) return null;
	const fromMs = moments.reduce((least, ms) => Math.min(least, ms));
	const lastMs = moments.reduce((most, ms) => Math.max(most, ms));
	const untilMs = run.standing === "ended" ? lastMs : Math.max(lastMs, nowMs, limitAtMs(run) ?? nowMs);
	return { fromMs, untilMs: untilMs + Math.max(1_000, (untilMs - fromMs) * airShare) };
}

/** When the silence reaches the limit, blind time added; null: no silence counts. */
function limitAtMs({
	last_alive_at: aliveAt,
	silence_seconds: silence,
	blind_seconds: blind,
	limit_seconds: limit,
}: ApiRunDetail): number | null {
	return aliveAt === null || silence === null ? null : Date.parse(aliveAt) + (limit + blind) * 1000;
}

function saidOf(run: ApiRunDetail): string {
	const beats = run.timeline.filter(({ kind }) => kind === "heartbeat").length;
	const states = run.timeline.filter(({ kind }) => kind === "state").map(({ text }) => text);
	const silent =
		run.silence_seconds === null
			? ""
			: `; silent for ${durationText(run.silence_seconds)} of ${durationText(run.limit_seconds)}`;
	return `Timeline: states ${states.join(", ") || "unknown"}; ${beats} heartbeats${silent}`;
}

function stateBands(timeline: readonly Happening[], endMs: number, x: (ms: number) => number): readonly Html[] {
	const states = timeline.filter(({ kind }) => kind === "state");
	const bands = states.map(({ at, text, state_type: type }, index) => {
		const fromPx = x(Date.parse(at));
		const next = states[index + 1];
		const untilPx = x(next === undefined ? Math.max(endMs, Date.parse(at)) : Date.parse(next.at));
		return { at, text: text.slice(0, labelCharsMax), type, fromPx, widthPx: Math.max(2, untilPx - fromPx) };
	});
	const labelled = labelledOf(bands);
	return bands.map((band) => {
		const { at, text, type, fromPx, widthPx: bandPx } = band;
		const label = labelled.has(band) ? html`<text x="${fromPx + 4}" y="${stateTopPx - 6}">${text}</text>` : null;
		return html`<rect class="state ${(type ?? "none").toLowerCase()}" x="${fromPx}" y="${stateTopPx}" width="${bandPx}" height="${stateHeightPx}"><title>${text} since ${at}</title></rect>${label}`;
	});
}

interface Band {
	readonly text: string;
	readonly fromPx: number;
	readonly widthPx: number;
}

/** Those whose names have room: the widest first, for that is where the run was. */
function labelledOf<Shown extends Band>(bands: readonly Shown[]): ReadonlySet<Shown> {
	const labelled = new Set<Shown>();
	const endOf = ({ fromPx, text }: Band): number => fromPx + 8 + text.length * labelCharPx;
	for (const band of bands.toSorted((one, other) => other.widthPx - one.widthPx)) {
		const isFree = [...labelled].every((other) => endOf(band) < other.fromPx || band.fromPx > endOf(other));
		if (isFree && endOf(band) <= rightPx) labelled.add(band);
	}
	return labelled;
}

function blindBands(timeline: readonly Happening[], x: (ms: number) => number): readonly Html[] {
	return timeline
		.filter(({ kind }) => kind === "blind")
		.map(({ at, until, text }) => {
			const fromPx = x(Date.parse(at));
			const untilPx = x(Date.parse(until ?? at));
			return html`<rect class="blind" x="${fromPx}" y="${beatTopPx}" width="${Math.max(1, untilPx - fromPx)}" height="${beatHeightPx}"><title>not heard: ${text}</title></rect>`;
		});
}

function silenceLine(run: ApiRunDetail, nowMs: number, x: (ms: number) => number): Html | null {
	const limitMs = limitAtMs(run);
	if (limitMs === null || run.last_alive_at === null) return null;
	const middlePx = beatTopPx + beatHeightPx / 2;
	const limitPx = x(limitMs);
	return html`<line class="silence" x1="${x(Date.parse(run.last_alive_at))}" x2="${x(nowMs)}" y1="${middlePx}" y2="${middlePx}"/><line class="limit" x1="${limitPx}" x2="${limitPx}" y1="${beatTopPx - 8}" y2="${axisPx}"/>`;
}

function beatStrokes(timeline: readonly Happening[], x: (ms: number) => number): readonly Html[] {
	return timeline
		.filter(({ kind }) => kind === "heartbeat")
		.map(({ at }) => {
			const px = x(Date.parse(at));
			return html`<line class="beat" x1="${px}" x2="${px}" y1="${beatTopPx}" y2="${beatTopPx + beatHeightPx}"><title>heartbeat ${at}</title></line>`;
		});
}

function alertMarks(timeline: readonly Happening[], x: (ms: number) => number): readonly Html[] {
	return timeline
		.filter(({ kind }) => kind === "raised" || kind === "resolved")
		.map(({ at, kind, text }) => {
			const px = x(Date.parse(at));
			return html`<circle class="${kind}" cx="${px}" cy="${axisPx}" r="5"><title>${kind} ${text} ${at}</title></circle>`;
		});
}

/** Times along the axis, evenly, and where each is. */
function timeMarks({ fromMs, untilMs }: Span, x: (ms: number) => number): readonly Html[] {
	return Array.from({ length: timesShown }, (_, index) => {
		const ms = fromMs + ((untilMs - fromMs) * index) / (timesShown - 1);
		const place = index === 0 ? "start" : index === timesShown - 1 ? "end" : "middle";
		return html`<line class="axis" x1="${x(ms)}" x2="${x(ms)}" y1="${axisPx}" y2="${axisPx + 5}"/><text class="${place}" x="${x(ms)}" y="${axisPx + 20}">${clockOf(ms, untilMs - fromMs)}</text>`;
	});
}

/** What else is in the picture. */
function legendOf(run: ApiRunDetail): string {
	const kinds = new Set(run.timeline.map(({ kind }) => kind));
	const beats = run.timeline.filter(({ kind }) => kind === "heartbeat").length;
	return [
		...(beats < manyBeats ? [] : [`the newest ${beats} of them`]),
		...(kinds.has("blind") ? ["hatched what zombied could not hear"] : []),
		...(run.silence_seconds === null ? [] : ["the thick line the silence"]),
		...(limitAtMs(run) === null ? [] : ["dashed the limit"]),
		...(kinds.has("raised") ? ["a dot an alert"] : []),
		...(kinds.has("resolved") ? ["a green one its end"] : []),
	]
		.map((text) => `, ${text}`)
		.join("");
}

function daysOf({ fromMs, untilMs }: Span): string {
	const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString().slice(0, 10));
	return from === until ? ` of ${from}` : `, from ${from} to ${until}`;
}

/** With the day where a picture is longer than one. */
function clockOf(ms: number, lengthMs: number): string {
	const text = new Date(ms).toISOString();
	return lengthMs > dayMs ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : text.slice(11, 19);
}
