"""Receptive fields far larger than the input."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule
from archcalc.lint.rules.narrow_field import joined_fields

FAR = 4
"""The minimum ratio of field to input for a finding."""


class WideField(Rule, code="AR302"):
    """The receptive field of the last features is far larger than the input.

    Most of it is padding: at four times the input size, fifteen sixteenths of the field lie outside an image. The
    effective field is smaller, but elements near the border then depend mostly on zeros, and fewer layers would
    suffice. The network is designed for larger inputs.

    Source: Luo et al. 2016, arXiv:1701.04128 (the effective field takes a fraction of the theoretical one).
    """

    bad = """
layers:
  - conv(3, 8, p1, s2) -> conv(3, 8, p1, s2) -> conv(3, 8, p1, s2) -> conv(3, 8, p1, s2) -> conv(9, 8, p4) -> relu
  - gap -> fc(10)  # <-
"""
    good = "- conv(3, 8, p1, s2) -> conv(3, 8, p1, s2) -> conv(3, 8, p1, s2) -> relu\n- gap -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, seed, before in joined_fields(design):
            if all(each.size >= FAR * n for each, n in zip(before, seed.volume.spatial, strict=True)):
                size, whole = "x".join(str(each.size) for each in before), "x".join(map(str, seed.volume.spatial))
                message = (
                    f"the receptive field before {node.name} is {size} on an input of {whole}: most of it is padding"
                )
                yield Finding(node=node, message=message, help="use a larger input, or fewer strides and layers")
