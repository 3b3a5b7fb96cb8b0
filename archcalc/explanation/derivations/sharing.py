"""What local, shared weights save: the layer fully connected, locally connected, and as a convolution.

The comparison of the lectures (Congeduti; MIT 6.036; Avrithis, lecture 7). Biases are not counted.
"""

from collections.abc import Iterator

from archcalc.core.dim import Dim, prod
from archcalc.explanation.derivation import Part, Subject, derivation, remark, step
from archcalc.explanation.toeplitz import filter_weights, shared_filters
from archcalc.explanation.tracing import Derived, Trace
from archcalc.graph.graph import Node
from archcalc.record import replace

SOURCE = "Y. Avrithis, lecture 7; Congeduti (TU Delft); MIT 6.036"


@derivation("If it shared less", 70)
def sharing(subject: Subject) -> Iterator[Part]:
    if not shared_filters(subject.node):
        return
    trace = Trace(one_sample(subject.node))
    shared, local, dense = trace.derive(of_filters), trace.derive(lambda node: node.ops.mac), trace.derive(every_pair)
    note = f"every output with every input: {times(dense, shared)}"
    yield step("fully connected", dense, unit="weights", note=note, source=SOURCE)
    yield step(
        "locally connected", local, unit="weights", note=f"separate filters per position: {times(local, shared)}"
    )
    yield step("convolution", shared, unit="weights", note="filters shared by all positions")
    yield remark(
        f"connections: {dense.result:,} fully connected; {local.result:,} local, with shared weights or without"
    )


def one_sample(node: Node) -> Node:
    """The node with a batch of 1."""
    inputs, outputs = (tuple(replace(x, batch=1) for x in volumes) for volumes in (node.inputs, node.outputs))
    return replace(node, inputs=inputs, outputs=outputs)


def of_filters(node: Node) -> Dim:
    weight = filter_weights(node)
    assert weight is not None
    return weight.numel


def every_pair(node: Node) -> Dim:
    """The connections if every output element depends on every input element."""
    return prod((*node.output.item_shape, *node.inputs[0].item_shape))


def times(more: Derived, less: Derived) -> str:
    ratio = more.result / less.result
    return f"{ratio:,.0f} times as many" if ratio >= 100 or ratio.is_integer() else f"{ratio:,.1f} times as many"
