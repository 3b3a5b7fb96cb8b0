"""Arithmetic counted by kind. Only measures/arithmetic.py decides what counts as a FLOP."""

from archcalc.core.dim import Dim
from archcalc.record import fields, record


@record
class Ops:
    """Scalar operations of the canonical algorithm.

    mac      multiply-accumulates of a contraction: one multiplication and one addition each
    sums     number of sums of these products; the first product of each sum needs no addition
    bias     additions of a learned bias, one per output
    the rest one scalar operation each
    """

    mac: Dim = 0
    sums: Dim = 0
    bias: Dim = 0
    add: Dim = 0
    mul: Dim = 0
    div: Dim = 0
    root: Dim = 0
    exp: Dim = 0
    power: Dim = 0
    compare: Dim = 0

    def __add__(self, other: "Ops") -> "Ops":
        return Ops(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Ops)})
