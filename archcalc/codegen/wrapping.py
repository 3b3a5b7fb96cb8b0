"""Line wrapping as in ruff and black: at the last bracket, then at its commas, or at operators."""

import re
from collections.abc import Iterator, Sequence

WIDTH = 120
INDENT = "    "

OPENING, CLOSING = "([{", ")]}"


def wrapped(line: str, room: int = WIDTH) -> list[str]:
    """A line of code with its indentation, as one line or several.

    >>> for each in wrapped("    x = torch.cat([first, second], dim=1)", 30):
    ...     print(each)
        x = torch.cat(
            [first, second], dim=1
        )
    """
    if len(line) <= room:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    if links := links_of_chain(line.strip()):
        start, *calls = links
        return [f"{indent}{start}(", *(f"{indent}{INDENT}{each}" for each in calls), f"{indent})"]
    if not any(bracket in line for bracket in OPENING):
        return in_brackets(line.strip(), indent)
    start, arrow, returned = line.partition(" -> ") if line.lstrip().startswith("def ") else (line, "", "")
    head, body, tail = split_at_last_bracket(start)  # of a function, its parameters: what it returns stays in one line
    tail += arrow + returned
    if not body:
        return [line]
    inner = indent + INDENT
    if not head.rstrip().endswith(tuple(OPENING)):
        raise AssertionError(line)
    return [head, *broken(body, inner, room), f"{indent}{tail}"]


def in_brackets(line: str, indent: str) -> list[str]:
    """A long list of names to delete, or a long sum or product of names, with one name a line.

    >>> in_brackets("x = skip + skip2", ""), in_brackets("del a, b", "")
    (['x = (', '    skip', '    + skip2', ')'], ['del (', '    a,', '    b,', ')'])
    """
    if line.startswith("del "):
        start, parts = "del ", [f"{name}," for name in line.removeprefix("del ").split(", ")]
    else:
        start, value = re.match(r"(\w+ = |return |)(.*)", line).groups()  # type: ignore[union-attr]  # it always does
        parts = re.split(r" (?=[+*] )", value)
    return [f"{indent}{start}(", *(f"{indent}{INDENT}{each}" for each in parts), f"{indent})"] if parts[1:] else [line]


CHAIN = re.compile(r"((?:\w+ = |return ))(\w+)((?:\.\w+\(.*\)){2,})$")
"""A statement whose value is a name with at least two calls of methods, one after another."""


def links_of_chain(line: str) -> list[str]:
    """How a statement that is a chain of methods begins, and its calls; empty if it is none.

    >>> links_of_chain("x = x.unflatten(1, (2, 2)).permute(0, 2, 1)")
    ['x = ', 'x.unflatten(1, (2, 2))', '.permute(0, 2, 1)']
    """
    found = CHAIN.match(line)
    if found is None:
        return []
    calls, depth, start = list[str](), 0, 0
    for i, character in enumerate(found[3]):
        depth += (character in OPENING) - (character in CLOSING)
        if depth == 0 and character in CLOSING:
            calls.append(found[3][start : i + 1])
            start = i + 1
    if start < len(found[3]) or not all(re.match(r"\.\w+\(", call) for call in calls) or len(calls) < 2:
        return []
    name = found[2]
    return [found[1], *([name + calls[0], *calls[1:]] if len(name) <= len(INDENT) else [name, *calls])]


def broken(body: str, indent: str, room: int) -> Iterator[str]:
    """The text between two brackets: on one line if it fits, otherwise one item per line with a trailing comma."""
    if len(indent) + len(body) <= room:
        yield indent + body
        return
    items = split_at_commas(body)
    if len(items) == 1:
        yield from wrapped(indent + body, room)
        return
    for item in items:
        yield from comma_after(wrapped(indent + item, room - 1))


def comma_after(lines: Sequence[str]) -> list[str]:
    return [*lines[:-1], f"{lines[-1]},"]


def split_at_last_bracket(line: str) -> tuple[str, str, str]:
    """The line split at its last pair of brackets: up to the opening bracket, the inner text, and the rest."""
    end = max(line.rfind(bracket) for bracket in CLOSING)
    depth = 0
    for i in range(end, -1, -1):
        depth += (line[i] in CLOSING) - (line[i] in OPENING)
        if depth == 0:
            return line[: i + 1], line[i + 1 : end], line[end:]
    return line, "", ""


def split_at_commas(text: str) -> list[str]:
    """The items of a list, split at commas outside inner brackets and strings.

    >>> split_at_commas('[a, b], dim=1'), split_at_commas('"bij,bjk->bik", a, b')
    (['[a, b]', 'dim=1'], ['"bij,bjk->bik"', 'a', 'b'])
    """
    items, depth, start, quoted = [], 0, 0, False
    for i, character in enumerate(text):
        quoted ^= character == '"'
        if quoted:
            continue
        depth += (character in OPENING) - (character in CLOSING)
        if character == "," and depth == 0:
            items.append(text[start:i].strip())
            start = i + 1
    return [item for item in (*items, text[start:].strip()) if item]
