"""The style sheet of the status page. On a narrow screen each row of a table becomes a list of its cells. Pure."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #dfe1e6; --back: #f6f7f9; --card: #fff;
  --good: #18794e; --bad: #c62a2f; --bar: #3b7dd8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9ba1a9; --line: #33373d; --back: #16181b;
  --card: #1e2125; --good: #4cc38a; --bar: #5a9cf0; --bad: #ff8589 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 68rem; background: var(--back); color: var(--ink);
  font: .95rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
header { display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap }
h1 { font-size: 1.3rem; margin: 0 }
h2 { font-size: 1rem; margin: 0 0 .5rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem;
  margin-top: 1rem }
.soft, th { color: var(--soft); font-weight: normal }
.good { color: var(--good) } .bad { color: var(--bad) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 1rem }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 1.5rem }
.pair p { margin: 0 0 .25rem }
svg { display: block; width: 100%; height: 2.5rem; fill: var(--bar); border-bottom: 1px solid var(--line) }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line) }
tr:last-child td { border-bottom: 0 }
td:last-child, th:last-child { padding-right: 0 }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.name { min-width: 12rem }
.picture { width: 4rem; min-width: 4rem; padding-right: .75rem } .picture ~ td { vertical-align: middle }
.picture a { display: block; height: 3.25rem }
.picture img { display: block; margin: 0 auto; max-width: 100%; max-height: 100%; border: 1px solid var(--line) }
progress { width: 100%; min-width: 8rem; accent-color: var(--bar) }
a { color: var(--bar) }
button { font: inherit; padding: .1rem .7rem }
footer { margin-top: 1rem; color: var(--soft); font-size: .85rem }
@media (max-width: 44rem) {
  body { padding: .75rem }
  section { padding: .75rem }
  .tiles { grid-template-columns: repeat(3, 1fr); gap: .75rem }
  .tiles b { font-size: 1.3rem }
  table, tbody, tr { display: block }
  thead { display: none }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line) }
  tr:last-child { border-bottom: 0 }
  td, td:last-child { display: block; min-width: 0; padding: .1rem 0; border: 0; text-align: right;
    white-space: normal }
  td:empty { display: none }
  td::before { content: attr(data-label); color: var(--soft); float: left; margin-right: 1rem }
  td.name { text-align: left } td.name:first-child { font-weight: 600 }
  td.name::before, td.picture::before { content: none }
  td.picture { float: left; width: 4rem; min-width: 4rem; margin-right: .75rem }
  .picture ~ td { margin-left: 4.75rem }
  tr::after { content: ""; display: block; clear: both }
}
"""
STYLE_HASH = "sha256-" + b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
"""What a policy has to allow for this page to be styled."""
