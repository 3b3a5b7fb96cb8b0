"""Diagnostics as text: the line with carets under the exact columns, related locations, notes and help."""

from collections.abc import Iterable, Iterator, Sequence

from archcalc.core.diagnostic import Diagnostic, Label, in_file_order
from archcalc.core.location import Location
from archcalc.record import record

WIDEST = 160
"""Columns shown of a source line; longer lines are clipped around the carets."""

MOST_FILES = 3
"""Files that a summary names. It only counts more."""

TAB = 4
BEFORE = 60
"""Columns kept before the carets of a clipped line."""

FAR = 4 * WIDEST
"""Characters on each side of the carets that are rendered."""

RESET, BOLD = "\x1b[0m", "\x1b[1m"
COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m", "gutter": "\x1b[1;34m"}


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """One diagnostic, without a trailing line break."""
    return "\n".join(_lines(diagnostic, color))


def render_all(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """All diagnostics in file order, separated by empty lines, and a summary; empty if there are none."""
    found = in_file_order(diagnostics)
    if not found:
        return ""
    return "\n\n".join([*(render(each, color) for each in found), summary(found)])


def summary(found: list[Diagnostic]) -> str:
    """`2 problems and 1 warning found in resnet.yaml`."""
    files = list(dict.fromkeys(each.location.source.name for each in found if each.location))
    warnings = sum(each.severity == "warning" for each in found)
    counts = [(len(found) - warnings, "problem"), (warnings, "warning")]
    count = " and ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts if n)
    where = printable(", ".join(files)) if len(files) <= MOST_FILES else f"{len(files):,} files"
    return f"{count} found" + (f" in {where}" if files else "")


def _lines(diagnostic: Diagnostic, color: bool) -> Iterator[str]:
    severity = paint(f"{diagnostic.severity}[{diagnostic.code}]", COLORS.get(diagnostic.severity, BOLD), color)
    yield f"{severity}{paint(f': {printable(diagnostic.message)}', BOLD, color)}"
    main = diagnostic.location
    places = [*(label.location for label in diagnostic.labels), *([main] if main else [])]
    margin = " " * max((len(str(place.line + 1)) for place in places), default=1)
    beside = [label for label in diagnostic.labels if main and fits_beside(label.location, main)]
    if main:
        yield from _snippet(main, "-->", Mark(main, "^", "", diagnostic.severity), beside, margin, color)
    for label in diagnostic.labels:
        if label not in beside:
            mark = Mark(label.location, "-", label.text, "gutter")
            yield from _snippet(label.location, ":::", mark, [], margin, color)
    sign = paint("=", COLORS["gutter"], color)
    for note in diagnostic.notes:
        yield f"{margin} {sign} note: {printable(note)}"
    if diagnostic.help:
        yield f"{margin} {sign} help: {printable(diagnostic.help)}"


@record
class Mark:
    """The mark below a line, and the text next to it."""

    place: Location
    sign: str
    text: str
    hue: str


def fits_beside(place: Location, main: Location) -> bool:
    """Whether a location can be marked in the excerpt of `main`: the same unclipped line, without overlap."""
    line = main.source.line(main.line)
    if place.source != main.source or place.line != main.line or len(line) > WIDEST:
        return False
    if columns(printable(line)) > WIDEST:
        return False
    return place.column + place.length <= main.column or main.column + main.length <= place.column


def _snippet(
    place: Location, arrow: str, mark: Mark, beside: Sequence[Label], margin: str, color: bool
) -> Iterator[str]:
    """A location: its address, its line, the marks under it, and the texts of labels on the same line."""
    bar = paint("|", COLORS["gutter"], color)
    yield f"{margin}{paint(arrow, COLORS['gutter'], color)} {printable(str(place))}"
    if place.line >= len(place.source.lines):
        if mark.text:
            yield f"{margin} {bar} {printable(mark.text)}"
        return
    line = place.source.line(place.line)
    marks = [mark, *(Mark(label.location, "-", "", "gutter") for label in beside)]
    number = paint(f"{place.line + 1:>{len(margin)}}", COLORS["gutter"], color)
    yield f"{margin} {bar}"
    yield f"{number} {bar} {excerpt(line, place.column, place.length)[0]}".rstrip()
    yield f"{margin} {bar} {_drawn(line, marks, color)}"
    for label in beside:
        yield f"{margin} {bar} {' ' * excerpt(line, label.location.column, 1)[1]}{printable(label.text)}"


def _drawn(line: str, marks: Sequence[Mark], color: bool) -> str:
    """The marks below a line, from left to right."""
    drawn, at = "", 0
    for mark in sorted(marks, key=lambda mark: mark.place.column):
        _, start, length = excerpt(line, mark.place.column, mark.place.length)
        drawn += " " * (start - at) + paint(mark.sign * length, COLORS.get(mark.hue, BOLD), color)
        drawn += f" {printable(mark.text)}" if mark.text else ""
        at = max(at, start) + length
    return drawn


def excerpt(line: str, column: int, length: int) -> tuple[str, int, int]:
    """A line as shown, with the first column and the length of the marks below it.

    >>> excerpt("\\tconv(3, 64)", 6, 1)
    ('    conv(3, 64)', 9, 1)
    """
    column = min(max(column, 0), len(line))
    end = column + max(1, length)
    before, marked = printable(line[max(0, column - FAR) : column]), printable(line[column : min(end, column + FAR)])
    after = printable(line[end : end + FAR])
    start, extent = columns(before), max(1, columns(marked))
    if start + extent + columns(after) <= WIDEST:
        return before + marked + after, start, extent
    if start > BEFORE:
        before = "..." + tail(before, BEFORE - 3)
        start = columns(before)
    room = WIDEST - start
    if extent > room - 3:
        marked, after = head(marked, room - 3) + "...", ""
        extent = columns(marked)
    elif columns(after) > room - extent:
        after = head(after, room - extent - 3) + "..."
    return before + marked + after, start, extent


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
