"""Arguments that torch states and archcalc infers: in_features, in_channels, input_size, num_features.

They may be written, and are then assertions about what arrives.
"""

import functools
from collections.abc import Mapping
from typing import Any

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.dim import prod
from archcalc.graph.graph import Node
from archcalc.layer import Layer
from archcalc.spec.expression import Expression


@functools.cache
def inferred(layer: type[Layer]) -> tuple[str, ...]:
    """The arguments of the torch module of a layer that are no fields of it, but sizes of its input."""
    found: dict[str, bool] = {}
    for example in layer.examples:
        arguments = layer(**example.given).call(*example.xs).arguments
        sizes = {size for x in example.xs[:1] for size in (x.channels, prod(x.item_shape))}
        for name, value in arguments.items():
            if type(value) is int and name not in layer.known:
                found[name] = found.get(name, True) and value in sizes
    return tuple(name for name, always in found.items() if always)


def contradicted(node: Node, source: Node | None, asserted: Mapping[str, tuple[Expression, Any]]) -> list[Diagnostic]:
    """The problems of arguments that state other sizes than those that arrive; `source`: the layer before the node."""
    actual = node.application.call.arguments
    return [
        Diagnostic(
            code="AC201",
            message=f"{name}={stated}, but {arriving(actual[name])} from {origin(node, source)}",
            location=value.where,
            help=f"write {name}={actual[name]}, or leave it out: it is inferred",
        )
        for name, (value, stated) in asserted.items()
        if name in actual and stated not in (actual[name], (actual[name],))
    ]


def arriving(size: Any) -> str:
    return f"{size} arrives" if size == 1 else f"{size} arrive"


def origin(node: Node, source: Node | None) -> str:
    """`flatten1: 32 x 7 x 7`: where a volume comes from, and its shape before it was flattened."""
    x = node.inputs[0]
    name = node.sources[0]
    if source is not None and len(x.item_shape) == 1 and unchanged(source):
        x = source.inputs[0]
    return f"{name}: {' x '.join(map(str, x.item_shape))}" if len(x.item_shape) > 1 else name


def unchanged(node: Node) -> bool:
    """Whether a layer only reshapes its input."""
    return not node.weights and any(x.rank > 0 and x.numel == node.output.numel for x in node.inputs[:1])
