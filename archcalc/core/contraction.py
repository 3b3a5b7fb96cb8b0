"""Contractions: what multiply-accumulates compute, and what they multiply.

A layer is one contraction, or a few. From their factors follow the FLOPs of a backward pass, from their masks the pairs
that attention uses, and from their operators what other tools count.
"""

import enum
from collections.abc import Iterable
from typing import TypeAlias

from archcalc.core.dim import Dim, summed
from archcalc.record import record

Factor: TypeAlias = tuple[str, ...]
"""What a factor is computed from: inputs ("x", or "x0", "x1" ... of several), and WEIGHTS; nothing if it is fixed."""

WEIGHTS = "weights"
"""The learned weights of the layer itself."""


class Operator(enum.Enum):
    """The kind of torch operator that computes a contraction."""

    PRODUCT = "product"  # convolution, linear, matmul, einsum
    ATTENTION = "scaled_dot_product_attention"
    RECURRENT = "lstm, gru, rnn"
    GROUPED = "grouped_mm"


@record
class Contraction:
    """Sums of products of two factors.

    `mac`: its multiply-accumulates. `masked`: how many of them are of pairs that a mask removes.
    """

    mac: Dim
    left: Factor = ("x",)
    right: Factor = (WEIGHTS,)
    masked: Dim = 0
    operator: Operator = Operator.PRODUCT


def macs_of(contractions: Iterable[Contraction]) -> Dim:
    """The multiply-accumulates of all.

    >>> macs_of([Contraction(3), Contraction(4)])
    7
    """
    return summed(each.mac for each in contractions)
