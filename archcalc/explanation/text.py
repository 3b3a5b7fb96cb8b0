"""Explanations as text: formula, numbers and result on one line if they fit, otherwise below each other."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from fractions import Fraction

from archcalc.explanation.derivation import Part, Result, Section, Step, Table
from archcalc.explanation.explanation import Explanation

WIDTH = 80
INDENT = "  "
HELD = "\N{NO-BREAK SPACE}"
OPENING, CLOSING = "(⌊⌈", ")⌋⌉"
BREAK = re.compile(r" (?=[+\-\u00d7] )|·(?=[(⌊⌈])")
"""Where a formula may be broken across lines: before plus and minus, and before brackets."""

ANYWHERE = re.compile(r"(?<= )(?=[+\-\u00d7] )")


def as_text(explanation: Explanation, width: int = WIDTH) -> str:
    """An explanation as text for people."""
    lines = [*head(explanation, width)]
    for section in explanation.sections:
        lines += ["", section.title, *written(section, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def head(explanation: Explanation, width: int) -> Iterator[str]:
    yield from wrapped(f"{explanation.name} = {explanation.call}", width, "", INDENT)
    given = ", ".join(f"{name} {volume}" for name, volume in explanation.inputs)
    made = f"{given} -> {explanation.output}" if given else f"{explanation.output}, the same for all samples"
    shapes = re.sub(r"(?<=\d), (?=\d)", f",{HELD}", made)
    yield from (line.replace(HELD, " ") for line in wrapped(shapes, width))
    if explanation.about:
        yield from wrapped(explanation.about, width)
    if explanation.sources:
        yield from wrapped(f"Source{'s' * ('; ' in explanation.sources)}: {explanation.sources}", width)
    if explanation.where:
        yield from wrapped(f"Spec: {explanation.where}", width)


def written(section: Section, width: int) -> Iterator[str]:
    """The parts of a section, followed by its sources."""
    for part in section.parts:
        yield from of_part(part, width)
    cited = [part.source for part in section.parts if isinstance(part, Step) and part.source]
    if sources := list(dict.fromkeys(each for source in cited for each in source.split("; "))):
        yield from wrapped(f"Source{'s' * (len(sources) > 1)}: {'; '.join(sources)}", width)


def of_part(part: Part, width: int) -> Iterator[str]:
    return of_table(part, width) if isinstance(part, Table) else of_step(part, width)


# --- steps -----------------------------------------------------------------------------------------------------------


def of_step(step: Step, width: int) -> Iterator[str]:
    if step.result is None:
        yield from wrapped(step.note, width)
        return
    sides = equal_sides(step)
    line = f"{INDENT}{' = '.join((step.name, *sides))}"
    if len(line) > width:
        *lines, line = stacked(step.name, sides, width)
        yield from lines
    if step.note and len(line) + len(step.note) + 2 <= width:
        yield f"{line}  {step.note}"
        return
    yield line
    if step.note:
        yield from wrapped(step.note, width, INDENT * 3, INDENT * 3)


def equal_sides(step: Step) -> list[str]:
    """The formula, the numbers and the result, without repetitions."""
    result = shown(step.result or 0)
    sides = list(dict.fromkeys(side for side in (step.formula, step.numbers, result) if side))
    return [*sides[:-1], f"{sides[-1]} {step.unit}".rstrip()] if sides else [f"{result} {step.unit}".rstrip()]


def shown(result: Result) -> str:
    return (
        f"{result:.4g}" if isinstance(result, float) else str(result) if isinstance(result, Fraction) else f"{result:,}"
    )


def stacked(name: str, sides: Sequence[str], width: int) -> Iterator[str]:
    """One side below the other; a side that is too long continues on the next line."""
    lead = f"{INDENT}{name} = "
    for side in sides:
        for piece in pieces(side, width - len(lead)):
            yield f"{lead}{piece}"
            lead = " " * len(lead)
        lead = f"{' ' * (len(lead) - 2)}= "


def pieces(side: str, room: int) -> Iterator[str]:
    """A formula split into lines, outside brackets if possible."""
    line = ""
    for word in words_of(side, room):
        if line and len(line) + len(word.rstrip()) > room:
            yield line.rstrip()
            line = ""
        line += word
    yield line.rstrip()


def words_of(side: str, room: int) -> Iterator[str]:
    """The unbreakable parts, each with the space after it."""
    start = depth = 0
    for at, sign in enumerate(side):
        depth += (sign in OPENING) - (sign in CLOSING)
        if not depth and BREAK.match(side, at):
            yield from parts_of(side[start : at + 1], room)
            start = at + 1
    yield from parts_of(side[start:], room)


def parts_of(word: str, room: int) -> list[str]:
    """A word; split anywhere if it is longer than a line."""
    return [word] if len(word) <= room else re.split(ANYWHERE, word)


# --- words and tables ------------------------------------------------------------------------------------------------


def wrapped(text: str, width: int, first: str = INDENT, rest: str = INDENT) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def of_table(table: Table, width: int) -> Iterator[str]:
    """Columns under their headings, with narrower gaps if they are too wide; a matrix has no headings and is indented
    twice."""
    if not table.columns:
        yield from of_matrix(table)
        return
    rows = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = INDENT if sum(widths) + len(INDENT) * len(widths) <= width else " "
    if table.spare and len(INDENT) + sum(widths) + len(gap) * (len(widths) - 1) > width:
        yield from of_table(table.without_spare, width)
        return
    columns = enumerate(zip(*table.rows, strict=True))
    words = [not i or any(re.search(r"[A-Za-z\[]", cell) for cell in column) for i, column in columns]
    for row in rows:
        cells = zip(row, widths, words, strict=True)
        yield INDENT + gap.join(f"{cell:<{w}}" if left else f"{cell:>{w}}" for cell, w, left in cells)


def of_matrix(table: Table) -> Iterator[str]:
    """Entries in columns of equal width, with space between blocks."""
    high, wide = table.blocks
    width = max(len(cell) for row in table.rows for cell in row)
    for i, row in enumerate(table.rows):
        if i and i % high == 0:
            yield ""
        cells = [f"{cell:<{width}}" for cell in row]
        yield INDENT + "  ".join(" ".join(cells[at : at + wide]) for at in range(0, len(cells), wide))
