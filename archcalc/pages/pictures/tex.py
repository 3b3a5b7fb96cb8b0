r"""TikZ: a file that a stock LaTeX compiles, and whose `tikzpicture` can be pasted into a paper."""

from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.pages.picture import Arrow, Card, Face, Label, Picture, Shape, draws
from archcalc.pages.styles import picture
from archcalc.sym.latex import typeset

ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}

HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage{tikz}
\usepackage[paperwidth=@WIDTH@bp, paperheight=@HEIGHT@bp, margin=0bp]{geometry}
\pagestyle{empty}
\setlength{\parindent}{0pt}
\begin{document}"""
"""A page as large as the picture, of packages that every LaTeX has."""


@draws("tex")
def to_tex(document: Mapping[str, Any], style: str, depth: int) -> str:
    return "\n".join(lines(picture(document, style, depth))) + "\n"


def lines(made: Picture) -> Iterator[str]:
    width, height = round(made.width) + 2, round(made.height) + 2
    yield HEAD.replace("@WIDTH@", str(width)).replace("@HEIGHT@", str(height))
    colors = dict.fromkeys(each.color for each in made.shapes if isinstance(each, Face | Card))
    yield r"\begin{tikzpicture}[x=1bp, y=-1bp, font=\sffamily, >=stealth, line width=0.5bp]"
    yield from (rf"\definecolor{{c{each}}}{{HTML}}{{{each.upper()}}}" for each in colors)
    yield rf"\useasboundingbox (0,0) rectangle {point(made.width, made.height)};"
    for each in made.shapes:
        yield from shape(each)
    yield r"\end{tikzpicture}"
    yield r"\end{document}"


def point(x: float, y: float) -> str:
    return f"({x:.1f},{y:.1f})"


def shape(each: Shape) -> Iterator[str]:
    match each:
        case Face(points, color, shade):
            corners = " -- ".join(point(*corner) for corner in points)
            yield rf"\filldraw[draw=c{color}, fill=c{color}!{round(100 * shade)}] {corners} -- cycle;"
        case Card(x, y, width, height, color):
            corners = f"{point(x, y)} rectangle {point(x + width, y + height)}"
            yield rf"\filldraw[rounded corners=4bp, draw=gray!50, fill=white] {corners};"
            yield rf"\fill[c{color}] {point(x, y + 1)} rectangle {point(x + 5, y + height - 1)};"
        case Arrow(path, is_skip):
            yield rf"\draw[->, gray!80!black{', densely dashed' if is_skip else ''}] {''.join(map(segment, path))};"
        case Label() if each.text:
            style = r"\bfseries" if each.is_strong else ""
            color = "gray!80!black" if each.is_muted else "black"
            font = rf"\fontsize{{{each.size:g}bp}}{{{1.2 * each.size:g}bp}}\selectfont{style}"
            options = rf"anchor={ANCHORS[each.anchor]}, inner sep=0, text={color}, font=\sffamily{font}"
            yield rf"\node[{options}] at {point(each.x, each.y)} {{{typeset(each.text)}}};"


def segment(part: tuple[str, tuple[float, ...]]) -> str:
    command, numbers = part
    pairs = [point(*numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
    if command == "C":
        return f" .. controls {pairs[0]} and {pairs[1]} .. {pairs[2]}"
    return pairs[0] if command == "M" else f" -- {pairs[0]}"
