"""YAML text to a located tree: PyYAML's event stream, everything bounded, every scalar left as text.

YAML's interpretation of scalars (off, 010, 16:9, 1e3, dates) is not used; the language interprets them. Aliases,
anchors, merge keys, tags and multiple documents are rejected, so that a file contains exactly what it shows.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from archcalc.core.diagnostic import Diagnostic, Label, Problems, SpecError, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.record import field, record

MAX_BYTES = 1 << 20
MAX_DEPTH = 48
MAX_NODES = 200_000

LONGEST_HELP = 80

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULLS = ("", "~", "null")
INDEX = re.compile(r"\sfor\s+\w+\s*\Z")
NAME = re.compile(r"\s*\w+\s*")
BRACKET = re.compile(
    r"""  "[^"\n]*" | '[^'\n]*' | (?:^|(?<=\s))\#.* | \n
    | (?P<continued>(?:(?<=[\w=)+])|(?<=[\w=)+][ ]))\[)
    | [()\[\]]""",
    re.VERBOSE | re.MULTILINE,
)
"""Brackets outside quotes and comments; `continued`: after a word or sign, where YAML cannot begin a list."""
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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


@lru_cache(maxsize=2)
def parsed(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The tree and its problems, cached for the variants of a file, which are read one after the other."""
    problems = Problems()
    if len(source.text) > MAX_BYTES or len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_large()
    try:
        return Reader(source, problems, source.text).read(), tuple(problems.found)
    except yaml.MarkedYAMLError as error:
        if (found := with_lists_in_calls(source, error)) is not None:
            return found
        raise syntax_error(source, error) from None
    except (yaml.YAMLError, UnicodeError):
        raise unprintable(source) from None


def with_lists_in_calls(
    source: Source, error: yaml.MarkedYAMLError
) -> tuple[Node | None, tuple[Diagnostic, ...]] | None:
    """The tree and its problems of a file that YAML cannot read only because calls in [ ] or { } contain lists."""
    text = parenthesised(source.text) if "expected ',' or" in (error.problem or "") else source.text
    if text == source.text:
        return None
    problems = Problems()
    try:
        return Reader(source, problems, text).read(), tuple(problems.found)
    except yaml.YAMLError:
        return None


