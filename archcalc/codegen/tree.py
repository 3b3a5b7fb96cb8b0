"""The flat graph as a tree of blocks: the inputs, outputs and nodes of each."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

from archcalc.graph.frame import Several
from archcalc.graph.graph import Graph, Node, Scope
from archcalc.layer import Reference
from archcalc.record import field, record


@record(eq=False, slots=False)
class Block:
    """One expansion of a block, or the network itself.

    `inputs`: the outside values that its nodes read, the block's own input first, then arguments; `source`: the block's
    input, "" for the network; `outputs`: the nodes whose values are read outside, the block's own output first.
    """

    prefix: str
    kind: str
    module: str
    sequence: bool
    arguments: Mapping[str, Any]
    members: tuple["Member", ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str = ""

    @property
    def reruns(self) -> bool:
        """Whether it uses the modules of another expansion."""
        return self.module != self.prefix

    @cached_property
    def height(self) -> int:
        """The number of nesting levels, including this one."""
        return 1 + max((member.height for member in self.members if isinstance(member, Block)), default=0)

    @property
    def blocks(self) -> Iterator["Block"]:
        """The inner blocks, innermost first."""
        for member in self.members:
            if isinstance(member, Block):
                yield from member.blocks
                yield member

    def relative(self, path: str) -> str:
        """A path of modules as seen from this block's module."""
        return path[len(self.module) + 1 :] if self.module else path


Member: TypeAlias = Node | Block


@record(frozen=False)
class Tree:
    """Finds the blocks of a graph. The nodes of a block are consecutive, so a block is a range of positions."""

    graph: Graph
    position: dict[str, int] = field(init=False)
    last_use: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.position = {node.name: i for i, node in enumerate(self.graph)}
        self.last_use = {source: i for i, node in enumerate(self.graph) for source in node.sources}
        self.last_use |= dict.fromkeys(self.graph.outputs, len(self.graph.nodes))

    def root(self) -> Block:
        """The network as one block."""
        names = tuple(each.name for each in self.graph.inputs)
        return Block("", "", "", False, {}, self.members("", self.graph.nodes), names, tuple(self.graph.outputs))

    def members(self, prefix: str, nodes: tuple[Node, ...]) -> tuple[Member, ...]:
        start = len(prefix) + 1 if prefix else 0
        groups = groupby(nodes, key=lambda node: node.name[start:].partition(".")[0])
        return tuple(self.member(prefix, name, tuple(group)) for name, group in groups)

    def member(self, prefix: str, name: str, nodes: tuple[Node, ...]) -> Member:
        path = f"{prefix}.{name}" if prefix else name
        scope = self.graph.scopes.get(path)
        if scope is None:
            [node] = nodes
            return node
        return Block(
            path,
            scope.block,
            scope.module,
            scope.sequence,
            scope.arguments,
            self.members(path, nodes),
            self.inputs(nodes, scope),
            self.outputs(nodes, scope.output),
            scope.source,
        )

    def inputs(self, nodes: tuple[Node, ...], scope: Scope) -> tuple[str, ...]:
        first = self.position[nodes[0].name]
        sources = (source for node in nodes for source in node.sources)
        read = dict.fromkeys(s for s in sources if self.position.get(s, -1) < first)
        order = (scope.source, *(value for _, value in passed(scope.arguments)))
        return tuple(dict.fromkeys(str(name) for name in (*order, *read) if name in read))

    def outputs(self, nodes: tuple[Node, ...], own: str) -> tuple[str, ...]:
        last = self.position[nodes[-1].name]
        read = [node.name for node in nodes if self.last_use.get(node.name, -1) > last]
        if isinstance(own, Several):
            return tuple(read) or (nodes[-1].name,)
        return tuple(sorted(read, key=lambda name: name != own)) or (nodes[-1].name,)


def passed(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Reference]]:
    """The layers that are passed to a block, each with its parameter, or that and its number in a list."""
    for name, value in arguments.items():
        if isinstance(value, Reference):
            yield name, value
        elif isinstance(value, tuple):
            yield from passed({f"{name}{i}": each for i, each in enumerate(value)})
