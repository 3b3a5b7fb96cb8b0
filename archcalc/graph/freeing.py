"""Freeing: symbols replace numbers of a document: axes of the inputs, the batch size, parameters.

The letters H, W, T, D and N are names that archcalc gives; a name that the spec gives comes first. An axis whose letter
is a parameter of the spec is called `input_H`, and the batch `batch`.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from archcalc.core.diagnostic import SpecError, did_you_mean, enumerated, problem
from archcalc.core.dim import Dim, free, is_number
from archcalc.graph.builder import build
from archcalc.graph.declarations import free_names
from archcalc.graph.free_axes import Axes, Axis, Declared, axes_of, declared, letters_of
from archcalc.graph.graph import Free, Graph
from archcalc.record import record, replace
from archcalc.spec.declaration import Document
from archcalc.sym.periodic import PeriodicSet


def with_free(
    document: Document,
    names: Collection[str] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    alone: bool = False,
) -> Graph:
    """The network with some of its numbers free.

    `names`: axes of the inputs (`H`, or `mask_H` of one of several inputs), the batch size `N`, parameters (`w`,
    `depths[0]`), in addition to the free symbols of the document. None frees the axes of all inputs if the document has
    no free symbols. Inputs whose sizes are tied are free together, others separately. Where the spec's own size of
    another axis does not fit, that is free as well, unless they are to be free `alone`.

    Raises SpecError for any other name, and for layers that do not fit.
    """
    known = declared(document, batch=batch, dtype=dtype)
    axes = axes_of(known, dtype)
    if names is None:
        names = () if free_names(document) else [axis.symbol for axis in axes.unasked]
    parameters = [name for name in names if name in known.freeable or name in free_names(document)]
    others = [name for name in names if name not in parameters]
    chosen = axes.named(others)
    taken = {name for axis in chosen for name in (axis.symbol, axis.letter)}
    check_names([name for name in others if name not in taken and name != known.batch], axes, known)
    made = Made(known, axes, free(known.batch) if known.batch in others else batch, dtype, parameters)
    try:
        return made.graph(chosen)
    except SpecError as error:  # the size that the spec gives another axis may be what does not fit
        if alone or not chosen or len(chosen) >= len(axes.unasked):
            raise
        with suppress(SpecError):
            return made.graph(axes.unasked)
        raise error from None


def with_all_free(document: Document, also: Collection[str] = (), *, batch: int = 1, dtype: str = "float32") -> Graph:
    """The network with the batch size and all axes of its inputs free, and parameters `also`; if its layers do not fit
    a free batch size, with that as a number."""
    known = declared(document, batch=batch, dtype=dtype)
    names = [*(axis.symbol for axis in axes_of(known, dtype).unasked), *also]
    try:
        return with_free(document, [*names, known.batch], batch=batch, dtype=dtype)
    except SpecError:
        return with_free(document, names, batch=batch, dtype=dtype)


@record
class Made:
    """A network whose batch and parameters are free or not, still without its sizes."""

    known: Declared
    axes: Axes
    batch: Dim
    dtype: str
    parameters: Sequence[str]

    def graph(self, chosen: Sequence[Axis]) -> Graph:
        """The network with these axes free, and those that follow from them."""
        sizes = self.known.sizes(self.axes.lengths(chosen))
        graph = build(self.known.document, batch=self.batch, dtype=self.dtype, sizes=sizes, free=self.parameters)
        symbols = {axis.symbol: Free(PeriodicSet.interval(), axis.own) for axis in chosen}
        if not is_number(self.batch):
            symbols[self.known.batch] = Free(PeriodicSet.interval(), self.known.items)
        return replace(graph, symbols={**symbols, **graph.symbols}, followers=self.axes.followers(chosen))


# --- names -----------------------------------------------------------------------------------------------------------


def check_names(unknown: Sequence[str], axes: Axes, known: Declared) -> None:
    """Raises SpecError with every name that cannot be free."""
    found = [not_free(name, axes, known) for name in unknown]
    if found:
        raise SpecError([diagnostic for error in found for diagnostic in error.diagnostics])


def not_free(name: str, axes: Axes, known: Declared) -> SpecError:
    """Why a name cannot be free: nothing is called so, or it is the letter of lengths that depend on one another."""
    candidates = [*(axis.symbol for axis in axes), known.batch, *known.freeable]
    message = f"'{name}' cannot be free"
    help = did_you_mean(name, candidates) or f"these can be free: {', '.join(candidates)}"
    notes = []
    if meant := [axis for axis in axes if axis.letter == name]:
        first = axes.meetings[0]
        symbols = [axis.symbol for axis in meant]
        message += f": it stands for {enumerated(symbols)}, of which none follows from another"
        notes = [f"{first.node} needs {first.claim}"]
        help = (
            f"name one of them, and the others stay as they are: {symbols[0]}; or write their sizes in one symbol, "
            "input: {a: [3, 3*k], b: [8, 2*k]}"
        )
    elif form := form_of(name, axes, known):
        help = f"it follows from what can be free: {name} = {form}"
    return problem("AC135", message, known.document.inputs[0].where, help=help, notes=notes)


def form_of(name: str, axes: Axes, known: Declared) -> str:
    """What an axis is that follows from others, or is tied to one, of a name like `mask_H`."""
    for each in known.inputs:
        for place, letter in enumerate(letters_of(each.volume)):
            at = (each.name, place)
            if name == f"{each.name}_{letter}":
                return str(axes.following.get(at, next((axis.symbol for axis in axes if at in axis.places), "")))
    return ""
