"""One total against a number from elsewhere: which layers would explain the difference."""

import re

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.comparison.grouping import signed
from archcalc.comparison.likely_culprits import likely_culprits
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.record import record

TOTAL = re.compile(r"(\w+)=([\d_,]+)")


@record
class Wanted:
    """A number that a total should be."""

    measure: str
    number: int


def wanted_total(text: str) -> Wanted | None:
    """The number in `params=25_557_032`; None if the text is none.

    >>> wanted_total("params=25,557,032"), wanted_total("resnet50")
    (Wanted(measure='params', number=25557032), None)
    """
    found = TOTAL.fullmatch(text)
    digits = re.sub("[_,]", "", found.group(2)) if found else ""
    return Wanted(found.group(1), int(digits)) if found and digits and len(digits) < 40 else None


def compared(graph: Graph, wanted: Wanted) -> tuple[bool, list[str]]:
    """Whether the total is the number, and what explains the difference, the most likely first."""
    computed = MEASURES[wanted.measure].total(graph)
    noun = MEASURES[wanted.measure].noun
    if computed == wanted.number:
        return True, [f"{graph.name} has {computed:,} {noun}, as wanted"]
    head = f"{graph.name} has {computed:,} {noun}; {wanted.number:,} is {signed(wanted.number - int(computed))}"
    said = list(likely_culprits(graph, wanted.measure, wanted.number, computed))
    return False, [head, *(f"  {each}" for each in said or ["no single layer, block or weight explains it"])]
