"""Runs a layer's formulas on named numbers, which record the formula (written.py).

Names are tried for all numbers first, then for fewer, because some formulas need plain numbers: a loop over the taps of
a kernel needs their count. A formula is never shown unless its value equals the layer's own number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from itertools import product, repeat
from typing import Any, TypeAlias, cast

from archcalc.core.axes import POSITIONS
from archcalc.core.dim import Dim
from archcalc.core.volume import Volume
from archcalc.core.window import IDENTITY, AnyWindow, Window
from archcalc.explanation.written import (
    Division,
    Letter,
    Plain,
    Product,
    Remainder,
    Style,
    Sum,
    Tree,
    letter,
    replaced,
    symbols_of,
    tree_of,
)
from archcalc.graph.free_axes import LETTERS
from archcalc.graph.graph import Node
from archcalc.layer import Layer
from archcalc.record import field, fields, record, replace
from archcalc.sym.expr import Claim

SHORT = {
    "out_channels": "C_out",
    "kernel_size": "k",
    "kernel": "k",
    "stride": "s",
    "padding": "p",
    "begin": "p_begin",
    "end": "p_end",
    "dilation": "d",
    "groups": "g",
    "outputs": "output_size",
}
"""The usual letters for arguments of layers and windows in formulas; others keep their names."""

ORDER = ["N", "C_out", "out_features", "C", "D'", "H'", "W'", "T'", "C_in", "D", "H", "W", "T"]
"""The order of factors: the output, the input, then the rest (the kernel)."""

LONGEST = 100
"""The maximum length of a formula that is shown, in characters."""

MOST_NAMED = 32
"""Of more inputs, the formulas are longer than that."""

Even: TypeAlias = frozenset[tuple[Tree, Tree]]
"""Divisions without remainder."""

WITHOUT_FORM = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a formula raises if it gets a name but needs a number."""


@record
class Derived:
    """A quantity with its formula, also in numbers, and the meaning of each letter; the formula may be missing."""

    result: Dim
    formula: str = ""
    numbers: str = ""
    symbols: Mapping[str, int] = field(default_factory=dict)


@record
class Named:
    """Which numbers have names."""

    arguments: bool = True
    without: tuple[str, ...] = ()
    counts: bool = False


LADDER = (
    Named(),
    Named(counts=True),
    Named(without=("stride", "dilation")),
    Named(without=("stride", "dilation", "kernel_size", "padding")),
    Named(arguments=False),
)


def axes_of(x: Volume) -> tuple[str, ...]:
    """The letters of a volume's axes: T for a sequence, H and W for an image."""
    known = tuple(LETTERS[axis] for axis in POSITIONS.get(x.rank, ()))
    return known if len(known) == x.rank else tuple(f"n_{axis}" for axis in range(x.rank))


def named(name: str, n: Dim) -> Dim:
    """A named number, with its rank among the factors of products."""
    return letter(name, n, ORDER.index(name) if name in ORDER else len(ORDER))


def written(tree: Tree, even: Even = frozenset()) -> Derived:
    formula, numbers = tree.write(Style(even=even)), tree.write(Style(numbers=True, even=even))
    return Derived(tree.value, formula, numbers, symbols_of(tree))


@record(slots=False)
class Trace:
    """A node, and copies of it with named numbers: from many names to few."""

    node: Node
    made: dict[Named, tuple[Node, ...]] = field(default_factory=dict, compare=False)

    @property
    def copies(self) -> Iterator[Node]:
        """Each is made when it is first asked for: mostly the first will do."""
        for which in LADDER:
            if which not in self.made:
                self.made[which] = tuple(attempts(self.node, which))
            yield from self.made[which]

    @cached_property
    def even(self) -> Even:
        return frozenset(pair for made in self.copies for pair in even_in(made))

    def derive(self, read: Callable[[Node], Dim]) -> Derived:
        """A quantity of the node, with a formula if one has the same value."""
        return derived(read, self.node, self.copies, lambda: self.even)

    def derive_each(self, read: Callable[[Node], Sequence[Dim]]) -> tuple[Derived, ...]:
        """The same for several related quantities."""
        return tuple(self.derive(lambda node, i=i: read(node)[i]) for i in range(len(read(self.node))))  # type: ignore[misc]


