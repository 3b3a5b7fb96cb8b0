"""Editing: the text of a spec with some of its calls changed, everything else as it was, comments included."""

from collections.abc import Iterable

from archcalc.core.diagnostic import Edit
from archcalc.core.location import Location
from archcalc.graph import Node


def with_argument(node: Node, name: str, value: str) -> tuple[Edit, ...]:
    """Gives an argument to the call of a node; nothing where it is not written as a call on one line.

    An argument of that name that stands there is replaced.
    """
    where = node.where
    if where is None or not is_call(where):
        return ()
    text = where.text
    if (at := text.find(f"{name}=")) > 0 and text[at - 1] in " (,":
        end = min(i for i in (text.find(",", at), text.rfind(")")) if i > 0)
        return (Edit(where.part(at, end - at), f"{name}={value}"),)
    separator = "" if text[text.index("(") + 1 : -1].strip() == "" else ", "
    return (Edit(where.part(len(text) - 1, 0), f"{separator}{name}={value}"),)


def is_call(where: Location) -> bool:
    """Whether a place is a whole call: `conv(3, 8)`."""
    return len(where.text) == where.length and where.text.endswith(")") and "(" in where.text


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; of two that overlap the first."""
    lines = text.splitlines(keepends=True)
    taken: set[tuple[int, int]] = set()
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: (edit.where.line, edit.where.column), reverse=True):
        at, line = edit.where, lines[edit.where.line]
        span = {(at.line, column) for column in range(at.column, at.column + max(at.length, 1))}
        if not span & taken:
            lines[at.line] = line[: at.column] + edit.text + line[at.column + at.length :]
            taken |= span
    return "".join(lines)
