"""Branches whose receptive fields have different centres."""

from collections.abc import Iterator, Mapping, Sequence

from archcalc.graph.graph import Node
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
        message = "{} joins branches whose receptive fields have different centres"
        help = "use the same padding rule in all branches; archcalc explain shows where each field begins"
        for node in design:
            if len(node.sources) > 1 and any(unaligned(node, fields) for _, fields in design.fields):
                yield Finding(node=node, message=message.format(node.name), help=help)


def unaligned(node: Node, fields: Mapping[str, Fields]) -> bool:
    """Whether a join is the first place where fields in one input have different centres."""
    if all(each.aligned for each in fields.get(node.name, ())):
        return False
    before = [fields[source] for source in node.sources if source in fields]
    met = all(each.aligned for branch in before for each in branch)
    return met and not is_causal(before)


def is_causal(branches: Sequence[Fields]) -> bool:
    """Whether the fields of all branches end at the same element, on every axis."""
    ends = [[field.at(0) for field in axis] for axis in zip(*branches, strict=True)]
    return all(len({span[1] for span in axis if span}) == 1 for axis in ends)
