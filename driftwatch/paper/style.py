"""How the pages look: light and dark, on a desk, on a telephone and on paper."""

from __future__ import annotations

_COLOURS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#17202a;--mute:#566371;--hair:#dfe5eb;--panel:#f4f6f9;
  --link:#1a5fa8;--bad:#b3261e;--warn:#8a5200;--good:#1e6e45;--line:#1f66b0;--band:#1f66b02b;--over:#b3261e12;
  --here:#17202a0d;--dust:#9aa7b5;--usual:#c9d2dc;--tint:#fdf1ef;--c0:#0a6cae;--c1:#cf5400;--c2:#00835f;
  --c3:#b0508a;--c4:#8a6d00;--c5:#6a51c2;--c6:#00808c;--c7:#8c4a2f}
@media (prefers-color-scheme:dark){
  :root{--paper:#11161c;--ink:#e4eaf0;--mute:#9caab8;--hair:#2b3540;--panel:#19212a;--link:#82b7f2;--bad:#ff8f85;
    --warn:#f0b35f;--good:#72cf9a;--line:#7db4f0;--band:#7db4f033;--over:#ff8f8517;--here:#ffffff12;--dust:#5d6b7a;
    --usual:#3d4a57;--tint:#2a1b1c;--c0:#5fb0ec;--c1:#ff9a57;--c2:#4fcfa6;--c3:#e69ac8;--c4:#e3c04a;--c5:#b3a2f5;
    --c6:#5fcfdb;--c7:#d79b82}
}
@media print{
  :root{color-scheme:light;--paper:#fff;--ink:#000;--mute:#444;--hair:#ccc;--panel:#fff;--link:#000;--bad:#a11;
    --warn:#740;--good:#064;--line:#1f66b0;--band:#1f66b02b;--over:#fff;--here:#0000000d;--dust:#999;--usual:#bbb;
    --tint:#fff;--c0:#0a6cae;--c1:#cf5400;--c2:#00835f;--c3:#b0508a;--c4:#8a6d00;--c5:#6a51c2;--c6:#00808c;
    --c7:#8c4a2f}
}
"""

_TEXT = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main{max-width:66rem;margin:0 auto;padding:1.75rem 1.25rem 4rem}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:.6rem 0 .7rem;text-wrap:balance}
h2{font-size:1.2rem;line-height:1.3;margin:0 0 .35rem}
h3{font-size:1rem;line-height:1.4;margin:0}
sup{font-size:.72em;line-height:0}
time{white-space:nowrap}
.facts time{white-space:normal}
section{margin-top:2.6rem;padding-top:1.3rem;border-top:1px solid var(--hair)}
p{margin:.4rem 0}
.lead{font-size:1.08rem;max-width:46rem}
.lead p{margin:.3rem 0}
.note,.mute,figcaption,.sub{color:var(--mute)}
.note{max-width:46rem;font-size:.93rem;margin-bottom:1rem}
.sub{font-size:.93rem;margin:0}
figcaption{font-size:.86rem}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--panel);padding:.1em .35em;
  border-radius:.25rem;border:1px solid var(--hair)}
.links{display:flex;flex-wrap:wrap;gap:.35rem 1.4rem;margin:1.1rem 0 0;padding:0;list-style:none;font-size:.93rem}
.badge,.tag{display:inline-block;border:1px solid currentColor;border-radius:1rem;font-weight:600;
  white-space:nowrap}
.badge{padding:.1rem .75rem;font-size:.9rem;margin-top:1rem}
.tag{padding:0 .55rem;font-size:.78rem;line-height:1.45}
.bad{color:var(--bad)}
.warn{color:var(--warn)}
.good{color:var(--good)}
.idle{color:var(--mute)}
.badge.bad,.badge.warn,.badge.good,.badge.idle{color:var(--paper)}
.badge.bad{background:var(--bad)}
.badge.warn{background:var(--warn)}
.badge.good{background:var(--good)}
.badge.idle{background:var(--mute)}
"""

_PARTS = """
.facts{display:flex;flex-wrap:wrap;gap:1px;margin:1.5rem 0 0;background:var(--hair);border:1px solid var(--hair);
  border-radius:.5rem;overflow:hidden}
.facts div{flex:1 1 13rem;background:var(--panel);padding:.8rem 1rem}
.facts dt{color:var(--mute);font-size:.84rem}
.facts dd{margin:0}
.facts dd b{display:block;font-size:1.06rem;line-height:1.4;font-weight:650}
.facts dd span{color:var(--mute);font-size:.86rem;display:block;line-height:1.4}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th{text-align:left;font-weight:600;color:var(--mute);font-size:.82rem;vertical-align:bottom}
td,th{padding:.42rem .9rem .42rem 0;border-bottom:1px solid var(--hair)}
td{vertical-align:top}
td:last-child,th:last-child{padding-right:0}
th.num,td.num{text-align:right}
td.num{font-variant-numeric:tabular-nums;white-space:nowrap}
td small{display:block;color:var(--mute);font-size:.86em}
.two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.5rem 2.5rem;align-items:start}
.two.map{grid-template-columns:minmax(0,6fr) minmax(0,5fr)}
.map figure{position:sticky;top:1rem;grid-area:1/2}
.map>ol{grid-area:1/1}
figure{margin:0}
.chart{display:grid;grid-template-columns:3rem minmax(0,1fr)}
svg{display:block;max-width:100%;overflow:visible}
svg text{font-size:12px;fill:var(--mute)}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.6rem 0 0;padding:0;list-style:none;font-size:.86rem;
  color:var(--mute)}
.key li{display:flex;gap:.4rem;align-items:center}
.shape{display:inline-block;vertical-align:-.08em;overflow:visible;flex:none}
.clusters,.done,.plain{list-style:none;margin:0;padding:0}
.clusters>li{padding:0 0 1.2rem;margin:0 0 1.2rem;border-bottom:1px solid var(--hair)}
.clusters>li:last-child{border:0;margin:0;padding:0}
.clusters h3 bdi{margin-right:.3rem}
.clusters p{font-size:.93rem}
.quote{margin:.45rem 0 0;padding:.1rem 0 .1rem .85rem;border-left:3px solid var(--hair);font-size:.93rem}
.plain .quote{border-left-color:var(--usual);margin-bottom:.7rem}
.done>li{display:grid;grid-template-columns:11.5rem minmax(0,1fr);gap:.2rem 1.2rem;padding:.7rem 0;
  border-bottom:1px solid var(--hair)}
.done>li:last-child{border:0}
.done p{margin:0}
.reasons{list-style:none;margin:.3rem 0 0;padding:0;font-size:.93rem}
.reasons li{padding-left:1.4rem;text-indent:-1.4rem}
.reasons b{display:inline-block;width:1.4rem;text-indent:0}
details{border:1px solid var(--hair);border-radius:.5rem;padding:.75rem 1rem;background:var(--panel);
  margin-top:2.6rem}
summary{cursor:pointer;font-weight:600}
.words,.stack{table-layout:fixed}
.stack th:first-child{width:37%}
.stages th:first-child{width:12.6rem}
.stages th:nth-child(2){width:9.5rem}
.stages th:nth-child(3){width:8.5rem}
.verdict{margin-top:1.6rem}
.card h3{margin-top:1.5rem}
.card table{max-width:46rem}
.card th.num{overflow-wrap:normal}
.words td{vertical-align:middle;padding-top:.28rem;padding-bottom:.28rem}
.words th:nth-child(1){width:34%}
.words th:nth-child(2){width:9.5rem}
details.more{border:0;background:none;padding:0;margin:.4rem 0 0}
details.more summary{font-weight:400;font-size:.93rem;color:var(--link);padding:.2rem 0}
details.more thead{position:absolute;clip-path:inset(50%)}
details h3{margin:1rem 0 .2rem}
details ul{margin:.2rem 0;padding-left:1.2rem}
details li{margin:.3rem 0;max-width:46rem}
"""

_CHARTS = """
.line{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round}
.base{fill:none;stroke:var(--mute);stroke-width:1.5;stroke-dasharray:5 4}
.band{fill:var(--band)}
.zone{fill:var(--over)}
.here{fill:var(--here)}
.grid{stroke:var(--hair)}
.limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:6 4}
.onset{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:2 3}
.alarm{stroke:var(--bad);stroke-width:1.5}
.dot{fill:var(--line);stroke:var(--paper);stroke-width:1}
.dot.out{fill:var(--bad)}
svg text.strong{fill:var(--ink);font-weight:600}
svg text.over{fill:var(--bad);font-weight:600}
svg text.halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.usual{fill:var(--usual)}
.whisker{stroke:var(--ink);stroke-width:1.5}
.at{fill:var(--line)}
.at.out{fill:var(--bad)}
.was{stroke:var(--ink);stroke-width:2}
.bar{fill:var(--line);opacity:.6}
.bar.fell{fill:var(--c1)}
.rail{fill:var(--hair)}
.dust{fill:none;stroke:var(--dust);stroke-width:3.2;stroke-linecap:round;opacity:.6}
.rest{fill:none;stroke:var(--ink);stroke-width:3.6;stroke-linecap:round;opacity:.75}
.plane{fill:var(--panel);stroke:var(--hair)}
.plane-label{font-weight:700;fill:var(--ink)}
@media (max-width:46rem){
  main{padding:1.1rem 1rem 3rem}
  h1{font-size:1.5rem}
  .two,.two.map{grid-template-columns:minmax(0,1fr)}
  .map figure{position:static}
  .map>*{grid-area:auto!important}
  .done>li{grid-template-columns:minmax(0,1fr)}
  .lead{font-size:1rem}
  .facts div{flex-basis:40%;padding:.65rem .75rem}
  .facts dd b{font-size:1.05rem}
  .stack thead{position:absolute;clip-path:inset(50%)}
  .stack tr{display:block;padding:.55rem 0;border-bottom:1px solid var(--hair)}
  .stack td{display:flex;gap:1rem;justify-content:space-between;border:0;padding:.1rem 0;text-align:right;
    white-space:normal}
  .stack td::before{content:attr(data-head);color:var(--mute);text-align:left;flex:none}
  .stack td:first-child{display:block;text-align:left}
  .stack td:first-child::before{content:none}
  .stack td:has(>span:empty){display:none}
  .stack td:has(>span>svg){display:block}
  .stack td:has(>span>svg)::before{content:none}
}
@media (prefers-reduced-motion:no-preference){
  details{transition:none}
}
@media print{
  main{max-width:none;padding:0}
  body{font-size:10.5pt}
  section{break-inside:auto;margin-top:1.2rem}
  figure,.clusters>li,.done>li,tr,.facts{break-inside:avoid}
  h2,h3{break-after:avoid}
  .map figure{position:static}
  details::details-content{content-visibility:visible;display:block}
  *{print-color-adjust:exact}
}
"""

STYLE = "".join(line.strip() for line in (_COLOURS + _TEXT + _PARTS + _CHARTS).splitlines())
