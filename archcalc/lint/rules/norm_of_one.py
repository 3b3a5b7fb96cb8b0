"""A norm over a single value."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule


class NormOfOne(Rule, code="AR601"):
    """Batch normalisation of one value per channel and sample.

    On a 1x1 map or after global pooling, it can average only over the batch. With one sample there is one value per
    channel, with variance 0, and torch raises an error in training. With a few samples, means and deviations are mostly
    noise and differ from the statistics used in evaluation.

    Sources: torch.nn.functional.batch_norm ("expected more than 1 value per channel when training"); Wu & He 2018,
    arXiv:1803.08494 (small batches).
    """

    bad = "- adaptive_avgpool(1) -> conv(1, 64, bias=false)\n- batchnorm  # <-"
    good = "- conv(1, 64, bias=false)\n- batchnorm -> adaptive_avgpool(1)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design.playing(Role.BATCH_NORM):
            if is_pooled(design, node):
                message = f"{node.name} has one value per channel and sample: training fails with a batch of 1"
                help = "use layernorm, or a norm on an earlier, larger map; or train with a batch of 2 or more"
                yield Finding(node=node, message=message, help=help)


def is_pooled(design: Design, node: Node) -> bool:
    """Whether a norm reads a single position: a map of one, or features that were pooled over all positions."""
    x = node.inputs[0]
    if x.rank:
        return prod(x.spatial) == 1
    before = design.back(node, Role.MOVEMENT)
    pooled = before is not None and before.layer.role in (Role.POOLING, Role.ADAPTIVE_POOLING)
    return pooled and before is not None and before.output.positions == before.output.batch
