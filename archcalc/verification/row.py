"""The rows of a verification: what was predicted, what was measured, whether they agree."""

import importlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from archcalc.core.machine import Machine
from archcalc.core.render import printable
from archcalc.core.shown import Shown, data_frame, save
from archcalc.record import asdict, field, record

SPEC, META, CPU, CUDA = "expect", "L1 meta", "L2 cpu", "L3 cuda"
"""Levels: published numbers in the spec; shapes and counts on the meta device; a real run on the CPU; on the GPU."""

Count: TypeAlias = int | str


@record
class Row:
    """One quantity. `at`: the size of the input; `differences`: every layer that disagrees.

    `agrees` is None if nothing was compared: either the quantity was not measured, and `measured` gives the reason; or
    it is only `reported`, and `differences` list its parts.
    """

    quantity: str
    level: str
    at: str
    predicted: Count
    measured: Count
    agrees: bool | None
    differences: tuple[str, ...] = ()
    reported: bool = False


@record
class VerificationReport(Shown):
    """All rows of a network, and the environment: versions, and flags that affect numbers.

    `timing`: the time of every layer, if measured (see timing/text.py). `machine`: the machine that memory on the CPU
    is predicted for; None if nothing is computed.
    """

    name: str
    spec: str
    device: str
    rows: tuple[Row, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    source_sha256: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    timing: Mapping[str, Any] | None = None
    machine: Machine | None = None

    @property
    def agrees(self) -> bool:
        """Whether no row disagrees."""
        return all(row.agrees is not False for row in self.rows)

    def __repr__(self) -> str:
        """One line; `print(report)` prints all rows."""
        certificate = self.certificate
        return f"<VerificationReport of {printable(self.name)}: {certificate.summary(self)} ({certificate.used(self)})>"

    def __str__(self) -> str:
        """The rows as the command line prints them."""
        text: str = self.certificate.to_text(self)
        return text

    def _repr_html_(self) -> str:
        """What notebooks show."""
        html: str = importlib.import_module("archcalc.pages.notebook").html_of_verification(self)
        return html

    def to_pandas(self) -> Any:
        """The rows as a DataFrame of pandas."""
        return data_frame([asdict(row) for row in self.rows])

    def save(self, path: str | Path) -> None:
        """Writes the report to a file, .json or .txt. Raises ValueError for another suffix."""
        certificate = self.certificate
        save(path, {".json": partial(certificate.to_json, self), ".txt": partial(certificate.to_text, self)})

    @property
    def certificate(self) -> Any:
        """The module that writes it, and imports this one."""
        return importlib.import_module("archcalc.verification.certificate")


def compared(
    quantity: str, level: str, at: str, predicted: Mapping[str, Any], measured: Mapping[str, Any], noun: str
) -> Row:
    """One row for many values of one kind, by name: how many were predicted, and how many of those agree."""
    names = dict.fromkeys((*predicted, *measured))
    wrong = [name for name in names if predicted.get(name, ABSENT) != measured.get(name, ABSENT)]
    differences = tuple(
        f"{name}: predicted {predicted.get(name, ABSENT)}, measured {measured.get(name, ABSENT)}" for name in wrong
    )
    right = sum(1 for name in predicted if name not in set(wrong))
    return Row(quantity, level, at, counted(len(predicted), noun), counted(right, noun), not wrong, differences)


ABSENT = "nothing"


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "layer"), counted(3, "layer"), counted(2, "entry")
    ('1 layer', '3 layers', '2 entries')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def reported(quantity: str, level: str, at: str, predicted: Count, measured: Count, parts: Iterable[str] = ()) -> Row:
    """One row that is reported without comparison: `parts` lists its parts."""
    return Row(quantity, level, at, predicted, measured, None, tuple(parts), reported=True)


def within(quantity: str, level: str, at: str, predicted: int, measured: int, percent: int) -> Row:
    """One row for one number, with a tolerance in percent of the measured value.

    >>> [within("bytes", "L3 cuda", "", each, 1000, 2).agrees for each in (979, 980, 1020, 1021)]
    [False, True, True, False]
    """
    agrees = 100 * abs(predicted - measured) <= percent * measured
    return Row(f"{quantity}, within {percent} %", level, at, predicted, measured, agrees)


def total(quantity: str, level: str, at: str, predicted: int, measured: int) -> Row:
    """One row for one number, which must be equal."""
    return Row(quantity, level, at, predicted, measured, predicted == measured)
