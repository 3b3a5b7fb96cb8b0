"""The canonical layout of a spec: indentation, blanks, line breaks. The order and the words are the author's.

Comments stay with the lines that they are written at. The layout is checked before it is returned: the text that is
laid out has the same tree and the same comments.
"""

import re
from collections.abc import Iterator

from archcalc.core.diagnostic import Problems, SpecError
from archcalc.core.location import Source
from archcalc.editor.comments import Comment, aligned, comments_of
from archcalc.editor.scalars import CODE, WIDTH, content_of, key_text, one_line, raw_of, wrapped
from archcalc.record import field, record
from archcalc.spec import reader as tree
from archcalc.spec.reader import Node, Scalar, read_tree

STEP = 2
"""Blanks of one level."""


class Unfaithful(Exception):
    """The layout would have changed what a spec says: a mistake of this module."""


def laid_out(source: Source) -> str:
    """The text of a spec in its canonical layout. Raises SpecError if the text cannot be read as YAML.

    >>> laid_out(Source("x", "archcalc:   1\\nlayers:\\n- conv(3,64)->relu # two\\n"))
    'archcalc: 1\\nlayers:\\n  - conv(3, 64) -> relu  # two\\n'
    """
    text = source.text.replace("\r\n", "\n")
    made = Layout(Source(source.name, text)).text()
    if not same(Source(source.name, text), Source(source.name, made)):
        raise Unfaithful(f"the layout of {source.name} would change what it says")
    return made.replace("\n", "\r\n") if "\r\n" in source.text else made


def same(before: Source, after: Source) -> bool:
    try:
        return said(after) == said(before)
    except SpecError:
        return False


def said(source: Source) -> tuple[object, list[str]]:
    """What a spec says, without its layout, and its comments."""
    root = root_of(source)
    return shape(root), [each.text for each in comments_of(source.text, root)]


def shape(node: Node | None) -> object:
    if isinstance(node, Scalar):
        return node.plain, "".join(node.value.split())
    if isinstance(node, tree.Sequence):
        return [shape(each) for each in node.items]
    return [(shape(key), shape(value)) for key, value in node.pairs] if node else None


def root_of(source: Source) -> Node | None:
    """The tree of a spec. Raises SpecError, also for keys that are given twice and calls that cannot be joined."""
    problems = Problems()
    root = read_tree(source, problems)
    problems.settle()
    return root


@record(frozen=False)
class Row:
    """A line that is being written. `anchors`: columns in the file, and the indentation of what began there."""

    text: str
    start: int
    anchors: list[tuple[int, int]] = field(default_factory=list)
    blank: bool = False
    column: int = 0
    comment: str = ""


