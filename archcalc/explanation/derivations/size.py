"""The output size: the result of the windows along each axis, and the number of channels."""

from collections.abc import Iterator

from archcalc.core.dim import Dim, prod
from archcalc.core.padding import pads
from archcalc.core.volume import Volume
from archcalc.core.window import DUMOULIN, IDENTITY, AnyWindow, SequenceWindow, Window
from archcalc.explanation.derivation import Part, Step, Subject, derivation, remark, step
from archcalc.explanation.tracing import axes_of, named, window_with_names, written
from archcalc.explanation.written import Letter, Outermost, replaced, tree_of
from archcalc.graph.graph import Node

RULED = {
    "same": f"{DUMOULIN}, relationship 3",
    "full": f"{DUMOULIN}, relationship 4",
    "same_upper": "tf.nn.convolution; ONNX Conv, auto_pad",
    "same_lower": "tf.nn.convolution; ONNX Conv, auto_pad",
}
"""The source of each padding rule."""


@derivation("Output size", 20)
def size(subject: Subject) -> Iterator[Part]:
    node = subject.node
    yield step("channels", subject.trace.derive(lambda each: each.output.channels))
    yield from along_axes(node)


def along_axes(node: Node) -> Iterator[Part]:
    """The formula of each axis; equal formulas are shown once."""
    if node.layer.carries == 0 or not node.inputs:
        axes = zip(axes_of(node.output), node.output.spatial, strict=True)
        yield from (Step(name=f"{axis}'", result=n, note="the layer's own: it reads no values") for axis, n in axes)
        return
    x, windows = spread_over(node), node.layer.windows(*node.inputs)
    if node.output.rank == 1 < x.rank and isinstance(windows[0], SequenceWindow):
        yield in_a_row(x, windows[0])
        return
    elsewhere = [window for window in windows if window.onto is not None]
    if windows and node.output.rank and (elsewhere or node.output.rank != len(windows)):
        positions = " x ".join(f"{n:,}" for n in node.output.spatial)
        yield remark(f"positions = {positions}: {(elsewhere or windows)[0].words}")
        return
    seen: set[tuple[AnyWindow, Dim]] = set()
    for window, n, axis in zip(windows, x.spatial, axes_of(x), strict=False):
        gone = window.whole and not node.output.rank
        if (window, n) in seen:
            yield remark(f"{axis} = {n:,} likewise" if gone else f"{axis}' = {window.slide(n):,} likewise")
        elif window is IDENTITY:
            yield Step(name=f"{axis}'", formula=axis, result=n, note="positions are unchanged", symbols={axis: n})
        elif gone:
            yield remark(f"{axis} = {n:,} is removed: {window.words}")
        elif window.whole:
            yield Step(name=f"{axis}'", result=window.slide(n), note=window.words)
        else:
            yield from of_axis(node, window, n, axis)
        seen.add((window, n))


def spread_over(node: Node) -> Volume:
    """The input that gives the output its positions: the first, unless it is broadcast to another, like a gate."""
    if any(window is not IDENTITY for window in node.layer.windows(*node.inputs)):
        return node.inputs[0]
    own = node.inputs[: node.layer.carries]
    return next((x for x in own if x.spatial == node.output.spatial), node.inputs[0])


def in_a_row(x: Volume, window: AnyWindow) -> Step:
    """The length of a sequence into which all axes are flattened."""
    length = prod(named(axis, n) for axis, n in zip(axes_of(x), x.spatial, strict=True))
    return step("T'", written(tree_of(length)), note=window.words)


def of_axis(node: Node, window: AnyWindow, n: Dim, axis: str) -> Iterator[Step]:
    yield from of_padding(node, window, n, axis)
    found = written(tree_of(window_with_names(window, node.layer).slide(named(axis, n))))
    if isinstance(window, Window) and window.extent == window.stride == 1 and "⌊" not in found.formula:
        yield step(f"{axis}'", found, note="the length plus padding; negative padding is cropping")
        return
    yield step(f"{axis}'", found, note=window.words, source=window.source)
    yield from left_over(window, n, axis)


def of_padding(node: Node, window: AnyWindow, n: Dim, axis: str) -> Iterator[Step]:
    """The padding, if it is given by a rule; P is split between both ends."""
    rule = getattr(node.layer, "padding", None)
    if rule not in RULED or not isinstance(window, Window):
        return
    k, s, d = named("k", window.kernel), named("s", window.stride), named("d", window.dilation)
    begin, end = (tree_of(each) for each in pads(rule, (named(axis, n),), k, s, d)[0])
    whole = next((part for part in begin.parts() if isinstance(part, Outermost)), None)
    note, source = f"padding: {rule}", RULED[rule]
    if whole is None:
        yield step("p", written(begin), note=note, source=source)
        return
    yield step("P", written(whole), note=note, source=source)
    yield step("p_begin", written(replaced(begin, whole, Letter("P", whole.value))))
    yield step("p_end", written(replaced(end, whole, Letter("P", whole.value))))


def left_over(window: AnyWindow, n: Dim, axis: str) -> Iterator[Step]:
    """Elements at the end that no window reads."""
    if not isinstance(window, Window) or window.ceil or window.extent == 1:
        return
    unread = (n + window.begin + window.end - window.extent) % window.stride - window.end
    if unread > 0:
        yield remark(f"the floor drops the last {f'{unread} elements' if unread > 1 else 'element'} of {axis}")
