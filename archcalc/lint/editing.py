"""Editing: changes calls in the text of a spec, and leaves everything else, including comments, unchanged."""

import re
from collections.abc import Iterable, Iterator

from archcalc.core.diagnostic import Edit
from archcalc.core.location import Location
from archcalc.graph.graph import Node


def with_argument(node: Node, name: str, value: str) -> tuple[Edit, ...]:
    """Adds an argument to a node's call, written `conv(3, 8)`, `conv: {...}` or as a mapping over several lines.

    An existing argument of that name is replaced. Returns no edits for any other form.
    """
    where = node.where
    if where is None:
        return ()
    if is_call(where):
        return in_brackets(where, f"{name}=", value)
    rest = where.source.line(where.line)[where.column + len(where.text) :]
    if flow := re.match(r"\s*:\s*(?=\{)", rest):
        start = len(where.text) + flow.end()
        length = closing(rest, flow.end()) - flow.end() + 1
        return in_brackets(where.part(start, length), f"{name}: ", value) if length > 0 else ()
    return in_lines(where, name, value) if re.fullmatch(r"\s*:\s*(#.*)?", rest) else ()


def states_argument(node: Node, name: str) -> bool:
    """Whether a node's call states an argument, which `with_argument` would replace."""
    return any(edit.where.length for edit in with_argument(node, name, ""))


def is_call(where: Location) -> bool:
    """Whether a location is a complete call: `conv(3, 8)`."""
    return len(where.text) == where.length and where.text.endswith(")") and "(" in where.text


def in_brackets(where: Location, key: str, value: str) -> tuple[Edit, ...]:
    """Adds `key` and `value` to a text that ends in a bracket: `conv(3, 8)`, `{kernel_size: 3}`."""
    text = where.text
    first = re.search(r"[({]", text)
    assert first
    for begin, end in parts(text, first.end()):
        word = text[begin:end]
        if word.strip().startswith(key.strip()):
            begin += len(word) - len(word.lstrip())
            return (Edit(where.part(begin, len(word.strip())), f"{key}{value}"),)
    separator = ", " if text[first.end() : -1].strip() else ""
    end = len(text[:-1].rstrip())
    return (Edit(where.part(end, 0), f"{separator}{key}{value}"),)


def parts(text: str, start: int) -> Iterator[tuple[int, int]]:
    """The ranges of the arguments of a call. The first begins at `start`; the last ends before the last bracket.

    >>> list(parts("conv(3, act=f(1, 2))", 5))
    [(5, 6), (7, 19)]
    """
    depth = 0
    for i, sign in enumerate(text[start:], start):
        if i == len(text) - 1 or (sign == "," and not depth):
            yield start, i
            start = i + 1
        depth += (sign in "([{") - (sign in ")]}")


def closing(text: str, start: int) -> int:
    """The position of the bracket that closes the one at `start`; -1 if it is on another line."""
    depth = 0
    for i, sign in enumerate(text[start:], start):
        depth += (sign in "([{") - (sign in ")]}")
        if not depth:
            return i
    return -1


def in_lines(where: Location, name: str, value: str) -> tuple[Edit, ...]:
    """Adds an argument to a mapping with one line per key."""
    source, line = where.source, where.line + 1
    indent = indent_of(source.line(line))
    if indent <= where.column or not source.line(line).strip():
        return ()
    for number in range(line, len(source.lines)):
        text = source.lines[number]
        if text.strip() and indent_of(text) < indent:
            break
        if found := re.match(rf"{' ' * indent}{name}: *([^#]*?) *(#.*)?$", text):
            return (Edit(Location(source, number, found.start(1), len(found[1])), value),)
    return (Edit(Location(source, line, indent, 0), f"{name}: {value}\n{' ' * indent}"),)


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def removable(node: Node) -> Location | None:
    """The location of a layer that can be removed; None if a number of its type is used as a name: `relu1`."""
    where = node.where
    if where is None or len(where.text) != where.length:
        return None
    return None if re.search(rf"\b{node.layer.name}\d", where.source.text) else where


def without_step(node: Node) -> tuple[Edit, ...]:
    """Removes a layer from its chain, if that is safe."""
    where = removable(node)
    if where is None:
        return ()
    line = where.source.line(where.line)
    before, after = line[: where.column], line[where.column + where.length :]
    if arrow := re.search(r"\s*->\s*$", before):
        alone = re.match(r"\s*(->|#|$|['\",\]])", after) or re.match(r"\s+if\b", after)
        return (Edit(where.part(-len(arrow[0]), len(arrow[0]) + where.length), ""),) if alone else ()
    if (arrow := re.match(r"\s*->\s*", after)) and re.search(r"(^|[-\[,]\s*)$", before):
        return (Edit(where.part(0, where.length + arrow.end()), ""),)
    return ()


def without_line(node: Node) -> tuple[Edit, ...]:
    """Removes the line of a layer that is the only item on it, if that is safe."""
    where = removable(node)
    if where is None:
        return ()
    line = where.source.line(where.line)
    alone = line[: where.column].strip() == "-" and not line[where.column + where.length :].strip()
    return (Edit(Location(where.source, where.line, 0, len(line) + 1), ""),) if alone else ()


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits applied; of two overlapping edits, only the later one."""
    lines = text.splitlines(keepends=True)
    taken: set[tuple[int, int]] = set()
    for edit in sorted(dict.fromkeys(edits), key=lambda edit: (edit.where.line, edit.where.column), reverse=True):
        at, line = edit.where, lines[edit.where.line]
        span = {(at.line, column) for column in range(at.column, at.column + max(at.length, 1))}
        if not span & taken:
            lines[at.line] = line[: at.column] + edit.text + line[at.column + at.length :]
            taken |= span
    return "".join(lines)
