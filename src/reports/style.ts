/** The style of the printable report. Part of the document, and named by its hash in the document's own policy. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #56616f; --line: #d8dee6; --paper: #fff; --checks: #3b6ea8; --hits: #b4540a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #a3adba; --line: #333c48; --paper: #12161c; --checks: #7fb0e6; --hits: #f0a45d; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif; }
h1, h2, p, dl, ul { margin: 0; }
header { border-bottom: 2px solid var(--ink); padding-bottom: .9rem; }
.kind, .whose, footer, caption, small, .none, .dsa p { color: var(--soft); }
.kind { font-size: .8rem; letter-spacing: .04em; }
h1 { font-size: 2rem; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; font-weight: 650; margin-bottom: .6rem; }
section { margin-top: 2.2rem; }
.headline { margin: 1.4rem 0 1.2rem; font-size: 1.3rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: var(--line); border: 1px solid var(--line); }
.figures > div { background: var(--paper); padding: .6rem .75rem; }
dt { font-size: .8rem; color: var(--soft); }
dd { margin: 0; font-size: 1.2rem; font-weight: 600; font-variant-numeric: tabular-nums; }
small { display: block; font-size: .75rem; font-weight: 400; }
table { width: 100%; border-collapse: collapse; margin: .4rem 0 1rem; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .8rem; padding-bottom: .25rem; }
th, td { padding: .3rem .5rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); font-size: .78rem; overflow-wrap: normal; }
.text { text-align: left; } .number { text-align: right; white-space: nowrap; padding-right: .75rem; }
th.number { white-space: normal; }
.facts { padding: 0; list-style: none; columns: 2 18rem; margin-bottom: .8rem; }
.facts li::before { content: "· "; color: var(--soft); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0 2rem; align-items: start; }
.columns h2 { grid-column: 1 / -1; }
svg { width: 100%; height: auto; display: block; }
svg .checked rect { fill: var(--checks); } svg .matched rect { fill: var(--hits); }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; fill: var(--ink); }
svg .scale { fill: var(--soft); text-anchor: end; } svg .first { text-anchor: start; }
svg path { stroke: var(--line); fill: none; } svg .base { stroke: var(--soft); }
footer { margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid var(--line); font-size: .8rem; }
.dsa td:last-child { width: 44%; color: var(--soft); }
@media (max-width: 40rem) { body { padding: 1.25rem 1rem; } .figures { grid-template-columns: 1fr 1fr; } table { display: block; overflow-x: auto; } }
@page { size: A4; margin: 16mm 15mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --checks: #3b6ea8; --hits: #b4540a; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, caption { break-after: avoid; } tr, .figures > div, svg { break-inside: avoid; } thead { display: table-header-group; }
  .dsa, .series { break-before: page; } svg rect { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
