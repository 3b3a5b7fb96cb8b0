"""Operations that no rule takes: they stay as they were seen, and a finding names each place."""

from collections.abc import Iterable

from archcalc.core.diagnostic import Diagnostic, SpecError, problem
from archcalc.importing.lowering.lowering import Lowering, layer
from archcalc.importing.lowering.step import Step
from archcalc.importing.program import CONSTANT, DERIVED, WEIGHT, Operation, Value
from archcalc.layer import Reference


def place_opaque(lowering: Lowering, operation: Operation) -> None:
    """Places one opaque step for each value that an operation makes. Raises SpecError if items of the batch meet."""
    inputs = [each for each in dict.fromkeys(operation.values) if lowering.is_placed(each)]
    sources = tuple(dict.fromkeys(lowering.at[each] for each in inputs))
    for i, made in enumerate(operation.makes):
        shape = lowering.item(made)
        if shape is None:
            raise items_meet(operation, made)
        if (i and not lowering.is_read(made)) or 0 in shape:
            continue
        weights = weights_of(lowering, operation) if i == 0 else {}
        macs, shared = macs_of(lowering, operation) if i == 0 else (0, 0)
        first = len(shape) > 1 and (
            lowering.wants_channels_first(made, default=keeps_channels_first(sources, shape, operation))
        )
        opaque = layer(
            "opaque",
            makes=shape or (1,),
            seen=tuple(each.volume.item_shape for each in sources),
            others=tuple(Reference("") for _ in sources[1:]),
            channels_first=first,
            dtype=dtype_of(made),
            macs=macs,
            shared_macs=shared,
            holds=tuple(each.shape for each in weights.values()),
        )
        volume = opaque.shape(*(each.volume for each in sources))
        lowering.add(operation, opaque, sources, volume, made, {f"weight{n}": each for n, each in weights.items()})
    lowering.findings.append(finding(operation))


def keeps_channels_first(sources: tuple[Step, ...], shape: tuple[int, ...], operation: Operation) -> bool:
    """Whether an operation that keeps the number of axes has an input whose channels come first."""
    same = [each.volume for each in sources if each.volume.rank == len(shape) - 1 and each.volume.rank]
    return bool(same) and not same[0].channels_last and operation.function not in MOVES


MOVES = ("permute", "transpose", "movedim", "reshape", "view", "flatten", "unflatten")
"""Functions after which another axis may hold the features."""


def weights_of(lowering: Lowering, operation: Operation) -> dict[int, Value]:
    """The weights that the operation reads, also through values derived from them, and that no step owns."""
    under = (each for value in operation.values for each in weights_under(value))
    new = [each for each in dict.fromkeys(under) if each.name not in lowering.claimed]
    return dict(enumerate(new))


def macs_of(lowering: Lowering, operation: Operation) -> tuple[int, int]:
    """MACs of one sample, and of the whole batch at once."""
    own = lowering.program.macs(operation)
    shared = sum(macs_under(lowering, each) for each in operation.values if each.kind not in (WEIGHT,))
    each, rest = divmod(own, lowering.program.batch)
    return (each, shared) if not rest else (0, own + shared)


def weights_under(value: Value) -> Iterable[Value]:
    """The stored values that a value is computed from."""
    if value.kind not in (DERIVED, CONSTANT) or value.maker is None:
        yield from [value] if value.kind == WEIGHT else []
        return
    for each in value.maker.values:
        yield from weights_under(each)


def macs_under(lowering: Lowering, value: Value) -> int:
    """MACs that are spent once per batch for a value; each operation counts once."""
    maker = value.maker
    if value.varies or maker is None or maker in lowering.counted:
        return 0
    lowering.counted.add(maker)
    return lowering.program.macs(maker) + sum(macs_under(lowering, each) for each in maker.values)


def dtype_of(made: Value) -> str:
    if made.dtype.startswith(("int", "uint")):
        return "int64"
    return "bool" if made.dtype == "bool" else "float"


def finding(operation: Operation) -> Diagnostic:
    return Diagnostic(
        code="AC510",
        severity="warning",
        message=f"no layer does what {operation.function} does here: it is kept as it was measured",
        location=operation.where,
        help="totals are exact at this size; closed forms, other sizes and memory are not known for it",
    )


def items_meet(operation: Operation, made: Value) -> SpecError:
    shape = ", ".join(map(str, made.shape))
    return problem(
        "AC522",
        f"{operation.function} makes a tensor of [{shape}], in which samples of a batch meet",
        operation.where,
        help="archcalc describes one sample; import the part before this with --until MODULE, or one sample alone with "
        "--run-on cpu",
    )


def derived(value: Value) -> bool:
    return value.kind == DERIVED
