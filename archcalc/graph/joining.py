"""What to write where branches of different sizes meet: it depends on the layer that made the difference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from archcalc.core.dim import is_number, prod
from archcalc.core.volume import Volume
from archcalc.core.window import Window
from archcalc.graph.graph import Node
from archcalc.layer import Layer, Merge
from archcalc.record import record


@record
class Branch:
    """A value that a join reads, and the layers that it depends on and the other value does not, in order."""

    source: str
    volume: Volume
    own: Sequence[Node]

    @property
    def stride(self) -> int:
        """By how much its own layers shrink each axis."""
        return int(prod(max([1, *(w.stride for w in sliding(node))]) for node in self.own))


def join_help(layer: Layer, nodes: Mapping[str, Node], sources: Sequence[str], xs: Sequence[Volume]) -> str:
    """How to make the branches of a join equal, which have the same axes but different sizes; empty for others."""
    kinds = {(x.rank, x.channels_last) for x in xs}
    if len({x.spatial for x in xs}) == 1 or kinds not in ({(1, False)}, {(2, False)}, {(3, False)}):
        return ""
    if not all(is_number(*x.item_shape) for x in xs):
        return ""
    small, large = branches(nodes, sources, xs)
    crop = f"crop the larger one: crop(like={small.source})"
    if is_resampled(small):
        return dropping(nodes, small) if next(unpadded(small), None) is None else crop
    return strided(layer, small, large) or next(unpadded(small), crop)


def branches(nodes: Mapping[str, Node], sources: Sequence[str], xs: Sequence[Volume]) -> tuple[Branch, Branch]:
    """The smallest branch of a join, and the first of another size."""
    pairs = list(zip(sources, xs, strict=True))
    small = min(pairs, key=lambda pair: prod(pair[1].spatial))
    large = next(pair for pair in pairs if pair[1].spatial != small[1].spatial)
    before = [ancestors(nodes, pair[0]) for pair in (small, large)]
    return tuple(  # type: ignore[return-value]  # two of them
        Branch(*pair, [node for name, node in nodes.items() if name in mine - others])
        for pair, mine, others in zip((small, large), before, reversed(before), strict=True)
    )


def ancestors(nodes: Mapping[str, Node], source: str) -> set[str]:
    found, waiting = set[str](), [source]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += nodes[name].sources if name in nodes else ()
    return found


def sliding(node: Node) -> Iterator[Window]:
    return (w for w in node.layer.windows(*node.inputs) if isinstance(w, Window) and not w.whole)


def strided(layer: Layer, small: Branch, large: Branch) -> str:
    """The projection of the larger branch, if a stride made the difference."""
    stride = small.stride
    if stride == 1 or large.stride > 1 or is_resampled(small):
        return ""
    steps = [node.name for node in small.own if any(w.stride > 1 for w in sliding(node))]
    kernel = next((k for k in (1, stride) if all_fit(k, stride, small.volume, large.volume)), None)
    if kernel is None:
        return ""
    alike = large.volume.to(spatial=small.volume.spatial)
    fits = all(holds is True for holds, _ in cast(Merge, layer).requires(small.volume, alike))
    width = (large if fits else small).volume.channels
    has = f"{' and '.join(steps)} {f'have strides of {stride} together' if len(steps) > 1 else f'has stride {stride}'}"
    return f"{has}: give {large.source} the same stride by a projection, conv({kernel}, {width}, s{stride})"


def all_fit(kernel: int, stride: int, small: Volume, large: Volume) -> bool:
    """Whether a convolution makes one size of the other."""
    pairs = zip(large.spatial, small.spatial, strict=True)
    return all(n >= kernel and (n - kernel) // stride + 1 == m for n, m in pairs)


def is_resampled(branch: Branch) -> bool:
    """Whether a layer of a branch makes it larger again."""
    return any(prod(node.output.spatial) > prod(x.spatial) for node in branch.own for x in node.inputs[:1])


def dropping(nodes: Mapping[str, Node], small: Branch) -> str:
    """The layer that dropped a row, which upsampling cannot give back, and the sizes at which none is dropped."""
    for node in (each for each in small.own if each.inputs):
        for axis, (n, window) in enumerate(zip(node.inputs[0].spatial, node.layer.windows(*node.inputs), strict=False)):
            if not isinstance(window, Window) or window.whole:
                continue
            if window.stride > 1 and window.slide(n) * window.stride < n:
                size, step = first_size(nodes, node, axis), max(steps_of(nodes)[each.name] for each in small.own)
                fitting = [str(each) for each in (size // step * step, size // step * step + step) if each]
                lost = n - window.slide(n) * window.stride
                sizes = f"an input size that {step} divides: {' or '.join(fitting)}"
                part, them = (f"last {lost}", "them") if lost > 1 else ("last", "it")
                why = f"{node.name} drops the {part} of {n} elements, and upsampling does not restore {them}"
                return f"{why}: use {sizes}"
    return ""


def steps_of(nodes: Mapping[str, Node]) -> Mapping[str, int]:
    """The product of the strides before each layer, itself included, along the path with the largest."""
    found: dict[str, int] = {}
    for name, node in nodes.items():
        stride = max([1, *(w.stride for w in sliding(node))])
        found[name] = stride * max((found.get(source, 1) for source in node.sources), default=1)
    return found


def first_size(nodes: Mapping[str, Node], node: Node, axis: int) -> int:
    """The length of an axis of the input that a layer depends on."""
    while (before := nodes.get(node.first)) and before.inputs and before.inputs[0].rank == node.inputs[0].rank:
        node = before
    return node.inputs[0].spatial[axis]


def unpadded(small: Branch) -> Iterator[str]:
    """The layers that make a branch smaller for lack of padding."""
    for node in small.own:
        for n, window in zip(node.inputs[0].spatial if node.inputs else (), sliding(node), strict=False):
            if window.extent > window.stride and window.slide(n) < (n - 1) // window.stride + 1:
                rule = "same" if window.extent % 2 else "same_upper"
                same = f"padding={rule if window.stride == 1 else (window.extent - 1) // 2}"
                yield f"{node.name} has too little padding: {same} makes up for its window of {window.extent}"
