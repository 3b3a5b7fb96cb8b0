"""A network without a nonlinearity."""

from collections.abc import Iterator

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule

LINEAR = {
    Role.CONTRACTION,
    Role.MOVEMENT,
    Role.BATCH_NORM,
    Role.MERGE,
    Role.RESAMPLING,
    Role.POOLING,
    Role.ADAPTIVE_POOLING,
}
"""Roles of layers that are linear in evaluation, unless they compare, divide or multiply paths."""


class NoActivation(Rule, code="AR505"):
    """No layer between input and output is nonlinear.

    At any depth, such a network computes a single matrix product, and the boundary between classes is a hyperplane. Two
    layers with weights and an activation between them can represent functions that one layer cannot.

    Sources: Cybenko 1989, Mathematics of Control, Signals and Systems 2, 303-314; Goodfellow, Bengio & Courville 2016,
    "Deep Learning", section 6.1.
    """

    bad = "- conv(3, 16) -> batchnorm -> flatten -> fc(64)\n- fc(10)  # <-"
    good = "- conv(3, 16) -> batchnorm -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        layers = design.playing(Role.CONTRACTION)
        if len(layers) > 1 and all(is_linear(node) for node in design):
            message = f"{len(layers)} layers with weights and no activation: the network is a single linear map"
            yield Finding(
                node=layers[-1], message=message, help="add an activation after every layer except the last: relu"
            )


def is_linear(node: Node) -> bool:
    """Whether a layer is linear in its inputs."""
    ops, role = node.ops, node.layer.role
    if role is Role.CONTRACTION:
        return is_plain(node)
    joined = role is Role.MERGE and len(node.sources) > 1 and ops.mul != 0
    return role in LINEAR and not joined and ops.exp == ops.compare == ops.power == 0


def is_plain(node: Node) -> bool:
    """Whether a layer only multiplies by weights and sums: no attention, no recurrence."""
    ops = node.ops
    return ops.exp == ops.compare == ops.power == ops.div == ops.root == ops.mul == 0 and len(set(node.sources)) == 1
