"""Weights against those of a checkpoint: which are missing, which are extra, which have another shape.

Only names, shapes and dtypes are compared: no tensor is read.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from math import prod

from archcalc.core.diagnostic import problem
from archcalc.graph.graph import Graph
from archcalc.record import field, record


@record
class Stored:
    """A tensor: its shape, first axis first, and its dtype as the file names it.

    `optional`: a checkpoint need not have it: a tied weight, or a counter that only training uses.
    """

    shape: tuple[int, ...]
    dtype: str
    optional: bool = False

    @property
    def numel(self) -> int:
        return prod(self.shape)


@record
class Weights:
    """The weights of a network or of a checkpoint, by their names."""

    name: str
    tensors: Mapping[str, Stored]

    @property
    def numel(self) -> int:
        return sum(each.numel for each in self.tensors.values() if not each.optional)


def weights_of(graph: Graph) -> Weights:
    """What the `state_dict` of a network has."""
    tensors = {
        f"{node.name}.{weight.name}": Stored(
            tuple(map(int, weight.shape)), weight.dtype, bool(weight.shared_with) or weight.dtype == "int64"
        )
        for node in graph
        for weight in node.weights
    }
    return Weights(graph.name, tensors)


@record(slots=False)
class WeightComparison:
    """Expected weights and those that are there. `names`: the name that each expected weight should have there.

    `prefix`: what all names there have in front, if leaving it out makes names agree. `family`: that whose names the
    expected weights were given; axes of length 1 do not count then.
    """

    expected: Weights
    given: Weights
    names: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    family: str = ""

    @cached_property
    def missing(self) -> Mapping[str, Stored]:
        """Expected weights that are not there, apart from optional ones."""
        return {
            name: each
            for name, each in self.expected.tensors.items()
            if self.names[name] not in self.given.tensors and not each.optional
        }

    @cached_property
    def extra(self) -> Mapping[str, Stored]:
        """Weights that are there and not expected."""
        wanted = set(self.names.values())
        return {name: each for name, each in self.given.tensors.items() if name not in wanted}

    @cached_property
    def reshaped(self) -> Mapping[str, tuple[Stored, Stored]]:
        """Expected weights that have another shape there."""
        pairs = {
            name: (each, self.given.tensors[self.names[name]])
            for name, each in self.expected.tensors.items()
            if self.names[name] in self.given.tensors
        }
        return {name: (a, b) for name, (a, b) in pairs.items() if self.axes(a) != self.axes(b)}

    def axes(self, stored: Stored) -> tuple[int, ...]:
        return tuple(n for n in stored.shape if n != 1) if self.family else stored.shape

    @property
    def agree(self) -> int:
        """The number of weights that are there with the expected shape."""
        found = sum(name in self.given.tensors for name in self.names.values())
        return found - len(self.reshaped)

    @property
    def is_empty(self) -> bool:
        return not (self.missing or self.extra or self.reshaped)

    @cached_property
    def fitting(self) -> Mapping[str, str]:
        """Patterns of missing names, and the pattern of extra names that alone fits each by its shapes."""
        ours, theirs = shapes_by_pattern(self.missing), shapes_by_pattern(self.extra)
        alike = Counter(ours.values()), Counter(theirs.values())
        only = {shapes: pattern for pattern, shapes in theirs.items() if alike[1][shapes] == 1}
        return {p: only[shapes] for p, shapes in ours.items() if alike[0][shapes] == 1 and shapes in only}


def compare_weights(expected: Weights, given: Weights, patterns: Mapping[str, str] | None = None) -> WeightComparison:
    """The differences of a checkpoint. `patterns`: names there of expected names, `*` standing for a number."""
    names = {name: renamed(name, patterns or {}) for name in expected.tensors}
    prefix = "" if patterns else common_prefix(names, given)
    if prefix:
        names = {name: prefix + other for name, other in names.items()}
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise problem(
            "AC544", f"the map of names gives '{twice[0]}' to several weights", help="make its patterns differ"
        )
    return WeightComparison(expected, given, names, prefix)


def common_prefix(names: Mapping[str, str], given: Weights) -> str:
    """What stands in front of most names of a checkpoint, such as `module.`, if without it most names agree."""
    there = given.tensors.keys()
    if not names or sum(name in there for name in names) * 2 > len(names):
        return ""
    prefixes = Counter(f"{name.partition('.')[0]}." for name in there if "." in name)
    for prefix, _ in prefixes.most_common(1):
        if sum(prefix + name in there for name in names) * 2 > len(names):
            return prefix
    return ""


def renamed(name: str, patterns: Mapping[str, str]) -> str:
    """The name that the first fitting pattern gives; otherwise the name itself.

    >>> renamed("layers.3.norm1.weight", {"layers.*.norm1": "h.*.ln_1"})
    'h.3.ln_1.weight'
    """
    for ours, theirs in patterns.items():
        if found := regex(ours).match(name):
            literal, *rest = theirs.split("*")
            filled = "".join(number + part for number, part in zip(found.groups(), rest, strict=True))
            return literal + filled + name[found.end() :]
    return name


def regex(pattern: str) -> re.Pattern[str]:
    """A pattern fits a name, or the beginning of one before a dot."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.compile(r"(\d+)".join(parts) + r"(?=\.|$)")


def pattern_of(name: str) -> str:
    """A name with `*` for its numbers.

    >>> pattern_of("layers.3.conv1.weight")
    'layers.*.conv1.weight'
    """
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def by_pattern(tensors: Mapping[str, Stored]) -> Mapping[str, list[str]]:
    """The names of each pattern, in the order of their numbers."""
    found: dict[str, list[str]] = {}
    for name in tensors:
        found.setdefault(pattern_of(name), []).append(name)
    return {pattern: sorted(names, key=numbers_in) for pattern, names in found.items()}


def numbers_in(name: str) -> list[int]:
    return [int(part) for part in name.split(".") if part.isdigit() and len(part) < 10]


def shapes_by_pattern(tensors: Mapping[str, Stored]) -> Mapping[str, tuple[tuple[int, ...], ...]]:
    return {pattern: tuple(tensors[name].shape for name in names) for pattern, names in by_pattern(tensors).items()}
