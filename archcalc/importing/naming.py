"""Names of weights in checkpoints of the families that archcalc knows.

The file of a family has `NAMES`: one map or more, as `--names` takes them. That of a checkpoint is found by trying.
"""

import importlib
from collections.abc import Iterator, Mapping

from archcalc.comparison.translation import translated
from archcalc.comparison.weights import WeightComparison, Weights, compare_weights
from archcalc.importing.configuration import FAMILIES
from archcalc.record import replace


def compared_by_family(expected: Weights, given: Weights) -> WeightComparison:
    """Weights against those of a checkpoint: by their names, or by those of the family that fit best."""
    best = compare_weights(expected, given)
    if best.is_empty:
        return best
    known = min(len(given.tensors), len(expected.tensors))
    for family, names in maps():
        other = compare_weights(translated(expected, names), given)
        found = replace(other, family=family)
        if found.agree > best.agree and found.agree * 2 > known:
            best = found
    return best


def maps() -> Iterator[tuple[str, Mapping[str, str]]]:
    """The maps of all families, each with the family's name."""
    for family in FAMILIES:
        module = importlib.import_module(f"archcalc.importing.families.{family}")
        yield from ((family, each) for each in getattr(module, "NAMES", ()))
