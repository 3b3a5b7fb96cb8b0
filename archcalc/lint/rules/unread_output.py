"""A layer whose output is unused."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule


class UnreadOutput(Rule, code="AR107"):
    """A layer whose output is unused.

    It costs time, memory and parameters, but no output of the network depends on it. Its gradients are zero or missing.
    Usually it is a remnant of an experiment, or a later name is mistyped.

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
            if node.name not in tied and not design.readers[node.name] and node.name not in design.outputs:
                message = f"the output of {node.name} is unused"
                yield Finding(node=node, message=message, help="remove it, or list it under outputs:")
