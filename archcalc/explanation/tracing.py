"""A layer at work on named numbers: its formulas, run on these, write themselves down (written.py).

Which numbers get names is tried from all down to none, because not every formula takes a name in every place: a loop
over the taps of a kernel needs their number. A formula that does not come to the layer's own number is never given.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import product, repeat
from typing import Any, TypeAlias, cast

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
from archcalc.graph.frame import AXES
from archcalc.graph.freeing import LETTERS
from archcalc.graph.graph import Node
from archcalc.layer import Layer
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
"""What the field calls the arguments of layers and windows in formulas; others go by their own names."""

ORDER = ["N", "C_out", "out_features", "C", "D'", "H'", "W'", "T'", "C_in", "D", "H", "W", "T"]
"""The order of factors: what is put out, what goes in, and then the rest, the kernel."""

LONGEST = 100
"""Characters of a formula that still says more than its numbers."""

Even: TypeAlias = frozenset[tuple[Tree, Tree]]
"""Divisions that leave no rest."""

WITHOUT_FORM = (ArithmeticError, LookupError, TypeError, ValueError)
"""What a formula raises that does not take a name where it needs a number."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A quantity with its formula, the numbers put in, and what each letter stands for; the formula may be missing."""

    result: Dim
    formula: str = ""
    numbers: str = ""
    symbols: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
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
    """The letters of a volume's axes: T of a sequence, H and W of an image."""
    known = tuple(LETTERS[axis] for axis in AXES.get(x.rank, ()))
    return known if len(known) == x.rank else tuple(f"n_{axis}" for axis in range(x.rank))


def named(name: str, n: Dim) -> Dim:
    """A number by its name, in its place among the factors of products."""
    return letter(name, n, ORDER.index(name) if name in ORDER else len(ORDER))


def written(tree: Tree, even: Even = frozenset()) -> Derived:
    formula, numbers = tree.write(Style(even=even)), tree.write(Style(numbers=True, even=even))
    return Derived(tree.value, formula, numbers, symbols_of(tree))


@dataclass(frozen=True)
class Trace:
    """A node, and copies of it whose numbers have names: more of them, or fewer."""

    node: Node

    @cached_property
    def copies(self) -> tuple[Node, ...]:
        return tuple(made for which in LADDER for made in attempts(self.node, which))

    @cached_property
    def even(self) -> Even:
        return frozenset(pair for made in self.copies for pair in even_in(made))

    def derive(self, read: Callable[[Node], Dim]) -> Derived:
        """What is read of the node, with a formula where one comes to the same number."""
        return derived(read, self.node, self.copies, self.even)

    def derive_each(self, read: Callable[[Node], Sequence[Dim]]) -> tuple[Derived, ...]:
        """The same of several numbers that belong together."""
        return tuple(self.derive(lambda node, i=i: read(node)[i]) for i in range(len(read(self.node))))  # type: ignore[misc]


def derived(read: Callable[[Node], Dim], node: Node, copies: Sequence[Node], even: Even = frozenset()) -> Derived:
    """What is read of a node, with the formula that the first of its named copies gives for the same number."""
    known = read(node)
    for made in copies:
        try:
            tree = tree_of(read(made))
        except WITHOUT_FORM:
            continue
        found = written(with_sizes(tree, made), even)
        if tree.value == known and found.symbols and len(found.formula) <= LONGEST:
            return found
    return Derived(known)


def with_sizes(tree: Tree, made: Node) -> Tree:
    """A formula with the name of an output size, H', in the place of what it is worked out from."""
    for worked_out, size in zip(made.layer.shape(*made.inputs).spatial, made.output.spatial, strict=False):
        if isinstance(tree_of(worked_out), Sum | Division | Product):
            tree = replaced(tree, tree_of(worked_out), tree_of(size))
    return tree


def even_in(node: Node) -> Even:
    """The divisions that a layer requires to leave no rest."""
    found = set()
    try:
        for holds, _ in node.layer.requires(*node.inputs):
            if isinstance(holds, Claim) and isinstance(rest := tree_of(holds.left), Remainder):
                found.add((rest.numerator, rest.divisor))
    except WITHOUT_FORM:
        pass  # what it requires after that is not known, and written with a floor
    return frozenset(found)


# --- copies with names -----------------------------------------------------------------------------------------------


def attempts(node: Node, which: Named) -> Iterator[Node]:
    """The node with names for some of its numbers; none where its output cannot be worked out with them."""
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
    return with_counts(made, node) if which.counts else made


def channel_names(node: Node) -> list[tuple[str, ...]]:
    """What the channels of the inputs may be called: C where the output has as many, else C_in, or C_1, C_2 ..."""
    xs = carried(node)
    apart = ("C_in",) if len(xs) == 1 else tuple(f"C_{i + 1}" for i in range(len(xs)))
    alike = len({x.channels for x in xs}) == 1 and node.output.channels == xs[0].channels
    return [("C",) * len(xs), apart] if alike and not states_channels(node.layer) else [apart]


def states_channels(layer: Layer) -> bool:
    """Whether the number of output channels is an argument of the layer."""
    return any(name.startswith("out_") for name in layer.known)


def carried(node: Node) -> tuple[Volume, ...]:
    """The inputs whose values reach the output; the others only lend their size."""
    return node.inputs[: node.layer.carries]


