"""Arithmetic of one forward pass under each counting convention. Conventions are defined only here.

Layers state their arithmetic by kind (core/ops.py) and their role (layer.py); a convention decides what counts. "FLOPs"
in papers are often `macs` here (He et al. 2015, Howard et al. 2017): compare with care.
"""

from collections.abc import Mapping, Sequence

from archcalc.core.contraction import WEIGHTS, Contraction, Operator
from archcalc.core.dim import Dim, maximum, summed
from archcalc.core.kernel import inputs_named
from archcalc.core.window import TransposedWindow
from archcalc.graph.graph import Node
from archcalc.layer import Role
from archcalc.measure import Quantity, measure
from archcalc.sym.expr import NoClosedForm

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


NORMS_OF_FVCORE = ("torch.nn.LayerNorm", "torch.nn.GroupNorm", "torch.nn.InstanceNorm")
"""Modules whose operators fvcore has a handler for; it has none for RMSNorm and GRN."""


def has_handler(node: Node) -> bool:
    return node.application.call.target.startswith(NORMS_OF_FVCORE)


def on_maps(quantity: Quantity) -> Quantity:
    """A quantity of layers on two axes; nothing on one axis or three, whose operators fvcore has no handler for."""
    return lambda node: quantity(node) if node.inputs[0].rank == 2 else 0


FVCORE: Mapping[Role, Quantity] = {
    Role.BATCH_NORM: lambda node: (2 if affine(node) else 1) * node.inputs[0].numel,
    Role.NORM: lambda node: (5 if affine(node) else 4) * node.inputs[0].numel if has_handler(node) else 0,
    Role.ADAPTIVE_POOLING: on_maps(lambda node: node.inputs[0].numel if node.ops.div != 0 else 0),  # not of maxima
    Role.RESAMPLING: on_maps(lambda node: maximum(node.output.numel, node.ops.mul)),  # bilinear: 4 for each output
}
"""What fvcore counts in addition to contractions: fvcore/nn/jit_handles.py, batchnorm_flop_jit to
elementwise_flop_counter."""

UNSEEN_BY_FVCORE = {Operator.ATTENTION, Operator.RECURRENT, Operator.GROUPED}
"""Operators of contractions for which fvcore has no handler: it counts them 0."""

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
    lengths = node.inputs[0].spatial if node.inputs else ()
    for window, n in zip(node.layer.windows(*node.inputs), lengths, strict=False):
        if isinstance(window, TransposedWindow):
            whole, by = whole * window.slide(n), by * n * window.stride
    return whole // by


def gradients(node: Node, contraction: Contraction) -> int:
    """How many factors of a contraction need a gradient: each is one more product in backward."""
    if contraction.mac == 0 or node.detached:
        return 0
    learning = dict(zip(inputs_named(len(node.inputs)), node.learning, strict=False)) | {WEIGHTS: node.trains}
    return sum(
        needs_gradient(node, [learning.get(name, False) for name in each])
        for each in (contraction.left, contraction.right)
    )


def needs_gradient(node: Node, learning: Sequence[bool | None]) -> bool:
    """Whether a factor computed from values that need gradients or not needs one."""
    if not any(learning) and None in learning:
        raise NoClosedForm(f"the first of {node.times} copies of {node.name} has fewer gradients than the others")
    return any(learning)


@measure("macs", title="MACs")
def macs(node: Node) -> Dim:
    """Multiply-accumulates of contractions; bias, pooling, norms, softmax and element-wise work count 0."""
    return node.ops.mac


@measure("flops", title="FLOPs")
def flops(node: Node) -> Dim:
    """Two for every multiply-accumulate, as torch's FlopCounterMode and the scaling-law papers count."""
    return 2 * node.ops.mac


@measure("backward_flops", title="Backward FLOPs", noun="FLOPs of the backward pass")
def backward_flops(node: Node) -> Dim:
    """Two for every multiply-accumulate and each of its factors that needs a gradient, as FlopCounterMode counts."""
    return summed(2 * each.mac * gradients(node, each) for each in node.contractions)


@measure("training_flops", title="Training FLOPs", noun="FLOPs of a training step")
def training_flops(node: Node) -> Dim:
    """FLOPs of a forward and a backward pass; the optimizer's work counts 0."""
    return flops(node) + backward_flops(node)


@measure("attended_macs", title="Attended MACs", noun="MACs without masked pairs")
def attended_macs(node: Node) -> Dim:
    """MACs without those of pairs of tokens that a causal mask or a window removes."""
    return node.ops.mac - summed(each.masked for each in node.contractions)


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
    """As fvcore 0.1.5 counts the generated network in evaluation: a MAC as one, fused attention and recurrence as 0."""
    seen = (each.mac for each in node.contractions if each.operator not in UNSEEN_BY_FVCORE)
    return summed(seen) + FVCORE.get(node.layer.role, nothing)(node)


@measure("netscope", title="Netscope MACCs")
def netscope(node: Node) -> Dim:
    """The macc column of Netscope (dgschwend's fork, src/analyzer.coffee), with support for groups."""
    return spread(node) + NETSCOPE.get(node.layer.role, nothing)(node)
