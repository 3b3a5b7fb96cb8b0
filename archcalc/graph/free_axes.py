"""The axes of a document's inputs that can be free, and which of them follow from others.

Every axis gets a symbol of its own, and the network is built. Where it needs two lengths to be equal, one symbol is
isolated from the equation, if that is possible: a map of 32 that meets one of 64 behind a stride of 2 is ⌈H/2⌉. Inputs
of one size whose weights depend on it share their symbols from the start.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from archcalc.core.axes import POSITIONS
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.dim import Dim, free, is_number
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.declarations import Declarations, free_names
from archcalc.graph.graph import Condition, Graph, Input
from archcalc.record import field, record
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Names
from archcalc.sym.decide import always
from archcalc.sym.expr import Claim, Expr, expression
from archcalc.sym.isolate import isolated

LETTERS = {"length": "T", "depth": "D", "height": "H", "width": "W"}
"""The symbols of the axes of an input."""

BATCH = "N"
"""What the batch is called, unless the spec has a parameter of that name."""

MAX_SPLITS = 8
"""Inputs that are tried apart from one another; of more, those of one size are tied."""

Sizes: TypeAlias = Mapping[str, tuple[Dim, ...]]

Place: TypeAlias = tuple[str, int]
"""An axis of an input: its name, and the number of the axis."""


@record
class Axis:
    """An axis that can be free, of one input or of several whose sizes are tied.

    `symbol`: what it is called; `letter`: H, W, T or D; `own`: the length that the spec gives it; `places`: where it
    is. `alone`: it is free only where it is named, because it meets another length from which it does not follow;
    `stays`: if none is named, it is a number.
    """

    symbol: str
    letter: str
    own: int
    places: tuple[Place, ...]
    alone: bool = False
    stays: bool = False


@record
class Axes:
    """The axes that can be free.

    `following`: the lengths that follow from these, by their places. `meetings`: what needs two lengths to agree of
    which neither follows from the other.
    """

    free: tuple[Axis, ...] = ()
    following: Mapping[Place, Expr] = field(default_factory=dict)
    meetings: tuple[Condition, ...] = ()

    def __iter__(self) -> Iterator[Axis]:
        return iter(self.free)

    @property
    def unasked(self) -> list[Axis]:
        """Those that are free if none is named."""
        return [each for each in self.free if not each.stays]

    def named(self, names: Collection[str]) -> list[Axis]:
        """Those that are called so, by their symbols or their letters."""
        return [each for each in self.free if each.symbol in names or (each.letter in names and not each.alone)]

    def lengths(self, chosen: Iterable[Axis]) -> dict[Place, Dim]:
        """The lengths of all places that are not those of the spec if these axes are free."""
        symbols = {axis.symbol for axis in chosen}
        numbers = {axis.symbol: axis.own for axis in self.free if axis.symbol not in symbols}
        found: dict[Place, Dim] = {at: free(axis.symbol) for axis in chosen for at in axis.places}
        for at, whole in self.following.items():
            if whole.symbols() & symbols:
                found[at] = cast(Dim, whole.subs(**numbers))
        return found

    def followers(self, chosen: Iterable[Axis]) -> dict[str, tuple[str, ...]]:
        """For each input that follows others, these."""
        homes = {axis.symbol: axis.places[0][0] for axis in chosen}
        found: dict[str, dict[str, None]] = {}
        for (name, _), length in self.lengths(chosen).items():
            for symbol in sorted(cast(Expr, length).symbols() & set(homes)):
                if homes[symbol] != name:
                    found.setdefault(name, {})[homes[symbol]] = None
        return {name: tuple(of) for name, of in found.items()}


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

    def sizes(self, lengths: Mapping[Place, Dim]) -> Sizes:
        """The shapes of the inputs that have other lengths than those of the spec."""
        found = {each.name: list(each.volume.spatial) for each in self.inputs}
        for (name, place), length in lengths.items():
            found[name][place] = length
        changed = {name for name, _ in lengths}
        return {x.name: x.volume.to(spatial=tuple(found[x.name])).item_shape for x in self.inputs if x.name in changed}


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


def letters_of(volume: Volume) -> list[str]:
    return [LETTERS[axis] for axis in POSITIONS.get(volume.rank, ())]


def unused(name: str, taken: Collection[str]) -> str:
    """The name, with underlines behind it until nothing else is called so."""
    while name in taken:
        name += "_"
    return name


# --- which lengths are free together ---------------------------------------------------------------------------------

Partition: TypeAlias = Sequence[Sequence[Place]]
"""The places of axes in groups: those of a group have one length, whatever that is."""


KNOWN: deque[tuple[Document, int, str, Axes]] = deque(maxlen=8)
"""The axes of the last documents that were asked about: a command asks several times."""


def axes_of(known: Declared, dtype: str = "float32") -> Axes:
    """The axes of a document's inputs that have a number."""
    for document, items, computed, axes in KNOWN:
        if (items, computed) == (known.items, dtype) and document == known.document:
            return axes
    KNOWN.append((known.document, known.items, dtype, axes := found_axes(known, dtype)))
    return axes


