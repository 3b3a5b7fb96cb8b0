"""Mermaid: the outline as a flowchart, as Markdown of code hosts shows it."""

from collections.abc import Mapping
from typing import Any

from archcalc.pages.outline import outline
from archcalc.pages.picture import draws, fitted

LONGEST = 400.0


def entities(text: str) -> str:
    """A text in which nothing is syntax: all but letters, digits and spaces as their numbers.

    >>> entities('a"b'), entities("64 \u00d7 7")
    ('a#34;b', '64 #215; 7')
    """
    shown = fitted(text, 10, LONGEST)
    return "".join(each if each.isascii() and (each.isalnum() or each == " ") else f"#{ord(each)};" for each in shown)


@draws("mmd")
def to_mermaid(document: Mapping[str, Any], style: str, depth: int) -> str:
    items = outline(document, depth)
    lines = ["flowchart TD"]
    lines += [f'  n{i}["{entities(each.title)}<br/>{entities(each.size)}"]' for i, each in enumerate(items)]
    lines += [f"  n{source} --> n{i}" for i, each in enumerate(items) for source in each.sources]
    return "\n".join(lines) + "\n"
