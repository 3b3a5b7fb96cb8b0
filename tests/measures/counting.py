"""Naive kernels on counting numbers: an oracle for arithmetic by kind.

Every kernel implements the definition of its operation with single numbers. Its result is compared with torch, to
verify that it is the right operation; its counts are compared with those of the layer.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from inspect import isfunction
from itertools import count, islice, product
from math import erf, exp, floor, inf, log, pi, prod, tanh
from typing import Any, TypeAlias

import torch
from torch import Tensor

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.layer import LAYERS

COUNTED: Counter[str] = Counter()
"""Operations by kind, since the counter was last cleared."""


class Number:
    """A value whose operations are counted."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value

    def __add__(self, other: "Number") -> "Number":
        COUNTED["add"] += 1
        return Number(self.value + other.value)

    def __sub__(self, other: "Number") -> "Number":
        COUNTED["add"] += 1
        return Number(self.value - other.value)

    def __mul__(self, other: "Number") -> "Number":
        COUNTED["mul"] += 1
        return Number(self.value * other.value)

    def __truediv__(self, other: "Number") -> "Number":
        COUNTED["div"] += 1
        return Number(self.value / other.value)

    def root(self) -> "Number":
        COUNTED["root"] += 1
        return Number(self.value**0.5)

    def power(self, exponent: float) -> "Number":
        COUNTED["power"] += 1
        return Number(self.value**exponent)

    def through(self, function: Callable[[float], float]) -> "Number":
        """A transcendental function."""
        COUNTED["exp"] += 1
        return Number(function(self.value))


Index: TypeAlias = tuple[int, ...]
Numbers: TypeAlias = dict[Index, Number]
Kernel: TypeAlias = Callable[..., Numbers]


def numbers(tensor: Tensor) -> Numbers:
    """The elements of a tensor, by index."""
    return {index: Number(tensor[index].item()) for index in indices(tensor.shape)}


def indices(shape: Iterable[int]) -> Iterator[Index]:
    return product(*map(range, shape))


def larger(a: Number, b: Number) -> Number:
    COUNTED["compare"] += 1
    return a if a.value >= b.value else b


def total(terms: Iterable[Number]) -> Number:
    """The sum; the first term needs no addition."""
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def largest(terms: Iterable[Number]) -> Number:
    first, *rest = terms
    for term in rest:
        first = larger(first, term)
    return first


def inner(pairs: Iterable[tuple[Number, Number]]) -> Number:
    return total(a * b for a, b in pairs)


def positions(layer: Any, x: Any, y: Sequence[int]) -> Iterator[tuple[Index, list[tuple[Index, Index]]]]:
    """Every position of the output, with (tap, input element) for each tap of its window."""
    windows = layer.windows(x)
    for position in indices(y):
        reaches = [list(enumerate(w.reach(i))) for w, i in zip(windows, position, strict=True)]
        yield position, [tuple(zip(*taps, strict=True)) for taps in product(*reaches)]  # type: ignore[misc]


# --- one kernel for each operation: (layer, volume in, shape out, weights by name, elements in) -> elements out -------


