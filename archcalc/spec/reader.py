"""YAML text to a located tree: everything bounded, every scalar left as text.

YAML's interpretation of scalars (off, 010, 16:9, 1e3, dates) is not used; the language interprets them. Aliases,
anchors, merge keys, tags and multiple documents are rejected, so that a file contains exactly what it shows.
"""

import importlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from archcalc.core.diagnostic import Diagnostic, Label, Problems, SpecError, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.record import field, record
from archcalc.spec.plain_yaml import events

MAX_BYTES = 1 << 20
MAX_DEPTH = 48

LONGEST_HELP = 80

NULLS = ("", "~", "null")
INDEX = r"\sfor\s+\w+\s*\Z"
NAME = r"\s*\w+\s*"


@record
class Scalar:
    """A word, number or chain. `text` is the text in the file at `where`, without quotes; `value` is its value in YAML.

    They differ if lines are folded or characters escaped. `span`: its characters in the file.
    """

    value: str
    text: str
    where: Location = field(compare=False)
    plain: bool = True
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    @property
    def is_null(self) -> bool:
        return self.plain and self.value in NULLS


@record
class Sequence:
    """A list. `flow`: whether it is written in brackets; `span`: its characters in the file."""

    items: tuple["Node", ...]
    where: Location = field(compare=False)
    flow: bool = field(default=False, compare=False)
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@record
class Mapping:
    """Pairs in file order, each key once. `flow`: whether it is in brackets; `span`: its characters in the file."""

    pairs: tuple[tuple[Scalar, "Node"], ...]
    where: Location = field(compare=False)
    flow: bool = field(default=False, compare=False)
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    def get(self, key: str) -> "Node | None":
        return next((value for word, value in self.pairs if word.value == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((word for word, _ in self.pairs if word.value == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


@record(frozen=False)
class Opened:
    """A list or mapping being read. The items of a mapping are its keys and values alternately."""

    mapping: bool
    flow: bool
    where: Location
    start: int
    items: list[Node]


def read_tree(source: Source, problems: Problems) -> Node | None:
    """The tree of a file; None if it is empty.

    `problems` collects duplicate keys and calls that commas split. Raises SpecError if the file cannot be read.
    """
    root, found = parsed(source)
    if found:
        problems.add(SpecError(found))
    return root


@lru_cache(maxsize=4)
def parsed(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The tree and its problems, cached for the variants of a file, which are read one after the other."""
    problems = Problems()
    if len(source.text) > MAX_BYTES or len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_large()
    if (plain := events(source.text)) is not None:
        return Reader(source, problems, source.text).read(plain), tuple(problems.found)
    found: tuple[Node | None, tuple[Diagnostic, ...]] = importlib.import_module("archcalc.spec.full_yaml").parsed(
        source
    )
    return found


def too_large() -> SpecError:
    return problem(
        "AC004", f"the spec is larger than {MAX_BYTES:,} bytes", help="move blocks to another file and import it"
    )


class Reader:
    """The state of one reading. `text`: what YAML reads, where it differs from the source in some brackets."""

    def __init__(self, source: Source, problems: Problems, text: str) -> None:
        self.source, self.problems, self.text = source, problems, text
        self.stack: list[Opened] = []
        self.root: Node | None = None

    def read(self, events: Iterable[Any]) -> Node | None:
        """The tree of events, which are PyYAML's or of the same names."""
        for event in events:
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self._attach(self._scalar(event))
            elif kind in ("SequenceStartEvent", "MappingStartEvent"):
                self._open(event, kind == "MappingStartEvent")
            elif kind in ("SequenceEndEvent", "MappingEndEvent"):
                self._attach(self._closed(self.stack.pop(), event.end_mark.index))
        return self.root

    def _open(self, event: Any, mapping: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise problem("AC004", f"nested deeper than {MAX_DEPTH} levels", place_of(self.source, event))
        start = event.start_mark
        where = Location(self.source, start.line, start.column)
        self.stack.append(Opened(mapping, bool(event.flow_style), where, start.index, []))

    def _attach(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].items.append(node)
        else:
            self.root = node

    def _scalar(self, event: Any) -> Scalar:
        start, end, value, style = event.start_mark, event.end_mark, event.value, event.style
        span = (start.index, end.index)
        if not style and start.line == end.line:
            if self.text is not self.source.text:
                value = self.source.text[slice(*span)]
            where = Location(self.source, start.line, start.column, len(value) or 1)
            return Scalar(value, value, where, True, span)
        text, offset = verbatim(self.source.text, span, value, style or "")
        line, column = start.line, start.column + offset
        if style in ("|", ">"):
            line, column = start.line + 1, 0
        first = text.splitlines()[0] if text else ""
        return Scalar(value, text, Location(self.source, line, column, max(1, len(first))), not style, span)

    def _closed(self, opened: Opened, end: int) -> Node:
        span = (opened.start, end)
        if not opened.mapping:
            items = self._whole_items(opened.items) if opened.flow else opened.items
            return Sequence(tuple(items), opened.where, opened.flow, span)
        pairs = list(zip(opened.items[::2], opened.items[1::2], strict=True))
        unique = tuple(self._unique(self._whole_pairs(pairs) if opened.flow else pairs))
        return Mapping(unique, opened.where, opened.flow, span)

    def _unique(self, pairs: list[tuple[Node, Node]]) -> Iterator[tuple[Scalar, Node]]:
        """The pairs with distinct words as keys; reports the others."""
        seen: dict[str, Scalar] = {}
        for key, value in pairs:
            if not isinstance(key, Scalar):
                self.problems.add(problem("AC010", "a key must be a word, not a list or a mapping", key.where))
            elif not key.value:
                self.problems.add(problem("AC010", "a key is missing before ':'", key.where))
            elif key.value == "<<" and key.plain:
                help = "share values with params, and layers with blocks"
                self.problems.add(problem("AC007", "the YAML merge key '<<' is not supported", key.where, help=help))
            elif key.value in seen:
                first = [Label(seen[key.value].where, "first given here")]
                message = f"the key {quoted(key.value)} is given twice"
                self.problems.add(problem("AC006", message, key.where, labels=first, help="remove one of them"))
            else:
                seen[key.value] = key
                yield key, value

    # --- calls that YAML split at a comma ------------------------------------------------------------------------

    def _whole_items(self, items: list[Node]) -> Iterator[Node]:
        """The items of a [ ] list, with the pieces joined of calls that commas split."""
        left = iter(items)
        for item in left:
            yield self._joined(item, left) if open_brackets(item) > 0 or opens_loop(item) else item

    def _whole_pairs(self, pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
        """The pairs of a { } mapping, with values joined the same way; YAML read their later pieces as keys."""
        whole = []
        left = iter(pairs)
        for key, value in left:
            if open_brackets(value) > 0:
                value = self._joined(value, (key if is_alone(pair) else None for pair in left for key in pair[:1]))
            whole.append((key, value))
        return whole

    def _joined(self, first: Node, pieces: Iterator[Node | None]) -> Node:
        """One call of the pieces, up to the one that closes its brackets; reported if they are more than a call."""
        last, depth, plain, loop = first, open_brackets(first), True, opens_loop(first)
        for piece in pieces:
            plain = plain and piece is not None and is_plain(piece)
            last, depth = piece or last, depth + (open_brackets(piece) if piece else 0)
            is_name = isinstance(last, Scalar) and re.fullmatch(NAME, last.value) is not None
            loop = opens_loop(last) or (loop and is_name)
            if (depth <= 0 and not loop) or not (plain or isinstance(piece, Scalar)):
                break
        if not isinstance(first, Scalar) or not isinstance(last, Scalar) or last is first:
            return first
        span = (first.span[0], last.span[1])
        text = self.source.text[slice(*span)]
        where = Location(self.source, first.where.line, first.where.column, len(text.splitlines()[0]))
        if depth > 0 and plain:
            self.problems.add(problem("AC015", "this call is not closed", where, help="add ')' where it ends"))
        elif depth != 0 or not plain or "#" in text:
            message = "YAML splits this call at its comma, because it is inside [ ] or { }"
            help = (
                f'put it in quotes: "{text}"' if len(text) <= LONGEST_HELP and '"' not in text else "put it in quotes"
            )
            self.problems.add(problem("AC011", message, where, help=help))
        return Scalar(text, text, where, True, span)


def is_plain(node: Node) -> bool:
    """Whether a node is a plain scalar, or a list in brackets of them, as an argument is."""
    if isinstance(node, Sequence):
        return node.flow and all(map(is_plain, node.items))
    return isinstance(node, Scalar) and node.plain


def is_alone(pair: tuple[Node, Node]) -> bool:
    """Whether a key of a { } mapping has no value."""
    return isinstance(pair[1], Scalar) and pair[1].plain and not pair[1].value


def opens_loop(node: Node) -> bool:
    """Whether a plain scalar ends in the first names of an index: `f(i, s) for i`, which `s in zip(a, b)` follows."""
    if not isinstance(node, Scalar) or not node.plain or " for " not in node.value:
        return False
    return re.search(INDEX, node.value) is not None


def open_brackets(node: Node) -> int:
    """The number of unclosed parentheses and brackets in a plain scalar."""
    if not isinstance(node, Scalar) or not node.plain:
        return 0
    return sum(node.value.count(sign) for sign in "([") - sum(node.value.count(sign) for sign in ")]")


def verbatim(text: str, span: tuple[int, int], value: str, style: str) -> tuple[str, int]:
    """The text in the file of a quoted, folded or block scalar, and its offset.

    If there are escapes, it is the value itself, and locations are approximate.
    """
    raw = text[span[0] : span[1]]
    if style in ("|", ">"):
        return raw.partition("\n")[2], 0
    inner = raw[1:-1] if style else raw
    offset = 1 if style else 0
    escaped = "\\" in inner if style == '"' else "''" in inner
    return (value, offset) if style and escaped else (inner, offset)


def place_of(source: Source, event: Any) -> Location:
    """The place of an event in a text, as far as its first line goes."""
    start, end = event.start_mark, event.end_mark
    length = end.column - start.column if start.line == end.line else len(source.line(start.line))
    return Location(source, start.line, start.column, max(1, length))
