import { type Html, html } from "./html.ts";

/** Nothing from elsewhere, nothing inline: what a name could smuggle in does not run. */
export const pagePolicy =
	"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A whole page around its main part. */
export function page(title: string, version: string, main: Html): string {
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/live.js" defer></script>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><a class="home" href="/">zombied</a> <span class="version">${version}</span> <span id="live" role="status"></span>
<nav aria-label="Site"><a href="/runs">runs</a> <a href="/metrics">metrics</a> <a href="/api/v1/openapi.json">API</a> <a href="/-/ready">ready</a> <a href="/-/healthy">healthy</a> <a href="/-/status">status</a></nav></header>
<main id="main">${main}</main>
</body>
</html>
`.text;
}