def conv(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Padding is multiplied like any other element."""
    out, group = {}, x.channels // layer.groups
    for batch, o, (position, taps) in product(range(x.batch), range(y.channels), list(positions(layer, x, y.spatial))):
        first = o // (y.channels // layer.groups) * group
        pairs = (
            (given.get((batch, first + c, *unit), Number(0)), weights["weight"][(o, c, *tap)])
            for c in range(group)
            for tap, unit in taps
        )
        out[(batch, o, *position)] = inner(pairs)
        if layer.bias:
            out[(batch, o, *position)] += weights["bias"][(o,)]
    return out


def upconv(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Every input element adds its whole patch; then the border is cropped."""
    patch: Numbers = {}
    windows, each = layer.windows(x), y.channels // layer.groups
    kernel = [w.kernel for w in windows]
    for (batch, c, *unit), value in given.items():
        for o, tap in product(range(each), list(indices(kernel))):
            landed = (i * w.stride + t * w.dilation for w, i, t in zip(windows, unit, tap, strict=True))
            at = (batch, c // (x.channels // layer.groups) * each + o, *landed)
            term = value * weights["weight"][(c, o, *tap)]
            patch[at] = patch[at] + term if at in patch else term
    out = {}
    for batch, o, *position in indices(y.shape):
        at = (batch, o, *(i + w.begin for w, i in zip(windows, position, strict=True)))
        out[(batch, o, *position)] = patch.get(at, Number(0))
        if layer.bias:
            out[(batch, o, *position)] += weights["bias"][(o,)]
    return out


def locally_connected(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out = {}
    for batch, o, (number, (position, taps)) in product(
        range(x.batch), range(y.channels), list(enumerate(positions(layer, x, y.spatial)))
    ):
        unit_of = o * prod(y.spatial) + number
        pairs = (
            (given.get((batch, c, *unit), Number(0)), weights["weight"][(unit_of, c, *tap)])
            for c in range(x.channels)
            for tap, unit in taps
        )
        out[(batch, o, *position)] = inner(pairs)
        if layer.bias:
            out[(batch, o, *position)] += weights["bias"][(o, *position)]
    return out


def table_conv(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out = {}
    for batch, (position, taps) in product(range(x.batch), list(positions(layer, x, y.spatial))):
        kernel = 0
        for o, inputs in enumerate(layer.table):
            pairs = [
                (given.get((batch, c, *unit), Number(0)), weights["weight"][(kernel + k, *tap)])
                for k, c in enumerate(inputs)
                for tap, unit in taps
            ]
            kernel += len(inputs)
            out[(batch, o, *position)] = inner(pairs)
            if layer.bias:
                out[(batch, o, *position)] += weights["bias"][(o,)]
    return out


def filter_bank_conv(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """The bank on every input map, then the combination."""
    out, filters = {}, range(1 + max(index[0] for index in weights["basis"]))
    for batch, (position, taps) in product(range(x.batch), list(positions(layer, x, y.spatial))):
        responses = {
            (c, f): inner((given.get((batch, c, *unit), Number(0)), weights["basis"][(f, *tap)]) for tap, unit in taps)
            for c in range(x.channels)
            for f in filters
        }
        for o in range(y.channels):
            mixed = inner((value, weights["weight"][(o, *index)]) for index, value in responses.items())
            out[(batch, o, *position)] = mixed + weights["bias"][(o,)] if layer.bias else mixed
    return out


def maxpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Padding is ignored."""
    out = {}
    for batch, c, (position, taps) in product(range(x.batch), range(x.channels), list(positions(layer, x, y.spatial))):
        seen = [given[at] for _, unit in taps if (at := (batch, c, *unit)) in given]
        out[(batch, c, *position)] = largest(seen) if seen else Number(float("-inf"))
    return out


def avgpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Padding is not added, but included in the divisor if `count_include_pad`."""
    out, windows = {}, layer.windows(x)
    for batch, c, (position, taps) in product(range(x.batch), range(x.channels), list(positions(layer, x, y.spatial))):
        seen = [given[at] for _, unit in taps if (at := (batch, c, *unit)) in given]
        inside = [
            unit for _, unit in taps if all(i < n + w.end for i, n, w in zip(unit, x.spatial, windows, strict=True))
        ]
        count = len(inside) if layer.count_include_pad else len(seen)
        out[(batch, c, *position)] = total(seen) / Number(count)
    return out


def bins(layer: Any, x: Any, y: Any, given: Numbers) -> Iterator[tuple[Index, list[Number]]]:
    for batch, c, (position, taps) in product(range(x.batch), range(x.channels), list(positions(layer, x, y.spatial))):
        yield (batch, c, *position), [given[(batch, c, *unit)] for _, unit in taps]


def adaptive_avgpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: total(seen) / Number(len(seen)) for at, seen in bins(layer, x, y, given)}


def adaptive_maxpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: largest(seen) for at, seen in bins(layer, x, y, given)}


def subsampling(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {
        at: total(seen) * weights["weight"][(at[1], 0, 0)] + weights["bias"][(at[1], 0, 0)]
        for at, seen in bins(layer, x, y, given)
    }


def by_channel(x: Any, given: Numbers) -> Iterator[tuple[Index, list[Number]]]:
    for batch, c in product(range(x.batch), range(x.channels)):
        yield (batch, c), [given[(batch, c, *position)] for position in indices(x.spatial)]


def global_avgpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    ones = (0,) * y.rank
    return {(*at, *ones): total(seen) / Number(len(seen)) for at, seen in by_channel(x, given)}


def global_maxpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    ones = (0,) * y.rank
    return {(*at, *ones): largest(seen) for at, seen in by_channel(x, given)}


def upsample(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Half-pixel centres; each corner of the cell contributes to the output element."""
    scale = layer.scale_factor if isinstance(layer.scale_factor, tuple) else (layer.scale_factor,) * x.rank
    if layer.mode == "nearest":
        return {
            at: given[at[:2] + tuple(i // s for i, s in zip(at[2:], scale, strict=True))] for at in indices(y.shape)
        }
    return between(x, y, given, lambda i, axis: (i + 0.5) / scale[axis] - 0.5)


def between(x: Any, y: Any, given: Numbers, centre_of: Callable[[int, int], float]) -> Numbers:
    """Linear interpolation; element i of an output axis is at `centre_of(i, axis)`."""
    out = {}
    for batch, c, *position in indices(y.shape):
        sides = []
        for axis, (i, n) in enumerate(zip(position, x.spatial, strict=True)):
            centre = max(centre_of(i, axis), 0)
            low = int(centre)
            sides.append([(low, 1 - centre + low), (min(low + 1, n - 1), centre - low)])
        corners = [tuple(zip(*corner, strict=True)) for corner in product(*sides)]
        out[(batch, c, *position)] = inner((given[(batch, c, *unit)], Number(prod(share))) for unit, share in corners)
    return out


def keys_cubic(a: float) -> Callable[[float], float]:
    """Keys 1981, equation 4, with his parameter a."""

    def at(t: float) -> float:
        t = abs(t)
        if t < 1:
            return (a + 2) * t**3 - (a + 3) * t**2 + 1
        return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0

    return at


CUBIC = {a: keys_cubic(a) for a in (-0.5, -0.75)}
"""Torch has -1/2 where it smooths, and -3/4 elsewhere."""


def triangle(t: float) -> float:
    return max(0.0, 1 - abs(t))


def weighted(x: Any, y: Any, given: Numbers, sides_of: Callable[[int, int], list[tuple[int, float]]]) -> Numbers:
    """Weighted sums; `sides_of` gives the elements and their weights along an axis."""
    out = {}
    for batch, c, *position in indices(y.shape):
        corners = [
            tuple(zip(*each, strict=True)) for each in product(*(sides_of(i, a) for a, i in enumerate(position)))
        ]
        out[(batch, c, *position)] = inner((given[(batch, c, *unit)], Number(prod(share))) for unit, share in corners)
    return out


def cubic(x: Any, y: Any, given: Numbers, steps: list[float]) -> Numbers:
    """From the four elements around; those outside are the nearest inside."""

    def sides(i: int, axis: int) -> list[tuple[int, float]]:
        centre, n = (i + 0.5) * steps[axis] - 0.5, x.spatial[axis]
        low = floor(centre)
        return [(min(max(j, 0), n - 1), CUBIC[-0.75](centre - j)) for j in range(low - 1, low + 3)]

    return weighted(x, y, given, sides)


def smoothed(x: Any, y: Any, given: Numbers, steps: list[float], filter: Callable[[float], float]) -> Numbers:
    """Weighted means of what is around; the weights that are not zero add up to 1."""

    def sides(i: int, axis: int) -> list[tuple[int, float]]:
        apart = max(steps[axis], 1)
        shares = [(j, filter((j + 0.5 - (i + 0.5) * steps[axis]) / apart)) for j in range(x.spatial[axis])]
        whole = sum(each for _, each in shares)
        return [(j, each / whole) for j, each in shares if abs(each) > 1e-12]

    return weighted(x, y, given, sides)


def resize(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """With aligned corners, or with half-pixel centres scaled by the ratio of lengths."""
    if layer.align_corners:
        least = [(n - 1) / max(m - 1, 1) for n, m in zip(x.spatial, y.spatial, strict=True)]
        return between(x, y, given, lambda i, axis: i * least[axis])
    factor = layer.scale_factor
    steps = [1 / factor if factor else n / m for n, m in zip(x.spatial, y.spatial, strict=True)]
    if layer.antialias:
        return smoothed(x, y, given, steps, CUBIC[-0.5] if layer.mode == "bicubic" else triangle)
    if layer.mode == "bicubic":
        return cubic(x, y, given, steps)
    if layer.mode != "nearest":
        return between(x, y, given, lambda i, axis: (i + 0.5) * steps[axis] - 0.5)
    nearest = (tuple(int(i * step) for i, step in zip(at[2:], steps, strict=True)) for at in indices(y.shape))
    return {at: given[at[:2] + unit] for at, unit in zip(indices(y.shape), nearest, strict=True)}


def groups(y: Any, axes: int) -> Iterator[list[Index]]:
    """Groups of indices that differ only in the last `axes` axes, in torch's order."""
    kept = len(y.shape) - axes
    for first in indices(y.shape[:kept]):
        yield [(*first, *rest) for rest in indices(y.shape[kept:])]


def features_of(x: Any) -> Iterator[list[Index]]:
    """The indices of the features at each position."""
    for batch, *position in indices((x.batch, *x.spatial)):
        yield [(batch, *position, c) if x.channels_last else (batch, c, *position) for c in range(x.channels)]


def standardised(seen: list[Number], eps: float) -> list[Number]:
    count = Number(len(seen))
    mean = total(seen) / count
    differences = [each - mean for each in seen]
    variance = total(each * each for each in differences) / count
    scale = Number(1) / (variance + Number(eps)).root()
    return [each * scale for each in differences]


def layernorm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for group in groups(x, len(x.item_shape)) if layer.over == "all" else features_of(x):
        for i, (at, value) in enumerate(zip(group, standardised([given[at] for at in group], layer.eps), strict=True)):
            unit = at[1:] if layer.over == "all" else (i,)
            scaled = value * weights["weight"][unit] if "weight" in weights else value
            out[at] = scaled + weights["bias"][unit] if "bias" in weights else scaled
    return out


def channel_groups(x: Any, count: int) -> Iterator[list[Index]]:
    """The indices of `count` groups of neighbouring channels per sample, at all positions."""
    each = x.channels // count
    for batch, group in product(range(x.batch), range(count)):
        yield [(batch, group * each + c, *position) for c in range(each) for position in indices(x.spatial)]


def normalised(layer: Any, x: Any, count: int, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for group in channel_groups(x, count):
        for at, value in zip(group, standardised([given[at] for at in group], layer.eps), strict=True):
            out[at] = value * weights["weight"][at[1:2]] + weights["bias"][at[1:2]] if layer.affine else value
    return out


def group_norm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return normalised(layer, x, layer.num_groups, weights, given)


def instance_norm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return normalised(layer, x, x.channels, weights, given)


def rmsnorm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for group in features_of(x):
        made = of_one_size([given[at] for at in group], layer.eps or 2**-52, weights.get("weight"))
        out |= zip(group, made, strict=True)
    return out


def of_one_size(seen: Sequence[Number], eps: float, weight: Numbers | None) -> list[Number]:
    scale = Number(1) / (total(each * each for each in seen) / Number(len(seen)) + Number(eps)).root()
    values = [each * scale for each in seen]
    return [value * weight[(i,)] for i, value in enumerate(values)] if weight else values


def softmax(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for group in features_of(x):
        out |= zip(group, softened([given[at] for at in group]), strict=True)
    return out


def softened(scores: Sequence[Number]) -> list[Number]:
    top = largest(scores)
    powers = [(each - top).through(exp) for each in scores]
    whole = total(powers)
    return [each / whole for each in powers]


def lrn(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """alpha / size is a constant; channels beyond the border are ignored."""
    out, before = {}, layer.size // 2
    for group in features_of(x):
        for c, at in enumerate(group):
            near = [given[each] for each in group[max(c - before, 0) : c - before + layer.size]]
            squares = total(each * each for each in near)
            out[at] = given[at] / (Number(layer.alpha / layer.size) * squares + Number(layer.k)).power(layer.beta)
    return out


def batchnorm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Folded: terms that depend only on the channel are computed in advance."""
    out = {}
    for at, value in given.items():
        c = (at[1],)
        scale = (weights["running_var"][c].value + layer.eps) ** -0.5
        shift = -weights["running_mean"][c].value * scale
        if layer.affine:
            learned = weights["weight"][c].value
            scale, shift = scale * learned, shift * learned + weights["bias"][c].value
        out[at] = value * Number(scale) + Number(shift)
    return out


def linear(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    rows = features_of(x) if x.channels_last else groups(x, len(x.item_shape))
    out = {}
    for row in rows:
        for o in range(layer.out_features):
            at = (*row[0][:-1], o) if x.channels_last else (row[0][0], o)
            out[at] = inner((given[each], weights["weight"][(o, i)]) for i, each in enumerate(row))
            if layer.bias:
                out[at] += weights["bias"][(o,)]
    return out


def maxout(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    maps = linear(replace(layer, out_features=layer.out_features * layer.pieces), x, y, weights, given)
    pieces = range(layer.pieces)
    return {at: largest(maps[(*at[:-1], at[-1] * layer.pieces + piece)] for piece in pieces) for at in indices(y.shape)}


def channel_maxpool(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for into, group in zip(features_of(y), features_of(x), strict=True):
        for i, at in enumerate(into):
            out[at] = largest(given[each] for each in group[i * layer.pieces : (i + 1) * layer.pieces])
    return out


def rbf(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for batch, o in indices(y.shape):
        away = [given[(batch, j)] - weights["weight"][(o, j)] for j in range(x.channels)]
        out[(batch, o)] = total(each * each for each in away)
        if layer.bias:
            out[(batch, o)] += weights["bias"][(o,)]
    return out


def relu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: larger(value, Number(0)) for at, value in given.items()}


def leaky_relu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """The larger of the element and its scaled value."""
    return {at: larger(value, value * Number(layer.negative_slope)) for at, value in given.items()}


def scaled_tanh(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: Number(1.7159) * (value * Number(2 / 3)).through(tanh) for at, value in given.items()}


def clipped(value: Number, most: float) -> Number:
    top = larger(value, Number(0))
    COUNTED["compare"] += 1
    return Number(min(top.value, most))


def relu6(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: clipped(value, 6) for at, value in given.items()}


def hardsigmoid(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: clipped(value + Number(3), 6) / Number(6) for at, value in given.items()}


def hardswish(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: value * clipped(value + Number(3), 6) / Number(6) for at, value in given.items()}


def prelu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Computes both sides, and selects one by the sign of the element."""
    out = {}
    for at, value in given.items():
        slope = weights["weight"][(at[1] if layer.num_parameters > 1 else 0,)]
        out[at] = by_sign(value, value, value * slope)
    return out


def by_sign(value: Number, positive: Number, negative: Number) -> Number:
    COUNTED["compare"] += 1
    return positive if value.value > 0 else negative


def elu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {
        at: by_sign(value, value, Number(layer.alpha) * (value.through(exp) - Number(1))) for at, value in given.items()
    }


def silu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: value * value.through(lambda a: 1 / (1 + exp(-a))) for at, value in given.items()}


def gelu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    if layer.approximate == "none":
        return {at: value * value.through(lambda a: (1 + erf(a / 2**0.5)) / 2) for at, value in given.items()}
    out, scale, share = {}, Number((2 / pi) ** 0.5), Number(0.044715)
    for at, value in given.items():
        bent = scale * (value + share * (value * value * value))
        out[at] = Number(0.5) * value * (Number(1) + bent.through(tanh))
    return out


def sinusoidal_positions(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: value + weights["table"][at[1:]] for at, value in given.items()}


def scale(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    factor = Number(layer.by(x))
    return {index: each * factor for index, each in given.items()}


def softplus(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    if layer.beta == 1:
        return {at: soft(value) for at, value in given.items()}
    return {at: soft(value * Number(layer.beta)) / Number(layer.beta) for at, value in given.items()}


def soft(value: Number) -> Number:
    return (Number(1) + value.through(exp)).through(log)


def mish(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: value * soft(value).through(tanh) for at, value in given.items()}


def selu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    a, scale = Number(1.6732632423543772), Number(1.0507009873554805)
    return {at: scale * by_sign(v, v, a * (v.through(exp) - Number(1))) for at, v in given.items()}


def glu(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    out: Numbers = {}
    for into, group in zip(features_of(y), features_of(x), strict=True):
        for i, at in enumerate(into):
            gate = given[group[y.channels + i]].through(lambda b: 1 / (1 + exp(-b)))
            out[at] = given[group[i]] * gate
    return out


def layer_scale(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    (factors,) = weights.values()
    each = list(factors.values())
    return {at: given[at] * each[c] for group in features_of(x) for c, at in enumerate(group)}


def grn(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """The norm of each channel over all positions, relative to the mean norm of a sample."""
    scale, shift = (list(weights[name].values()) for name in ("weight", "bias"))
    squares = {at: value * value for at, value in given.items()}
    out: Numbers = {}
    for batch in range(x.batch):
        groups = [group for group in features_of(x) if group[0][0] == batch]
        sizes = [total(squares[group[c]] for group in groups).root() for c in range(x.channels)]
        mean = total(sizes) / Number(len(sizes)) + Number(layer.eps)
        shares = [size / mean for size in sizes]
        for group in groups:
            for c, at in enumerate(group):
                out[at] = given[at] * shares[c] * scale[c] + shift[c] + given[at]
    return out


def position_embedding(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    return {at: value + weights["weight"][(0, *at[1:])] for at, value in given.items()}


def mapped(row: Sequence[Number], outputs: range, weight: Numbers, bias: Numbers | None) -> list[Number]:
    out = [inner((value, weight[(o, i)]) for i, value in enumerate(row)) for o in outputs]
    return [value + bias[(o,)] for o, value in zip(outputs, out, strict=True)] if bias else out


def attention(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """One linear map computes queries, keys and values."""
    maps = (weights["in_proj_weight"], weights.get("in_proj_bias"))
    parts = [range(part * x.channels, (part + 1) * x.channels) for part in range(3)]
    joins = (weights["out_proj.weight"], weights.get("out_proj.bias"))
    out: Numbers = {}
    for batch in range(x.batch):
        query, key, value = ([mapped(row, part, *maps) for row in rows(x, batch, given)] for part in parts)
        gathered = attended(query, key, value, layer.num_heads, layer.num_heads, x.spatial[0] if layer.causal else 0)
        for t, row in enumerate(gathered):
            out |= {(batch, t, c): made for c, made in enumerate(mapped(row, range(x.channels), *joins))}
    return out


def grouped_attention(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Separate maps; queries and keys are rotated by their positions."""
    d, (length,) = layer.features(x), x.spatial
    heads = dict(q=layer.num_heads, k=layer.groups, v=layer.groups)
    joins = (weights["o_proj.weight"], weights.get("o_proj.bias"))
    out: Numbers = {}
    for batch in range(x.batch):
        made = {
            name: [
                mapped(row, range(count * d), weights[f"{name}_proj.weight"], weights.get(f"{name}_proj.bias"))
                for row in rows(x, batch, given)
            ]
            for name, count in heads.items()
        }
        if layer.qk_norm:
            sizes = {name: d if layer.qk_norm_over == "head" else heads[name] * d for name in "qk"}
            made |= {
                name: [normed(row, size, layer.qk_norm, weights[f"{name}_norm.weight"]) for row in made[name]]
                for name, size in sizes.items()
            }
        if layer.rope:
            part = layer.rotary_dim or d
            made |= {name: [turned(row, t, d, part, layer.rope) for t, row in enumerate(made[name])] for name in "qk"}
        back = (layer.window or length) if layer.causal else 0
        around = 0 if layer.causal else (layer.window or 0)
        for t, row in enumerate(
            attended(
                made["q"],
                made["k"],
                made["v"],
                layer.num_heads,
                layer.groups,
                back,
                layer.alibi,
                layer.scale,
                layer.softcap,
                around,
            )
        ):
            out |= {(batch, t, c): one for c, one in enumerate(mapped(row, range(x.channels), *joins))}
    return out


def normed(row: list[Number], d: int, eps: float, weight: Numbers) -> list[Number]:
    """Head by head."""
    return [one for first in range(0, len(row), d) for one in of_one_size(row[first : first + d], eps, weight)]


def rows(x: Any, batch: int, given: Numbers) -> list[list[Number]]:
    """The features of each token."""
    return [[given[(batch, t, c)] for c in range(x.channels)] for t in range(x.spatial[0])]


def attended(
    query: list[list[Number]],
    key: list[list[Number]],
    value: list[list[Number]],
    heads: int,
    groups: int,
    back: int,
    alibi: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    around: int = 0,
) -> Iterator[list[Number]]:
    """Head by head, query by query, over all pairs of tokens; `back`: the window in tokens, 0 for all."""
    d = len(query[0]) // heads
    for t, row in enumerate(query):
        gathered = []
        for h in range(heads):
            own, shared = slice(h * d, (h + 1) * d), h * groups // heads
            group = slice(shared * d, (shared + 1) * d)
            scores = [scored(row[own], each[group], (scale or d**-0.5) / (softcap or 1)) for each in key]
            if softcap:
                scores = [each.through(tanh) * Number(softcap) for each in scores]
            if alibi:
                scores = [each + Number((i - t) * 2 ** (-8 * (h + 1) / heads)) for i, each in enumerate(scores)]
            if back:
                scores = [each if t - back < i <= t else Number(float("-inf")) for i, each in enumerate(scores)]
            if around:
                scores = [each if abs(i - t) <= around // 2 else Number(float("-inf")) for i, each in enumerate(scores)]
            shares = softened(scores)
            columns = zip(*(each[group] for each in value), strict=True)
            gathered += [inner(zip(shares, column, strict=True)) for column in columns]
        yield gathered


def turned(row: list[Number], position: int, d: int, part: int, base: float) -> list[Number]:
    """Rotates features i and i + r/2 of the first r = `part` features of each head of d by position / base^(2 i / r);
    the table has single precision."""
    out, angles = list(row), position * base ** (torch.arange(0, part, 2) / -part)
    for first in range(0, len(row), d):
        for i, angle in enumerate(angles):
            a, b = row[first + i], row[first + i + part // 2]
            c, s = Number(angle.cos().item()), Number(angle.sin().item())
            out[first + i], out[first + i + part // 2] = a * c - b * s, b * c + a * s
    return out


def window_attention(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Window by window, head by head, over all pairs; masked pairs are computed and get weight 0."""
    out: Numbers = {}
    size, width, d = layer.window_size, x.channels, x.channels // layer.num_heads
    whole = [-(-n // size) * size for n in x.spatial]
    shifts = [layer.shift_size if n > size else 0 for n in whole]
    maps, joins = ((weights[f"{name}.weight"], weights.get(f"{name}.bias")) for name in ("qkv", "proj"))
    index, table = weights["relative_position_index"], weights["relative_position_bias_table"]
    for batch, *first in product(range(x.batch), *(range(0, n, size) for n in whole)):
        shifted = [tuple(a + b for a, b in zip(first, position, strict=True)) for position in indices((size, size))]
        positions = [tuple((p + s) % n for p, s, n in zip(at, shifts, whole, strict=True)) for at in shifted]
        sides = [tuple(p >= n - s for p, s, n in zip(at, shifts, whole, strict=True)) for at in shifted]
        rows = [[given.get((batch, *position, c), Number(0)) for c in range(width)] for position in positions]
        query, key, value = (
            [mapped(row, range(part * width, (part + 1) * width), *maps) for row in rows] for part in range(3)
        )
        for t, position in enumerate(positions):
            gathered = []
            for h in range(layer.num_heads):
                head = slice(h * d, (h + 1) * d)
                scores = [
                    scored(query[t][head], each[head], d**-0.5)
                    + table[(int(index[(t * len(positions) + u,)].value), h)]
                    for u, each in enumerate(key)
                ]
                shares = softened([s if sides[t] == sides[u] else Number(-inf) for u, s in enumerate(scores)])
                gathered += [
                    inner(zip(shares, column, strict=True)) for column in zip(*(v[head] for v in value), strict=True)
                ]
            made = mapped(gathered, range(width), *joins)
            if all(p < n for p, n in zip(position, x.spatial, strict=True)):
                out |= {(batch, *position, c): number for c, number in enumerate(made)}
    return out


def scored(query: Sequence[Number], key: Sequence[Number], scale: float) -> Number:
    return inner(zip(query, key, strict=True)) * Number(scale)


ACTS: dict[str, Callable[[Number], Number]] = {
    "silu": lambda a: a * a.through(lambda v: 1 / (1 + exp(-v))),
    "gelu": lambda a: a * a.through(lambda v: (1 + erf(v / 2**0.5)) / 2),
    "relu": lambda a: larger(a, Number(0)),
}


def best(scores: dict[int, Number], k: int) -> list[int]:
    """The indices of the k largest scores, found one after another."""
    left, found = dict(scores), []
    for _ in range(k):
        top = largest(left.values())
        found.append(next(i for i, score in left.items() if score is top))
        left.pop(found[-1])
    return found


def preferred(layer: Any, scores: list[Number]) -> list[int]:
    """The best experts of the best groups."""
    each = layer.num_experts // layer.n_group
    groups = [{i: scores[i] for i in range(g * each, (g + 1) * each)} for g in range(layer.n_group)]
    worth = {g: total(group[i] for i in best(group, 2)) for g, group in enumerate(groups)}
    left = {i: score for g in best(worth, layer.topk_group) for i, score in groups[g].items()}
    return best(left, layer.top_k)


def routed(layer: Any, row: list[Number], weights: dict[str, Numbers]) -> dict[int, Number]:
    """The experts of a token, each with its weight."""
    scores = mapped(row, range(layer.num_experts), weights["gate.weight"], None)
    if layer.scoring == "sigmoid":
        scores = [score.through(lambda v: 1 / (1 + exp(-v))) for score in scores]
        bias = weights["gate.e_score_correction_bias"]
        chosen = preferred(layer, [score + bias[(i,)] for i, score in enumerate(scores)])
        shares = [scores[i] for i in chosen]
        if layer.norm_topk_prob:
            whole = total(shares)
            shares = [share / whole for share in shares]
    elif layer.norm_topk_prob:
        chosen = best(dict(enumerate(scores)), layer.top_k)
        shares = softened([scores[i] for i in chosen])
    else:
        scores = softened(scores)
        chosen = best(dict(enumerate(scores)), layer.top_k)
        shares = [scores[i] for i in chosen]
    if layer.routed_scaling_factor != 1:
        shares = [share * Number(layer.routed_scaling_factor) for share in shares]
    return dict(zip(chosen, shares, strict=True))


def expert(layer: Any, row: list[Number], maps: Sequence[Numbers]) -> list[Number]:
    """An MLP; gated if it has three maps: gate, up and down."""
    *into, down = maps
    first, *ups = (mapped(row, range(1 + max(at[0] for at in each)), each, None) for each in into)
    hidden = [ACTS[layer.act](value) for value in first]
    for up in ups:
        hidden = [a * b for a, b in zip(hidden, up, strict=True)]
    return mapped(hidden, range(len(row)), down, None)


def mixture(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Token by token, through each of its experts."""
    out: Numbers = {}
    f = layer.hidden_features
    for group in features_of(x):
        row = [given[at] for at in group]
        parts = []
        for number, share in routed(layer, row, weights).items():
            own: dict[str, Numbers] = {
                name: part_of(weights[f"experts.{name}"], number) for name in (layer.experts.first, "down_proj")
            }
            first: Numbers = own[layer.experts.first]
            gate = {(i, j): value for (i, j), value in first.items() if i < f}
            up = {(i - f, j): value for (i, j), value in first.items() if i >= f}
            into = [gate, up] if layer.gated else [first]
            parts.append([value * share for value in expert(layer, row, [*into, own["down_proj"]])])
        if layer.shared_experts:
            names = (*layer.shared.into, "down_proj")
            parts.append(expert(layer, row, [weights[f"shared_experts.{name}.weight"] for name in names]))
        out |= zip(group, map(total, zip(*parts, strict=True)), strict=True)
    return out


def part_of(stacked: Numbers, number: int) -> Numbers:
    """One of several matrices."""
    return {at[1:]: value for at, value in stacked.items() if at[0] == number}


def latent_attention(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers) -> Numbers:
    """Head by head, query by query, over all pairs of tokens; later tokens get weight 0."""
    out: Numbers = {}
    (length,), heads = x.spatial, range(layer.num_heads)
    nope, rope, v = layer.qk_nope_head_dim, layer.qk_rope_head_dim, layer.v_head_dim

    def through(row: Sequence[Number], name: str) -> list[Number]:
        matrix = weights[f"{name}.weight"]
        return mapped(row, range(1 + max(at[0] for at in matrix)), matrix, None)

    def normed(row: Sequence[Number], name: str) -> list[Number]:
        squares = total(value * value for value in row) / Number(len(row))
        scale = Number(1) / (squares + Number(1e-6)).root()
        return [value * scale * weights[f"{name}.weight"][(i,)] for i, value in enumerate(row)]

    for batch in range(x.batch):
        queries, keys, values = [], [], []
        for t in range(length):
            row = [given[(batch, t, c)] for c in range(x.channels)]
            whole = layer.q_lora_rank is None
            query = (
                through(row, "q_proj")
                if whole
                else through(normed(through(row, "q_a_proj"), "q_a_layernorm"), "q_b_proj")
            )
            queries.append([query[h * (nope + rope) : (h + 1) * (nope + rope)] for h in heads])
            queries[t] = [each[:nope] + turned(each[nope:], t, rope, rope, layer.rope) for each in queries[t]]
            latent = through(row, "kv_a_proj_with_mqa")
            position = turned(latent[layer.kv_lora_rank :], t, rope, rope, layer.rope)
            wide = through(normed(latent[: layer.kv_lora_rank], "kv_a_layernorm"), "kv_b_proj")
            both = [wide[h * (nope + v) : (h + 1) * (nope + v)] for h in heads]
            keys.append([each[:nope] + position for each in both])
            values.append([each[nope:] for each in both])
        for t in range(length):
            gathered = []
            for h in heads:
                scores = [scored(queries[t][h], key[h], (nope + rope) ** -0.5) for key in keys]
                shares = softened([score if s <= t else Number(-1e9) for s, score in enumerate(scores)])
                columns = zip(*(value[h] for value in values), strict=True)
                gathered += [inner(zip(shares, column, strict=True)) for column in columns]
            out |= {(batch, t, c): made for c, made in enumerate(through(gathered, "o_proj"))}
    return out


def logistic(a: float) -> float:
    return 1 / (1 + exp(-a))


Cell: TypeAlias = Callable[[Any, list[list[Number]], list[list[Number]], list[list[Number]]], list[list[Number]]]
"""A layer, its gates' parts from the input and from the state, and the states before -> the states after."""


def recurrent(
    cell: Cell, layer: Any, x: Any, y: Any, weights: dict[str, Numbers], given: Numbers, state: Numbers | None = None
) -> Numbers:
    """Layer by layer, direction by direction, token by token."""
    out: Numbers = {}
    width = getattr(layer, "proj_size", 0) or layer.hidden_size
    sizes = [width, layer.hidden_size][: len(layer.states)]
    names = [f"l{i}{way}" for i in range(layer.num_layers) for way in layer.directions]
    for item in range(x.batch):
        rows = [[given[(item, t, c)] for c in range(x.channels)] for t in range(x.spatial[0])]
        flat = (Number(0) if state is None else state[(item, c)] for c in count())
        states = {(name, kind): list(islice(flat, size)) for kind, size in enumerate(sizes) for name in names}
        for i in range(layer.num_layers):
            ways = [one_way(cell, layer, f"l{i}{way}", rows, weights, states) for way in layer.directions]
            rows = [[value for way in at for value in way] for at in zip(*ways, strict=True)]
        ends = [value for way, t in zip(ways, (-1, 0), strict=False) for value in way[t]]
        if layer.returns == "state":
            ends = [value for each in states.values() for value in each]
        if layer.returns == "sequence":
            out |= {(item, t, c): value for t, row in enumerate(rows) for c, value in enumerate(row)}
        else:
            out |= {(item, c): value for c, value in enumerate(ends)}
    return out


def one_way(
    cell: Cell,
    layer: Any,
    name: str,
    rows: list[list[Number]],
    weights: dict[str, Numbers],
    states: dict[tuple[str, int], list[Number]],
) -> list[list[Number]]:
    """The state h after every token, in token order; `states` holds the initial states, and then the final ones."""
    size, projection = layer.hidden_size, weights.get(f"weight_hr_{name}")
    these = [state for (way, _), state in states.items() if way == name]
    width = len(these[0])
    outputs, found = range(layer.gates * size), []
    for row in reversed(rows) if name.endswith("_reverse") else rows:
        parts = [
            mapped(values, outputs, weights[f"weight_{kind}_{name}"], weights.get(f"bias_{kind}_{name}"))
            for kind, values in (("ih", row), ("hh", these[0]))
        ]
        ours, theirs = ([part[g * size : (g + 1) * size] for g in range(layer.gates)] for part in parts)
        these = cell(layer, ours, theirs, these)
        if projection is not None:
            these[0] = mapped(these[0], range(width), projection, None)
        found.append(these[0])
    states |= {(name, kind): state for kind, state in enumerate(these)}
    return found[::-1] if name.endswith("_reverse") else found


def each(function: Callable[..., Number], *vectors: Sequence[Number]) -> list[Number]:
    return [function(*values) for values in zip(*vectors, strict=True)]


def opened(ours: Sequence[Number], theirs: Sequence[Number], function: Callable[[float], float]) -> list[Number]:
    return each(lambda a, b: (a + b).through(function), ours, theirs)


def rnn_cell(layer: Any, ours: Any, theirs: Any, states: Any) -> list[list[Number]]:
    if layer.nonlinearity == "relu":
        return [each(lambda a, b: larger(a + b, Number(0)), ours[0], theirs[0])]
    return [opened(ours[0], theirs[0], tanh)]


def lstm_cell(layer: Any, ours: Any, theirs: Any, states: Any) -> list[list[Number]]:
    kinds = (logistic, logistic, tanh, logistic)
    gates = [opened(a, b, kind) for a, b, kind in zip(ours, theirs, kinds, strict=True)]
    cell = each(lambda i, f, g, c: f * c + i * g, *gates[:3], states[1])
    return [each(lambda o, c: o * c.through(tanh), gates[3], cell), cell]


def gru_cell(layer: Any, ours: Any, theirs: Any, states: Any) -> list[list[Number]]:
    r, z = (opened(a, b, logistic) for a, b in zip(ours[:2], theirs[:2], strict=True))
    n = each(lambda a, r, b: (a + r * b).through(tanh), ours[2], r, theirs[2])
    return [each(lambda z, n, h: (Number(1) - z) * n + z * h, z, n, states[0])]


def lstm(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], *given: Numbers) -> Numbers:
    return recurrent(lstm_cell, layer, x, y, weights, *given)


def gru(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], *given: Numbers) -> Numbers:
    return recurrent(gru_cell, layer, x, y, weights, *given)


def rnn(layer: Any, x: Any, y: Any, weights: dict[str, Numbers], *given: Numbers) -> Numbers:
    return recurrent(rnn_cell, layer, x, y, weights, *given)


KERNELS: dict[str, Kernel] = {name: each for name, each in vars().copy().items() if name in LAYERS and isfunction(each)}
"""The kernels by layer: the functions above with the name of a layer."""
