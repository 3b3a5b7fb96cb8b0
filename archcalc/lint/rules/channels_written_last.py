"""An image whose channels were written last."""

from collections.abc import Iterator

from archcalc.core.layout import is_written_last, layout_help, written_first
from archcalc.graph.graph import Input, Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class ChannelsWrittenLast(Rule, code="AR208"):
    """An input looks like an image whose channels were written last.

    Specs write channels before positions, as torch does. numpy, PIL and Keras write height, width, channels. Taken as
    channels first, such an image has hundreds of channels and is 1, 3 or 4 columns wide, and every number of the
    network is another one's. The rule looks for a last axis of 1, 3 or 4 after axes of at least 8, and for a layer that
    works at the positions of the input. A network that flattens the input first has the same numbers in either order.

    Sources: torch.nn.Conv2d (input (N, C, H, W)); Keras, `image_data_format` ("channels_last" is the default).
    """

    bad = "input: [224, 224, 3]  # <-\nlayers:\n- conv(3, 32, p1) -> relu -> gap -> fc(10)"
    good = "input: [3, 224, 224]\nlayers:\n- conv(3, 32, p1) -> relu -> gap -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for given in design.graph.inputs:
            reader = next(readers_of_positions(design, given), None) if is_written_last(given.volume) else None
            if reader is not None:
                meant = written_first(given.volume)
                message = f"{given.name} {given.volume} is read as {meant_as_read(given)}, not as a picture of {meant}"
                yield Finding(node=reader, message=message, help=layout_help(given.volume), place=given.where)


def readers_of_positions(design: Design, given: Input) -> Iterator[Node]:
    """The layers that work at the positions of an input: windows over them, or weights that each position shares."""
    for node in design:
        works = design.sliding(node) or node.layer.role in (Role.CONTRACTION, Role.BATCH_NORM)
        if not works or design.origin(node) != given.name:
            continue
        if node.inputs[0].rank == node.output.rank == given.volume.rank:
            yield node


def meant_as_read(given: Input) -> str:
    """`224 channels of 224x3`."""
    x = given.volume
    return f"{x.channels:,} channels of {'x'.join(map(str, x.spatial))}"