def found_axes(known: Declared, dtype: str) -> Axes:
    spatial = [each for each in known.inputs if any(is_number(n) for n in each.volume.spatial)]
    if not spatial:
        return Axes()
    apart = [[at] for each in spatial for at in places_of(each)]
    first = Ties(known, dtype, apart)
    if len(spatial) < 2 or (first.find() and not first.meetings):
        return first.axes()
    if found := of_one_size(spatial, known, dtype):
        return found.axes()
    if first.fits:
        return first.axes()
    alike = Ties(known, dtype, shared_lengths(spatial))
    if alike.groups and alike.find() and not alike.meetings:
        return alike.axes()
    return Ties(known, dtype, together([x for x in spatial if x.volume.spatial == spatial[0].volume.spatial])).axes()


def places_of(given: Input) -> list[Place]:
    """The axes of an input that have a number and a letter."""
    axes = zip(letters_of(given.volume), given.volume.spatial, strict=False)
    return [(given.name, place) for place, (_, n) in enumerate(axes) if is_number(n)]


def together(inputs: Sequence[Input]) -> Partition:
    """The axes of inputs of one size, tied."""
    return [[(each.name, place) for each in inputs] for _, place in places_of(inputs[0])]


def shared_lengths(inputs: Sequence[Input]) -> Partition:
    """The axes of one letter and one length in several inputs, whatever their others are: frames of two rates."""
    found: dict[tuple[str, Dim], list[Place]] = {}
    for each in inputs:
        for at in places_of(each):
            found.setdefault((letters_of(each.volume)[at[1]], each.volume.spatial[at[1]]), []).append(at)
    return [places for places in found.values() if len(places) > 1]


def of_one_size(inputs: Sequence[Input], known: Declared, dtype: str) -> "Ties | None":
    """Inputs of one size together, each apart where the network allows that; None where it takes no other sizes."""
    alike: dict[tuple[Dim, ...], list[Input]] = {}
    for each in inputs:
        alike.setdefault(each.volume.spatial, []).append(each)
    groups = list(alike.values())
    if not (found := tied(groups, known, dtype)):
        return None
    for each in inputs[1:MAX_SPLITS]:
        rest = [[other for other in group if other is not each] for group in groups]
        finer = [group for group in (*rest, [each]) if group]
        if len(finer) > len(groups) and (apart := tied(finer, known, dtype)):
            groups, found = finer, apart
    return found


def tied(groups: Sequence[Sequence[Input]], known: Declared, dtype: str) -> "Ties | None":
    """The network with one size for each group of inputs; None if it does not take every size of each."""
    found = Ties(known, dtype, [places for group in groups for places in together(group)])
    return found if found.find() and not found.meetings else None


# --- lengths that follow from others ---------------------------------------------------------------------------------


