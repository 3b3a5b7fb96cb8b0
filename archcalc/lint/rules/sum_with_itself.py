"""A sum of a value with itself."""

from collections.abc import Iterator

from archcalc.layers.merge import Add
from archcalc.lint.rule import Design, Finding, Rule


class SumWithItself(Rule, code="AR114"):
    """A sum adds the same value twice.

    It only doubles the value. Usually one of the two names is wrong, or a path has lost its layers.

    Source: He et al. 2015, arXiv:1512.03385, equation 1 (a block adds its input to another function of it).
    """

    bad = "- conv(3, 16, p1) -> a = relu\n- add: [a, a]  # <-"
    good = "- conv(3, 16, p1) -> a = relu\n- add: [a, 'conv(3, 16, p1)']"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, _ in design.of(Add):
            twice = next((name for name in node.sources if node.sources.count(name) > 1), None)
            if twice is not None:
                message = f"{node.name} adds {twice} to itself"
                yield Finding(node=node, message=message, help="name another value, or remove the sum")
