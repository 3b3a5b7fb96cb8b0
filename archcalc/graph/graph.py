"""The layer graph: flat nodes in topological order, each with its volumes and its location in the spec.

The graph has no blocks: every node has a dotted name, and a block corresponds to a prefix. `scopes` record the block of
each prefix for code generation, which writes the blocks again.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archcalc.core.contraction import Contraction
from archcalc.core.diagnostic import enumerated
from archcalc.core.dim import Dim
from archcalc.core.location import Location
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.graph.application import Application
from archcalc.graph.several import rows_of_outputs
from archcalc.layer import Layer
from archcalc.record import field, record, replace
from archcalc.spec.declaration import Document
from archcalc.sym.expr import Claim

if TYPE_CHECKING:
    from archcalc.sym.periodic import PeriodicSet

NONE_YET: Any = Application(None, (), ())  # type: ignore[arg-type]  # of no layer
"""Stands for the application of a node that is given none."""


@record
class Node:
    """One application of a layer. Networks have many: it keeps nothing that it can share with its likes.

    `module`: the name of the module whose weights it uses: its own, or that of the layer it runs again.
    `ties`: weights of this node that are another node's tensor: {"weight": "wte.weight"}.
    `times`: the number of consecutive layers it represents: 1 unless a repeat is free. `learning`: for each input,
    whether gradients flow into it, from weights that are trained before it; None if that differs between the layers it
    represents. `detached`: no gradient of an output comes back to it. `application`: its layer on its inputs, shared
    with other nodes that were built with the same; a copy of it with others gets its own.
    """

    name: str
    layer: Layer
    sources: tuple[str, ...]
    inputs: tuple[Volume, ...]
    outputs: tuple[Volume, ...]
    module: str
    frozen: bool = False
    ties: Mapping[str, str] = field(default_factory=dict)
    where: Location | None = None
    times: Dim = 1
    learning: tuple[bool | None, ...] = ()
    detached: bool = False
    application: Application = field(default=NONE_YET, compare=False)

    def __post_init__(self) -> None:
        made = self.application
        if made.layer is not self.layer or made.inputs is not self.inputs or made.outputs is not self.outputs:
            object.__setattr__(self, "application", Application(self.layer, self.inputs, self.outputs))

    @property
    def output(self) -> Volume:
        return self.outputs[0]

    @property
    def first(self) -> str:
        """The name of the first value that it reads; empty if it reads none."""
        return self.sources[0] if self.sources else ""

    @property
    def followed(self) -> tuple[int, ...]:
        """The inputs, by number, into which gradients of its output flow."""
        return self.application.followed

    @property
    def reruns(self) -> bool:
        """Whether it runs a module that an earlier node owns."""
        return self.module != self.name

    @property
    def ops(self) -> Ops:
        return self.application.ops

    @property
    def contractions(self) -> tuple[Contraction, ...]:
        """What its multiply-accumulates compute; nothing if it has none."""
        return self.application.contractions

    @property
    def trains(self) -> bool:
        """Whether it has weights that are trained, its own or those of the module that it runs again."""
        return not self.frozen and self.application.trains

    @property
    def weights(self) -> tuple[Weight, ...]:
        """Its entries of `state_dict`, by their names within the module; none if it runs another node's module."""
        if self.reruns:
            return ()
        weights = self.application.frozen if self.frozen else self.application.weights
        ties = self.ties
        return tuple(replace(each, shared_with=ties.get(each.name, "")) for each in weights) if ties else weights


@record
class Scope:
    """One expansion of a block: the nodes whose names begin with `prefix` and a dot.

    `module`: the prefix whose modules it uses: its own, or that of the block it runs again. `sequence`: the block is a
    chain of blocks, its members named 0, 1, 2 ... `output`: the name of the node whose output is the block's.
    `arguments`: the arguments of its call, defaults included. `source`: the name of the value that goes into it.
    """

    prefix: str
    block: str
    module: str
    output: str
    sequence: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


@record
class Free:
    """A free symbol: its possible values, all multiples of `step`, and its number in the spec, None if it has none."""

    domain: "PeriodicSet"
    own: int | None = None
    step: int = 1


@record
class Input:
    name: str
    volume: Volume
    vocab: int | None = None
    where: Location | None = None


@record
class Condition:
    """A requirement on free symbols: the claim, its message, and the name of the node, or of the input, that has it."""

    claim: Claim
    message: str
    node: str


@record
class Repeat:
    """Nodes that stand for a free number of copies, one after the other.

    `nodes`: one copy, by name, in order. `source` is what the first copy takes, `output` what the last one gives.
    """

    count: Dim
    nodes: tuple[str, ...]
    source: str
    output: str


