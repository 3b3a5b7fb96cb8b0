"""Two norms in a row."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule

NORMS = (Role.BATCH_NORM, Role.NORM)


class NormTwice(Rule, code="AR113"):
    """A norm directly after another norm.

    The first one already sets mean and variance. The second one undoes its weights and biases, or repeats what it did.
    Usually one of the two is superfluous, or the layer between them is missing.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3 (normalised activations, then scale and shift).
    """

    bad = "- conv(3, 16, bias=false) -> batchnorm\n- batchnorm  # <-\n- relu"
    good = "- conv(3, 16, bias=false) -> batchnorm -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(*NORMS):
            before = design.preceding(node)
            if before is not None and before.layer.role in NORMS and len(design.readers[before.name]) == 1:
                message = f"{node.name} normalises the output of {before.name}, which is normalised already"
                yield Finding(node=node, message=message, help=f"remove {node.name} or {before.name}")
