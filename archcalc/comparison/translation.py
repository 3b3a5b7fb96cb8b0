"""Weights under the names of a checkpoint: one by one, several as one, one as several.

A map has names of the network, or their beginnings, and those of the checkpoint. `*` stands for a number. `a + b: c` is
one weight there for several here, along the first axis; `a: b + c` the other way round. After a name there, `^T` says
that the matrix is transposed. In it, `#` says that there is one weight for each element of the first axis, and `*+1` is
the number that follows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from archcalc.comparison.weights import Stored, WeightComparison, Weights, compare_weights
from archcalc.record import record, replace


@record
class Rule:
    """Patterns of names here, and of names there."""

    ours: tuple[re.Pattern[str], ...]
    theirs: tuple[str, ...]
    transposed: bool = False

    def match(self, name: str) -> re.Match[str] | None:
        return next((found for each in self.ours if (found := each.match(name))), None)

    def turned(self, stored: Stored) -> Stored:
        """The weight as it lies there: a matrix may be transposed."""
        return replace(stored, shape=stored.shape[::-1]) if self.transposed and len(stored.shape) == 2 else stored

    def names(self, numbers: Sequence[str], rest: str) -> list[str]:
        """The names there, with these numbers and this end."""
        return [filled(each, numbers) + rest for each in self.theirs]


@lru_cache(maxsize=512)
def rule(ours: str, theirs: str) -> Rule:
    plain = theirs.removesuffix("^T").strip()
    parts = tuple(each.strip() for each in ours.split(" + "))
    patterns = tuple(re.compile(r"(\d+)".join(map(re.escape, each.split("*"))) + r"(?=\.|$)") for each in parts)
    return Rule(patterns, tuple(each.strip() for each in plain.split(" + ")), plain != theirs.strip())


def filled(pattern: str, numbers: Sequence[str]) -> str:
    left = iter(numbers)
    return re.sub(r"\*(\+1)?", lambda found: str(int(next(left)) + 1) if found[1] else next(left), pattern)


def compared_by_map(expected: Weights, given: Weights, patterns: Mapping[str, str]) -> WeightComparison:
    """The differences of a checkpoint whose names a map gives."""
    if any(mark in name for pair in patterns.items() for name in pair for mark in (" + ", "^T", "#", "*+1")):
        return compare_weights(translated(expected, patterns), given, {})
    return compare_weights(expected, given, patterns)


def translated(weights: Weights, patterns: Mapping[str, str]) -> Weights:
    """The same weights, under the names and with the shapes that a checkpoint with these names has."""
    rules = [rule(*each) for each in patterns.items()]
    found: dict[str, Stored] = {}
    joined: dict[str, list[Stored]] = {}
    for name, stored in weights.tensors.items():
        fitting = next(((each, match) for each in rules if (match := each.match(name))), None)
        if fitting is None:
            found[name] = stored
            continue
        made, match = fitting
        names = made.names(match.groups(), name[match.end() :])
        if len(made.ours) > 1:
            parts = joined.setdefault(names[0], [])
            parts.append(stored)
            found[names[0]] = made.turned(together(parts))
        else:
            found.update(divided(names, made.turned(stored)))
    return Weights(weights.name, found)


def divided(names: Sequence[str], stored: Stored) -> Iterator[tuple[str, Stored]]:
    """A weight as one part for each name, along its first axis; with `#`, each of its elements is divided so."""
    shape = stored.shape
    if any("#" in each for each in names) and len(shape) > 1:
        for i in range(shape[0]):
            yield from divided([each.replace("#", str(i)) for each in names], replace(stored, shape=shape[1:]))
    elif len(names) == 1 or not shape or shape[0] % len(names):
        yield names[0], stored
    else:
        part = replace(stored, shape=(shape[0] // len(names), *shape[1:]))
        yield from ((each, part) for each in names)


def together(parts: Sequence[Stored]) -> Stored:
    """Weights along their first axis."""
    whole = sum((each.shape or (1,))[0] for each in parts)
    return Stored((whole, *parts[0].shape[1:]), parts[0].dtype, all(each.optional for each in parts))
