"""A certificate as text for people, and as JSON for records."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from archcalc.core.machine import DEFAULT
from archcalc.core.release import RELEASE
from archcalc.record import asdict
from archcalc.verification.row import Count, Row, VerificationReport

SHOWN = 10
"""The maximum number of differences per row in text; JSON has all."""

WORDS = {True: "agree", False: "DISAGREE", None: "not measured"}

REPORTED = "reported"
"""The verdict of a row that was measured but not compared."""

Paint = Callable[[str, bool | None], str]
"""Formats a verdict, given its word and whether the row agrees."""


def unpainted(word: str, agrees: bool | None) -> str:
    return word


QUANTITY, NUMBER = 36, 13
"""Columns of the names of quantities and of numbers: rows are written before the widest is known."""


def to_text(certificate: VerificationReport, paint: Paint = unpainted) -> str:
    """Rows grouped by level and size, with differences below each row, and a summary line."""
    writing = RowWriter(paint)
    rows = "".join(writing.text(row) for row in certificate.rows)
    return f"{heading(certificate)}{rows}{ending(certificate, paint)}"


def heading(certificate: VerificationReport) -> str:
    lines = [f"{certificate.name}: generated PyTorch, built and run ({used(certificate)})"]
    lines += [*machine(certificate), *release(certificate)]
    return "\n".join(lines) + "\n"


def ending(certificate: VerificationReport, paint: Paint = unpainted) -> str:
    return f"\n{paint(summary(certificate), certificate.agrees)}\n"


class RowWriter:
    """Writes rows one after the other, with a heading where the level or the size changes."""

    def __init__(self, paint: Paint = unpainted) -> None:
        self.paint = paint
        self.place = ("", "")

    def text(self, row: Row) -> str:
        lines = [] if self.place == (row.level, row.at) else ["", f"{row.level:8} {row.at}"]
        self.place = (row.level, row.at)
        return "\n".join([*lines, *line(row, self.paint), *differences(row)]) + "\n"


def used(certificate: VerificationReport) -> str:
    return f"torch {certificate.versions.get('torch', '')}, {certificate.device}"


def machine(certificate: VerificationReport) -> Iterator[str]:
    """The machine that memory is predicted for, where it is not the default, or not the one that this is."""
    named, here = certificate.machine, certificate.versions.get("processor", DEFAULT.name)
    if named and (named != DEFAULT or here != DEFAULT.name):
        place = "this machine" if named.name == here else f"another machine than this, which is {here}"
        yield f"memory is predicted for {named.name}, {place}; the default of other commands is {DEFAULT.name}"


def release(certificate: VerificationReport) -> Iterator[str]:
    """The release of torch that memory is predicted for, where it is another one than this."""
    here = certificate.versions.get("torch", "")
    if here and certificate.versions.get("rules") != "none" and not here.startswith(f"{RELEASE}."):
        yield f"memory is predicted for torch {RELEASE}, another release than this: its rows may differ"


def text(value: Count) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def line(row: Row, paint: Paint) -> Iterator[str]:
    """A row on one line, or two if its quantity is long."""
    name = row.quantity
    if len(name) > QUANTITY:
        yield f"  {name}"
        name = ""
    numbers = f"{text(row.predicted):>{NUMBER}}  {text(row.measured):>{NUMBER}}"
    yield f"  {name:{QUANTITY}}  {numbers}  {paint(word(row), row.agrees)}"


def word(row: Row) -> str:
    return REPORTED if row.reported else WORDS[row.agrees]


def differences(row: Row) -> Iterator[str]:
    yield from (f"      {each}" for each in row.differences[:SHOWN])
    if len(row.differences) > SHOWN:
        yield f"      and {len(row.differences) - SHOWN:,} more (--format json has all)"


def summary(certificate: VerificationReport) -> str:
    """`all 19 comparisons agree`."""
    judged = [row for row in certificate.rows if row.agrees is not None]
    wrong = [row for row in judged if not row.agrees]
    reported = sum(row.reported for row in certificate.rows)
    left = len(certificate.rows) - len(judged) - reported
    note = f"; {left} not measured" * bool(left) + f"; {reported} reported" * bool(reported)
    if wrong:
        return f"{len(wrong)} of {len(judged)} comparisons disagree{note}"
    return f"all {len(judged)} comparisons agree{note}"


def to_json(certificate: VerificationReport) -> str:
    """The whole certificate, with one line per row and per timed layer."""
    head = {key: value for key, value in asdict(certificate).items() if key not in ("rows", "timing")}
    lines = [f" {json.dumps(key)}: {plain(value)}" for key, value in (head | {"agrees": certificate.agrees}).items()]
    lines.append(f' "timing": {timing_of(certificate)}')
    lines.append(f' "rows": {listed(asdict(row) for row in certificate.rows)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def timing_of(certificate: VerificationReport) -> str:
    if not (timing := certificate.timing):
        return "null"
    about = [f"  {json.dumps(key)}: {plain(value)}" for key, value in timing.items() if key != "layers"]
    return "{\n" + ",\n".join([*about, f'  "layers": {listed(timing["layers"])}']) + "\n }"


def plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def listed(values: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(f"  {plain(each)}" for each in values) + "\n ]"
