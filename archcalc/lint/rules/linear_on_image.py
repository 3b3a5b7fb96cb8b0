"""A linear layer directly on an image."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.layers.linear import Linear
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.params import params


class LinearOnImage(Rule, code="AR406"):
    """The first layer with weights is linear and reads a whole image.

    A linear layer ignores which pixels are neighbours: with the pixels of all images permuted in the same way, it
    learns equally well. It has a separate weight for every pixel, so it must learn the same pattern again at every
    position.

    Sources: Congeduti, "Convolutional neural networks" (TU Delft); Avrithis, "Deep learning for vision", lecture 7.
    """

    bad = "- flatten -> fc(100)  # <-\n- relu -> fc(10)"
    good = "- conv(5, 16) -> relu -> maxpool(4) -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Linear):
            if node.output.rank == 0 and design.back(node, Role.MOVEMENT) is None:
                origin = design.inputs.get(design.origin(node))
                image = origin.volume if origin else node.output
                if image.rank >= 2 and node.inputs[0].numel == image.numel:
                    message = f"{node.name} reads all of {image} at once, with separate weights for every position"
                    note = f"{params(node):,} parameters"
                    yield Finding(
                        node=node, message=message, help="begin with convolutions: conv(5, 16)", notes=(note,)
                    )
