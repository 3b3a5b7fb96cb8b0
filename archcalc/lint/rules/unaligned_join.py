"""Branches whose receptive fields have different centres."""

from collections.abc import Iterator, Sequence

from archcalc.lint.rule import Design, Finding, Rule
from archcalc.measures.receptive_field import Fields


class UnalignedJoin(Rule, code="AR303"):
    """A merge joins branches whose receptive fields have different centres.

    A merge combines corresponding elements of its branches, which here depend on different positions of the input. The
    offset can be a fraction of an element or many elements. Padding is the usual cause: a branch without padding, or
    with an even kernel, is shifted relative to one with padding. The rule ignores causal branches, which end at the
    same element and look back by different lengths.

    Source: Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill
    (alignment of branches).
    """

    bad = """
- conv(3, 8, p1) -> relu
- add:  # <-
    - conv(2, 8, padding=same_upper) -> relu
    - prev
"""
    good = """
- conv(3, 8, p1) -> relu
- add:
    - conv(3, 8, p1) -> relu
    - prev
"""

    def findings(self, design: Design) -> Iterator[Finding]:
        for node in design:
            fields = design.fields.get(node.name, ())
            before = [design.fields[source] for source in node.sources if source in design.fields]
            met = len(node.sources) > 1 and all(each.aligned for branch in before for each in branch)
            if met and not all(each.aligned for each in fields) and not is_causal(before):
                message = f"{node.name} joins branches whose receptive fields have different centres"
                help = "use the same padding rule in all branches; archcalc explain shows where each field begins"
                yield Finding(node=node, message=message, help=help)


def is_causal(branches: Sequence[Fields]) -> bool:
    """Whether the fields of all branches end at the same element, on every axis."""
    ends = [[field.at(0) for field in axis] for axis in zip(*branches, strict=True)]
    return all(len({span[1] for span in axis if span}) == 1 for axis in ends)
