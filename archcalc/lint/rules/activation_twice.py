"""Two activations in a row."""

from collections.abc import Iterator

from archcalc.core.diagnostic import Edit
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.activation import ReLU
from archcalc.layers.clipped import ReLU6
from archcalc.layers.function import Function
from archcalc.lint.editing import without_line, without_step
from archcalc.lint.rule import Design, Finding, Rule


class ActivationTwice(Rule, code="AR103"):
    """An activation directly after another activation.

    The second of two rectifiers has no effect, and a rectifier after a sigmoid passes every value unchanged. Usually
    one of the two is superfluous, or a layer between them is missing. The rule ignores an activation whose output other
    layers also read, as in a gate, and functions that compute with what an activation makes, as the squared ReLU.

    Source: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines" (max(x, 0) twice is
    max(x, 0)).
    """

    keeps_function = True
    bad = "- conv(3, 8) -> relu\n- relu -> flatten -> fc(10)  # <-"
    good = "- conv(3, 8) -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.ACTIVATION):
            before = design.before(node)
            if before is None or before.layer.role is not Role.ACTIVATION or design.after(before) is not node:
                continue
            if isinstance(node.layer, Function):
                continue
            message = f"{node.layer.name} directly after {before.layer.name}: one activation is enough"
            edits = dropped(design, node) if changes_nothing(before, node) else ()
            yield Finding(node=node, message=message, help=f"remove {node.name} or {before.name}", edits=edits)


def changes_nothing(before: Node, node: Node) -> bool:
    """Whether the second activation has no effect."""
    return isinstance(node.layer, ReLU | ReLU6) and node.layer == before.layer


def dropped(design: Design, node: Node) -> tuple[Edit, ...]:
    """Removes a layer from its chain, or its line if it is not a branch of a merge."""
    reader = design.after(node)
    is_branch = reader is not None and len(reader.sources) > 1
    return without_step(node) or (() if is_branch else without_line(node))
