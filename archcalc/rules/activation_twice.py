"""Two activations in a row."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.rule import Design, Finding, Rule


class ActivationTwice(Rule, code="AR103"):
    """An activation right behind an activation.

    The second of two rectifiers changes nothing, and a rectifier behind a sigmoid, a softmax or a bounded activation
    passes everything on. What is meant is mostly one of the two, or a layer that was lost between them.

    Source: Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann machines" (max(x, 0) twice is
    max(x, 0)).
    """

    bad = "- conv(3, 8) -> relu\n- relu -> flatten -> fc(10)  # <-"
    good = "- conv(3, 8) -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            before = design.before(node)
            if before is not None and {before.layer.role, node.layer.role} == {Role.ACTIVATION}:
                message = f"{node.layer.name} right behind {before.layer.name}: one activation is enough"
                yield Finding(node=node, message=message, help=f"leave {node.name} or {before.name} out")
