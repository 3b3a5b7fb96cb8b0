"""Depth without norms or residuals."""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TypeAlias

from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.lint.rule import Design, Finding, Rule
from archcalc.lint.rules.saturating import saturates

DEEP = 12
"""Layers with weights: VGG-11 was trained from scratch; VGG-13 and deeper were initialised with its weights."""

NORMS = (Role.BATCH_NORM, Role.NORM)
RESETTING = (*NORMS, Role.MERGE)
"""Of layers whose output may have a scale of its own."""


Chain: TypeAlias = tuple[int, Node, "Chain | None"]
"""A chain of layers with weights: how many, the last one, and the chain before it."""


def layers_of(chain: Chain | None) -> Sequence[Node]:
    """From the first to the last."""
    found = []
    while chain:
        _, last, chain = chain
        found.append(last)
    return found[::-1]


class DeepPlain(Rule, code="AR506"):
    """A deep chain of layers without a norm or a residual.

    Every layer multiplies the variance of signals and gradients by a factor. After many layers they vanish or explode,
    unless the initial standard deviation of the weights preserves the variance: sqrt(2 / fan_in) before rectifiers,
    otherwise sqrt(1 / fan_in). Norms and residuals preserve it for any initialisation.

    Sources: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"; He et
    al. 2015, arXiv:1502.01852, section 2.2; Simonyan & Zisserman 2014, arXiv:1409.1556, section 3.1.
    """

    bad = """
layers:
  - conv(3, 8, p1) -> relu
  - block(8) * 12
  - gap -> fc(10)  # <-
blocks:
  block(c):
    - conv(3, c, p1) -> relu
"""
    good = """
layers:
  - conv(3, 8, p1) -> relu
  - block(8) * 12
  - gap -> fc(10)
blocks:
  block(c):
    - conv(3, c, p1, bias=false) -> batchnorm -> relu
"""

    def findings(self, design: Design) -> Iterator[Finding]:
        if len(design.playing(Role.CONTRACTION)) < DEEP:
            return
        plain: dict[str, Chain] = {}
        deepest: Chain | None = None
        for node in design:
            role = node.layer.role
            chain = None if role in RESETTING and resets(node) else plain.get(node.first)
            if role is Role.CONTRACTION:
                chain = (1 + chain[0] if chain else 1), node, chain
                if deepest is None or chain[0] > deepest[0]:
                    deepest = chain
            if chain:
                plain[node.name] = chain
        if deepest and deepest[0] >= DEEP:
            depth, end, _ = deepest
            message = f"{depth} layers with weights up to {end.name} have no norm or residual"
            help = "add a norm after each layer, or residuals: add: [..., prev]"
            yield Finding(node=end, message=message, help=help, notes=tuple(deviations(design, layers_of(deepest))))


def resets(node: Node) -> bool:
    """Whether the scale of a layer's output is independent of earlier layers."""
    return node.layer.role in NORMS or (node.layer.role is Role.MERGE and len(node.sources) > 1)


def deviations(design: Design, chain: Sequence[Node]) -> Iterator[str]:
    """Initial standard deviations of weights, for the layers with the most and the fewest inputs."""
    known = {int(w.fan_in): node for node in chain for w in node.weights if len(w.shape) > 1}
    for fan_in in sorted({min(known, default=0), max(known, default=0)} - {0}):
        node = known[fan_in]
        follows = design.after(node)
        gain, whose = (1, "Xavier") if follows is not None and saturates(follows) else (2, "He")
        deviation = sqrt(gain / fan_in)
        yield f"{node.name}: fan-in {fan_in:,}, initial standard deviation {deviation:.4f} ({whose})"