class Ties:
    """Finds which lengths follow from others, given groups of axes of one length each."""

    def __init__(self, known: Declared, dtype: str, groups: Partition) -> None:
        self.known, self.dtype, self.groups = known, dtype, groups
        self.inputs = {each.name: each for each in known.inputs}
        self.symbols: dict[str, Sequence[Place]] = {}
        """The places of each group, by its symbol, in the order of the inputs."""
        self.own: dict[str, int] = {}
        """The lengths that the spec gives."""
        taken = known.taken
        for places in groups:
            name, place = places[0]
            volume = self.inputs[name].volume
            symbol = unused(f"{name}_{letters_of(volume)[place]}", taken)
            taken.add(symbol)
            self.symbols[symbol], self.own[symbol] = places, volume.spatial[place]
        self.orders = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.solved: dict[str, Expr] = {}
        self.kept: set[str] = set()
        """Symbols whose lengths stay those of the spec."""
        self.alone: set[str] = set()
        """Symbols of lengths that meet others without following from them."""
        self.meetings: list[Condition] = []
        self.fits = False

    def find(self) -> bool:
        """Solves what the network needs to be equal; False if it takes no such sizes."""
        for _ in range(2 * len(self.symbols) + 1):
            try:
                graph = self.build()
            except SpecError:
                return False
            solved = [self.is_solved(each) for each in graph.conditions]  # all of them before one is left open
            if not any(solved) and not self.keeps(graph.conditions):
                break
        self.fits = True
        return True

    def build(self) -> Graph:
        lengths = {at: self.replaced(free(symbol)) for symbol, places in self.symbols.items() for at in places}
        sizes = self.known.sizes(lengths)
        return build(self.known.document, batch=self.known.items, dtype=self.dtype, sizes=sizes, free=())

    def replaced(self, whole: Dim | Expr) -> Dim:
        """An expression with what was found so far."""
        found = expression(whole)
        if inner := found.symbols() & self.solved.keys():
            found = found.subs(**{symbol: self.solved[symbol] for symbol in inner})
        if inner := found.symbols() & self.kept:
            found = found.subs(**{symbol: self.own[symbol] for symbol in inner})
        return cast(Dim, found.constant if found.is_constant else found)

    def is_solved(self, condition: Condition) -> bool:
        """Finds one symbol from what lengths of several inputs have to be; False where there is none to find."""
        claim, mine = self.open(condition)
        if claim is not None and claim.relation == "==" and set(mine) == claim.left.symbols():
            for symbol in reversed(mine):
                form = isolated(claim.left, symbol)
                if form is not None and form.at(**self.own) == self.own[symbol]:
                    reading = {name: each for name, each in self.solved.items() if symbol in each.symbols()}
                    self.solved |= {name: each.subs(**{symbol: form}) for name, each in reading.items()}
                    self.solved[symbol] = form
                    return True
        return False

    def keeps(self, conditions: Iterable[Condition]) -> bool:
        """Leaves lengths as the spec has them, and solves what is then left of later conditions."""
        kept = [not self.is_solved(each) and self.is_kept(each) for each in conditions]  # all, not up to the first
        return any(kept)

    def is_kept(self, condition: Condition) -> bool:
        """Leaves one length of a condition on several inputs as the spec has it; False where it does not matter."""
        claim, mine = self.open(condition)
        if claim is None:
            return False
        if claim.relation == "==" and not claim.at(**self.own):  # an axis of one element is repeated, or nothing fits
            self.kept.add(next((each for each in mine if self.own[each] == 1), mine[-1]))
            return True
        self.meetings.append(Condition(claim, condition.message, condition.node))
        self.alone |= set(mine)
        self.kept.add(mine[-1])
        return True

    def open(self, condition: Condition) -> tuple[Claim | None, list[str]]:
        """What a condition asks of lengths of several inputs as far as they are known, and its symbols."""
        left = expression(self.replaced(condition.claim.left))
        mine = sorted(left.symbols() & self.symbols.keys(), key=self.orders.__getitem__)
        claim = Claim(left, condition.claim.relation)
        if len({self.home(symbol) for symbol in mine}) < 2 or always(claim, {}).holds:
            return None, mine
        return claim, mine

    def home(self, symbol: str) -> tuple[str, ...]:
        """The inputs that have an axis of a symbol."""
        return tuple(name for name, _ in self.symbols[symbol])

    # --- names -------------------------------------------------------------------------------------------------------

    def axes(self) -> Axes:
        """The axes under their final names."""
        roots = [each for each in self.symbols if each not in self.solved and each not in self.kept - self.alone]
        letters = {each: letters_of(self.inputs[at[0][0]].volume)[at[0][1]] for each, at in self.symbols.items()}
        plain = self.is_one(roots) and not self.alone
        names = {}
        for each in roots:
            letter = letters[each]
            unique = [letters[other] for other in roots].count(letter) == 1 and letter not in self.known.taken
            names[each] = letter if plain and unique else each
        renamed = {each: free(name) for each, name in names.items()}
        forms = {each: self.renamed(form, renamed) for each, form in self.solved.items()}
        same = {each: name for each, form in forms.items() for name in names.values() if form == free(name)}
        found = []
        for each, name in names.items():
            places = [at for other, at in self.symbols.items() if other == each or same.get(other) == name]
            flat = tuple(at for group in places for at in group)
            found.append(Axis(name, letters[each], self.own[each], flat, each in self.alone, each in self.kept))
        following = {at: form for each, form in forms.items() if each not in same for at in self.symbols[each]}
        return Axes(tuple(found), following, tuple(self.meetings))

    def renamed(self, form: Expr, names: Mapping[str, Dim]) -> Expr:
        numbers = {symbol: n for symbol, n in self.own.items() if symbol in self.kept - self.alone}
        return expression(form.subs(**numbers)).subs(**names)

    def is_one(self, roots: Sequence[str]) -> bool:
        """Whether all lengths that are free belong to inputs that are tied to one another."""
        groups = [{name for name, _ in self.symbols[each]} for each in roots]
        for each, form in self.solved.items():
            groups.append({name for other in (each, *form.symbols()) for name, _ in self.symbols[other]})
        joined: set[str] = set(groups[0]) if groups else set()
        for _ in groups:
            for group in groups:
                if group & joined:
                    joined |= group
        return all(group <= joined for group in groups)
