"""A window as large as a number of filters."""

from collections.abc import Iterator

from archcalc.core.dim import per_axis
from archcalc.graph.graph import Node
from archcalc.layers.conv import Conv
from archcalc.layers.filtering import looks_swapped
from archcalc.layers.locally_connected import LocallyConnected
from archcalc.layers.transposed_conv import TransposedConv
from archcalc.lint.editing import is_call, parts
from archcalc.lint.rule import Design, Finding, Rule


class SwappedOrder(Rule, code="AR209"):
    """A kernel size that looks like a number of filters.

    Here the kernel size comes first: `conv2d(3, 32)` has 32 filters of 3x3. Keras writes `Conv2D(32, 3)`, and torch
    `Conv2d(in_channels, 32, 3)`. Taken in that order, it has 3 filters of 32x32. The rule looks for windows of 16 or
    more with at most 11 filters, given without keywords, under a name that torch or Keras uses: it ignores `conv` and
    `upconv`. It also ignores patches, whose stride is the kernel size.

    Sources: Keras, `keras.layers.Conv2D(filters, kernel_size)`; torch.nn.Conv2d (in_channels, out_channels,
    kernel_size).
    """

    bad = "- conv2d(32, 3)  # <-\n- relu -> flatten -> fc(10)"
    good = "- conv2d(3, 32)\n- relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        kinds: tuple[type[Conv | LocallyConnected | TransposedConv], ...] = (Conv, LocallyConnected, TransposedConv)
        for node, layer in design.of(*kinds):
            if not looks_swapped(layer.kernel_size, layer.out_channels):
                continue
            kernel, stride = (per_axis(each, node.inputs[0].rank) for each in (layer.kernel_size, layer.stride))
            if kernel != stride and (meant := swapped(node)):
                size = "x".join(map(str, kernel))
                message = f"{node.name} has {layer.out_channels} filters of {size}: the kernel size comes first"
                yield Finding(node=node, message=message, help=f"for {kernel[0]} filters write {meant}")


def swapped(node: Node) -> str:
    """The call with its first two arguments in the other order; empty unless both are given by position, under a name
    that is not archcalc's own."""
    where = node.where
    if where is None or not is_call(where) or where.text.startswith(f"{node.layer.name}("):
        return ""
    text = where.text
    ranges = list(parts(text, text.index("(") + 1))[:2]
    values = [text[begin:end].strip() for begin, end in ranges]
    if len(values) < 2 or any("=" in value for value in values):
        return ""
    return f"{text[: ranges[0][0]]}{values[1]}, {values[0]}{text[ranges[1][1] :]}"
