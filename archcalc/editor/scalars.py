"""The words, chains and sentences of a spec as they are laid out."""

import re
from collections.abc import Iterator

from archcalc.editor.spacing import spaced
from archcalc.spec.document import TEXTS
from archcalc.spec.reader import Scalar

WIDTH = 120
"""The longest line that the layout makes; a word or a call that is longer stays whole."""

PROSE, VALUES, CODE = "prose", "values", "code"
"""What a part of a spec contains: sentences; keys with expressions as values; keys and values that are code."""

CONTENT = {**dict.fromkeys((*TEXTS, "tags", "import"), PROSE), "blocks": CODE, "layers": CODE}
"""The content of the sections that have more or less than values."""


def content_of(key: str, around: str) -> str:
    """The content of the value of a key: `around` is that of the mapping."""
    return CONTENT.get(key, VALUES) if around == "" else PROSE if around == VALUES and key in TEXTS else around


def key_text(key: Scalar, content: str) -> str:
    raw = raw_of(key)
    return spaced(raw) if content == CODE and key.plain else raw


def raw_of(scalar: Scalar) -> str:
    """The characters of a scalar, with its quotes."""
    return scalar.where.source.text[slice(*scalar.span)]


def one_line(scalar: Scalar, content: str) -> str | None:
    """A scalar on one line; None if it can only be written over several lines."""
    raw = raw_of(scalar)
    if is_block(raw) or must_stay(raw):
        return None if "\n" in raw else raw
    quote = "" if scalar.plain else raw[0]
    inner = raw[len(quote) : len(raw) - len(quote)]
    text = " ".join(part.strip() for part in inner.split("\n")) if "\n" in inner else inner
    return f"{quote}{text if content == PROSE else spaced(text)}{quote}"


def is_block(raw: str) -> bool:
    return raw[:1] in ("|", ">")


def must_stay(raw: str) -> bool:
    """Whether a quoted text has escapes, or line breaks in its value: its lines stay as they are."""
    quote, inner = raw[:1], raw[1:-1]
    escaped = ("\\" in inner and quote == '"') or ("''" in inner and quote == "'")
    return escaped or re.search(r"\n[ \t]*\n", raw) is not None


def wrapped(scalar: Scalar, content: str, column: int, indent: int) -> list[str]:
    """A scalar that begins at a column, over as many lines as it needs; those after the first are indented."""
    line = one_line(scalar, content)
    if line is None:
        return kept_lines(raw_of(scalar), indent)
    if column + len(line) <= WIDTH or must_stay(line):
        return [line]
    return list(filled(line.split(" ") if content == PROSE else steps(line), column, indent))


def filled(parts: list[str], column: int, indent: int) -> Iterator[str]:
    """Parts in lines that are as full as possible."""
    line = parts[0]
    for part in parts[1:]:
        if column + len(line) + 1 + len(part) > WIDTH:
            yield line
            line, column = " " * indent + part, 0
        else:
            line += f" {part}"
    yield line


def steps(chain: str) -> list[str]:
    """The steps of a chain, each with the arrow before it; arrows in brackets and quotes separate none.

    >>> steps('x -> rearrange("a b -> b a") -> relu')
    ['x', '-> rearrange("a b -> b a")', '-> relu']
    """
    outer = chain[:1] if chain[:1] in ("'", '"') else ""
    depth, quoted, begin, found = 0, False, 0, []
    for at, sign in enumerate(chain):
        if sign == '"' and outer != '"':
            quoted = not quoted
        depth += (sign in "([{") - (sign in ")]}")
        if not depth and not quoted and chain.startswith(" -> ", at):
            found.append(chain[begin:at])
            begin = at + 1
    return [*found, chain[begin:]]


def kept_lines(raw: str, indent: int) -> list[str]:
    """The lines of a text that stay as they are, with another indentation."""
    first, *rest = raw.rstrip("\n").split("\n") if is_block(raw) and "+" not in raw.split("\n")[0] else raw.split("\n")
    shift = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip()), default=0)
    blank = " " * indent
    moved = (blank + (line[shift:] if is_block(raw) else line.strip()) if line.strip() else "" for line in rest)
    return [first, *moved]
