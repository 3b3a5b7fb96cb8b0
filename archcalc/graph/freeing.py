"""Freeing: symbols replace numbers of a document: axes of the inputs, the batch size, parameters.

The letters H, W, T, D and N are names that archcalc gives; a name that the spec gives comes first. An axis whose letter
is a parameter of the spec is called `input_H`, and the batch `batch`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias, cast

from archcalc.core.axes import POSITIONS
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, problem
from archcalc.core.dim import Dim, free, is_number
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.declarations import Declarations, free_names
from archcalc.graph.graph import Free, Graph, Input
from archcalc.record import record, replace
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Names
from archcalc.sym.decide import always
from archcalc.sym.expr import Claim, Expr
from archcalc.sym.isolate import isolated
from archcalc.sym.periodic import PeriodicSet

LETTERS = {"length": "T", "depth": "D", "height": "H", "width": "W"}
"""The symbols of the axes of an input."""

BATCH = "N"
"""What the batch is called, unless the spec has a parameter of that name."""

MAX_SPLITS = 8
"""Inputs that are tried apart from one another; of more, those of one size are tied."""

Sizes: TypeAlias = Mapping[str, tuple[Dim, ...]]


@record
class Axis:
    """An axis that can be free, of one input or of several whose sizes are tied.

    `symbol`: what it is called; `letter`: H, W, T or D; `own`: the length that the spec gives it; `places`: for each
    input its name and the number of its axis.
    """

    symbol: str
    letter: str
    own: int
    places: tuple[tuple[str, int], ...]


@record
class Following:
    """An axis whose size follows from those that are free: the name of its input, its number there, and its size."""

    input: str
    place: int
    size: Expr


@record
class Axes:
    """The axes of a document's inputs: those that can be `free`, and those whose sizes follow from them."""

    free: tuple[Axis, ...]
    following: tuple[Following, ...] = ()

    def only(self, chosen: Sequence[Axis]) -> "Axes":
        """These axes with some of them free. The others have their own lengths, as have those that follow from them."""
        lengths = {axis.symbol: axis.own for axis in self.free if axis not in chosen}
        sizes = [(each, each.size.subs(**lengths)) for each in self.following]
        return Axes(tuple(chosen), tuple(replace(each, size=size) for each, size in sizes if not size.is_constant))

    def sizes(self, inputs: Iterable[Input], lengths: Mapping[str, Dim]) -> Sizes:
        """The shapes of those inputs that change where the free axes have these lengths, by their symbols."""
        given = {place: lengths[axis.symbol] for axis in self.free for place in axis.places}
        for each in self.following:
            size = each.size.subs(**lengths)
            given[each.input, each.place] = size.constant if size.is_constant else cast(Dim, size)
        return {
            x.name: x.volume.to(
                spatial=tuple(given.get((x.name, place), n) for place, n in enumerate(x.volume.spatial))
            ).item_shape
            for x in inputs
            if any(name == x.name for name, _ in given)
        }


@record
class Declared:
    """What a document declares: its inputs, for a batch of so many items, and its parameters; no layers."""

    document: Document
    inputs: tuple[Input, ...]
    params: Names
    items: int

    @property
    def taken(self) -> set[str]:
        """Names that the spec gives, which no name of ours may be."""
        return {*self.params, *free_names(self.document)}

    @property
    def batch(self) -> str:
        """What the batch is called."""
        return BATCH if BATCH not in self.taken else unused("batch", self.taken)

    @property
    def freeable(self) -> tuple[str, ...]:
        """What of its parameters can be free: whole numbers, and entries of lists."""
        return tuple(names_of_parameters(self))


def declared(document: Document, *, batch: int = 1, dtype: str = "float32") -> Declared:
    """The inputs and parameters of a document. Raises SpecError where these cannot be read."""
    problems: list[Diagnostic] = []

    def report(error: SpecError) -> None:
        problems.extend(error.diagnostics)

    declarations = Declarations(document, batch, dtype, {}, (), report)
    params = declarations.parameters_of(document.library)
    inputs = tuple(declarations.input(each, params) for each in document.inputs)
    if problems:
        raise SpecError(problems)
    return Declared(document, inputs, params, batch)


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
    known_axes = axes_of(known, dtype)
    axes = known_axes.free
    if names is None:
        names = () if free_names(document) else [axis.symbol for axis in axes]
    parameters = [name for name in names if name in known.freeable or name in free_names(document)]
    others = [name for name in names if name not in parameters]
    chosen = [axis for axis in axes if axis.symbol in others or axis.letter in others]
    check_names([name for name in others if name not in named(chosen) and name != known.batch], known_axes, known)
    made = Made(known, free(known.batch) if known.batch in others else batch, dtype, parameters)
    try:
        return made.graph(known_axes.only(chosen))
    except SpecError as error:  # the size that the spec gives another axis may be what does not fit
        if alone or not chosen or len(chosen) == len(axes):
            raise
        with suppress(SpecError):
            return made.graph(known_axes)
        raise error from None


