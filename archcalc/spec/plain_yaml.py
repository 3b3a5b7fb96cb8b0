"""The plain part of YAML, in which nearly all specs are written, as the events that PyYAML gives.

Plain: mappings and lists, indented or in brackets, comments, words on one line, texts in quotes without backslashes.
Where a text has anything else, or is wrong, there are no events, and PyYAML reads it (full_yaml.py): to import it takes
twice as long as to start Python.
"""

from bisect import bisect_right
from collections.abc import Sequence

LONGEST = 1 << 16
"""Characters: PyYAML reads longer texts in less time, the time to import it included."""

DEEPEST = 40
"""Levels of lists and mappings."""

LONGEST_KEY = 500

NO_FIRST = frozenset(",[]{}#&*!|>'\"%@`?:")
"""What no plain scalar begins with, or what only some may begin with."""

NULL = ""


class NotPlain(Exception):
    """The text has something else, or is wrong."""


class Mark:
    """A place in a text: its line and column, from 0, and its character."""

    __slots__ = ("column", "index", "line")

    def __init__(self, line: int, column: int, index: int) -> None:
        self.line, self.column, self.index = line, column, index


class Event:
    """An event of the name of its class. `value` and `style` are those of scalars, `flow_style` is that of others."""

    __slots__ = ("end_mark", "flow_style", "start_mark", "style", "value")

    def __init__(self, start: Mark, end: Mark, value: str = "", style: str | None = None, flow: bool = False) -> None:
        self.start_mark, self.end_mark, self.value, self.style, self.flow_style = start, end, value, style, flow


class ScalarEvent(Event):
    __slots__ = ()


class SequenceStartEvent(Event):
    __slots__ = ()


class SequenceEndEvent(Event):
    __slots__ = ()


class MappingStartEvent(Event):
    __slots__ = ()


class MappingEndEvent(Event):
    __slots__ = ()


def events(text: str) -> Sequence[Event] | None:
    """The events of a text; None if it is not plain."""
    lines = text.split("\n")
    if len(text) > LONGEST or any(not each.isprintable() or each.startswith(("---", "...", "%")) for each in lines):
        return None
    try:
        return Text(text, lines).read()
    except (NotPlain, IndexError):  # IndexError: the text ends in brackets
        return None


class Places:
    """A text and its places, numbers of characters from its start; the events of what has been read."""

    def __init__(self, text: str, lines: Sequence[str]) -> None:
        self.text, self.events, self.depth = text, list[Event](), 0
        self.starts, start = [], 0
        for each in lines:
            self.starts.append(start)
            start += len(each) + 1
        filled = [(start, each, each.lstrip(" ")) for start, each in zip(self.starts, lines, strict=True)]
        self.filled = [start + len(line) - len(rest) for start, line, rest in filled if rest and rest[0] != "#"]

    def mark(self, at: int) -> Mark:
        line = bisect_right(self.starts, at) - 1
        return Mark(line, at - self.starts[line], at)

    def column(self, at: int) -> int:
        """The column of a place; -1 at the end of the text, which ends all blocks."""
        return at - self.starts[bisect_right(self.starts, at) - 1] if at < len(self.text) else -1

    def line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found

    def next_line(self, at: int) -> int:
        """Where the first line after a place begins that has more than a comment; the end of the text without one."""
        found = bisect_right(self.filled, at)
        return self.filled[found] if found < len(self.filled) else len(self.text)

    def after_spaces(self, at: int) -> int:
        while self.text[at : at + 1] == " ":
            at += 1
        return at

    def ends_line(self, at: int) -> bool:
        """Whether a line has nothing more than a comment, which a space precedes."""
        rest = self.after_spaces(at)
        return self.text[rest : rest + 1] in ("", "\n") or (self.text[rest] == "#" and rest > at)

    # --- events ------------------------------------------------------------------------------------------------------

    def opened(self, kind: type[Event], at: int, flow: bool = False) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotPlain
        mark = self.mark(at)
        self.events.append(kind(mark, mark, flow=flow))

    def closed(self, kind: type[Event], at: int) -> int:
        self.depth -= 1
        mark = self.mark(at)
        self.events.append(kind(mark, mark))
        return at

    def scalar(self, start: int, end: int, value: str, style: str | None = None) -> int:
        self.events.append(ScalarEvent(self.mark(start), self.mark(end), value, style))
        return end


