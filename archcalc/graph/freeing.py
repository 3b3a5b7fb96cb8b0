"""Freeing: symbols replace numbers of a document: axes of the input, the batch size, parameters."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from archcalc.core.diagnostic import SpecError, did_you_mean, problem
from archcalc.core.dim import Dim, free, is_number
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.frame import AXES
from archcalc.graph.graph import Free, Graph
from archcalc.spec.declaration import Document, InputDecl
from archcalc.sym.periodic import PeriodicSet

LETTERS = {"length": "T", "depth": "D", "height": "H", "width": "W"}
"""The symbols of the axes of an input."""

BATCH = "N"


def with_free(
    document: Document, names: Collection[str] | None = None, *, batch: int = 1, dtype: str = "float32"
) -> Graph:
    """The network with some of its numbers free.

    `names`: axes of the first input (`H`), the batch size `N`, parameters (`w`, `depths[0]`), in addition to the free
    symbols of the document. None frees the axes of the first input if the document has no free symbols.

    Raises SpecError for any other name.
    """
    plain = build(document, free=(), batch=batch, dtype=dtype)
    declared, volume = document.inputs[0], plain.inputs[0].volume
    axes = axes_of(volume)
    if names is None:
        names = () if plain.symbols else tuple(axes)
    known = list(parameters_of(plain, document))
    samples: Dim = free(BATCH) if BATCH in names and BATCH not in known else volume.batch
    sizes = {axis: Free(PeriodicSet.interval(), n) for axis, n in axes.items() if axis in names and axis not in known}
    if not is_number(samples):
        sizes[BATCH] = Free(PeriodicSet.interval(), volume.batch)
    parameters = [name for name in names if name not in sizes]
    check_names(parameters, known, [*axes, BATCH], plain, declared)
    letters = letters_of(volume)
    spatial = tuple(free(x) if x in sizes else n for x, n in zip(letters, volume.spatial, strict=True))
    shapes = {declared.name: volume.to(spatial=spatial).item_shape} if set(letters) & set(sizes) else {}
    graph = build(document, batch=samples, dtype=dtype, sizes=shapes, free=parameters)
    return replace(graph, symbols={**sizes, **graph.symbols})


def letters_of(volume: Volume) -> list[str]:
    return [LETTERS[axis] for axis in AXES.get(volume.rank, ())]


def axes_of(volume: Volume) -> dict[str, int]:
    """The lengths of the axes that are numbers, by their letters."""
    axes = zip(letters_of(volume), volume.spatial, strict=True)
    return {letter: n for letter, n in axes if is_number(n)}


def parameters_of(graph: Graph, document: Document) -> Iterator[str]:
    """The parameters of a document that can be free: whole numbers, and entries of lists."""
    for parameter in document.library.params:
        name = parameter.name.text
        value = graph.params.get(name)
        if is_whole(value):
            yield name
        elif isinstance(value, tuple) and any(map(is_whole, value)):
            yield name
            yield from (f"{name}[{i}]" for i, each in enumerate(value) if is_whole(each))


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_names(
    names: Sequence[str], known: Sequence[str], sizes: Sequence[str], graph: Graph, declared: InputDecl
) -> None:
    """Raises SpecError with every name that cannot be free."""
    candidates = [*sizes, *known]
    unknown = [name for name in names if name not in known and name not in graph.symbols]
    found = [
        problem(
            "AC135",
            f"'{name}' cannot be free",
            declared.where,
            help=did_you_mean(name, candidates) or f"these can be free: {', '.join(candidates)}",
        )
        for name in unknown
    ]
    if found:
        raise SpecError([diagnostic for error in found for diagnostic in error.diagnostics])
