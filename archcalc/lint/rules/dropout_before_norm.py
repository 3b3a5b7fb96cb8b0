"""Dropout before batch normalisation."""

from collections.abc import Iterator

from archcalc.layer import Role
from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule

BETWEEN = (Role.ACTIVATION, Role.CONTRACTION, Role.MOVEMENT, Role.POOLING)


class DropoutBeforeNorm(Rule, code="AR503"):
    """Dropout before batch normalisation.

    Dropout changes the variance of activations in training, but not in evaluation. Batch normalisation records the
    variance of training and applies it in evaluation, where the variance differs. Put dropout after the last batch
    norm.

    Source: Li et al. 2018, arXiv:1801.05134 (variance shift).
    """

    bad = "- flatten -> fc(64) -> relu\n- dropout(0.3)  # <-\n- fc(64, bias=false) -> batchnorm -> relu -> fc(10)"
    good = "- flatten -> fc(64, bias=false) -> batchnorm -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            follows = design.on(node, *BETWEEN) if layer.p else None
            if follows is not None and follows.layer.role is Role.BATCH_NORM:
                message = f"{node.name} changes the variance that {follows.name} records for evaluation"
                yield Finding(node=node, message=message, help=f"move it after {follows.name}, or remove it")
