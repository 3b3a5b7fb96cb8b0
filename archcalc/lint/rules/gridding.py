"""Dilated convolutions that see only a grid of the input."""

from collections.abc import Iterator, Mapping
from math import gcd

from archcalc.graph.application import Application
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.layers.filtering import Filtering
from archcalc.lint.rule import Design, Finding, Rule, of_layer

BETWEEN = (Role.ACTIVATION, Role.BATCH_NORM)


class Gridding(Rule, code="AR304"):
    """Consecutive dilated convolutions whose dilations have a common divisor.

    With dilation 2 in every layer, an output never depends on every second of its neighbours: the receptive field is
    large but full of holes, and neighbouring outputs depend on disjoint sets of inputs. Dilations without a common
    divisor, such as 1, 2, 5, fill the holes. One convolution without dilation among them is enough.

    Sources: Wang et al. 2017, arXiv:1702.08502 (gridding, hybrid dilated convolution); Yu, Koltun & Funkhouser 2017,
    arXiv:1705.09914 (degridding).
    """

    bad = "- conv(3, 8, d2, p2) -> relu\n- conv(3, 8, d4, p4) -> relu  # <-"
    good = "- conv(3, 8, p1) -> relu\n- conv(3, 8, d2, p2) -> relu"

    def findings(self, design: Design) -> Iterator[Finding]:
        if len(design.where(is_dilated)) < 2:
            return
        rows: dict[str, list[Node]] = {}
        for node in design.playing(Role.CONTRACTION):
            if not isinstance(node.layer, Filtering) or any(w.stride > 1 for _, w in design.sliding(node)):
                continue
            before = design.back(node, *BETWEEN)
            row = rows.pop(before.name, []) if before is not None else []
            row.append(node)  # a copy for each layer of a long row would take time with the square of its length
            rows[node.name] = row
        for row in rows.values():
            dilated = [node for node in row if spread(design, node)]
            if len(dilated) > 1 and (common := common_divisor(design, dilated)) > 1:
                names = f"{dilated[0].name} and {dilated[-1].name}"
                message = f"the dilations of {names} are multiples of {common}: they see a grid with holes"
                help = "use dilations without a common divisor: 1, 2, 5"
                yield Finding(node=dilated[-1], message=message, help=help)


@of_layer
def is_dilated(made: Application) -> bool:
    return any(window.dilation > 1 for _, window in made.sliding)


def spread(design: Design, node: Node) -> Mapping[int, int]:
    """The dilations of a convolution by axis; empty for a 1x1 convolution."""
    return {axis: int(window.dilation) for axis, window in design.sliding(node) if window.kernel > 1}


def common_divisor(design: Design, row: list[Node]) -> int:
    """The largest common divisor of the dilations of two convolutions or more along an axis."""
    dilations: dict[int, list[int]] = {}
    for node in row:
        for axis, dilation in spread(design, node).items():
            dilations.setdefault(axis, []).append(dilation)
    return max(gcd(*each) if len(each) > 1 else 1 for each in dilations.values())