def with_all_free(document: Document, also: Collection[str] = (), *, batch: int = 1, dtype: str = "float32") -> Graph:
    """The network with the batch size and all axes of its inputs free, and parameters `also`; if its layers do not fit
    a free batch size, with that as a number."""
    known = declared(document, batch=batch, dtype=dtype)
    names = [*(axis.symbol for axis in axes_of(known, dtype).free), *also]
    try:
        return with_free(document, [*names, known.batch], batch=batch, dtype=dtype)
    except SpecError:
        return with_free(document, names, batch=batch, dtype=dtype)


@record
class Made:
    """A network whose batch and parameters are free or not, still without its sizes."""

    known: Declared
    batch: Dim
    dtype: str
    parameters: Sequence[str]

    def graph(self, axes: Axes) -> Graph:
        """The network with these axes free."""
        sizes = axes.sizes(self.known.inputs, {axis.symbol: free(axis.symbol) for axis in axes.free})
        graph = build(self.known.document, batch=self.batch, dtype=self.dtype, sizes=sizes, free=self.parameters)
        symbols = {axis.symbol: Free(PeriodicSet.interval(), axis.own) for axis in axes.free}
        if not is_number(self.batch):
            symbols[self.known.batch] = Free(PeriodicSet.interval(), self.known.items)
        return replace(graph, symbols={**symbols, **graph.symbols})


def named(axes: Iterable[Axis]) -> set[str]:
    """What axes can be called."""
    return {name for axis in axes for name in (axis.symbol, axis.letter)}


def letters_of(volume: Volume) -> list[str]:
    return [LETTERS[axis] for axis in POSITIONS.get(volume.rank, ())]


# --- which inputs are free together ----------------------------------------------------------------------------------

Partition: TypeAlias = Sequence[Sequence[Input]]
"""Inputs in groups: those of a group have the same sizes, whatever these are."""


def axes_of(known: Declared, dtype: str = "float32") -> Axes:
    """The axes of a document's inputs that have a number."""
    spatial = [each for each in known.inputs if any(is_number(n) for n in each.volume.spatial)]
    if len(spatial) < 2:
        return Axes(tuple(axes_in([spatial] if spatial else [], known)))
    if groups := partition(spatial, known, dtype):
        return Axes(tuple(axes_in(groups, known)))
    for start in (axes_in([[each] for each in spatial], known), axes_in(by_size(spatial), known)):
        if found := following(tuple(start), known, dtype):
            return found
    alike = Axes(tuple(axes_alike(spatial, known)))
    if alike.free and takes(alike, known, dtype):
        return alike
    first = [each for each in spatial if each.volume.spatial == spatial[0].volume.spatial]
    return Axes(tuple(axes_in([first], known)))


def axes_alike(inputs: Sequence[Input], known: Declared) -> Iterator[Axis]:
    """The axes of one letter and one length in several inputs, whatever their others are: frames of two rates."""
    places: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for each in inputs:
        for place, (letter, n) in enumerate(zip(letters_of(each.volume), each.volume.spatial, strict=False)):
            if is_number(n):
                places.setdefault((letter, n), []).append((each.name, place))
    shared = {key: found for key, found in places.items() if len(found) > 1}
    letters = [letter for letter, _ in shared]
    taken = known.taken
    for (letter, n), found in shared.items():
        is_plain = letters.count(letter) == 1 and letter not in known.taken
        symbol = letter if is_plain else unused(f"{found[0][0]}_{letter}", taken)
        taken = {*taken, symbol}
        yield Axis(symbol, letter, n, tuple(found))


def axes_in(groups: Partition, known: Declared) -> Iterator[Axis]:
    taken = known.taken
    for group in groups:
        first = group[0]
        for place, (letter, n) in enumerate(zip(letters_of(first.volume), first.volume.spatial, strict=False)):
            if not is_number(n):
                continue
            is_plain = len(groups) == 1 and letter not in known.taken
            symbol = letter if is_plain else unused(f"{first.name}_{letter}", taken)
            taken = {*taken, symbol}
            yield Axis(symbol, letter, n, tuple((each.name, place) for each in group))


def unused(name: str, taken: Collection[str]) -> str:
    """The name, with underlines behind it until nothing else is called so."""
    while name in taken:
        name += "_"
    return name


