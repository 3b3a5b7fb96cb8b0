"""A bias that the following norm cancels."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Layer, Role
from archcalc.layers.group_norm import InstanceNorm
from archcalc.layers.identity import Identity
from archcalc.lint.editing import with_argument
from archcalc.lint.rule import Design, Finding, Rule


class BiasBeforeNorm(Rule, code="AR101"):
    """A bias right before batch or instance normalisation has no effect.

    Both subtract the mean of every channel, which cancels any constant that the previous layer adds to the channel. The
    `bias` of the norm replaces it. The first bias only costs parameters, gradients and optimizer state. Layer and group
    normalisation average over several channels and do not cancel a bias. Neither norm cancels a bias that differs
    between positions. `--fix` leaves frozen layers as they are: their weights were trained with the bias.

    Sources: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2; Desassis, "Convolutional neural networks" (Mines
    Paris).
    """

    bad = "- conv(3, 16) -> batchnorm -> relu  # <-"
    good = "- conv(3, 16, bias=false) -> batchnorm -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        if not any(cancels(kind) for kind in design.by_type):
            return
        for node in design.playing(Role.CONTRACTION):
            norm = norm_after(design, node)
            if norm is None or not cancels(type(norm.layer)):
                continue
            biases = [each for each in node.weights if each.name == "bias"]
            if not biases or not all(is_cancelled(design, user) for user in design.users[node.module]):
                continue
            [bias] = biases
            if "bias" in node.layer.known and bias.shape == (node.output.channels,):
                unused = f"{bias.numel:,} unused parameters"
                yield Finding(
                    node=node,
                    message=f"{node.name}'s bias has no effect before {beside(node, norm)}: {unused}",
                    help="set bias=false",
                    edits=() if node.frozen else with_argument(node, "bias", "false"),
                )


def beside(node: Node, other: Node) -> str:
    """The name of another layer, without the block that both are in where that is deep: four names or more."""
    block, _, own = other.name.rpartition(".")
    return own if block.count(".") >= 3 and node.name.rpartition(".")[0] == block else other.name


def is_cancelled(design: Design, node: Node) -> bool:
    """Whether only a norm of each channel reads the output of a layer."""
    norm = norm_after(design, node)
    return norm is not None and cancels(type(norm.layer))


def cancels(kind: type[Layer]) -> bool:
    """Whether a layer subtracts the mean of every channel."""
    return kind.role is Role.BATCH_NORM or issubclass(kind, InstanceNorm)


def norm_after(design: Design, node: Node) -> Node | None:
    """The next layer except identities. Dropout is none: it sets a bias to 0 together with the value."""
    follows = design.after(node)
    while follows is not None and isinstance(follows.layer, Identity):
        follows = design.after(follows)
    return follows
