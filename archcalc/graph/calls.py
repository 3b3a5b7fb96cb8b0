"""Calls in the notation of specs: of a layer, with every argument that is not its default, and of a block."""

from collections.abc import Mapping
from typing import Any

from archcalc.graph.binding import shown
from archcalc.graph.graph import Node, Scope
from archcalc.layer import Reference


def call_of(node: Node) -> str:
    """The layer in the notation of specs, with every argument named."""
    if node.reruns:
        return f"{node.module}()"
    stated = node.layer.stated()
    order = [*(name for name in node.layer.positional if name in stated), *stated]
    given = {name: stated[name] for name in dict.fromkeys(order) if stated[name] is not None}
    return called(node.layer.name, given | ({"freeze": True} if node.frozen and node.weights else {}))


def called(name: str, arguments: Mapping[str, Any]) -> str:
    written = (f"{key}={value if isinstance(value, Reference) else shown(value)}" for key, value in arguments.items())
    return f"{name}({', '.join(written)})".replace("'", "") if arguments else name


def call_of_block(scope: Scope) -> str:
    """The block in the notation of specs, with every argument named."""
    return called(scope.block, scope.arguments)
