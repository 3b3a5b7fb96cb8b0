"""Fields far larger than the input."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule
from archcalc.lint.rules.narrow_field import joined_fields

FAR = 4
"""From how many times the input on."""


class WideField(Rule, code="AR302"):
    """The last features see far more than the input: most of it is padding.

    At four times the input, fifteen sixteenths of the window lie outside an image. The effective field is smaller, but
    units near the border are then made of zeros for the most part, and layers could be saved: the network is made for
    larger inputs than these.

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
                message = f"features before {node.name} see {size} of an input of {whole}: most of that is padding"
                yield Finding(node=node, message=message, help="a larger input, or fewer strides and layers")
