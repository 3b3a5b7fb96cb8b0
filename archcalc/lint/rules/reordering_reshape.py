"""A reshape that was meant to exchange axes, or to write the channels last."""

from collections.abc import Iterator

from archcalc.core.volume import Volume
from archcalc.layers.reshape import Reshape
from archcalc.lint.rule import Design, Finding, Rule


class ReorderingReshape(Rule, code="AR211"):
    """A reshape that looks as if it were meant to reorder axes.

    `reshape` moves no element. Where no part of an axis stays together, neighbours in the output are not neighbours in
    the input: a volume [6, 4] reshaped to [4, 6] is not its transpose. And sizes such as 7, 7, 256 are a map written
    as Keras and numpy have it, height, width, channels; here the channels come first, so that it has 7 channels of
    7x256. The rule looks for sizes without common parts, and for a last size that is larger than all before it, which
    are equal.

    Sources: torch.Tensor.view (on elements that stay in order); Keras, `image_data_format` ("channels_last" is the
    default).
    """

    bad = "- fc(12544) -> reshape(7, 7, 256)  # <-\n- upconv(5, 64, s2, p2)"
    good = "- fc(12544) -> reshape(256, 7, 7)\n- upconv(5, 64, s2, p2)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Reshape):
            (x,), y = node.inputs, node.output
            if layer.plan(x) is None:
                message = f"{node.name} mixes the axes of {x} in {y}: reshape moves no element"
                help = "to exchange axes write rearrange(pattern); to mix them on purpose, flatten -> reshape(...)"
                yield Finding(node=node, message=message, help=help)
            elif layer.features is None and is_map_written_last(y):
                channels, sides = y.item_shape[-1], y.item_shape[:-1]
                size = "x".join(map(str, sides))
                read = f"{y.channels:,} channels of {'x'.join(map(str, y.spatial))}"
                message = f"{node.name} makes {read}, not {channels:,} of {size}: channels come first"
                first = ", ".join(map(str, (channels, *sides)))
                yield Finding(node=node, message=message, help=f"write reshape({first}), or features=last")


def is_map_written_last(y: Volume) -> bool:
    """Whether a volume looks like a map whose channels were written last, but are taken as its last axis.

    >>> is_map_written_last(Volume(7, (7, 256))), is_map_written_last(Volume(256, (7, 7)))
    (True, False)
    """
    *sides, last = y.item_shape
    return not y.channels_last and y.rank >= 2 and len(set(sides)) == 1 and last > sides[0]
