"""Bytes of a layer's output, for the whole batch."""

from archcalc.core.dim import Dim
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("output_bytes", title="Output bytes", noun="output memory", unit="byte")
def output_bytes(node: Node) -> Dim:
    """Bytes of the output volumes."""
    return sum(volume.nbytes for volume in node.outputs)