def derived(
    read: Callable[[Node], Dim], node: Node, copies: Iterable[Node], even: Callable[[], Even] = frozenset
) -> Derived:
    """A quantity of a node, with the formula from the first named copy that has the same value. `even` is called only
    for a formula with a division."""
    known = read(node)
    for made in copies:
        try:
            tree = tree_of(read(made))
        except WITHOUT_FORM:
            continue
        tree = with_sizes(tree, made)
        found = written(tree, even() if divides(tree) else frozenset())
        if tree.value == known and found.symbols and len(found.formula) <= LONGEST:
            return found
    return Derived(known)


def divides(tree: Tree) -> bool:
    return isinstance(tree, Division) or any(map(divides, tree.parts()))


def with_sizes(tree: Tree, made: Node) -> Tree:
    """A formula in which the expression for an output size is replaced by its name, H'."""
    for worked_out, size in zip(made.layer.shape(*made.inputs).spatial, made.output.spatial, strict=False):
        if isinstance(tree_of(worked_out), Sum | Division | Product):
            tree = replaced(tree, tree_of(worked_out), tree_of(size))
    return tree


def even_in(node: Node) -> Even:
    """The divisions that a layer requires to have no remainder."""
    found = set()
    try:
        for holds, _ in node.layer.requires(*node.inputs):
            if isinstance(holds, Claim) and isinstance(rest := tree_of(holds.left), Remainder):
                found.add((rest.numerator, rest.divisor))
    except WITHOUT_FORM:
        pass  # later requirements are unknown; their divisions are written with a floor
    return frozenset(found)


# --- copies with names -----------------------------------------------------------------------------------------------


def attempts(node: Node, which: Named) -> Iterator[Node]:
    """The node with names for some of its numbers; nothing if its output cannot be computed with them, or if a formula
    would have more names than anyone reads."""
    if len(node.inputs) > MOST_NAMED:
        return
    try:
        yield copied(node, which)
    except WITHOUT_FORM:
        return


def copied(node: Node, which: Named) -> Node:
    layer = with_names(node.layer, which.without) if which.arguments else node.layer
    for names in channel_names(node):
        inputs = tuple(inputs_with_names(node, names))
        channels = layer.shape(*inputs).channels
        tree = tree_of(channels)
        if isinstance(tree, Letter) and tree.name == "C":
            break
    if isinstance(tree, Plain):
        channels = named("C_out", channels)
    made = replace(node, layer=layer, inputs=inputs, outputs=(output_with_names(node, channels),))
    return with_counts(made, node) if which.counts and node.inputs else made


def channel_names(node: Node) -> list[tuple[str, ...]]:
    """Possible names for the channels of the inputs: C if the output has as many, otherwise C_in, or C_1, C_2 ..."""
    xs = carried(node)
    apart = ("C_in",) if len(xs) == 1 else tuple(f"C_{i + 1}" for i in range(len(xs)))
    alike = len({x.channels for x in xs}) == 1 and node.output.channels == xs[0].channels
    return [("C",) * len(xs), apart] if alike and not states_channels(node.layer) else [apart]


def states_channels(layer: Layer) -> bool:
    """Whether the number of output channels is an argument of the layer."""
    return any(name.startswith("out_") for name in layer.known)


def carried(node: Node) -> tuple[Volume, ...]:
    """The inputs whose values the output depends on; only the sizes of the others matter."""
    return node.inputs[: node.layer.carries]


def inputs_with_names(node: Node, names: Sequence[str]) -> Iterator[Volume]:
    first = node.inputs[0] if node.inputs else node.output
    for i, x in enumerate(node.inputs):
        if i >= len(carried(node)):
            yield x
            continue
        axes = map(axis_with_name, axes_of(x), x.spatial, (*first.spatial, *x.spatial[first.rank :]), repeat(i + 1))
        repeated = len(carried(node)) > 1 and x.channels == 1 != node.output.channels
        channels = 1 if repeated else named(names[i], x.channels)
        yield replace(x, channels=channels, spatial=tuple(axes), batch=batch_of(x))


def axis_with_name(letter: str, n: Dim, first: Dim, number: int) -> Dim:
    """An axis by its letter if it is as long as that of the first input; otherwise with a number, such as T_2."""
    if n == first:
        return named(letter, n)
    return n if n == 1 else named(f"{letter}_{number}", n)


def batch_of(x: Volume) -> Dim:
    return named("N", x.batch) if x.batch > 1 else x.batch