def inputs_with_names(node: Node, names: Sequence[str]) -> Iterator[Volume]:
    first = node.inputs[0]
    for i, x in enumerate(node.inputs):
        if i >= len(carried(node)):
            yield x
            continue
        axes = map(axis_with_name, axes_of(x), x.spatial, (*first.spatial, *x.spatial[first.rank :]), repeat(i + 1))
        yield replace(x, channels=named(names[i], x.channels), spatial=tuple(axes), batch=batch_of(x))


def axis_with_name(letter: str, n: Dim, first: Dim, number: int) -> Dim:
    """An axis by its letter, where it is as long as that of the first input; T_2 where the second's is not."""
    if n == first:
        return named(letter, n)
    return n if n == 1 else named(f"{letter}_{number}", n)


def batch_of(x: Volume) -> Dim:
    return named("N", x.batch) if x.batch > 1 else x.batch


def output_with_names(node: Node, channels: Dim) -> Volume:
    y, x = node.output, node.inputs[0]
    windows = node.layer.windows(*node.inputs)
    spatial = y.spatial
    if y.rank == len(windows):
        spatial = tuple(
            n if window.whole and n == 1 else named(name if window is IDENTITY and n == m else f"{name}'", n)
            for window, name, n, m in zip(windows, axes_of(y), y.spatial, x.spatial, strict=False)
        )
    elif y.rank:
        spatial = tuple(named(f"{name}'", n) for name, n in zip(axes_of(y), y.spatial, strict=True))
    return replace(y, channels=channels, spatial=spatial, batch=batch_of(y))


def with_names(layer: Layer, without: Sequence[str]) -> Layer:
    """The layer with names for the numbers that were given to it, but for some arguments."""
    own = {name: getattr(layer, name) for name in layer.known if name not in without}
    made = {name: argument(name, value) for name, value in own.items() if not neutral(value, layer.known[name])}
    return cast(Layer, replace(cast(Any, layer), **made))


def neutral(value: Any, default: Any) -> bool:
    """Whether an argument is what it would be if nobody had said it, and changes nothing: groups=1, padding=0."""
    return isinstance(default, int) and value == default and value in (0, 1)


def argument(name: str, value: Any) -> Any:
    """A number by the short name of its argument, one for each axis where they differ."""
    short = SHORT.get(name, name)
    if isinstance(value, int) and not isinstance(value, bool):
        return named(short, value)
    if isinstance(value, tuple) and value and all(isinstance(n, int) for n in value):
        alike, axes = len(set(value)) == 1, [LETTERS[axis] for axis in AXES.get(len(value), ())]
        return tuple(named(short if alike else f"{short}_{axis}", n) for axis, n in zip(axes, value, strict=True))
    return value


# --- what windows read -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    """A window that names what it would have to go through its taps to count."""

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
    """The named node, with names for how many values its windows read along each axis: taps_H, taps_W."""
    axes, lengths = axes_of(node.inputs[0]), node.inputs[0].spatial
    pairs = zip(made.layer.windows(*made.inputs), node.layer.windows(*node.inputs), axes, lengths, strict=True)
    windows = tuple(counted(window, real, axis, n) for window, real, axis, n in pairs)
    beside = made.layer.neighbours(*made.inputs[:1]), node.layer.neighbours(*node.inputs[:1])
    joined = counted(*beside, "C", node.inputs[0].channels)
    layer = copy(made.layer)
    vars(layer).update(windows=lambda *xs: windows, neighbours=lambda *xs: joined)  # of this copy alone
    return replace(made, layer=layer)


def counted(window: AnyWindow, real: AnyWindow, axis: str, n: Dim) -> Any:
    if not hasattr(real, "taps") or real is IDENTITY:
        return window
    read = taps(real, n)
    full = real.filled(n) if hasattr(real, "filled") else real.slide(n)
    places = f"{axis}'" if full == real.slide(n) else f"filled_{axis}"
    return Counted(window, named(f"taps_{axis}", read), named(places, full))


def taps(window: Any, n: Dim) -> Dim:
    """How many units of an axis of n all windows read together."""
    found: Dim = window.taps(n) if isinstance(window, Window) else window.taps()
    return found


# --- windows ---------------------------------------------------------------------------------------------------------

ARGUMENT = {"kernel": "kernel_size", "begin": "padding", "end": "padding"}
"""The argument of a layer that a number of its window is; others have the same name."""


def window_with_names(window: AnyWindow, layer: Layer) -> AnyWindow:
    """The window with names for its numbers, but for those that change nothing and that the layer does not take."""
    made = {}
    for each in fields(cast(Any, window)):
        value = getattr(window, each.name)
        stated = ARGUMENT.get(each.name, each.name) in layer.known
        if isinstance(value, int) and not isinstance(value, bool) and (stated or value != each.default):
            made[each.name] = named(SHORT.get(each.name, each.name), value)
    if "begin" in made and getattr(window, "begin", None) == getattr(window, "end", None):
        made["begin"] = made["end"] = named("p", cast(Any, window).begin)
    return cast(AnyWindow, replace(cast(Any, window), **made))


def every_place(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every position of a volume, the last axis running fastest."""
    return product(*map(range, sizes))