class Text(Places):
    """A text that is being read."""

    def read(self) -> Sequence[Event]:
        if self.filled and self.block(self.filled[0], -1) < len(self.text):
            raise NotPlain
        return self.events

    # --- blocks: each returns where the next line begins -------------------------------------------------------------

    def block(self, at: int, outer: int) -> int:
        """A list, a mapping or a value; `outer` is the column of what it stands in."""
        if self.is_item(at):
            return self.items(at)
        return self.pairs(at) if self.colon_of(at) >= 0 else self.value(at, outer)

    def is_item(self, at: int) -> bool:
        return self.text[at] == "-" and self.text[at + 1 : at + 2] in ("", " ", "\n")

    def items(self, at: int, in_mapping: bool = False) -> int:
        """A list; `in_mapping`: in the column of the keys around it, one of which may end it."""
        self.opened(SequenceStartEvent, at)
        column, next = self.column(at), at
        while True:
            if not self.ends_line(next + 1):
                next = self.block(self.after_spaces(next + 1), column)
            else:
                next = self.next_line(next)
                if self.column(next) <= column:
                    raise NotPlain
                next = self.block(next, column)
            if self.column(next) < column or (in_mapping and self.column(next) == column and not self.is_item(next)):
                return self.closed(SequenceEndEvent, next)
            if self.column(next) > column or not self.is_item(next):
                raise NotPlain

    def pairs(self, at: int) -> int:
        """A mapping."""
        self.opened(MappingStartEvent, at)
        column, next = self.column(at), at
        while True:
            colon = self.colon_of(next)
            if colon < 0 or self.is_item(next):
                raise NotPlain
            self.key(next, colon)
            if not self.ends_line(colon + 1):
                begin = self.after_spaces(colon + 1)
                if self.is_item(begin):
                    raise NotPlain
                next = self.value(begin, column)
            else:
                next = self.next_line(colon)
                if self.column(next) > column:
                    next = self.block(next, column)
                elif self.column(next) == column and self.is_item(next):
                    next = self.items(next, in_mapping=True)
                else:
                    self.scalar(colon + 1, colon + 1, NULL)
            if self.column(next) < column:
                return self.closed(MappingEndEvent, next)
            if self.column(next) > column:
                raise NotPlain

    def colon_of(self, at: int) -> int:
        """Where the colon stands behind the key at a place; -1 if there is no key."""
        end = self.line_end(at)
        if self.text[at] in "[{":
            return -1
        if self.text[at] in "'\"":
            colon = self.after_spaces(self.quoted(at)[0])
            return colon if colon < end and self.text[colon] == ":" and self.text[colon + 1] in " \n" else -1
        line = self.text[at:end]
        colon = line.find(": ")
        colon = len(line) - 1 if colon < 0 and line.endswith(":") else colon
        comment = line.find(" #")
        if colon > LONGEST_KEY:
            raise NotPlain
        return at + colon if colon >= 0 and not 0 <= comment < colon else -1

    def key(self, at: int, colon: int) -> None:
        if self.text[at] in "'\"":
            end, value = self.quoted(at)
            self.scalar(at, end, value, self.text[at])
        else:
            self.word(at, self.text[at:colon])

    def word(self, at: int, text: str) -> int:
        """A plain scalar; returns where it ends."""
        value = text.rstrip(" ")
        if not value or value[0] in NO_FIRST or (value[0] == "-" and value[1:2] in ("", " ", ",", "[", "]", "{", "}")):
            raise NotPlain
        return self.scalar(at, at + len(value), value)

    def value(self, at: int, outer: int) -> int:
        """A scalar or what stands in brackets, to the end of its line; a line below it that is further in is not
        plain."""
        if self.text[at] in "[{":
            end = self.flow(at)
        elif self.text[at] in "'\"":
            end, value = self.quoted(at)
            self.scalar(at, end, value, self.text[at])
        else:
            line = self.text[at : self.line_end(at)].partition(" #")[0].rstrip(" ")
            if ": " in line or line.endswith(":"):
                raise NotPlain
            end = self.word(at, line)
        next = self.next_line(end)
        if not self.ends_line(end) or self.column(next) > outer:
            raise NotPlain
        return next

    # --- scalars in quotes, and what stands in brackets --------------------------------------------------------------

    def quoted(self, at: int) -> tuple[int, str]:
        """Where a scalar in quotes ends, and its value: lines are folded."""
        sign = self.text[at]
        end = self.text.find(sign, at + 1)
        while end >= 0 and sign == "'" and self.text[end + 1 : end + 2] == "'":
            end = self.text.find(sign, end + 2)
        inner = self.text[at + 1 : end]
        if end < 0 or (sign == '"' and "\\" in inner):
            raise NotPlain
        return end + 1, folded(inner.replace("''", "'") if sign == "'" else inner)

    def after_blanks(self, at: int) -> int:
        """The first character after spaces, line breaks and comments."""
        while True:
            if self.text[at] == "#" and self.text[at - 1] in " \n":
                at = self.line_end(at)
            elif self.text[at] not in " \n":
                return at
            else:
                at += 1

    def flow(self, at: int) -> int:
        """A list or a mapping in brackets; returns where it ends."""
        mapping = self.text[at] == "{"
        sign = "}" if mapping else "]"
        self.opened(MappingStartEvent if mapping else SequenceStartEvent, at, flow=True)
        next = self.after_blanks(at + 1)
        while self.text[next] != sign:
            if mapping:
                next = self.flow_key(next)
            next = self.after_blanks(self.flow(next) if self.text[next] in "[{" else self.flow_scalar(next))
            if self.text[next] == ",":
                next = self.after_blanks(next + 1)
                if self.text[next] == sign:
                    raise NotPlain
            elif self.text[next] != sign:
                raise NotPlain
        return self.closed(MappingEndEvent if mapping else SequenceEndEvent, next + 1)

    def flow_key(self, at: int) -> int:
        """A key in brackets; returns where its value begins."""
        end = self.flow_scalar(at)
        if self.text[end] != ":" or self.text[end + 1] not in " \n" or "\n" in self.text[at:end]:
            raise NotPlain
        if end - at > LONGEST_KEY:
            raise NotPlain
        return self.after_blanks(end + 1)

    def flow_scalar(self, at: int) -> int:
        """A scalar in brackets; returns where it ends."""
        if self.text[at] in "'\"":
            end, value = self.quoted(at)
            return self.scalar(at, end, value, self.text[at])
        end = at
        while self.text[end] not in ",[]{}?\n" and not (self.text[end] == ":" and self.text[end + 1] in " \n,[]{}?"):
            if self.text[end] == "#" and self.text[end - 1] == " ":
                break
            end += 1
        if self.text[end] in "[{?":
            raise NotPlain
        return self.word(at, self.text[at:end])


def folded(text: str) -> str:
    """The value of a text in quotes: its lines joined with a space; empty lines between them are line breaks."""
    if "\n" not in text:
        return text
    first, *middle, last = text.split("\n")
    value, breaks = first.rstrip(" "), 1
    for line in (each.strip(" ") for each in middle):
        if line:
            value, breaks = value + ("\n" * (breaks - 1) or " ") + line, 0
        breaks += 1
    return value + ("\n" * (breaks - 1) or " ") + last.lstrip(" ")