def output_with_names(node: Node, channels: Dim) -> Volume:
    y = node.output
    x = next((each for each in node.inputs if each.rank == y.rank), None)  # others are broadcast
    windows = node.layer.windows(*node.inputs)
    spatial = y.spatial
    if x is not None and y.rank == len(windows):
        spatial = tuple(
            n if window.whole and n == 1 else named(name if window is IDENTITY and n == m else f"{name}'", n)
            for window, name, n, m in zip(windows, axes_of(y), y.spatial, x.spatial, strict=False)
        )
    elif y.rank:
        spatial = tuple(named(f"{name}'", n) for name, n in zip(axes_of(y), y.spatial, strict=True))
    return replace(y, channels=channels, spatial=spatial, batch=batch_of(y))


def with_names(layer: Layer, without: Sequence[str]) -> Layer:
    """The layer with names for its numeric arguments, except some arguments."""
    own = {name: getattr(layer, name) for name in layer.known if name not in without}
    made = {name: argument(name, value) for name, value in own.items() if not neutral(value, layer.known[name])}
    return cast(Layer, replace(cast(Any, layer), **made))


def neutral(value: Any, default: Any) -> bool:
    """Whether an argument has its default value and no effect: groups=1, padding=0."""
    return isinstance(default, int) and value == default and value in (0, 1)


def argument(name: str, value: Any) -> Any:
    """A number named by the short name of its argument, with one name per axis if the values differ."""
    short = SHORT.get(name, name)
    if isinstance(value, int) and not isinstance(value, bool):
        return named(short, value)
    if isinstance(value, tuple) and value and all(isinstance(n, int) for n in value):
        alike, axes = len(set(value)) == 1, [LETTERS[axis] for axis in POSITIONS.get(len(value), ())]
        return tuple(named(short if alike else f"{short}_{axis}", n) for axis, n in zip(axes, value, strict=True))
    return value


# --- taps of windows -------------------------------------------------------------------------------------------------


@record
class Counted:
    """A window with names for the counts that it would otherwise compute from its taps."""

    window: Any
    read: Dim
    full: Dim

    def taps(self, *n: Dim) -> Dim:
        return self.read

    def filled(self, *n: Dim) -> Dim:
        return self.full

    def __getattr__(self, name: str) -> Any:
        return getattr(self.window, name)


def with_counts(made: Node, node: Node) -> Node:
    """The named node, with names for the number of values its windows read along each axis: taps_H, taps_W."""
    axes, lengths = axes_of(node.inputs[0]), node.inputs[0].spatial
    pairs = zip(made.layer.windows(*made.inputs), node.layer.windows(*node.inputs), axes, lengths, strict=True)
    windows = tuple(counted(window, real, axis, n) for window, real, axis, n in pairs)
    beside = made.layer.neighbours(*made.inputs[:1]), node.layer.neighbours(*node.inputs[:1])
    joined = counted(*beside, "C", node.inputs[0].channels)
    layer = copy(made.layer)
    vars(layer).update(windows=lambda *xs: windows, neighbours=lambda *xs: joined)  # for this copy only
    return replace(made, layer=layer)


def counted(window: AnyWindow, real: AnyWindow, axis: str, n: Dim) -> Any:
    if not hasattr(real, "taps") or real is IDENTITY:
        return window
    read = taps(real, n)
    full = real.filled(n) if hasattr(real, "filled") else real.slide(n)
    positions = f"{axis}'" if full == real.slide(n) else f"filled_{axis}"
    return Counted(window, named(f"taps_{axis}", read), named(positions, full))


def taps(window: Any, n: Dim) -> Dim:
    """How many elements of an axis of n all windows read in total."""
    found: Dim = window.taps(n) if isinstance(window, Window) else window.taps()
    return found


# --- windows ---------------------------------------------------------------------------------------------------------

ARGUMENT = {"kernel": "kernel_size", "begin": "padding", "end": "padding"}
"""The layer argument that a window's number comes from; others have the same name."""


def window_with_names(window: AnyWindow, layer: Layer) -> AnyWindow:
    """The window with names for its numbers, except those without effect that the layer does not have."""
    made = {}
    for each in fields(window):
        value = getattr(window, each.name)
        stated = ARGUMENT.get(each.name, each.name) in layer.known
        if isinstance(value, int) and not isinstance(value, bool) and (stated or value != each.default):
            made[each.name] = named(SHORT.get(each.name, each.name), value)
    if "begin" in made and getattr(window, "begin", None) == getattr(window, "end", None):
        made["begin"] = made["end"] = named("p", cast(Any, window).begin)
    return cast(AnyWindow, replace(cast(Any, window), **made))


def every_position(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every position of a volume, the last axis running fastest."""
    return product(*map(range, sizes))
