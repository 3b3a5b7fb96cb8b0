"""A norm over a single value."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class NormOfOne(Rule, code="AR601"):
    """Batch normalisation on a map of 1x1: the batch is all that it has to average over.

    With one item there is one value for each channel, whose variance is 0: torch refuses to train. With a few, means
    and deviations are mostly noise, and what evaluation uses instead is something else.

    Sources: torch.nn.functional.batch_norm ("expected more than 1 value per channel when training"); Wu & He 2018,
    arXiv:1803.08494 (small batches).
    """

    bad = "- adaptive_avgpool(1) -> conv(1, 64, bias=false)\n- batchnorm  # <-"
    good = "- conv(1, 64, bias=false)\n- batchnorm -> adaptive_avgpool(1)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.BATCH_NORM):
            if node.inputs[0].rank and prod(node.inputs[0].spatial) == 1:
                message = f"{node.name} has one value of a channel for each item: a batch of 1 cannot be trained"
                yield Finding(node=node, message=message, help="layernorm, or a norm before the map is that small")