class Layout:
    """The state of one layout: the lines so far, and the comments that are not in them yet."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root = root_of(source)
        self.comments = comments_of(source.text, self.root)
        self.at = 0
        self.rows: list[Row] = []

    def text(self) -> str:
        if isinstance(self.root, Scalar | None) or self.root.flow:
            if self.root:
                self.begin(self.root.span[0], 0, 0)
                self.value(self.root, 0, CODE)
        else:
            self.block(self.root, 0, "", True)
        self.flush(len(self.source.text), 0, 0)
        lines: list[tuple[str, int, str]] = []
        for row in self.rows:
            lines += [("", 0, "")] * (row.blank and bool(lines)) + [(row.text, row.column, row.comment)]
        return "".join(f"{line.rstrip()}\n" for line in aligned(lines))

    # --- lines and comments --------------------------------------------------------------------------------------

    @property
    def row(self) -> Row:
        return self.rows[-1]

    def begin(self, start: int, column: int, indent: int) -> None:
        """A new line for what begins at a character and a column of the file."""
        self.flush(start, column, indent)
        self.rows.append(Row(" " * indent, start, [(column, indent)], self.after_blank(start)))

    def after_blank(self, start: int) -> bool:
        """Whether there is an empty line before the line of a character."""
        text = self.source.text
        line = text.rfind("\n", 0, start)
        return line >= 0 and not text[text.rfind("\n", 0, line) + 1 : line].strip()

    def flush(self, before: int, column: int, indent: int) -> bool:
        """Writes the comments before a character, at which a line with this indentation begins; whether any."""
        first = self.at
        while self.at < len(self.comments) and self.comments[self.at].start < before:
            comment = self.comments[self.at]
            self.at += 1
            if comment.own or not self.rows or self.row.comment or not self.row.anchors:
                place = self.indent_of(comment, column, indent)
                self.rows.append(Row(" " * place + comment.text, comment.start, [], self.after_blank(comment.start)))
            else:
                self.row.column, self.row.comment = comment.column, comment.text
        return self.at > first

    def indent_of(self, comment: Comment, column: int, indent: int) -> int:
        """The indentation of a comment on its own line: that of the line after it, or of a line before it that is
        indented as the comment is."""
        places, least = {column: indent}, float("inf")
        for row in reversed(self.rows):
            for begun, place in reversed(row.anchors):
                if begun < least:
                    least = begun
                    places.setdefault(begun, place)
            if least <= column:
                break
        fitting = [begun for begun in places if column <= begun <= comment.column]
        return places[max(fitting, default=column)]

    # --- mappings and lists over lines ---------------------------------------------------------------------------

    def block(self, node: tree.Mapping | tree.Sequence, indent: int, content: str, fresh: bool) -> None:
        """A mapping or list with a line for each entry. `fresh`: the first entry needs a new line, too."""
        column = node.where.column
        if not fresh:
            self.row.anchors.append((column, indent))
        if isinstance(node, tree.Mapping):
            for number, (key, value) in enumerate(node.pairs):
                if fresh or number:
                    self.begin(key.span[0], column, indent)
                self.row.text += f"{key_text(key, content)}:"
                self.value_of_key(value, indent, content_of(key.value, content))
            return
        for number, item in enumerate(node.items):
            if fresh or number:
                self.begin(item.span[0], column, indent)
            self.row.text += "-"
            if isinstance(item, Scalar) or item.flow:
                self.value(item, indent + STEP, content)
            else:
                self.row.text += " "
                self.block(item, indent + STEP, content, False)

    def value_of_key(self, value: Node, indent: int, content: str) -> None:
        """The value of a key, on its line or below it."""
        if isinstance(value, Scalar) or value.flow:
            self.value(value, indent, content)
        else:
            self.block(value, indent + STEP, content, True)

    def value(self, value: Node, indent: int, content: str) -> None:
        """A scalar, or a list or mapping in brackets, after what is on the line."""
        blank = " " if self.row.text.strip() else ""
        column = len(self.row.text) + len(blank)
        if isinstance(value, Scalar):
            first, *rest = wrapped(value, content, column, indent + STEP)
            self.row.text += blank + first if first else ""
            self.rows += [Row(line, value.span[0], [(value.where.column, indent + STEP)]) for line in rest]
            return
        self.flush(value.span[0], value.where.column, indent + STEP)
        whole = self.whole(value, content)
        fits = whole is not None and column + len(whole) <= WIDTH
        fits_below = whole is not None and indent + STEP + len(whole) <= WIDTH
        if blank and not fits and (fits_below or self.row.comment):
            self.rows.append(Row(" " * (indent + STEP), value.span[0], [(value.where.column, indent + STEP)]))
        else:
            self.row.text += blank
        self.fill(value, content, 0)

    # --- lists and mappings in brackets --------------------------------------------------------------------------

    def whole(self, node: Node, content: str) -> str | None:
        """A value on one line; None if there are comments or line breaks in it."""
        if isinstance(node, Scalar):
            return one_line(node, content)
        if self.has_comments(node):
            return None
        parts = [self.whole_entry(each, content) for each in entries(node)]
        if None in parts:
            return None
        opening, closing = self.brackets(node)
        return opening + ", ".join(part for part in parts if part is not None) + closing

    def whole_entry(self, entry: tuple[Scalar | None, Node], content: str) -> str | None:
        key, value = entry
        if key is None:
            return self.whole(value, content)
        text = self.whole(value, content_of(key.value, content))
        return None if text is None else f"{self.key(key, value, content)}{text}"

    def key(self, key: Scalar, value: Node, content: str) -> str:
        """A key in braces, and what is between it and its value: a key without a value may have no colon."""
        colon = ": " if ":" in self.source.text[key.span[1] : value.span[0]] else ""
        return f"{key_text(key, content)}{colon}"

    def has_comments(self, node: tree.Sequence | tree.Mapping) -> bool:
        begin, end = node.span
        return any(begin < each.start < end for each in self.comments[self.at :])

    def brackets(self, node: tree.Sequence | tree.Mapping) -> tuple[str, str]:
        """The brackets of a node; a pair in a list, `[a, b: 1]`, has none."""
        if isinstance(node, tree.Sequence):
            return "[", "]"
        is_bare = self.source.text[node.span[0]] != "{" and all(raw.span[0] < raw.span[1] for _, raw in entries(node))
        return ("", "") if is_bare else ("{", "}")

    def fill(self, node: tree.Sequence | tree.Mapping, content: str, after: int) -> None:
        """A node in brackets: on one line if it fits with the brackets `after`, else broken between its entries.

        Breaks of the author stay.
        """
        whole = self.whole(node, content)
        if whole is not None and len(self.row.text) + len(whole) + after <= WIDTH:
            self.row.text += whole
            return
        opening, closing = self.brackets(node)
        self.row.text += opening
        column, end = len(self.row.text), 0
        parts = list(entries(node))
        for number, (key, value) in enumerate(parts):
            start = (key or value).span[0]
            last = number == len(parts) - 1
            text = self.whole_entry((key, value), content)
            room = WIDTH - len(self.row.text) - 1 - (after + 1 if last else 1)
            broken = number and ("\n" in self.source.text[end:start] or text is None or len(text) > room)
            if self.flush(start, column, column) or broken:
                self.rows.append(Row(" " * column, start, [(start - self.line_start(start), column)]))
            elif number:
                self.row.text += " "
            self.entry(key, value, content, after + 1 if last else 1)
            self.row.text += "" if last else ","
            end = value.span[1]
        if self.flush(node.span[1], column, column):
            self.rows.append(Row(" " * (column - 1), node.span[1], [(column - 1, column - 1)]))
        self.row.text += closing

    def line_start(self, at: int) -> int:
        return self.source.text.rfind("\n", 0, at) + 1

    def entry(self, key: Scalar | None, value: Node, content: str, after: int) -> None:
        """An entry of a node in brackets, at the end of the line."""
        if key is not None:
            self.row.text += self.key(key, value, content)
            content = content_of(key.value, content)
        if isinstance(value, Scalar):
            self.row.text += one_line(value, content) or " ".join(re.split(r"\s*\n\s*", raw_of(value)))
        else:
            self.fill(value, content, after)


def entries(node: tree.Sequence | tree.Mapping) -> Iterator[tuple[Scalar | None, Node]]:
    """The values of a node, each with its key."""
    if isinstance(node, tree.Mapping):
        yield from node.pairs
    else:
        yield from ((None, item) for item in node.items)
