import { createHash } from "node:crypto";

const style =
	"body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}code{font-size:.9em}";
const styleHash = createHash("sha256").update(style).digest("base64");

/** Nothing but this page's own style: no script, no frame, no form, nothing from elsewhere. */
export const startPagePolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** Links to what is served. Says nothing of any run: it may be open to more people than Prefect is. */
export function startPage(version: string): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>zombied</title>
<style>${style}</style>
</head>
<body>
<h1>zombied ${version.replaceAll(/[^\w.+-]/gu, "")}</h1>
<p>Tells which Prefect flow runs are dead although the server still says RUNNING.</p>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/-/healthy">/-/healthy</a>: the process is at work</li>
<li><a href="/-/ready">/-/ready</a>: it can do its work; the reason, if not</li>
<li><a href="/-/status">/-/status</a>: how it is, in numbers (JSON)</li>
</ul>
</body>
</html>
`;
}
