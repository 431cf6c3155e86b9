/** Makes text safe inside HTML, in attributes too. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** A page that works without the dashboard's scripts: signing in and what can go wrong there. `body` is HTML. */
export function plainPage(page: {
  readonly title: string;
  readonly body: string;
  /** Path of the style sheet. */
  readonly stylesheet: string;
  /** Path of a script that only saves a click. */
  readonly script?: string;
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(page.title)} · Slipway</title>
<link rel="stylesheet" href="${escapeHtml(page.stylesheet)}">
${page.script === undefined ? "" : `<script src="${escapeHtml(page.script)}" defer></script>\n`}</head>
<body>
<main>
<p class="brand">Slipway</p>
<h1>${escapeHtml(page.title)}</h1>
${page.body}
</main>
</body>
</html>
`;
}

/** Where the sign-in pages find `PLAIN_PAGE_CSS`. */
export const PLAIN_PAGE_STYLESHEET = "/auth/plain-page.css";

/** Style of the plain pages, light and dark, by the reader's own setting. */
export const PLAIN_PAGE_CSS = `:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #fff; --text: #17212b; --muted: #4d5b68; --line: #c3ccd5; --accent: #0b5cad; --accent-soft: #eaf2fb;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #10161c; --card: #19222b; --text: #e8edf2; --muted: #a9b6c2; --line: #3b4854; --accent: #7db8f5; --accent-soft: #1f3042; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
.brand { margin: 0 0 .25rem; color: var(--muted); font-size: .875rem; font-weight: 600; letter-spacing: .04em; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
.muted { color: var(--muted); font-size: .9375rem; }
a { color: var(--accent); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
button, .button { display: block; width: 100%; padding: .75rem 1rem; min-height: 3rem; text-align: left; font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; text-decoration: none; }
button:hover, .button:hover { border-color: var(--accent); background: var(--accent-soft); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button strong { font-weight: 600; }
button span { color: var(--muted); }
`;
