"""Diagnostics as text: the line with carets under the exact columns, related locations, notes and help."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from archcalc.core.diagnostic import Diagnostic, Label, in_file_order
from archcalc.core.location import Location
from archcalc.record import record

COLUMN = r"(?:^| ) +(?=\S)"
"""The blanks before a column of a line."""

SET = r"(?m)^( |-|\||```)"
"""Lines that are set as they are: code, lists, tables."""

WIDEST = 160
"""Columns shown of a source line; longer lines are clipped around the carets."""

MOST_FILES = 3
"""Files that a summary names. It only counts more."""

NARROWEST = 20
"""Columns that are used on a terminal that has fewer."""

TAB = 4
BEFORE = 60
"""Columns kept before the carets of a clipped line."""

FAR = 4 * WIDEST
"""Characters on each side of the carets that are rendered."""

RESET, BOLD = "\x1b[0m", "\x1b[1m"
COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m", "gutter": "\x1b[1;34m"}


def render(diagnostic: Diagnostic, color: bool = False, room: int | None = None) -> str:
    """One diagnostic, without a trailing line break. `room`: the width of the terminal, None without one."""
    return "\n".join(_lines(diagnostic, color, room))


def render_all(diagnostics: Iterable[Diagnostic], color: bool = False, room: int | None = None) -> str:
    """All diagnostics in file order, separated by empty lines, and a summary; empty if there are none."""
    found = in_file_order(diagnostics)
    if not found:
        return ""
    last = "\n".join(wrapped(summary(found), room))
    return "\n\n".join([*(render(each, color, room) for each in found), last])


def complaint(message: str, help: str = "", color: bool = False, room: int | None = None) -> str:
    """An error that has neither a code nor a place in a spec, in the form of diagnostics.

    >>> print(complaint("no SPEC given", "see `archcalc report --help`"))
    error: no SPEC given
      = help: see `archcalc report --help`
    """
    remarks = Sheet(" ", color, room).remark("help", help) if help else ()
    return "\n".join([*_headed("error", "error", message, color, room), *remarks])


def summary(found: list[Diagnostic]) -> str:
    """`2 problems and 1 warning found in resnet.yaml`."""
    files = list(dict.fromkeys(each.location.source.name for each in found if each.location))
    warnings = sum(each.severity == "warning" for each in found)
    counts = [(len(found) - warnings, "problem"), (warnings, "warning")]
    count = " and ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts if n)
    where = printable(", ".join(files)) if len(files) <= MOST_FILES else f"{len(files):,} files"
    return f"{count} found" + (f" in {where}" if files else "")


def _lines(diagnostic: Diagnostic, color: bool, room: int | None) -> Iterator[str]:
    yield from _headed(
        diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.message, color, room
    )
    main = diagnostic.location
    places = [*(label.location for label in diagnostic.labels), *([main] if main else [])]
    margin = " " * max((len(str(place.line + 1)) for place in places), default=1)
    sheet = Sheet(margin, color, room)
    beside = [label for label in diagnostic.labels if main and fits_beside(label.location, main, sheet.widest)]
    if main:
        yield from _snippet(main, "-->", Mark(main, "^", "", diagnostic.severity), beside, sheet)
    for label in diagnostic.labels:
        if label not in beside:
            mark = Mark(label.location, "-", label.text, "gutter")
            yield from _snippet(label.location, ":::", mark, [], sheet)
    for note in diagnostic.notes:
        yield from sheet.remark("note", note)
    if diagnostic.help:
        yield from sheet.remark("help", diagnostic.help)


def _headed(severity: str, head: str, message: str, color: bool, room: int | None) -> Iterator[str]:
    """`error[AC001]: a message`, with the head in the colour of its severity."""
    first, *more = wrapped(f"{head}: {printable(message)}", room)
    yield paint(head, COLORS.get(severity, BOLD), color) + paint(first[len(head) :], BOLD, color)
    yield from (paint(line, BOLD, color) for line in more)


@record
class Sheet:
    """What diagnostics are written on: the blanks before the bar, whether there are colours, and the width."""

    margin: str
    color: bool
    room: int | None

    @property
    def widest(self) -> int:
        """Columns of a source line after the bar."""
        return WIDEST if self.room is None else max(NARROWEST, min(WIDEST, self.room - len(self.margin) - 3))

    @property
    def bar(self) -> str:
        return f"{self.margin} {paint('|', COLORS['gutter'], self.color)}"

    def remark(self, kind: str, text: str) -> Iterator[str]:
        """A note or a help, broken between words."""
        head = f"{self.margin} = {kind}: "
        room = None if self.room is None else max(NARROWEST, self.room - len(head))
        first, *more = wrapped(printable(text), room, hanging=False)
        yield f"{self.margin} {paint('=', COLORS['gutter'], self.color)} {kind}: {first}"
        yield from (" " * len(head) + line for line in more)

    def beside(self, column: int, text: str) -> Iterator[str]:
        """The text of a label below its mark; further left if it would not fit there."""
        widest = self.widest
        column = max(0, min(column, widest - columns(text)))
        for line in wrapped(text, widest if self.room else None, hanging=False):
            yield f"{self.bar} {' ' * column}{line}"


@record
class Mark:
    """The mark below a line, and the text next to it."""

    place: Location
    sign: str
    text: str
    hue: str


def fits_beside(place: Location, main: Location, widest: int = WIDEST) -> bool:
    """Whether a location can be marked in the excerpt of `main`: the same unclipped line, without overlap."""
    line = main.source.line(main.line)
    if place.source != main.source or place.line != main.line or len(line) > widest:
        return False
    if columns(printable(line)) > widest:
        return False
    return place.column + place.length <= main.column or main.column + main.length <= place.column


def _snippet(place: Location, arrow: str, mark: Mark, beside: Sequence[Label], sheet: Sheet) -> Iterator[str]:
    """A location: its address, its line, the marks under it, and the texts of labels on the same line."""
    yield f"{sheet.margin}{paint(arrow, COLORS['gutter'], sheet.color)} {printable(str(place))}"
    if place.line >= len(place.source.lines):
        if mark.text:
            yield from sheet.beside(0, printable(mark.text))
        return
    line = place.source.line(place.line)
    marks = [mark, *(Mark(label.location, "-", "", "gutter") for label in beside)]
    number = paint(f"{place.line + 1:>{len(sheet.margin)}}", COLORS["gutter"], sheet.color)
    shown, start, length = excerpt(line, place.column, place.length, sheet.widest)
    yield sheet.bar
    yield f"{number} {paint('|', COLORS['gutter'], sheet.color)} {shown}".rstrip()
    text = printable(mark.text)
    fits = sheet.room is None or start + length + 1 + columns(text) <= sheet.widest
    yield f"{sheet.bar} {_drawn(line, marks, sheet)}{f' {text}' if text and fits else ''}"
    if text and not fits:
        yield from sheet.beside(start, text)
    for label in beside:
        _, start, _ = excerpt(line, label.location.column, 1, sheet.widest)
        yield from sheet.beside(start, printable(label.text))


def _drawn(line: str, marks: Sequence[Mark], sheet: Sheet) -> str:
    """The marks below a line, from left to right."""
    drawn, at = "", 0
    for mark in sorted(marks, key=lambda mark: mark.place.column):
        _, start, length = excerpt(line, mark.place.column, mark.place.length, sheet.widest)
        drawn += " " * (start - at) + paint(mark.sign * length, COLORS.get(mark.hue, BOLD), sheet.color)
        at = max(at, start) + length
    return drawn


def excerpt(line: str, column: int, length: int, widest: int = WIDEST) -> tuple[str, int, int]:
    """A line as shown, with the first column and the length of the marks below it.

    >>> excerpt("\\tconv(3, 64)", 6, 1)
    ('    conv(3, 64)', 9, 1)
    """
    column = min(max(column, 0), len(line))
    end = column + max(1, length)
    before, marked = printable(line[max(0, column - FAR) : column]), printable(line[column : min(end, column + FAR)])
    after = printable(line[end : end + FAR])
    start, extent = columns(before), max(1, columns(marked))
    if start + extent + columns(after) <= widest:
        return before + marked + after, start, extent
    most = min(BEFORE, 3 * widest // 8)
    if start > most:
        before = "..." + tail(before, most - 3)
        start = columns(before)
    room = widest - start
    if extent > room - 3:
        marked, after = head(marked, room - 3) + "...", ""
        extent = columns(marked)
    elif columns(after) > room - extent:
        after = head(after, room - extent - 3) + "..."
    return before + marked + after, start, extent


def wrapped(line: str, room: int | None, hanging: bool = True) -> list[str]:
    """A line in lines of this width, broken between words; if `hanging`, those after the first begin below its last
    column.

    >>> wrapped("  peak    1,024  at conv1 of the stem", 24)
    ['  peak    1,024  at', '          conv1 of the', '          stem']
    """
    if room is None or columns(line) <= room:
        return [line]
    from textwrap import wrap  # lazy: 1 ms, needed only on narrow terminals

    stops = [found.end() for found in re.finditer(COLUMN, line) if found.end() <= room // 2] if hanging else []
    indent = " " * stops[-1] if stops else ""
    glued = line.replace(" %", "\xa0%")
    made = wrap(glued, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [each.replace("\xa0%", " %") for each in made]


def width_of(stream: Any) -> int | None:
    """The width of a stream in characters; None, without a limit, if it is not a terminal."""
    if stream is None or not stream.isatty():
        return None
    import shutil  # lazy: 4 ms

    return shutil.get_terminal_size().columns


def fitted(text: str, room: int | None) -> str:
    """A text whose lines are broken between words where they are wider than a terminal."""
    return text if room is None else "\n".join(part for line in text.split("\n") for part in wrapped(line, room))


def flowed(text: str, room: int | None) -> str:
    """A text in paragraphs, each set anew for the width; paragraphs with lines that are indented or listed are fitted.

    >>> flowed("One line,\\nand another.\\n\\n  two\\n  three", 30)
    'One line, and another.\\n\\n  two\\n  three'
    """
    if room is None:
        return text
    made = [each if re.search(SET, each) else " ".join(each.split("\n")) for each in text.split("\n\n")]
    return fitted("\n\n".join(made), room)


def printable(text: str) -> str:
    """A text that is safe for a terminal: tabs become spaces; control and bidirectional characters are replaced.

    >>> printable("a\\x1b[31mb\\tc")
    'a\ufffd[31mb    c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character == "\t":
        return " " * TAB
    return character if character.isprintable() else "\ufffd"


def columns(text: str) -> int:
    """The columns that a text takes on a terminal.

    >>> columns("conv"), columns("卷积")
    (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    from unicodedata import combining, east_asian_width  # lazy: 1 MB, needed only for text that is not ASCII

    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1


def head(text: str, room: int) -> str:
    """As much of the beginning of a text as fits into `room` columns."""
    taken = 0
    for position, character in enumerate(text):
        taken += columns(character)
        if taken > room:
            return text[:position]
    return text


def tail(text: str, room: int) -> str:
    """As much of the end of a text as fits into `room` columns."""
    return head(text[::-1], room)[::-1]


def paint(text: str, code: str, color: bool) -> str:
    return f"{code}{text}{RESET}" if color else text
