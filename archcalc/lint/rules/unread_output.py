"""A layer whose output nobody reads."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule


class UnreadOutput(Rule, code="AR107"):
    """A layer whose output nobody reads.

    It is computed, it takes memory and parameters, and nothing that comes out of the network depends on it: its
    gradients are zero, or missing altogether. What is left of an experiment, or a name that was mistyped further down.

    Source: torch.nn.parallel.DistributedDataParallel (`find_unused_parameters`: training stops at parameters that
    receive no gradient).
    """

    bad = """
layers:
  - conv(3, 8) -> a = relu
  - skipped = conv(1, 8)  # <-
  - conv: {kernel_size: 3, out_channels: 4, stride: 1}
    from: a
"""
    good = "- a = conv(3, 8) -> relu\n- conv(1, 8) -> conv(3, 4)"

    def findings(self, design: Design) -> Iterator[Finding]:
        tied = {design.graph.owner(key).name for node in design for key in node.ties.values()}
        for node in design:
            if node.name not in tied and not design.readers[node.name] and node.name not in design.graph.outputs:
                message = f"nobody reads what {node.name} puts out"
                yield Finding(node=node, message=message, help="leave it out, or name it under outputs:")