def parenthesised(text: str) -> str:
    """The text, of the same length, with parentheses for the brackets of lists that stand in calls on one line."""
    found, opened = list(text), ""
    for part in BRACKET.finditer(text):
        sign, at = part.group(), part.start()
        if sign == "\n":
            opened = ""
        elif sign in ("(", "["):
            in_call = sign == "[" and (part.lastgroup == "continued" or opened[-1:] in ("(", "<"))
            opened += "<" if in_call else sign
            found[at] = "(" if in_call else sign
        elif sign in (")", "]"):
            found[at] = ")" if opened[-1:] == "<" and sign == "]" else sign
            opened = opened[:-1]
    return "".join(found)


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
        self.nodes = 0

    def read(self) -> Node | None:
        for event in self._events():
            kind = type(event)
            if kind is ScalarEvent:
                self._attach(self._scalar(event))
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                self._open(event, kind is MappingStartEvent)
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                self._attach(self._closed(self.stack.pop(), event.end_mark.index))
        return self.root

    def _events(self) -> Iterator[Any]:
        """The events of a spec. Raises SpecError for events that specs cannot have."""
        documents = 0
        for event in yaml.parse(self.text, Loader=LOADER):
            if isinstance(event, NodeEvent):
                self._check(event)
            elif type(event) is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise problem(
                        "AC009", "a second YAML document", self._place(event), help="put each spec in its own file"
                    )
            yield event

    def _check(self, event: Any) -> None:
        """Rejects aliases, anchors and tags, which would let a file mean more than it shows."""
        if type(event) is AliasEvent:
            help = "swap the factors of a product, or quote it; name repeated values in params"
            raise problem(
                "AC007",
                f"YAML reads '*{event.anchor}' as an alias, which is not supported",
                self._place(event),
                help=help,
            )
        if event.anchor:
            help = "remove it; name repeated values in params, and repeated layers in blocks"
            raise problem("AC007", f"the YAML anchor '&{event.anchor}' is not supported", self._place(event), help=help)
        if event.tag:
            where = self._place(event)
            tag = self.source.line(where.line)[where.column :].split()[0]
            raise problem("AC008", f"the YAML tag {quoted(tag)} is not supported", where, help="remove the tag")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise problem("AC004", f"the spec has more than {MAX_NODES:,} YAML nodes", self._place(event))

    def _place(self, event: Any) -> Location:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if start.line == end.line else len(self.source.line(start.line))
        return Location(self.source, start.line, start.column, max(1, length))

    def _open(self, event: Any, mapping: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise problem("AC004", f"nested deeper than {MAX_DEPTH} levels", self._place(event))
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
            loop = opens_loop(last) or (loop and isinstance(last, Scalar) and NAME.fullmatch(last.value) is not None)
            if (depth <= 0 and not loop) or not (plain or isinstance(piece, Scalar)):
                break
        if not isinstance(first, Scalar) or not isinstance(last, Scalar) or last is first:
            return first
        span = (first.span[0], last.span[1])
        text = self.source.text[slice(*span)]
        where = Location(self.source, first.where.line, first.where.column, len(text.splitlines()[0]))
        if depth != 0 or not plain or "#" in text:
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
    return isinstance(node, Scalar) and node.plain and " for " in node.value and INDEX.search(node.value) is not None


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


# --- messages for YAML's own errors ------------------------------------------------------------------------------

MESSAGES: tuple[tuple[str, bool, str, str], ...] = (
    (
        "mapping values are not allowed",
        False,
        "':' is not expected here",
        "quote texts that contain ': ', or check the indentation",
    ),
    ("expected ',' or ']'", True, "this list is not closed", "add ']', or a comma between its items"),
    ("expected ',' or '}'", True, "this mapping is not closed", "add '}', or a comma between its pairs"),
    ("found unexpected end of stream", True, "this quote is not closed", "add the closing quote"),
    ("found unexpected document indicator", True, "this quote is not closed", "add the closing quote"),
    ("could not find expected ':'", True, "a ':' is missing after this key", ""),
    ("did not find expected key", False, "the indentation does not match the lines before", "check the indentation"),
    ("expected <block end>", False, "the indentation does not match the lines before", "check the indentation"),
    (
        "did not find expected '-' indicator",
        False,
        "expected another item with '- ', or the end of the list",
        "check the indentation",
    ),
    ("did not find expected alphabetic or numeric", False, "a value cannot begin with * or &", "put it in quotes"),
    (
        "did not find expected <document start>",
        False,
        "unexpected text after the end of the document",
        "check the indentation",
    ),
    ("directive", False, "a line cannot begin with '%'", "put the text in quotes"),
    ("found a tab character", False, "a tab cannot indent a line", "use spaces"),
    ("undefined tag handle", True, "YAML tags are not supported", "quote texts that begin with !"),
)
"""Part of PyYAML's message; whether to use the location of its context; our message; and the help."""


def syntax_error(source: Source, error: yaml.MarkedYAMLError) -> SpecError:
    theirs = error.problem or "invalid YAML"
    mark = error.problem_mark or error.context_mark
    if "cannot start any token" in theirs and mark:
        return no_token(source, mark)
    if "expected ',' or" in theirs and (at := error.problem_mark) and source.line(at.line)[at.column :][:1] == "[":
        help = "put the whole call in quotes, or write its list in parentheses: (6, 12, 18)"
        return problem("AC005", "YAML cannot read a list in a call that stands in [ ]", marked(source, at), help=help)
    for part, at_context, message, help in MESSAGES:
        if part in theirs:
            mark = (error.context_mark or mark) if at_context else mark
            return problem("AC005", message, marked(source, mark), help=help)
    return problem("AC005", f"invalid YAML: {theirs}", marked(source, mark))


def marked(source: Source, mark: Any) -> Location:
    return Location(source, mark.line, mark.column) if mark else Location(source)


def no_token(source: Source, mark: Any) -> SpecError:
    """The problem of a character that YAML reserves."""
    where = marked(source, mark)
    rest = source.line(mark.line)[mark.column :]
    if rest.startswith("\t"):
        return problem("AC005", "a tab cannot indent a line", where, help="use spaces")
    return problem("AC005", f"a value cannot begin with {quoted(rest[:1])}", where, help="put it in quotes")


def unprintable(source: Source) -> SpecError:
    found = UNPRINTABLE.search(source.text)
    if not found:
        return problem("AC002", "the text is not valid YAML", Location(source))
    line = source.text.count("\n", 0, found.start())
    column = found.start() - (source.text.rfind("\n", 0, found.start()) + 1)
    return problem(
        "AC002", f"the character U+{ord(found.group()):04X} is not allowed in a spec", Location(source, line, column)
    )
