"""Arithmetic of one forward pass under each counting convention. The conventions are here and nowhere else.

Layers state their arithmetic by kind (core/ops.py) and the role they play (layer.py); a convention decides what of it
counts. "FLOPs" in papers are often what is `macs` here (He et al. 2015, Howard et al. 2017): compare with care.
"""

from archcalc.core.dim import Dim
from archcalc.graph import Node
from archcalc.layer import Role
from archcalc.measure import measure

READS_ITS_INPUT_ONCE = {
    Role.POOLING,
    Role.ADAPTIVE_POOLING,
    Role.BATCH_NORM,
    Role.NORM,
    Role.LOCAL_NORM,
    Role.SOFTMAX,
}
"""What the lectures count as one operation for each input unit."""


@measure("macs", title="MACs")
def macs(node: Node) -> Dim:
    """Multiply-accumulates of contractions; bias, pooling, norms, softmax and element-wise work count 0."""
    return node.ops.mac


@measure("flops", title="FLOPs")
def flops(node: Node) -> Dim:
    """Two for every multiply-accumulate, as torch's FlopCounterMode and the scaling-law papers count."""
    return 2 * node.ops.mac


@measure("scalar", title="Scalar ops")
def scalar(node: Node) -> Dim:
    """Every scalar operation of the canonical algorithm: a convolution with bias comes to exactly two for each MAC."""
    ops = node.ops
    contraction = 2 * ops.mac - ops.sums + ops.bias
    return contraction + ops.add + ops.mul + ops.div + ops.root + ops.exp + ops.power + ops.compare


@measure("operations", title="Operations")
def operations(node: Node) -> Dim:
    """The lectures' count: one for each MAC and each bias addition; pooling, norms and softmax their input volume."""
    reading = node.inputs[0].numel if node.layer.role in READS_ITS_INPUT_ONCE else 0
    return node.ops.mac + node.ops.bias + reading
