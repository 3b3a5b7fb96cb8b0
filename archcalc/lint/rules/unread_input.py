"""An unused input."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule


class UnreadInput(Rule, code="AR108"):
    """An input that no layer reads.

    Callers of the network must provide it, but no output depends on it.

    Source: torch.onnx.export (an unused input is not an input of the exported graph).
    """

    bad = """
input:
  image: [3, 8, 8]
  mask: [1, 8, 8]  # <-
layers:
  - flatten -> fc(10)
"""
    good = """
input: {image: [3, 8, 8], mask: [1, 8, 8]}
layers:
  - mul: [image, mask]
  - flatten -> fc(10)
"""

    def findings(self, design: Design) -> Iterator[Finding]:
        for given in design.graph.inputs:
            if not design.readers[given.name] and design.graph.nodes:
                message = f"no layer reads the input {given.name}"
                first, help = design.graph.nodes[0], "remove it from input:"
                yield Finding(node=first, message=message, help=help, place=given.where)
