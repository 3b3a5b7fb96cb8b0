"""The comments of a spec: where they stand, and what they belong to."""

import re
from collections.abc import Iterator
from itertools import groupby

from archcalc.record import record
from archcalc.spec import reader as tree
from archcalc.spec.reader import Node, Scalar

COMMENT = re.compile(r"#[^\n]*")


@record
class Comment:
    """A comment at a character of the file; `own`: whether it has a line of its own."""

    start: int
    column: int
    text: str
    own: bool


def comments_of(text: str, root: Node | None) -> list[Comment]:
    """All comments of a spec, in the order of the file: they are between its scalars."""
    found, end = [], 0
    for begin, after in [*spans(root), (len(text), len(text))]:
        for each in COMMENT.finditer(text, end, max(begin, end)):
            line = text.rfind("\n", 0, each.start()) + 1
            own = not text[line : each.start()].strip()
            found.append(Comment(each.start(), each.start() - line, each[0].rstrip(), own))
        end = max(end, after)
    return found


def spans(node: Node | None) -> Iterator[tuple[int, int]]:
    """The characters of each scalar. A scalar that was joined of pieces contains no comment."""
    if isinstance(node, Scalar):
        yield node.span
    elif isinstance(node, tree.Sequence):
        for each in node.items:
            yield from spans(each)
    elif isinstance(node, tree.Mapping):
        for key, value in node.pairs:
            yield key.span
            yield from spans(value)


def aligned(lines: list[tuple[str, int, str]]) -> Iterator[str]:
    """Lines, each with its comment at a column: comments below each other stay so, two blanks or more after the text.

    >>> list(aligned([("a: 1", 6, "# one"), ("b: 1000", 6, "# two"), ("c: 3", 0, "")]))
    ['a: 1     # one', 'b: 1000  # two', 'c: 3']
    """
    for (column, commented), group in groupby(lines, lambda line: (line[1], bool(line[2]))):
        rows = list(group)
        place = max(column, *(len(text) + 2 for text, _, _ in rows), 0)
        yield from (f"{text:<{place}}{comment}" if commented else text for text, _, comment in rows)
