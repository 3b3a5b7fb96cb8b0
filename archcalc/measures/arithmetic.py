"""Arithmetic of one forward pass under each counting convention. Conventions are defined only here.

Layers state their arithmetic by kind (core/ops.py) and their role (layer.py); a convention decides what counts. "FLOPs"
in papers are often `macs` here (He et al. 2015, Howard et al. 2017): compare with care.
"""

from collections.abc import Mapping

from archcalc.core.dim import Dim, maximum
from archcalc.core.window import TransposedWindow
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.measure import Quantity, measure

READS_ITS_INPUT_ONCE = {
    Role.POOLING,
    Role.ADAPTIVE_POOLING,
    Role.BATCH_NORM,
    Role.NORM,
    Role.LOCAL_NORM,
    Role.SOFTMAX,
}
"""Layers that the lectures count as one operation per input element."""


def nothing(node: Node) -> Dim:
    return 0


def affine(node: Node) -> bool:
    return any(not weight.buffer for weight in node.layer.weights(*node.inputs))


FVCORE: Mapping[Role, Quantity] = {
    Role.BATCH_NORM: lambda node: (2 if affine(node) else 1) * node.inputs[0].numel,
    Role.NORM: lambda node: (5 if affine(node) else 4) * node.inputs[0].numel,
    Role.ADAPTIVE_POOLING: lambda node: node.inputs[0].numel if node.ops.div != 0 else 0,  # averages, not maxima
    Role.RESAMPLING: lambda node: maximum(
        node.output.numel, node.ops.mul
    ),  # bilinear: 4 per output, like its multiplications
}
"""What fvcore counts besides contractions: fvcore/nn/jit_handles.py, batchnorm_flop_jit to elementwise_flop_counter."""

NETSCOPE: Mapping[Role, Quantity] = {
    Role.LOCAL_NORM: lambda node: node.output.numel * node.layer.neighbours(node.inputs[0]).kernel,
    Role.MERGE: lambda node: node.ops.mul,
    Role.BATCH_NORM: lambda node: node.inputs[0].numel if affine(node) else 0,  # Caffe's Scale layer
}
"""What Netscope counts as MACCs besides contractions: squares of a local norm's window, products of volumes, the affine
part of a batch norm."""


def spread(node: Node) -> Dim:
    """The MACs of a contraction; a transposed one by its output, with k/s taps per axis, as in Netscope."""
    whole, by = node.ops.mac, 1
    for window, n in zip(node.layer.windows(*node.inputs), node.inputs[0].spatial, strict=False):
        if isinstance(window, TransposedWindow):
            whole, by = whole * window.slide(n), by * n * window.stride
    return whole // by


@measure("macs", title="MACs")
def macs(node: Node) -> Dim:
    """Multiply-accumulates of contractions; bias, pooling, norms, softmax and element-wise work count 0."""
    return node.ops.mac


@measure("flops", title="FLOPs")
def flops(node: Node) -> Dim:
    """Two for every multiply-accumulate, as torch's FlopCounterMode and the scaling-law papers count."""
    return 2 * node.ops.mac


@measure("scalar", title="Scalar ops", noun="scalar operations")
def scalar(node: Node) -> Dim:
    """Every scalar operation of the canonical algorithm: a convolution with bias has exactly two per MAC."""
    ops = node.ops
    contraction = 2 * ops.mac - ops.sums + ops.bias
    return contraction + ops.add + ops.mul + ops.div + ops.root + ops.exp + ops.power + ops.compare


@measure("operations", title="Operations", noun="operations")
def operations(node: Node) -> Dim:
    """The lectures' count: one per MAC and per bias addition; for pooling, norms and softmax one per input element."""
    reading = node.inputs[0].numel if node.layer.role in READS_ITS_INPUT_ONCE else 0
    return node.ops.mac + node.ops.bias + reading


@measure("fvcore", title="fvcore FLOPs")
def fvcore(node: Node) -> Dim:
    """The count of fvcore 0.1.5 in evaluation mode: one per MAC, with its own rates for norms and resampling."""
    return node.ops.mac + FVCORE.get(node.layer.role, nothing)(node)


@measure("netscope", title="Netscope MACCs")
def netscope(node: Node) -> Dim:
    """The macc column of Netscope (dgschwend's fork, src/analyzer.coffee), with support for groups."""
    return spread(node) + NETSCOPE.get(node.layer.role, nothing)(node)
