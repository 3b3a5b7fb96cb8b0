"""A bias that the norm behind it takes off again."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.editing import with_argument
from archcalc.lint.rule import Design, Finding, Rule


class BiasBeforeNorm(Rule, code="AR101"):
    """A bias right before batch normalisation has no effect.

    Batch normalisation subtracts the mean of every channel, and with it whatever the layer before has added to all of
    the channel; its own `bias` does the same work. What is left are parameters, gradients and states of an optimizer
    for nothing. Layer and group normalisation average over several channels, and leave a bias in; so does batch
    normalisation of one that is not the same at every position.

    Sources: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2; Desassis, "Convolutional neural networks" (Mines
    Paris).
    """

    bad = "- conv(3, 16) -> batchnorm -> relu  # <-"
    good = "- conv(3, 16, bias=false) -> batchnorm -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            norm, biases = design.after(node), [each for each in node.weights if each.name == "bias"]
            if norm is None or not biases or not all(is_taken_off(design, user) for user in design.users[node.module]):
                continue
            [bias] = biases
            if "bias" in node.layer.known and bias.shape == (node.output.channels,):
                yield Finding(
                    node=node,
                    message=f"{norm.name} takes the bias of {node.name} off again: {bias.numel:,} parameters",
                    help="bias=false",
                    edits=with_argument(node, "bias", "false"),
                )


def is_taken_off(design: Design, node: Node) -> bool:
    """Whether a mean for each channel is all that a layer's output is used less."""
    norm = design.after(node)
    return norm is not None and norm.layer.role is Role.BATCH_NORM