def partition(inputs: Sequence[Input], known: Declared, dtype: str) -> Partition:
    """The finest groups of inputs whose sizes can be free: apart where the network allows that, else inputs of one
    size together; none where it allows neither."""
    apart = [[each] for each in inputs]
    if holds(apart, known, dtype):
        return apart
    tied = by_size(inputs)
    if not holds(tied, known, dtype):
        return []
    for each in inputs[1:MAX_SPLITS]:
        rest = [[other for other in group if other is not each] for group in tied]
        finer = [group for group in (*rest, [each]) if group]
        if len(finer) > len(tied) and holds(finer, known, dtype):
            tied = finer
    return tied


def by_size(inputs: Sequence[Input]) -> list[list[Input]]:
    """Inputs of one size together."""
    alike: dict[tuple[Dim, ...], list[Input]] = {}
    for each in inputs:
        alike.setdefault(each.volume.spatial, []).append(each)
    return list(alike.values())


def holds(groups: Partition, known: Declared, dtype: str) -> bool:
    """Whether the network takes every group's sizes whatever those of the others are."""
    return takes(Axes(tuple(axes_in(groups, known))), known, dtype)


def takes(axes: Axes, known: Declared, dtype: str) -> bool:
    """The same of axes, those of the same inputs together."""
    try:
        across = list(claims_across(axes, known, dtype))
    except SpecError:
        return False
    domains = {axis.symbol: PeriodicSet.interval() for axis in axes.free}
    return all(always(claim, domains).holds for claim in across)


def claims_across(axes: Axes, known: Declared, dtype: str) -> Iterator[Claim]:
    """What the layers require of axes of several inputs together. Raises SpecError if they do not fit in symbols."""
    inputs_of = {axis.symbol: {name for name, _ in axis.places} for axis in axes.free}
    for each in Made(known, known.items, dtype, ()).graph(axes).conditions:
        meant = [inputs_of[name] for name in each.claim.left.symbols() if name in inputs_of]
        if any(inputs != meant[0] for inputs in meant):
            yield each.claim


# --- which inputs follow from others ---------------------------------------------------------------------------------


def following(axes: Sequence[Axis], known: Declared, dtype: str) -> Axes | None:
    """The axes where sizes that layers require to be equal follow from one another: a map and one of half its size.
    None if that does not make the network take all sizes of those that stay free."""
    try:
        equations = [each.left for each in claims_across(Axes(tuple(axes)), known, dtype) if each.relation == "=="]
    except SpecError:
        return None
    sizes = solved(equations, [axis.symbol for axis in reversed(axes)])
    kept = renamed([axis for axis in axes if axis.symbol not in sizes], known)
    symbols = {before.symbol: free(after.symbol) for before, after in kept.items()}
    ends = [
        Following(name, place, sizes[axis.symbol].subs(**symbols))
        for axis in axes
        if axis.symbol in sizes
        for name, place in axis.places
    ]
    found = Axes(tuple(kept.values()), tuple(ends))
    return found if takes(found, known, dtype) else None


def solved(equations: Iterable[Expr], names: Sequence[str]) -> dict[str, Expr]:
    """Symbols as expressions in those that stay free, from equations `expression = 0`."""
    found: dict[str, Expr] = {}
    for each in equations:
        left = each.subs(**found)
        if len(left.symbols()) > 1 and (one := isolated(left, names)):
            name, size = one
            found = {**{other: there.subs(**{name: size}) for other, there in found.items()}, name: size}
    return found


def renamed(axes: Sequence[Axis], known: Declared) -> dict[Axis, Axis]:
    """Axes under the letter alone, where one of them has it."""
    letters = Counter(axis.letter for axis in axes)
    return {
        axis: replace(axis, symbol=axis.letter)
        if letters[axis.letter] == 1 and axis.letter not in known.taken
        else axis
        for axis in axes
    }


# --- names -----------------------------------------------------------------------------------------------------------


def names_of_parameters(known: Declared) -> Iterator[str]:
    for parameter in known.document.library.params:
        name = parameter.name.text
        value = known.params.get(name)
        if is_whole(value):
            yield name
        elif isinstance(value, tuple) and any(map(is_whole, value)):
            yield name
            yield from (f"{name}[{i}]" for i, each in enumerate(value) if is_whole(each))


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_names(unknown: Sequence[str], axes: Axes, known: Declared) -> None:
    """Raises SpecError with every name that cannot be free."""
    candidates = [*(axis.symbol for axis in axes.free), known.batch, *known.freeable]
    letters = {each.name: letters_of(each.volume) for each in known.inputs}
    follows = {f"{each.input}_{letters[each.input][each.place]}": each.size for each in axes.following}
    found = [
        problem(
            "AC135",
            f"'{name}' cannot be free",
            known.document.inputs[0].where,
            help=(f"it follows from what can be free: {name} = {follows[name]}" if name in follows else "")
            or did_you_mean(name, candidates)
            or f"these can be free: {', '.join(candidates)}",
        )
        for name in unknown
    ]
    if found:
        raise SpecError([diagnostic for error in found for diagnostic in error.diagnostics])
