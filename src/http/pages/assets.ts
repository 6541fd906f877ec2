/** The one style sheet: light and dark as the reader's system is, contrast of WCAG AA in both. */
export const style = `:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--paper:#fff;--rail:#d9dee4;--line:#c9d1d9;--card:#f4f6f8;--link:#0550ae;--good:#116329;--bad:#a40e26;--fill:#57606a;--beat:#0969da;--running:#b6e3ff;--pending:#fff3b0;--scheduled:#e6e8eb;--completed:#aceebb;--failed:#ffcecb;--crashed:#ffb3ad;--cancelled:#d8dee4;--cancelling:#ffd8b5;--paused:#e9d8fd}
@media (prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9aa4ae;--paper:#0d1117;--rail:#30363d;--line:#3d444d;--card:#161b22;--link:#79c0ff;--good:#56d364;--bad:#ff9492;--fill:#9aa4ae;--beat:#79c0ff;--running:#0c3a66;--pending:#4d3f00;--scheduled:#2d333b;--completed:#0f4a24;--failed:#6b1a17;--crashed:#7d1f1b;--cancelled:#373e47;--cancelling:#5a3410;--paused:#41286b}}
*{box-sizing:border-box}
h1,dd,li,p{overflow-wrap:anywhere}.facts div{max-width:100%}
body{margin:0;background:var(--paper);color:var(--text);font:15px/1.5 system-ui,sans-serif}
a{color:var(--link)}
a:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99em}.skip:focus{left:1em;top:.5em;background:var(--paper);padding:.3em .6em}
header{display:flex;flex-wrap:wrap;gap:.4em 1em;align-items:baseline;padding:.6em 1.2em;border-bottom:1px solid var(--line)}
header nav{margin-left:auto;display:flex;gap:1em}
.home{font-weight:700;font-size:1.15em;color:var(--text);text-decoration:none}
.version,.soft,.meaning,.none,.of,#live{color:var(--soft)}
main{max-width:76em;margin:0 auto;padding:.6em 1.2em 3em}
h1{font-size:1.6em;margin:.6em 0}
h2{font-size:1.15em;margin:1.6em 0 .2em}
.count{color:var(--soft);font-weight:400}
.meaning{margin:.1em 0 .5em}
.alarm h2{color:var(--bad)}
.facts{display:flex;flex-wrap:wrap;gap:.5em;margin:.4em 0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.4em .8em;min-width:9em}
.facts .good{border-left:4px solid var(--good)}.facts .bad{border-left:4px solid var(--bad)}
dt{color:var(--soft);font-size:.85em}dd{margin:0}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
time{white-space:nowrap}
tbody th{overflow-wrap:anywhere;min-width:9em}
th,td{text-align:left;padding:.35em .7em .35em 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{color:var(--soft);font-size:.85em}
td.figure{font-variant-numeric:tabular-nums}
.number{font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{vertical-align:middle}
.bar .rail{fill:var(--rail)}.bar .fill{fill:var(--fill)}.bar.over .fill{fill:var(--bad)}.bar .limit{stroke:var(--text);stroke-width:2}
.verdict{border-left:4px solid var(--soft);background:var(--card);padding:.6em 1em;border-radius:0 6px 6px 0}
.verdict.beating{border-color:var(--good)}.verdict.suspect,.verdict.overdue,.verdict.flagged,.verdict.aside{border-color:var(--bad)}
figure{margin:0;overflow-x:auto}figcaption{color:var(--soft);font-size:.85em}
.timeline{width:100%;height:auto;min-width:40em;font:12px system-ui,sans-serif}
.timeline text{fill:var(--text)}.timeline .end{text-anchor:end}.timeline .middle{text-anchor:middle}
.timeline .axis{stroke:var(--line)}.timeline .beat{stroke:var(--beat);stroke-width:2}
.timeline .silence{stroke:var(--bad);stroke-width:3}.timeline .limit{stroke:var(--bad);stroke-width:2;stroke-dasharray:5 4}
.timeline .hatch{stroke:var(--soft);stroke-width:2}.timeline .blind{fill:url(#hatch)}
.timeline .raised{fill:var(--bad)}.timeline .resolved{fill:var(--good)}
.state{stroke:var(--line);fill:var(--scheduled)}
.state.running{fill:var(--running)}.state.pending{fill:var(--pending)}.state.completed{fill:var(--completed)}.state.failed{fill:var(--failed)}.state.crashed{fill:var(--crashed)}.state.cancelled{fill:var(--cancelled)}.state.cancelling{fill:var(--cancelling)}.state.paused{fill:var(--paused)}
.filters p{margin:.2em 0}
@media (max-width:40em){header,main{padding-left:.8em;padding-right:.8em}header nav{margin-left:0;flex-wrap:wrap}.minor{display:none}tbody th{min-width:6.5em}.what{min-width:10em}.facts div{flex:1 1 9em}time{white-space:normal}th,td{padding-right:.4em}}
code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
`;

/**
 * The one script: the server says when there is something new, and the main part is fetched again and put in its place.
 * Without it the page is as it was when it was asked for.
 */
export const liveScript = `"use strict";
const main = document.getElementById("main");
const live = document.getElementById("live");
const source = new EventSource("/live");
source.onopen = () => { live.textContent = "live"; };
source.onerror = () => { live.textContent = "not connected: this page is not up to date"; };
source.addEventListener("changed", async () => {
	// Who is reading a selection, or stands on a link, is not to lose it.
	if (document.hidden || String(getSelection()) !== "" || main.contains(document.activeElement)) return;
	const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
	if (answer === null || !answer.ok) return;
	const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
	const part = fresh.getElementById("main");
	if (part === null) return;
	const scrolled = [...main.querySelectorAll(".wide")].map((box) => box.scrollLeft);
	main.replaceChildren(...part.childNodes);
	main.querySelectorAll(".wide").forEach((box, index) => { box.scrollLeft = scrolled[index] ?? 0; });
	document.title = fresh.title;
});
`;

export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1b1f24"/><path d="M3 16h7l3-8 5 16 3-8h3" fill="none" stroke="#56d364" stroke-width="2.5"/><path d="M24 16h6" stroke="#ff9492" stroke-width="2.5"/></svg>`;
