"""A bias that the following norm cancels."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.editing import with_argument
from archcalc.lint.rule import Design, Finding, Rule


class BiasBeforeNorm(Rule, code="AR101"):
    """A bias right before batch normalisation has no effect.

    Batch normalisation subtracts the mean of every channel, which cancels any constant that the previous layer adds to
    the channel. Its own `bias` replaces it. The first bias only costs parameters, gradients and optimizer state. Layer
    and group normalisation average over several channels and do not cancel a bias. Batch normalisation does not cancel
    a bias that differs between positions. `--fix` leaves frozen layers as they are: their weights were trained with the
    bias.

    Sources: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2; Desassis, "Convolutional neural networks" (Mines
    Paris).
    """

    bad = "- conv(3, 16) -> batchnorm -> relu  # <-"
    good = "- conv(3, 16, bias=false) -> batchnorm -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.CONTRACTION):
            norm, biases = design.after(node), [each for each in node.weights if each.name == "bias"]
            if norm is None or not biases or not all(is_cancelled(design, user) for user in design.users[node.module]):
                continue
            [bias] = biases
            if "bias" in node.layer.known and bias.shape == (node.output.channels,):
                yield Finding(
                    node=node,
                    message=f"{node.name}'s bias has no effect before {norm.name}: {bias.numel:,} unused parameters",
                    help="set bias=false",
                    edits=() if node.frozen else with_argument(node, "bias", "false"),
                )


def is_cancelled(design: Design, node: Node) -> bool:
    """Whether only a batch norm reads the output of a layer."""
    norm = design.after(node)
    return norm is not None and norm.layer.role is Role.BATCH_NORM
