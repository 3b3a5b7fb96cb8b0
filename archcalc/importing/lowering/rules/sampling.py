"""Random samples, as variational autoencoders draw them."""

from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.moving import forget
from archcalc.importing.lowering.rule import Arguments, lowers
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import Operation, Value


@lowers("randn_like", takes="input")
def noise(lowering: Lowering, operation: Operation, given: Arguments) -> bool:
    """Noise that is scaled by exp(logvar / 2) and added to a mean."""
    deviation, scaled = given["input"], lowering.only_reader(operation.makes[0])
    sum = None if scaled is None else lowering.only_reader(scaled.makes[0])
    if scaled is None or sum is None or scaled.function != "mul" or sum.function != "add":
        return False
    if given.keys() - {"input"} or deviation not in scaled.values or sum.keywords:
        return False
    means = [each for each in sum.values if each is not scaled.makes[0]]
    half = half_before(lowering, deviation, {operation, scaled})
    if half is None or len(means) != 1 or len(sum.arguments) != 2:
        return False
    if not lowering.place(sum, layer("gaussian_sample"), [means[0], half.sources[0]]):
        return False
    exponential = lowering.at[deviation]
    forget(lowering, exponential)
    forget(lowering, half)
    lowering.taken.update((scaled, sum))
    return True


def half_before(lowering: Lowering, deviation: Value, readers: set[Operation]) -> Step | None:
    """The step that halves a logarithm, whose exponential is a deviation that only these operations read."""
    if not lowering.is_placed(deviation) or set(lowering.readers[deviation]) != readers:
        return None
    exponential, maker = lowering.at[deviation], deviation.maker
    if exponential.kind != "exp" or deviation in lowering.program.outputs or maker is None or not maker.values:
        return None
    half = exponential.sources[0]
    is_half = half.kind == "scale" and half.layer is not None and half.layer.stated() == {"factor": 0.5}
    return half if is_half and lowering.only_reader(maker.values[0]) is maker else None
