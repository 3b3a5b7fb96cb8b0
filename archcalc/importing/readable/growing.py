"""Concatenations that grow: `cat(a, b, c)` after `cat(a, b)` is the earlier one and `c`."""

from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.lowering.step import Step
from archcalc.record import replace


def reassociated(lowered: Lowered) -> Lowered:
    """The same steps, in which each concatenation reads the longest earlier one that it begins with.

    It then belongs to the module that made its last part, as in a dense block.
    """
    copies: dict[Step, Step] = {each: replace(each) for each in (*lowered.inputs, *lowered.steps)}
    for copy in copies.values():
        copy.sources = tuple(copies[each] for each in copy.sources)
        copy.again = copies[copy.again] if copy.again else None
        copy.tied = copies[copy.tied] if copy.tied else None
    joins = {each.sources: each for each in copies.values() if each.kind == "concat"}
    for whole, copy in joins.items():
        if whole[:-1] in joins:
            copy.sources = (joins[whole[:-1]], whole[-1])
    for whole, copy in joins.items():
        if whole[:-1] in joins or any(whole == other[:-1] for other in joins):
            copy.module = home(whole[-1], copy.module)
    return replace(
        lowered,
        inputs=tuple(copies[each] for each in lowered.inputs),
        steps=tuple(copies[each] for each in lowered.steps),
        outputs=tuple(copies[each] for each in lowered.outputs),
        given={
            path: {copies[s]: name for s, name in each.items() if s in copies} for path, each in lowered.given.items()
        },
    )


def home(last: Step, module: str) -> str:
    """The module that made the last part, if the two share the module around them."""
    inner = last.module.rpartition(".")[0]
    around = module.rpartition(".")[0]
    return inner if inner.startswith(f"{around}." if around else "") else module
