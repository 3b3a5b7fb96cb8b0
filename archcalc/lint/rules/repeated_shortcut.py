"""A shortcut of one channel that is repeated."""

from collections.abc import Iterator

from archcalc.layers.merge import Add
from archcalc.lint.rule import Design, Finding, Rule


class RepeatedShortcut(Rule, code="AR210"):
    """A shortcut of one channel is added to every channel.

    A sum broadcasts smaller volumes. At the end of a residual block that is seldom meant: the block began with one
    channel, its other path ends with more, and the same map is added to each of them. A projection gives each channel
    its own. The rule leaves alone what is no shortcut, such as a map of noise that comes from elsewhere.

    Source: He et al. 2015, arXiv:1512.03385, equation 2 (a projection matches the dimensions).
    """

    bad = "input: [1, 28, 28]\nlayers:\n- add: [prev, 'conv(3, 16, p1) -> relu -> conv(3, 16, p1)']  # <-"
    good = "input: [1, 28, 28]\nlayers:\n- add: ['conv(1, 16)', 'conv(3, 16, p1) -> relu -> conv(3, 16, p1)']"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Add):
            for source, x in zip(node.sources, node.inputs, strict=True):
                repeats = x.rank and x.channels == 1 != node.output.channels
                if repeats and is_shortcut(design, source, node.sources):
                    yield Finding(
                        node=node,
                        message=f"{node.name} adds {source} {x} to each of {node.output.channels} channels",
                        help=f"project it: conv(1, {node.output.channels})",
                    )


def is_shortcut(design: Design, source: str, sources: tuple[str, ...]) -> bool:
    """Whether another of the values that are added depends on this one."""
    return any(each != source and source in design.graph.ancestors(each) for each in sources)
