"""Parameters and buffers: the elements of the tensors that layers own."""

from archcalc.core.dim import Dim
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("params", title="Params", noun="parameters")
def params(node: Node) -> Dim:
    """Elements of all weights, including frozen ones; a shared weight counts at its owner."""
    return sum(w.numel for w in node.weights if not w.buffer and not w.shared_with)


@measure("trainable_params", title="Trainable", noun="trainable parameters")
def trainable_params(node: Node) -> Dim:
    """Elements of all weights that are not frozen."""
    return sum(w.numel for w in node.weights if w.trainable and not w.shared_with)


@measure("active_params", title="Active", noun="active parameters")
def active_params(node: Node) -> Dim:
    """Elements of all weights that are used per token: for a mixture, only the selected experts.

    Source: Jiang et al. 2024, arXiv:2401.04088, section 2.1 (active parameter count).
    """
    return sum(w.numel if w.active is None else w.active for w in node.weights if not w.buffer and not w.shared_with)


@measure("buffers", title="Buffers", noun="buffer elements")
def buffers(node: Node) -> Dim:
    """Elements that are stored but not learned: running statistics, fixed filters."""
    return sum(w.numel for w in node.weights if w.buffer and not w.shared_with)


@measure("param_bytes", title="Param bytes", noun="weight memory", unit="byte")
def param_bytes(node: Node) -> Dim:
    """Bytes of all weights."""
    return sum(w.numel * ITEMSIZE[w.dtype] for w in node.weights if not w.buffer and not w.shared_with)
