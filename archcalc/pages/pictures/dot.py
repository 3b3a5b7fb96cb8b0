"""Graphviz: the outline as a graph, for those who lay it out themselves."""

from collections.abc import Mapping
from typing import Any

from archcalc.core.render import printable
from archcalc.pages.outline import INPUT, outline
from archcalc.pages.picture import OTHER, color_of, draws, fitted

LONGEST = 400.0


def quoted(text: str) -> str:
    escaped = fitted(text, 10, LONGEST).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@draws("dot")
def to_dot(document: Mapping[str, Any], style: str, depth: int) -> str:
    items = outline(document, depth)
    lines = [f"digraph {quoted(printable(document['name'] or 'Network'))} {{"]
    lines.append('  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica", fontsize=10];')
    lines.append('  edge [color="#5b636e", arrowsize=0.6];')
    for number, each in enumerate(items):
        color = OTHER if each.family == INPUT else color_of(each.family)
        label = quoted(each.title)[:-1] + "\\n" + quoted(each.size)[1:]
        lines.append(f'  n{number} [label={label}, color="#{color}"];')
    lines += [f"  n{source} -> n{number};" for number, each in enumerate(items) for source in each.sources]
    return "\n".join([*lines, "}\n"])
