"""Layers that run again on inputs for which their module would be built otherwise."""

from dataclasses import replace

from archcalc.core.diagnostic import problem
from archcalc.graph.graph import Graph, Node


def with_own_modules(graph: Graph) -> Graph:
    """The graph with a module of its own for every layer that runs again and cannot use the first one's.

    Raises SpecError where weights, or a block, would have to be shared between modules that differ.
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
    message = f"{node.module} cannot run again on {node.inputs[0]}: PyTorch would need another module for that size"
    raise problem("AC310", message, node.where, help="give the layer that runs again weights and a name of its own")


def made_alike(node: Node, owner: Node) -> bool:
    """Whether one module serves both."""
    call, first = node.layer.call(*node.inputs), owner.layer.call(*owner.inputs)
    return replace(call, forward="") == replace(first, forward="")
