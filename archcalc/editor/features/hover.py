"""The numbers of a layer, a block, a label or a parameter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.core.location import Location
from archcalc.editor.feature import answers
from archcalc.editor.opened import Opened
from archcalc.editor.positions import range_of
from archcalc.explanation.description import page, signature, summary
from archcalc.layer import layer_named
from archcalc.report.layout import field_text, shape_text
from archcalc.report.report import Line, amount, so_many_layers

MOST = 8
"""Layers that a hover lists."""


@answers("textDocument/hover", needs_network=True, hoverProvider=True)
def hover(opened: Opened, params: Mapping[str, Any], at: Location) -> dict[str, Any] | None:
    word = opened.word_at(at.line, at.column)
    if word is None:
        return None
    parts = [*described(opened, word), *numbers(opened, word)]
    if not parts:
        return None
    return {"contents": {"kind": "markdown", "value": "\n\n".join(parts)}, "range": range_of(word)}


def described(opened: Opened, word: Location) -> Iterator[str]:
    """What a word means: a parameter and its value, a block and its arguments, a layer and what it does."""
    name = word.text
    place = opened.outline.found(name, "", "parameter", "block")
    if place and place.kind == "parameter" and opened.graph and name in opened.graph.params:
        yield f"**{name}** = {written(opened.graph.params[name])}"
    elif opened.document and (block := opened.document.library.blocks.get(name)):
        arguments = ", ".join(w.text if d is None else f"{w.text}={d.where.text}" for w, d in block.parameters)
        yield f"**{name}({arguments})**, a block"
    elif (layer := layer_named(name)) and opened.section_at(word.line) in ("blocks", "layers", "defaults"):
        yield f"**{signature(layer)}**\n\n{summary(layer)}"
        if opened.section_at(word.line) == "defaults":
            yield f"```text\n{page(layer)}```"


def written(value: object) -> str:
    return f"[{', '.join(map(written, value))}]" if isinstance(value, tuple) else str(value)


def numbers(opened: Opened, word: Location) -> Iterator[str]:
    """The numbers of the layers that a word stands for."""
    if opened.report is None:
        return
    lines = lines_of(opened, word)
    if lines:
        if not opened.is_current:
            yield "*Numbers of the last version without errors:*"
        yield table(lines)


def lines_of(opened: Opened, word: Location) -> Sequence[Line]:
    """The lines of a report for a label or a block, or for the call at this place."""
    assert opened.graph is not None
    assert opened.report is not None
    names = set(named(opened, word)) or {node.name for node in opened.graph if node.where and covers(node.where, word)}
    return [line for line in opened.report.lines if line.name in names]


def named(opened: Opened, word: Location) -> Iterator[str]:
    """The layers under a label, or in the uses of a block."""
    assert opened.graph is not None
    graph, block = opened.graph, opened.block_at(word.line)
    prefixes = [scope.prefix for scope in graph.scopes.values() if scope.block == word.text]
    if not prefixes and opened.outline.found(word.text.split(".")[0], block, "label"):
        around = [f"{scope.prefix}." for scope in graph.scopes.values() if scope.block == block] if block else [""]
        prefixes = [f"{each}{word.text}" for each in around]
    inside = tuple(f"{prefix}." for prefix in prefixes)
    yield from (node.name for node in graph if node.name in prefixes or node.name.startswith(inside))


def covers(where: Location, word: Location) -> bool:
    same = where.source.name == word.source.name and where.line == word.line
    return same and where.column <= word.column < where.column + where.length


def table(lines: Sequence[Line]) -> str:
    """A table in Markdown: each layer of a few, and the total of several."""
    rows = [[line.name, line.kind, shape_text(line), field_text(line), *figures(line.values)] for line in lines[:MOST]]
    if len(lines) > 1:
        more = f"{so_many_layers(sum(line.layers for line in lines))}"
        totals = {name: sum(line.values[name] or 0 for line in lines) for name in SHOWN}
        rows.append([f"**{more}**", "", shape_text(lines[-1]), "", *figures(totals)])
    heading = ["layer", "type", "output", "field", "parameters", "MACs", "output bytes"]
    bars = ["---", "---", "---:", "---:", "---:", "---:", "---:"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, bars, *rows))


SHOWN = ("params", "macs", "output_bytes")


def figures(values: Mapping[str, Any]) -> list[str]:
    return [amount(values[name]) for name in SHOWN]
