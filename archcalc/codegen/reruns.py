"""Layers that run again on inputs that need a different module."""

from archcalc.core.diagnostic import problem
from archcalc.graph.graph import Graph, Node
from archcalc.record import replace


def with_own_modules(graph: Graph) -> Graph:
    """The graph with a separate module for every layer that runs again and cannot use the first module.

    Raises SpecError if different modules would have to share weights or a block.
    """
    if not any(node.reruns for node in graph):
        return graph
    return replace(graph, nodes=tuple(with_own_module(node, graph) for node in graph))


def with_own_module(node: Node, graph: Graph) -> Node:
    if not node.reruns or made_alike(node, graph.by_name[node.module]):
        return node
    parent = graph.scopes.get(node.name.rpartition(".")[0])
    if not graph.by_name[node.module].weights and (parent is None or parent.module == parent.prefix):
        return replace(node, module=node.name)
    message = f"{node.module} cannot run again on {node.inputs[0]}: PyTorch needs a different module for this shape"
    raise problem(
        "AC310", message, node.where, help="replace the second run with a new layer: its own name and weights"
    )


def made_alike(node: Node, owner: Node) -> bool:
    """Whether both can use the same module."""
    call, first = node.application.call, owner.application.call
    return replace(call, forward="") == replace(first, forward="")
