"""The layer as a matrix: the entries if it is small, otherwise its size and structure."""

from collections.abc import Iterator, Sequence

from archcalc.core.dim import Dim, prod
from archcalc.core.window import TransposedWindow, Window
from archcalc.explanation.derivation import Part, Step, Subject, Table, derivation, remark, step
from archcalc.explanation.derivations.sharing import of_filters, one_sample
from archcalc.explanation.toeplitz import Matrix, Sliding, matrix, nonzeros, shared_filters, transpose
from archcalc.explanation.tracing import Derived, Trace, axes_of, named, window_with_names, written
from archcalc.explanation.written import tree_of
from archcalc.graph.graph import Node

MOST, MOST_CHARACTERS = 25, 75
"""The maximum number of rows and columns of a printed matrix, and of characters per row."""

STRUCTURES = {1: "Toeplitz", 2: "doubly blocked Toeplitz", 3: "triply blocked Toeplitz"}


@derivation("As a matrix", 80)
def as_matrix(subject: Subject) -> Iterator[Part]:
    node, windows = subject.node, shared_filters(subject.node)
    if not windows:
        return
    yield from dimensions(node, windows)
    x, y = node.inputs[0], node.output
    if small(windows, x.spatial, y.spatial):
        yield from printed(node, windows)


def dimensions(node: Node, windows: Sequence[Sliding]) -> Iterator[Step]:
    """The number of rows, columns and non-zero entries."""
    trace, x = Trace(one_sample(node)), node.inputs[0]
    structure = STRUCTURES[len(windows)]
    if any(window.stride > 1 for window in windows):
        structure += f", its {'rows' if isinstance(windows[0], Window) else 'columns'} sub-sampled by the stride"
    letter = "Wᵀ" if isinstance(windows[0], TransposedWindow) else "W"
    blocks = "" if x.channels == node.output.channels == 1 else ": one block per connected pair of channels"
    yield remark(f"y = {letter} x, with {letter} {structure}{blocks}", "Y. Avrithis, lecture 7")
    yield step("rows", trace.derive(lambda each: prod(each.output.item_shape)))
    yield step("columns", trace.derive(lambda each: prod(each.inputs[0].item_shape)))
    kernels = of_filters(node) // prod(window.kernel for window in windows)
    entries = kernels * nonzeros(windows, x.spatial)
    found = trace.derive(lambda each: each.ops.mac)
    whole = trace.node.output.numel * trace.node.inputs[0].numel
    share = f"{100 * entries / whole:.3g} % of its entries"
    if found.result == entries:
        yield step("non-zeros", found, note=f"{share}; equals the number of MACs")
    else:
        lost = f"the MACs minus {found.result - entries:,} outside the volume"
        yield step("non-zeros", Derived(entries), note=f"{share}: {lost}")


def small(windows: Sequence[Sliding], inputs: Sequence[Dim], outputs: Sequence[Dim]) -> bool:
    width = len(name_of(prod(window.kernel for window in windows) - 1)) + 1
    sizes = prod(inputs), prod(outputs)
    return max(sizes) <= MOST and max(sizes) * width <= MOST_CHARACTERS


def printed(node: Node, windows: Sequence[Sliding]) -> Iterator[Part]:
    """The matrix, and the matrix of the transposed layer."""
    x, y = node.inputs[0], node.output
    entries = matrix(windows, x.spatial)
    one = x.channels == y.channels == 1
    of = "" if one else " of the first pair of channels"
    order = "" if len(windows) == 1 else "; elements and taps are numbered along the last axis first"
    if isinstance(windows[0], TransposedWindow):
        yield remark(f"Wᵀ{of}, {len(entries)} x {len(entries[0])}{order}:")
        yield as_table(entries, y.spatial[-1], x.spatial[-1])
        yield remark(f"W is the convolution of the same kernel, from {sizes(y.spatial)} to {sizes(x.spatial)} elements")
        return
    yield remark(f"W{of}, {len(entries)} x {len(entries[0])}{order}:")
    yield as_table(entries, y.spatial[-1], x.spatial[-1])
    yield remark(f"Wᵀ is the transposed convolution, from {sizes(y.spatial)} back to {sizes(x.spatial)} elements:")
    yield as_table(transpose(entries), x.spatial[-1], y.spatial[-1])
    yield from back(node, windows)


def back(node: Node, windows: Sequence[Sliding]) -> Iterator[Step]:
    """The output size of the transposed convolution."""
    x, y = node.inputs[0], node.output
    seen = set()
    for window, n, m, axis in zip(windows, x.spatial, y.spatial, axes_of(x), strict=True):
        if not isinstance(window, Window) or (window, n) in seen:
            continue
        seen.add((window, n))
        rest = (n + window.begin + window.end - window.extent) % window.stride
        turned = TransposedWindow(window.kernel, window.stride, window.begin, window.end, window.dilation, rest)
        made = window_with_names(turned, node.layer).slide(named(f"{axis}'", m))
        yield step(axis, written(tree_of(made)), note="of the transposed convolution", source=turned.source)


def as_table(entries: Matrix, high: Dim, wide: Dim) -> Table:
    """A table in blocks, one per element of the axes before the last."""
    rows = tuple(tuple("." if tap is None else name_of(tap) for tap in row) for row in entries)
    return Table((), rows, (high, wide))


def name_of(tap: int) -> str:
    return f"w{tap}"


def sizes(spatial: Sequence[Dim]) -> str:
    return " x ".join(f"{n:,}" for n in spatial)
