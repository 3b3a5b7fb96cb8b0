"""The layer graph: flat nodes in topological order, each with its volumes and the place it came from.

Blocks do not exist here: every node has a dotted name, and whatever is said of a block is said of a prefix. `scopes`
remember which block each prefix was written as, for the one reader that writes blocks again: codegen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archcalc.core.dim import Dim
from archcalc.core.location import Location
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume, is_floating
from archcalc.core.weight import Weight
from archcalc.layer import Layer
from archcalc.sym.expr import Claim
from archcalc.sym.periodic import PeriodicSet


@dataclass(frozen=True)
class Node:
    """One layer at work.

    `module`: the name whose weights it uses: its own, or that of the layer it runs again.
    `ties`: weights of this node that are another node's tensor: {"weight": "wte.weight"}.
    `times`: how many layers it stands for, one after the other: 1 unless a repeat is free.
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

    @property
    def output(self) -> Volume:
        return self.outputs[0]

    @property
    def reruns(self) -> bool:
        """Whether it runs a module that an earlier node owns."""
        return self.module != self.name

    @cached_property
    def ops(self) -> Ops:
        return self.layer.ops(self.output, *self.inputs)

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """Its entries of `state_dict`, by their names within the module; none where it runs another's module."""
        return () if self.reruns else tuple(self._weights())

    def _weights(self) -> Iterator[Weight]:
        computed = self.output.dtype  # floating weights have the dtype that their layer computes in
        for weight in self.layer.weights(*self.inputs):
            yield Weight(
                weight.name,
                weight.shape,
                trainable=weight.trainable and not weight.buffer and not self.frozen,
                buffer=weight.buffer,
                shared_with=self.ties.get(weight.name, ""),
                dtype=computed if weight.dtype == "float32" and is_floating(computed) else weight.dtype,
                active=weight.active,
            )


@dataclass(frozen=True)
class Scope:
    """One expansion of a block: the nodes whose names begin with `prefix` and a dot.

    `module`: the prefix whose modules it uses: its own, or that of the block it runs again. `sequence`: the block is a
    chain of blocks, its members named 0, 1, 2 ... `output`: the name of the node whose output is the block's.
    `arguments`: what it was called with, defaults included. `source`: the name of the value that goes into it.
    """

    prefix: str
    block: str
    module: str
    output: str
    sequence: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Free:
    """A free symbol: the values that it may have, all multiples of `step`, and the number that the spec gives it, None
    where it gives none."""

    domain: PeriodicSet
    own: int | None = None
    step: int = 1


@dataclass(frozen=True)
class Input:
    name: str
    volume: Volume
    vocab: int | None = None
    where: Location | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of free symbols for a layer to be what it is: the claim, in words, and whose it is."""

    claim: Claim
    message: str
    node: str


@dataclass(frozen=True)
class Graph:
    """A network: what a spec means. `nodes` are in topological order; `outputs` are names of nodes.

    `symbols`: what is free in it, by name; `conditions`: what must hold of those for the layers to be what they are.
    """

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    spec: str = ""
    source: str = ""
    about: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[str, Free] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @cached_property
    def dtype(self) -> str:
        """What it computes in."""
        return next((volume.dtype for volume in self.volumes.values() if volume.is_floating), "float32")

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def within(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes of every scope, those of the scopes in it included."""
        found: dict[str, list[Node]] = {prefix: [] for prefix in self.scopes}
        for node in self.nodes:
            for prefix in enclosing_scopes(node.name):
                if prefix in found:
                    found[prefix].append(node)
        return {prefix: tuple(inside) for prefix, inside in found.items()}

    def __getitem__(self, name: str) -> Node:
        """The node of that name, or the one that ends the block of that name."""
        return self.by_name[self.scopes[name].output if name in self.scopes else name]

    def ancestors(self, *names: str) -> set[str]:
        """Everything that values come from, themselves included."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.by_name[each].sources if each in self.by_name else ()
        return found

    def owner(self, key: str) -> Node:
        """The node that owns an entry of `state_dict`; names within a module may have dots too."""
        return next(self.by_name[path] for path in enclosing_scopes(key) if path in self.by_name)

    @cached_property
    def volumes(self) -> Mapping[str, Volume]:
        """What every name carries: inputs and nodes."""
        return {i.name: i.volume for i in self.inputs} | {n.name: n.output for n in self.nodes}


def enclosing_scopes(name: str) -> Iterator[str]:
    """The prefixes of a dotted name, the longest first.

    >>> list(enclosing_scopes("stage1.0.conv"))
    ['stage1.0', 'stage1']
    """
    while name := name.rpartition(".")[0]:
        yield name
