"""A page: the picture of the result, the designs as a table, and for each the command that reports it. One file."""

import json
from html import escape

from archcalc.sweeping.formats import svg
from archcalc.sweeping.sweep import Sweep, cell, summary

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
h1 {{ font-size: 1.4rem; margin-bottom: .2rem }} p {{ margin: .3rem 0 }}
svg {{ width: 100%; height: auto }} .scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }}
th, td {{ padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap }}
tr[aria-selected=true] {{ background: #dd6b2033 }} tbody tr {{ cursor: pointer }}
pre {{ padding: .7rem 1rem; background: #8881; border-radius: .4rem; overflow-x: auto; user-select: all }}
</style></head><body>
<h1>{title}</h1><p>{summary}</p>
{picture}
<p id="said">Choose a point or a row: its report is this command.</p><pre id="command" aria-live="polite">{first}</pre>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>
<script>
const commands = {commands};
const rows = [...document.querySelectorAll("tbody tr")];
function choose(i) {{
  rows.forEach((row, j) => row.setAttribute("aria-selected", i === j));
  document.getElementById("command").textContent = commands[i];
}}
document.querySelectorAll("circle").forEach(point => {{
  const i = Number(point.dataset.row);
  point.addEventListener("click", () => {{ choose(i); rows[i]?.scrollIntoView({{block: "nearest"}}); }});
  point.addEventListener("focus", () => choose(i));
}});
rows.forEach((row, i) => row.addEventListener("click", () => choose(i)));
</script></body></html>
"""


def write(sweep: Sweep) -> str:
    """The page. Raises NoPicture if the result has no picture."""
    picture = svg.write(sweep, is_alone=False)
    table = sweep.rows()[: svg.MOST_POINTS]
    commands = [sweep.command(design) for design in sweep.designs[: len(table)].tolist()]
    rows = ("".join(f"<td>{escape(cell(value))}</td>" for value in row.values()) for row in table)
    return PAGE.format(
        title=escape(sweep.question.documents[""].name),
        summary=escape(summary(sweep)),
        picture=picture,
        first=escape(commands[0]),
        head="".join(f"<th>{escape(name)}</th>" for name in table[0]),
        body="".join(f'<tr aria-selected="false">{row}</tr>' for row in rows),
        commands=json.dumps(commands).replace("<", "\\u003c"),
    )
