"""New elements in the place of some, in a new value: what code writes as an assignment to a part, too."""

from typing import Any

from archcalc.importing.lowering.lowering import Lowering
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.rules.elements import numbers_of, runs
from archcalc.importing.lowering.rules.slicing import setitem
from archcalc.importing.program import Operation, Value


def replaced(lowering: Lowering, operation: Operation, x: Value, axis: int, elements: Any, value: Any) -> bool:
    """New elements at some places of an axis."""
    index = (*(slice(None),) * (axis % len(x.shape)), elements)
    return setitem(lowering, operation, {"input": x, "index": index, "value": value})


@lowers("slice_scatter", takes="input src dim start end step")
def slice_scatter(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x, axis = given["input"], given.get("dim", 0)
    bounds = slice(given.get("start"), given.get("end"), given.get("step", 1))
    return lowering.is_placed(x) and replaced(lowering, operation, x, axis, bounds, given["src"])


@lowers("select_scatter", takes="input src dim index")
def select_scatter(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    x = given["input"]
    return lowering.is_placed(x) and replaced(lowering, operation, x, given["dim"], given["index"], given["src"])


@lowers("index_fill", "index_fill_", takes="input dim index value")
def index_fill(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return in_a_run(lowering, operation, given, given["value"])


@lowers("index_copy", "index_copy_", takes="input dim index source")
def index_copy(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    return in_a_run(lowering, operation, given, given["source"])


def in_a_run(lowering: Lowering, operation: Operation, given: Arguments, value: Any) -> bool:
    """New elements at places that the code has as a list, and that follow one another."""
    x, axis = given["input"], given["dim"]
    known = numbers_of(lowering, given["index"]) if isinstance(given["index"], Value) else None
    if known is None or not lowering.is_placed(x):
        return False
    found = runs([each % x.shape[axis] for each in known])
    return len(found) == 1 and replaced(lowering, operation, x, axis, slice(*found[0]), value)
