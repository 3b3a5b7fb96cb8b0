"""Every graph that leaves the builder is whole: whatever a name refers to exists, and comes earlier."""

from collections.abc import Iterator

from archcalc.graph.graph import Graph, Node, enclosing_scopes


def assert_whole(graph: Graph) -> Graph:
    """The graph. Raises AssertionError with all that it lacks: a fault of the builder, for no problem was reported."""
    if found := list(faults(graph)):
        raise AssertionError(f"the graph is not whole, and no problem was reported: {'; '.join(found)}")
    return graph


def faults(graph: Graph) -> Iterator[str]:
    """What is spoken of in a graph without being there, or before it is there."""
    known = {each.name for each in graph.inputs}
    nodes: dict[str, Node] = {}
    filled: set[str] = set()  # the prefixes that nodes stand in
    for node in graph:
        for source in node.sources:
            if source not in known:
                yield f"{node.name} reads '{source}'"
        name = node.name
        if node.module != name and (node.module not in nodes or nodes[node.module].reruns):
            yield f"{name} runs '{node.module}'"
        if node.ties:
            yield from (f"{node.name} is tied to '{key}'" for key in node.ties.values() if not is_there(key, nodes))
        known.add(name)
        nodes[name] = node
        prefix = name.rpartition(".")[0]
        while prefix and prefix not in filled:  # those around one that is filled are filled
            filled.add(prefix)
            prefix = prefix.rpartition(".")[0]
    if not graph.outputs:
        yield "it has no outputs"
    yield from (f"'{name}' is an output" for name in graph.outputs if name not in known)
    for prefix, scope in graph.scopes.items():
        if scope.output not in known or prefix not in filled:
            yield f"'{scope.output}' is the output of {prefix}"
        if scope.module not in graph.scopes:
            yield f"{prefix} runs '{scope.module}'"


def is_there(key: str, nodes: dict[str, Node]) -> bool:
    return any(path in nodes for path in enclosing_scopes(key))
