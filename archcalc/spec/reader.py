"""YAML text to a located tree: PyYAML's event stream, everything bounded, every scalar left as text.

What YAML would do with a scalar (off, 010, 16:9, 1e3, dates) is not asked; the language decides. Aliases, anchors,
merge keys, tags and several documents are refused, so that a file holds what it shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
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

MAX_BYTES = 1 << 20
MAX_DEPTH = 48
MAX_NODES = 200_000

LONGEST_HELP = 80

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULLS = ("", "~", "null")
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word, number or chain. `text` is what stands in the file at `where` (quotes left out), `value` what it means.

    They differ where lines are folded or characters escaped. `span`: its characters in the file.
    """

    value: str
    text: str
    where: Location = field(compare=False)
    plain: bool = True
    span: tuple[int, int] = field(default=(0, 0), compare=False)

    @property
    def is_null(self) -> bool:
        return self.plain and self.value in NULLS


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple["Node", ...]
    where: Location = field(compare=False)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Pairs in file order, each key once."""

    pairs: tuple[tuple[Scalar, "Node"], ...]
    where: Location = field(compare=False)

    def get(self, key: str) -> "Node | None":
        return next((value for word, value in self.pairs if word.value == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((word for word, _ in self.pairs if word.value == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(slots=True)
class Opened:
    """A list or mapping that is being read; the items of a mapping are its keys and values in turn."""

    mapping: bool
    flow: bool
    where: Location
    items: list[Node]


def read_tree(source: Source, problems: Problems) -> Node | None:
    """The tree of a file; None where it is empty.

    Repeated keys and calls cut by commas go to `problems`, and reading goes on. Raises SpecError where it cannot.
    """
    root, found = parsed(source)
    if found:
        problems.add(SpecError(found))
    return root


@lru_cache(maxsize=2)
def parsed(source: Source) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """The tree and what is wrong with it, kept for the variants of a file, which are read one after the other."""
    problems = Problems()
    if len(source.text) > MAX_BYTES or len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_large()
    try:
        return Reader(source, problems).read(), tuple(problems.found)
    except yaml.MarkedYAMLError as error:
        raise syntax_error(source, error) from None
    except (yaml.YAMLError, UnicodeError):
        raise unprintable(source) from None


def too_large() -> SpecError:
    return problem("AC004", f"a spec has at most {MAX_BYTES:,} bytes", help="move blocks to a file of their own")


class Reader:
    """The state of one reading."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source, self.problems = source, problems
        self.stack: list[Opened] = []
        self.root: Node | None = None
        self.nodes = 0

    def read(self) -> Node | None:
        for event in self._events():
            kind = type(event)
            if kind is ScalarEvent:
                self._put(self._scalar(event))
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                self._open(event, kind is MappingStartEvent)
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                self._put(self._closed(self.stack.pop()))
        return self.root

    def _events(self) -> Iterator[Any]:
        """The events that may stand in a spec."""
        documents = 0
        for event in yaml.parse(self.source.text, Loader=LOADER):
            if isinstance(event, NodeEvent):
                self._check(event)
            elif type(event) is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise problem("AC009", "a second YAML document", self._place(event), help="one file, one spec")
            yield event

    def _check(self, event: Any) -> None:
        """Refuses what would let a file mean more than it shows."""
        if type(event) is AliasEvent:
            help = "write the product the other way round, or in quotes; what is used twice gets a name in params"
            raise problem("AC007", f"YAML would read '*{event.anchor}' as an alias", self._place(event), help=help)
        if event.anchor:
            help = "leave the & out; what is used twice gets a name in params or blocks"
            raise problem("AC007", f"the YAML anchor '&{event.anchor}' is not read", self._place(event), help=help)
        if event.tag:
            where = self._place(event)
            tag = self.source.line(where.line)[where.column :].split()[0]
            raise problem("AC008", f"the YAML tag {quoted(tag)} is not read", where, help="leave it out")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise problem("AC004", f"a spec has at most {MAX_NODES:,} YAML nodes", self._place(event))

    def _place(self, event: Any) -> Location:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if start.line == end.line else len(self.source.line(start.line))
        return Location(self.source, start.line, start.column, max(1, length))

    def _open(self, event: Any, mapping: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise problem("AC004", f"nested deeper than {MAX_DEPTH} levels", self._place(event))
        start = event.start_mark
        where = Location(self.source, start.line, start.column)
        self.stack.append(Opened(mapping, bool(event.flow_style), where, []))

    def _put(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].items.append(node)
        else:
            self.root = node

    def _scalar(self, event: Any) -> Scalar:
        start, end, value, style = event.start_mark, event.end_mark, event.value, event.style
        span = (start.index, end.index)
        if not style and start.line == end.line:
            where = Location(self.source, start.line, start.column, len(value) or 1)
            return Scalar(value, value, where, True, span)
        text, offset = verbatim(self.source.text, span, value, style or "")
        line, column = start.line, start.column + offset
        if style in ("|", ">"):
            line, column = start.line + 1, 0
        first = text.splitlines()[0] if text else ""
        return Scalar(value, text, Location(self.source, line, column, max(1, len(first))), not style, span)

    def _closed(self, opened: Opened) -> Node:
        if not opened.mapping:
            items = self._whole_items(opened.items) if opened.flow else opened.items
            return Sequence(tuple(items), opened.where)
        pairs = list(zip(opened.items[::2], opened.items[1::2], strict=True))
        return Mapping(tuple(self._unique(self._whole_pairs(pairs) if opened.flow else pairs)), opened.where)

    def _unique(self, pairs: list[tuple[Node, Node]]) -> Iterator[tuple[Scalar, Node]]:
        """The pairs whose key is a new word; the others are reported."""
        seen: dict[str, Scalar] = {}
        for key, value in pairs:
            if not isinstance(key, Scalar):
                self.problems.add(problem("AC010", "a key must be a word, not a list or a mapping", key.where))
            elif not key.value:
                self.problems.add(problem("AC010", "a key is missing before ':'", key.where))
            elif key.value == "<<" and key.plain:
                help = "blocks and params are what a spec shares"
                self.problems.add(problem("AC007", "the YAML merge key '<<' is not read", key.where, help=help))
            elif key.value in seen:
                first = [Label(seen[key.value].where, "first given here")]
                message = f"the key {quoted(key.value)} is given twice"
                self.problems.add(problem("AC006", message, key.where, labels=first, help="leave one of them out"))
            else:
                seen[key.value] = key
                yield key, value

    # --- calls that a comma has cut ------------------------------------------------------------------------------

    def _whole_items(self, items: list[Node]) -> Iterator[Node]:
        """The items of a [ ] list, with calls that its commas have cut put together again, and reported."""
        left = iter(items)
        for item in left:
            yield self._joined(item, left) if open_brackets(item) > 0 else item

    def _whole_pairs(self, pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
        """The pairs of a { } mapping, the same done to their values, of which later pieces have become keys."""
        whole = []
        left = iter(pairs)
        for key, value in left:
            if open_brackets(value) > 0:
                value = self._joined(value, (piece for piece, _ in left))
            whole.append((key, value))
        return whole

    def _joined(self, first: Node, pieces: Iterator[Node]) -> Node:
        last, depth = first, open_brackets(first)
        for piece in pieces:
            last, depth = piece, depth + open_brackets(piece)
            if depth <= 0 or not isinstance(piece, Scalar):
                break
        if not isinstance(first, Scalar) or not isinstance(last, Scalar) or last is first:
            return first
        span = (first.span[0], last.span[1])
        text = self.source.text[slice(*span)]
        where = Location(self.source, first.where.line, first.where.column, len(text.splitlines()[0]))
        message = "YAML cuts this call at its comma, because it stands in [ ] or { }"
        help = f'put it in quotes: "{text}"' if len(text) <= LONGEST_HELP and '"' not in text else "put it in quotes"
        self.problems.add(problem("AC011", message, where, help=help))
        return Scalar(text, text, where, True, span)


def open_brackets(node: Node) -> int:
    """How many parentheses a plain scalar leaves open."""
    if not isinstance(node, Scalar) or not node.plain:
        return 0
    return node.value.count("(") - node.value.count(")")


def verbatim(text: str, span: tuple[int, int], value: str, style: str) -> tuple[str, int]:
    """What stands in the file for a quoted, folded or block scalar, and how many characters before it.

    Escapes would be misread, so where there are any it is the value itself, with places as good as they get.
    """
    raw = text[span[0] : span[1]]
    if style in ("|", ">"):
        return raw.partition("\n")[2], 0
    inner = raw[1:-1] if style else raw
    offset = 1 if style else 0
    escaped = "\\" in inner if style == '"' else "''" in inner
    return (value, offset) if style and escaped else (inner, offset)


# --- what YAML's own complaints mean -----------------------------------------------------------------------------

COMPLAINTS: tuple[tuple[str, bool, str, str], ...] = (
    (
        "mapping values are not allowed",
        False,
        "':' is not expected here",
        "quote a text that holds ': ', or look at the indentation",
    ),
    ("expected ',' or ']'", True, "this list is not closed", "add ']', or a comma between its items"),
    ("expected ',' or '}'", True, "this mapping is not closed", "add '}', or a comma between its pairs"),
    ("found unexpected end of stream", True, "this quote is not closed", "add the closing quote"),
    ("found unexpected document indicator", True, "this quote is not closed", "add the closing quote"),
    ("could not find expected ':'", True, "this line needs a ':' behind its key", ""),
    ("did not find expected key", False, "this line does not fit the indentation of the lines before it", ""),
    ("expected <block end>", False, "this line does not fit the indentation of the lines before it", ""),
    ("did not find expected '-' indicator", False, "a list goes on with '- ', or ends", "look at the indentation"),
    ("did not find expected alphabetic or numeric", False, "a value that begins with * or & belongs in quotes", ""),
    ("did not find expected <document start>", False, "nothing may follow here", "look at the indentation"),
    ("directive", False, "a line cannot begin with '%'", "put the text in quotes"),
    ("found a tab character", False, "a tab cannot indent a line", "use spaces"),
    ("undefined tag handle", True, "YAML tags are not read", "quote a text that begins with !"),
)
"""In YAML's words; whether the place is where the trouble began; in ours; and what helps."""


def syntax_error(source: Source, error: yaml.MarkedYAMLError) -> SpecError:
    told = error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    if "cannot start any token" in told and mark:
        return no_token(source, mark)
    for theirs, began, message, help in COMPLAINTS:
        if theirs in told:
            mark = (error.context_mark or mark) if began else mark
            return problem("AC005", message, marked(source, mark), help=help)
    return problem("AC005", f"not YAML: {told}", marked(source, mark))


def marked(source: Source, mark: Any) -> Location:
    return Location(source, mark.line, mark.column) if mark else Location(source)


def no_token(source: Source, mark: Any) -> SpecError:
    """A character that YAML keeps for itself."""
    where = marked(source, mark)
    rest = source.line(mark.line)[mark.column :]
    if rest.startswith("\t"):
        return problem("AC005", "a tab cannot indent a line", where, help="use spaces")
    return problem("AC005", f"a value cannot begin with {quoted(rest[:1])}", where, help="put it in quotes")


def unprintable(source: Source) -> SpecError:
    found = UNPRINTABLE.search(source.text)
    if not found:
        return problem("AC002", "this text is not YAML", Location(source))
    line = source.text.count("\n", 0, found.start())
    column = found.start() - (source.text.rfind("\n", 0, found.start()) + 1)
    return problem(
        "AC002", f"the character U+{ord(found.group()):04X} cannot stand in a spec", Location(source, line, column)
    )
