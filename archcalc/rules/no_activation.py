"""A network without any nonlinearity."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.rule import Design, Finding, Rule

LINEAR = {Role.CONTRACTION, Role.MOVEMENT, Role.BATCH_NORM, Role.MERGE, Role.RESAMPLING, Role.ADAPTIVE_POOLING}
"""Work that keeps a network linear in what goes in, in evaluation; products of two paths do not, and attention."""


class NoActivation(Rule, code="AR505"):
    """No layer between input and output is nonlinear.

    However deep it is, it computes one matrix product: what separates classes is a hyperplane. Two layers with weights
    and an activation between them can say what one cannot.

    Sources: Cybenko 1989, Mathematics of Control, Signals and Systems 2, 303-314; Goodfellow, Bengio & Courville 2016,
    "Deep Learning", section 6.1.
    """

    bad = "- conv(3, 16) -> batchnorm -> flatten -> fc(64)\n- fc(10)  # <-"
    good = "- conv(3, 16) -> batchnorm -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        layers = [node for node in design if node.layer.role is Role.CONTRACTION]
        linear = all(node.layer.role in LINEAR and len(set(node.sources)) < 3 for node in design)
        products = any(node.layer.name in ("mul", "attention") for node in design)
        if len(layers) > 1 and linear and not products:
            message = f"{len(layers)} layers with weights and no activation: all of it is one linear map"
            yield Finding(node=layers[-1], message=message, help="an activation behind each layer but the last: relu")
