"""The blanks within chains and expressions: `conv(3,64)->relu` becomes `conv(3, 64) -> relu`."""

import re
from collections.abc import Sequence
from itertools import pairwise

from archcalc.spec.token import NAME, TOKEN

OPEN, CLOSE = ("(", "["), (")", "]")

SPACED = ("->", "==", "!=", "<=", ">=", "<", ">")
"""Signs with a blank on either side."""

BINARY = ("+", "-", "*", "/", "//", "%", "**")
"""Signs that have blanks on both sides or on none, as the author began."""

WORDS = ("if", "else", "and", "or", "not", "in", "for")

MARGIN = re.compile(r"(\+/?-|\u00b1)")
"""The sign of a tolerance, `4.09e9 +- 1%`, in which these rules do not hold."""


def spaced(text: str) -> str:
    """A chain or an expression with canonical blanks; a text of any other kind as it is, on one line.

    >>> spaced("a=conv(3,64 , s2)->  relu"), spaced("w+1 if n>1 else -w"), spaced("4.1e9 +- 1%")
    ('a = conv(3, 64, s2) -> relu', 'w+1 if n > 1 else -w', '4.1e9 +- 1%')
    """
    line = " ".join(part.strip() for part in text.splitlines()).strip() if "\n" in text else text.strip()
    found = list(TOKEN.finditer(line))
    if any(each.lastgroup == "bad" for each in found) or MARGIN.search(line):
        return line
    parts: list[tuple[str, str, bool]] = []
    for each in found:
        kind = each.lastgroup
        assert kind is not None
        parts.append((kind, each[kind], each.start(kind) > each.start()))
    return joined(parts)


def joined(parts: Sequence[tuple[str, str, bool]]) -> str:
    """Tokens, each with its kind and whether a blank is before it, as one text."""
    depth, made = 0, [text for _, text, _ in parts[:1]]
    for at, (before, after) in enumerate(pairwise(parts), 1):
        depth += (before[1] in OPEN) - (before[1] in CLOSE)
        made += [" " * blank(parts, at, depth), after[1]]
    return "".join(made)


def blank(parts: Sequence[tuple[str, str, bool]], at: int, depth: int) -> bool:
    """Whether a blank is before a token; `depth`: the brackets that are open there."""
    (_, left, _), (_, right, given) = parts[at - 1], parts[at]
    if right == "," or left in OPEN or right in CLOSE:
        return False
    if left == "," or left in SPACED or right in SPACED:
        return True
    if "=" in (left, right):
        return depth == 0
    if right in BINARY and is_binary(parts, at):
        return has_blank(parts, at)
    if left in BINARY and is_binary(parts, at - 1):
        return has_blank(parts, at - 1)
    return given


def is_binary(parts: Sequence[tuple[str, str, bool]], at: int) -> bool:
    """Whether an arithmetical sign is between two operands."""
    kind, text, _ = parts[at - 1] if at else ("", "(", False)
    return text in CLOSE or (kind == NAME and text not in WORDS) or kind in ("number", "kernel")


def has_blank(parts: Sequence[tuple[str, str, bool]], at: int) -> bool:
    """Whether the author put a blank on either side of a sign."""
    return parts[at][2] or (at + 1 < len(parts) and parts[at + 1][2])
