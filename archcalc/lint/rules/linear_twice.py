"""Two consecutive linear layers."""

from collections.abc import Iterator, Sequence

from archcalc.core.dim import prod
from archcalc.core.window import AnyWindow, Window
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.conv import Conv
from archcalc.layers.linear import Linear, flattened
from archcalc.lint.rule import Design, Finding, Rule, passes_on
from archcalc.measures.params import params


class LinearTwice(Rule, code="AR102"):
    """Two linear layers without an activation between them are equivalent to one.

    The product of two matrices is a matrix, and two convolutions are one convolution with a larger kernel. Without an
    activation between them, two layers can represent no more than one, apart from the effect of padding at the border.
    Batch norm, identity and dropout between them are linear in evaluation.
    If the two together have fewer parameters than the one, as a depthwise and a 1x1 convolution have, they are a
    factorisation, and the rule ignores them.

    Sources: Goodfellow, Bengio & Courville 2016, "Deep Learning", section 6.1; Avrithis, "Deep learning for vision",
    lecture 7.
    """

    bad = "- flatten -> fc(256)\n- fc(128) -> relu  # <-"
    good = "- flatten -> fc(256) -> relu -> fc(128) -> relu\n"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            before = linear_before(design, node) if is_linear(node) else None
            if before is None or node.reruns or before.reruns:
                continue
            together, alone = params(before) + params(node), merged(before, node)
            if together > alone:
                message = f"{before.name} and {node.name} have no activation between them: one layer is equivalent"
                note = f"{together:,} parameters instead of {alone:,}"
                yield Finding(node=node, message=message, help="add an activation between them: relu", notes=(note,))


def linear_before(design: Design, node: Node) -> Node | None:
    """The linear layer before, apart from batch norms, identities and dropout, if nothing else reads what is in
    between."""
    before, last = design.before(node), node
    while before is not None and (is_linear(before) or is_passed(before)) and design.after(before) is last:
        if is_linear(before):
            return before
        last, before = before, design.before(before)
    return None


def is_passed(node: Node) -> bool:
    return node.layer.role is Role.BATCH_NORM or passes_on(node)


def is_linear(node: Node) -> bool:
    return isinstance(node.layer, Conv | Linear)


def merged(first: Node, second: Node) -> int:
    """The parameters of the single equivalent layer."""
    x = first.inputs[0]
    reads_all = any(isinstance(node.layer, Linear) and flattened(node.inputs[0]) for node in (first, second))
    windows = [node.layer.windows(*node.inputs) for node in (first, second) if isinstance(node.layer, Conv)]
    kernel = [] if reads_all else [through(axis) for axis in zip(*windows, strict=False)]
    inputs = prod(x.item_shape) if reads_all else x.channels
    bias = second.output.channels if any(w.name == "bias" for node in (first, second) for w in node.weights) else 0
    return int(prod(kernel) * inputs * second.output.channels + bias)


def through(axis: Sequence[AnyWindow]) -> int:
    """The kernel size of one or two consecutive windows combined."""
    first, *others = [window for window in axis if isinstance(window, Window)]
    return int(first.extent + sum((window.extent - 1) * first.stride for window in others))
