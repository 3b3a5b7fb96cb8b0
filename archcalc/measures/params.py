"""Parameters and buffers: the elements of the tensors that layers own."""

from collections.abc import Iterator

from archcalc.core.dim import Dim
from archcalc.core.volume import is_floating
from archcalc.core.weight import Weight
from archcalc.graph.graph import Node
from archcalc.measure import measure


@measure("params", title="Params", noun="parameters")
def params(node: Node) -> Dim:
    """Elements of all weights, including frozen ones; a shared weight counts at its owner."""
    return sum(w.numel for w in node.weights if not w.buffer and not w.shared_with)


@measure("weights", title="Weights", noun="weights without biases")
def weights(node: Node) -> Dim:
    """Parameters that are not biases: what values are multiplied with."""
    return params(node) - biases(node)


@measure("biases", title="Biases", noun="biases")
def biases(node: Node) -> Dim:
    """Parameters that are added to sums, the shift of a norm included."""
    return sum(w.numel for w in node.weights if w.is_bias and not w.buffer and not w.shared_with)


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
    return sum(w.nbytes for w in node.weights if not w.buffer and not w.shared_with)


@measure("keras_params", title="Keras params", noun="parameters as Keras counts")
def keras_params(node: Node) -> Dim:
    """The total that Keras prints: parameters with one bias in an LSTM or RNN, and running statistics."""
    return keras_trainable(node) + keras_non_trainable(node)


@measure("keras_trainable", title="Keras trainable", noun="trainable parameters as Keras counts")
def keras_trainable(node: Node) -> Dim:
    """The trainable parameters that Keras prints."""
    return sum(w.numel for w in kept_by_keras(node) if w.trainable)


@measure("keras_non_trainable", title="Keras non-trainable", noun="non-trainable parameters as Keras counts")
def keras_non_trainable(node: Node) -> Dim:
    """The non-trainable parameters that Keras prints: frozen ones, and the running statistics of norms."""
    return sum(w.numel for w in kept_by_keras(node) if not w.trainable)


def kept_by_keras(node: Node) -> Iterator[Weight]:
    """No counters or indices, which torch keeps as integers, and no bias that is only ever added to another."""
    return (w for w in node.weights if is_floating(w.dtype) and not w.added and not w.shared_with)
