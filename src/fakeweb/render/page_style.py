"""Style and script of the pages in ``page.py``; their hashes stand in the pages' policy."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d1f24; --quiet: #5d606b; --paper: #fff; --edge: #d9dbe1;
  --card: #f6f7f9;
  --fake: #b3162a; --real: #14665f; --unsure: #5d606b; }
@media (prefers-color-scheme: dark) { @media screen { :root { --ink: #e8e9ed; --quiet: #a4a7b3;
  --paper: #15171c;
  --edge: #353943; --card: #1e2128; --fake: #ff7b83; --real: #6fc9bf; --unsure: #b4b7c2; } } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 58rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .1rem 0 .3rem; } h2 { font-size: 1.1rem;
  margin: 1.6rem 0 .4rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; } p { margin: .35rem 0; } ul { margin: .3rem 0; padding-left: 1.2rem; }
header { border-left: 6px solid var(--unsure); padding-left: .9rem; margin-bottom: 1rem; }
header.fake { border-color: var(--fake); } header.real { border-color: var(--real); }
.fake h1 b, td.fake, .card.fake h3, .entry.fake h3 { color: var(--fake); }
.real h1 b, td.real, .card.real h3 { color: var(--real); }
.file { color: var(--quiet); overflow-wrap: anywhere; margin: 0; }
.quiet, figcaption, .note { color: var(--quiet); font-size: .9rem; }
figure { margin: 1rem 0; } figure svg, figure img { max-width: 100%; height: auto; display: block; }
.stage { position: relative; width: fit-content; max-width: 100%; margin-inline: auto; }
.stage img { max-height: 34rem; width: auto; } .stage #drawn { position: absolute; inset: 0; width: 100%;
  height: 100%; }
.slide { text-align: center; } .slide input { vertical-align: middle; width: 14rem; }
.timeline svg { background: #fff; border-radius: 6px; }
.sheet img { border-radius: 6px; }
blockquote { margin: .4rem 0; padding: .6rem .9rem; background: var(--card); border-left: 3px solid var(--edge);
  overflow-wrap: anywhere; }
.against { font-weight: 600; } .inside { display: flex; gap: .8rem; flex-wrap: wrap;
  } .inside img { border: 1px solid var(--edge); }
.card, .entry { display: flex; gap: 1rem; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px;
  padding: .8rem; margin: .6rem 0; break-inside: avoid; }
.card img { width: 112px; height: 112px; object-fit: cover; border-radius: 6px; flex: none; }
.card p, .entry p, .entry li { font-size: .92rem; } .card div, .entry div { min-width: 0; }
.entry img { width: 15rem; max-height: 15rem; object-fit: contain; flex: none; align-self: flex-start; }
.scale { display: block; margin: .15rem 0; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--edge);
  vertical-align: top;
  overflow-wrap: anywhere; }
th { white-space: nowrap; } td:nth-child(2) { min-width: 11rem; }
td:nth-child(-n+4) { overflow-wrap: break-word; }
code { overflow-wrap: anywhere; font-size: .85em; } dl { display: grid; grid-template-columns: 11rem 1fr;
  gap: .2rem 1rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
footer { margin-top: 2rem; border-top: 1px solid var(--edge); } .printed { display: none; }
@media screen and (max-width: 40rem) { .card, .entry { flex-direction: column; } dl { grid-template-columns: 1fr; }
  .entry img { width: 100%; }
  thead { display: none; } tr { display: grid; grid-template-columns: 1.8rem 1fr auto auto auto; padding: .3rem 0;
  border-bottom: 1px solid var(--edge); } td { border: 0; padding: 0 .5rem 0 0; } td:nth-child(2) { min-width: 0; }
  td:nth-child(6) { grid-column: 2 / -1; } }
@page { size: A4; margin: 14mm 15mm; }
@media print { html { font-size: 9.2pt; } body { font-size: 1rem; line-height: 1.36; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 16pt; } h2 { font-size: 11pt; margin: 3.4mm 0 1mm; break-after: avoid; }
  .slide, .later { display: none; }
  .stage img { max-height: 78mm; } .stage #drawn { max-height: none; } figure { margin: 3mm 0;
  break-inside: avoid; }
  .sheet img { max-height: 95mm; width: auto; } .timeline svg { max-height: 70mm; }
  .viewers p, .origin li, .quote { font-size: .92rem; } .inside img { max-height: 24mm; width: auto; }
  .quote, .inside { break-inside: avoid; }
  .cards { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2mm; }
  .cards > :not(.card) { grid-column: 1 / -1; }
  .card { padding: 1.6mm 2mm; margin: 1mm 0; gap: 3mm; } .card img { width: 17mm;
  height: 17mm; } .card p { font-size: .86rem; line-height: 1.25; margin: .6mm 0; }
  .entry img { width: 45mm; max-height: 45mm; } .printed { display: block; } footer { margin-top: 4mm;
  font-size: 8.4pt; line-height: 1.28; } footer ul { columns: 2; column-gap: 6mm; } footer li { break-inside: avoid; }
  a { color: inherit; text-decoration: none; } header, blockquote, .card, .entry { print-color-adjust: exact;
  } }
"""

SCRIPT: Final = (
    "const s=document.getElementById('slide'),o=document.getElementById('opacity'),d=document.getElementById('drawn');"
    "if(s&&o&&d){s.hidden=false;o.oninput=()=>{d.style.opacity=o.value/100}}"
)
