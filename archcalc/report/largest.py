"""The largest of the lines of a table: one line, or several that are alike."""

from collections.abc import Iterable, Sequence

from archcalc.report.report import Line


def without_numbers(name: str) -> str:
    """A name without the parts of it that count repeats.

    >>> without_numbers("layers.3.moe"), without_numbers("layer3.0")
    ('layers.*.moe', 'layer3.*')
    """
    first, *rest = name.split(".")
    return ".".join([first, *("*" if part.isdecimal() else part for part in rest)])


def largest(lines: Sequence[Line], alike: Sequence[str], measure: str) -> str:
    """`stem (2.9 %)`; `layers.*.moe (32 alike, 81.6 %)`, if lines of one name with other numbers are equal.

    `alike`: the names of the lines without their numbers. Empty if the total is 0.
    """
    amounts = [line.values[measure] for line in lines]
    total = sum(amount or 0 for amount in amounts)
    if total == 0:
        return ""
    groups: dict[object, list[Line]] = {}
    for line, name, amount in zip(lines, alike, amounts, strict=True):
        groups.setdefault((name, amount), []).append(line)
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
