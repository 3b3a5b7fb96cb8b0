"""Two activations in a row."""

from collections.abc import Iterator

from archcalc.core.diagnostic import Edit
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.activation import ReLU
from archcalc.layers.clipped import ReLU6
from archcalc.lint.editing import without_line, without_step
from archcalc.lint.rule import Design, Finding, Rule


class ActivationTwice(Rule, code="AR103"):
    """An activation right behind an activation.

    The second of two rectifiers changes nothing, and a rectifier behind a sigmoid passes everything on. What is meant
    is mostly one of the two, or a layer that was lost between them. Where others read the first of them too, as beside
    a gate, both are meant.

    Source: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines" (max(x, 0) twice is
    max(x, 0)).
    """

    bad = "- conv(3, 8) -> relu\n- relu -> flatten -> fc(10)  # <-"
    good = "- conv(3, 8) -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.ACTIVATION):
            before = design.before(node)
            if before is None or before.layer.role is not Role.ACTIVATION or design.after(before) is not node:
                continue
            message = f"{node.layer.name} right behind {before.layer.name}: one activation is enough"
            edits = dropped(design, node) if changes_nothing(before, node) else ()
            yield Finding(node=node, message=message, help=f"leave {node.name} or {before.name} out", edits=edits)


def changes_nothing(before: Node, node: Node) -> bool:
    """Whether the second activation gives what it takes."""
    return isinstance(node.layer, ReLU | ReLU6) and node.layer == before.layer


def dropped(design: Design, node: Node) -> tuple[Edit, ...]:
    """Leaves a layer out; a line of its own where it is no branch of a merge."""
    reader = design.after(node)
    is_branch = reader is not None and len(reader.sources) > 1
    return without_step(node) or (() if is_branch else without_line(node))