@record(slots=False)
class Graph:
    """A network, built from a spec. `nodes` are in topological order; `outputs` are names of nodes. `variants`:
    those of the spec; `variant`: which of them this is, empty if none.

    `symbols`: its free symbols by name; `conditions`: the requirements of its layers on them. `repeats`: the nodes that
    stand for a free number of copies, inner repeats before outer ones. `followers`: the inputs whose free sizes follow
    from those of others, with these. `document`: what it was built from.
    """

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    spec: str = ""
    source: str = ""
    about: str = ""
    variant: str = ""
    variants: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[str, Free] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    followers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    document: Document | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """One line."""
        inputs = ", ".join(f"{each.name} {each.volume}" for each in self.inputs)
        outputs = ", ".join(f"{name} {self.volumes[name]}" for name in self.outputs)
        layers = f"{len(self.nodes)} layer{'s' * (len(self.nodes) != 1)}"
        return f"<Graph of {self.name or 'a network'}: {layers}, from {inputs} to {outputs}>"

    def _repr_svg_(self) -> str | None:
        """The picture that notebooks show; none of a graph with free symbols, whose text they show."""
        svg: str | None = importlib.import_module("archcalc.pages.notebook").svg_of(self)
        return svg

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @cached_property
    def dtype(self) -> str:
        """The floating dtype of its computations."""
        return next((volume.dtype for volume in self.volumes.values() if volume.is_floating), "float32")

    @property
    def text(self) -> str:
        """The text of its spec; empty if it was not read from one."""
        where = self.inputs[0].where if self.inputs else None
        return where.source.text if where else ""

    @cached_property
    def noted(self) -> dict[Any, Any]:
        """What later stages find out about it once, each under a key of its own."""
        return {}

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def models(self) -> Sequence[Node]:
        """For every node in order, the first of its kind: equal to it but for names and places, so that a quantity of
        one is that of the other. A node that stands for several is a kind of its own."""
        found: dict[Any, Node] = {}
        return [found.setdefault(kind_of(node), node) for node in self.nodes]

    @cached_property
    def alike(self) -> Sequence[tuple[Node, int]]:
        """A node of every kind, and how many there are."""
        counts: dict[int, int] = {}
        for model in self.models:
            counts[id(model)] = counts.get(id(model), 0) + 1
        return [(model, counts.pop(id(model))) for model in self.models if id(model) in counts]

    @cached_property
    def within(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes of every scope, including those of inner scopes."""
        found: dict[str, list[Node]] = {prefix: [] for prefix in self.scopes}
        for node in self.nodes:
            for prefix in enclosing_scopes(node.name):
                if prefix in found:
                    found[prefix].append(node)
        return {prefix: tuple(inside) for prefix, inside in found.items()}

    def __getitem__(self, name: str) -> Node:
        """The node of that name, or the output node of the block of that name."""
        return self.by_name[self.scopes[name].output if name in self.scopes else name]

    @property
    def following(self) -> Iterator[str]:
        """The inputs that follow others, in words: `y follows x: [8, ⌈T/2⌉]`."""
        for name, others in self.followers.items():
            yield f"{name} follows {enumerated(others)}: {self.volumes[name]}"

    def place(self, name: str) -> Location | None:
        """Where the node, or the input, of that name stands in the spec."""
        return (self.by_name.get(name) or next(each for each in self.inputs if each.name == name)).where

    def ancestors(self, *names: str) -> set[str]:
        """All nodes and inputs that these values depend on, including the values themselves."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.by_name[each].sources if each in self.by_name else ()
        return found

    def owner(self, key: str) -> Node:
        """The node that owns an entry of `state_dict`. Names within a module can also contain dots."""
        return next(self.by_name[path] for path in enclosing_scopes(key) if path in self.by_name)

    @cached_property
    def together(self) -> Mapping[str, tuple[Node, ...]]:
        """For each node that is one output of an operation with several, all of them."""
        return {node.name: group for group in outputs_together(self.nodes) for node in group}

    @cached_property
    def volumes(self) -> Mapping[str, Volume]:
        """The volume of every name: inputs and nodes."""
        return {i.name: i.volume for i in self.inputs} | {n.name: n.output for n in self.nodes}


def outputs_together(nodes: Sequence[Node]) -> Iterator[tuple[Node, ...]]:
    """The outputs of each operation that has several: nodes in a row, from the first output to the last."""
    origins = [(node.sources, node.name.rpartition(".")[0]) for node in nodes]
    yield from (tuple(nodes[row]) for row in rows_of_outputs([node.layer for node in nodes], origins))


def kind_of(node: Node) -> Any:
    """What the quantities of a node depend on."""
    one = id(node) if node.times != 1 else node.reruns
    return id(node.application), one, node.frozen, node.learning, node.detached, *node.ties


def enclosing_scopes(name: str) -> Iterator[str]:
    """The prefixes of a dotted name, the longest first.

    >>> list(enclosing_scopes("stage1.0.conv"))
    ['stage1.0', 'stage1']
    """
    while name := name.rpartition(".")[0]:
        yield name
