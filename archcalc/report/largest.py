"""The largest of the lines of a table: one line, or several that are alike."""

import re
from collections.abc import Iterable, Sequence

from archcalc.report.report import Line

NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")
"""A part of a name that counts repeats: `layers.3.moe`."""


def largest(lines: Sequence[Line], measure: str) -> str:
    """`stem (2.9 %)`; `layers.*.moe (32 alike, 81.6 %)`, if lines of one name with other numbers are equal.

    Empty if the total is 0.
    """
    total = sum(line.values[measure] or 0 for line in lines)
    if total == 0:
        return ""
    groups: dict[object, list[Line]] = {}
    for line in lines:
        groups.setdefault((NUMBER.sub("*", line.name), line.values[measure]), []).append(line)
    most = max(groups.values(), key=lambda group: len(group) * (group[0].values[measure] or 0))
    share = f"{100 * len(most) * (most[0].values[measure] or 0) / total:.1f} %"
    if len(most) == 1:
        return f"{most[0].name} ({share})"
    return f"{common([line.name for line in most])} ({len(most):,} alike, {share})"


def common(names: Iterable[str]) -> str:
    """Names that differ in numbers as one.

    >>> common(["layers.0.conv.1", "layers.2.conv.1"])
    'layers.*.conv.1'
    """
    columns = zip(*(name.split(".") for name in names), strict=True)
    return ".".join(parts[0] if len(set(parts)) == 1 else "*" for parts in columns)
