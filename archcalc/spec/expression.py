"""Expressions: `4*w`, `depths[0]`, `make_divisible(w * 1.5, 8)`, parsed by our own small parser, evaluated on demand.

(skeleton: interface fixed, bodies to be written)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archcalc.core.location import Location

Value: TypeAlias = "int | float | bool | str | tuple[Value, ...]"
"""What an expression comes to. A `str` is a word (`same`, `relu`) or a Reference to a layer, never computed with."""

Names: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """Abstract: `evaluate(names, words)` gives its value or raises SpecError with the exact place."""

    where: Location
