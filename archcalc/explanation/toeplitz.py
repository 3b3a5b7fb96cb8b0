"""Convolutions as matrices: which tap of the filter connects which input element to which output element.

The entries follow from the windows alone. A convolution is y = W x, where W is Toeplitz along one axis and doubly
blocked Toeplitz along two; a transposed convolution with the same window is the product with W's transpose.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import TypeAlias

from archcalc.core.dim import Dim
from archcalc.core.weight import Weight
from archcalc.core.window import IDENTITY, TransposedWindow, Window
from archcalc.graph.graph import Node
from archcalc.layer import Role

Matrix: TypeAlias = tuple[tuple[int | None, ...], ...]
"""A row per output element, a column per input element: the index of the tap between them, counted along the last axis
first; None if there is none."""

Sliding: TypeAlias = Window | TransposedWindow


def shared_filters(node: Node) -> tuple[Sliding, ...]:
    """The windows of a layer that applies the same filters at every position; empty for other layers."""
    windows, weight = node.layer.windows(*node.inputs), filter_weights(node)
    sliding = tuple(w for w in windows if isinstance(w, Sliding) and w is not IDENTITY)
    if node.layer.role is not Role.CONTRACTION or weight is None or not sliding or len(sliding) < len(windows):
        return ()
    placed = node.inputs[0] if isinstance(sliding[0], TransposedWindow) else node.output
    kernel = tuple(window.kernel for window in sliding)
    once_at_each_place = weight.numel * placed.positions == node.ops.mac
    return sliding if weight.shape[-len(kernel) :] == kernel and once_at_each_place else ()


def filter_weights(node: Node) -> Weight | None:
    """The only weight besides the bias, also for a layer that runs another layer's module again."""
    learned = [w for w in node.layer.weights(*node.inputs) if not w.buffer and w.name != "bias"]
    return learned[0] if len(learned) == 1 else None


def along(window: Sliding, n: int) -> Matrix:
    """The matrix of one axis of n elements.

    >>> along(Window(kernel=3, stride=2, begin=1, end=1), 4)
    ((1, 2, None, None), (None, 0, 1, 2))
    >>> along(TransposedWindow(kernel=2), 2)
    ((0, None), (1, 0), (None, 1))
    """
    if isinstance(window, TransposedWindow):
        forward = Window(window.kernel, window.stride, window.begin, 0, window.dilation)
        return transpose(rows(forward, n, window.slide(n)))
    return rows(window, window.slide(n), n)


def rows(window: Window, positions: int, n: int) -> Matrix:
    """For each window position, the taps that meet each of n elements."""
    taps = ({unit: tap for tap, unit in enumerate(window.reach(i))} for i in range(positions))
    return tuple(tuple(each.get(unit) for unit in range(n)) for each in taps)


def matrix(windows: Sequence[Sliding], spatial: Sequence[Dim]) -> Matrix:
    """The matrix of several axes; the last one runs fastest in rows, columns and taps."""
    axes = [along(window, n) for window, n in zip(windows, spatial, strict=True)]
    kernel = [window.kernel for window in windows]
    return tuple(tuple(flat(taps, kernel) for taps in product(*row)) for row in product(*axes))


def flat(taps: Sequence[int | None], kernel: Sequence[int]) -> int | None:
    """The index of a tap among all taps of the kernel.

    >>> flat((1, 2), (3, 3)), flat((1, None), (3, 3))
    (5, None)
    """
    number = 0
    for tap, size in zip(taps, kernel, strict=True):
        if tap is None:
            return None
        number = number * size + tap
    return number


def transpose(entries: Matrix) -> Matrix:
    return tuple(zip(*entries, strict=True))


def nonzeros(windows: Sequence[Sliding], spatial: Sequence[Dim]) -> int:
    """The number of non-zero entries: along several axes, the product over the axes."""
    return prod(met(window, n) for window, n in zip(windows, spatial, strict=True))


def met(window: Sliding, n: int) -> int:
    """The number of (position, tap) pairs on an axis that connect an input element to an output element."""
    if isinstance(window, Window):
        return window.taps(n)
    firsts = range(-window.begin, n * window.stride - window.begin, window.stride)
    size = window.slide(n)
    return sum(0 <= first + t * window.dilation < size for first in firsts for t in range(window.kernel))
