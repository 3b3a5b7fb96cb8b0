"""Maps that are read at places."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import turned
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.program import Operation
from archcalc.layer import Reference


@lowers("grid_sample", takes="input grid mode padding_mode align_corners")
def grid_sample(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Between the elements of a map of two axes; beyond its border there are zeros."""
    x, places = given["input"], given["grid"]
    usual = ("mode", "bilinear"), ("padding_mode", "zeros"), ("align_corners", False)
    if any((given.get(key) or value) != value for key, value in usual) or len(x.shape) != 4:
        return False
    if not lowering.is_placed(x, places) or not lowering.are_together(x, places):
        return False
    both = [turned(lowering, operation, x, last=False), turned(lowering, operation, places, last=True)]
    return lowering.place(operation, layer("grid_sample", by=Reference("")), both)
