"""An input that nobody reads."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule


class UnreadInput(Rule, code="AR108"):
    """An input that no layer reads.

    Whoever calls the network has to make it, and nothing depends on it.

    Source: torch.onnx.export (an input that is not used is no input of the exported graph).
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
                first, help = design.graph.nodes[0], "leave it out of input:"
                yield Finding(node=first, message=message, help=help, place=given.where)
