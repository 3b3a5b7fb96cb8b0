"""Rules: each finds one weakness of a design in the graph. Rules are in rules/, one per file.

A rule consists of its docstring (a title sentence, the reason, the sources), a spec with the weakness and one without.
`archcalc explain AR101`, the page in the docs and the tests are generated from these.

Codes: AR1xx redundancy, AR2xx shape and resolution, AR3xx receptive field, AR4xx cost, AR5xx trainability,
AR6xx numerics.
"""

import inspect
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from textwrap import indent
from typing import ClassVar, TypeAlias, TypeVar, cast

from archcalc.core.diagnostic import Edit
from archcalc.core.location import Location
from archcalc.core.window import Window
from archcalc.graph.application import MANY, Application
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Layer, Role, layer_named
from archcalc.layers.dropout import Dropout
from archcalc.layers.identity import Identity
from archcalc.measures.arithmetic import macs
from archcalc.measures.receptive_field import Fields, fields_of, spatial_inputs
from archcalc.record import record

L = TypeVar("L", bound=Layer)


of_layer = lru_cache(MANY)
"""Decorates a question about a layer on its inputs: the answer is kept for all networks that have it."""

Passed: TypeAlias = dict[tuple[Role, ...], dict[str, Node | None]]
"""For the skipped roles: the node reached from each node."""


@record(kw_only=True)
class Finding:
    """A weakness: its layer, a message, what to write instead, and `edits` that do exactly that."""

    node: Node
    message: str
    help: str = ""
    notes: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    place: Location | None = None

    @property
    def where(self) -> Location | None:
        """The location to report: that of the layer, unless `place` is given."""
        return self.place or self.node.where


class Design:
    """A network without free symbols, with the queries that rules need."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __iter__(self) -> Iterator[Node]:
        return iter(self.graph)

    @cached_property
    def by_type(self) -> Mapping[type[Layer], Sequence[Node]]:
        found: defaultdict[type[Layer], list[Node]] = defaultdict(list)
        for node in self.graph.nodes:
            found[type(node.layer)].append(node)
        return dict(found)

    def of(self, *kinds: type[L]) -> Iterator[tuple[Node, L]]:
        """The nodes whose layer has one of these types, with that layer."""
        for node in self.chosen({each for each in self.by_type if issubclass(each, kinds)}):
            yield node, cast(L, node.layer)

    def where(self, holds: Callable[[Application], object]) -> Sequence[Node]:
        """The nodes of whose layer and inputs something holds: it is asked once for all copies of a layer."""
        groups = [alike for alike in self.alike if holds(alike[0][1].application)]
        if len(groups) == 1:
            return [node for _, node in groups[0]]
        return [node for _, node in sorted(chain.from_iterable(groups))]

    @cached_property
    def alike(self) -> Sequence[Sequence[tuple[int, Node]]]:
        """The nodes by their layer and its inputs, each with its number in the network."""
        found: defaultdict[int, list[tuple[int, Node]]] = defaultdict(list)
        for i, node in enumerate(self.graph.nodes):
            found[id(node.application)].append((i, node))
        return [*found.values()]

    def playing(self, *roles: Role) -> Sequence[Node]:
        """The nodes whose layer has one of these roles."""
        return self.chosen({each for each in self.by_type if each.role in roles})

    def chosen(self, types: Collection[type[Layer]]) -> Sequence[Node]:
        """The nodes whose layer has one of these types, looked up by type because networks have few types."""
        if len(types) == 1:
            return [node for each in types for node in self.by_type[each]]
        asked = frozenset(types)
        if asked not in self.asked:
            self.asked[asked] = [node for node in self.graph if type(node.layer) in asked] if asked else ()
        return self.asked[asked]

    @cached_property
    def asked(self) -> dict[frozenset[type[Layer]], Sequence[Node]]:
        return {}

    def defaults(self, layer: Layer) -> set[str]:
        """The arguments that the spec, or a file that it imports, states for all layers of a kind."""
        document = self.graph.document
        libraries = [document.library, *document.libraries.values()] if document else []
        given = [(layer_named(name), stated) for each in libraries for name, stated in each.defaults.items()]
        return {word.text for kind, stated in given if kind is type(layer) for word, _ in stated}

    @cached_property
    def users(self) -> Mapping[str, Sequence[Node]]:
        """The nodes that run a module: its owner, and those that run it again."""
        found: dict[str, list[Node]] = {}
        for node in self.graph:
            found.setdefault(node.module, []).append(node)
        return found

    @cached_property
    def readers(self) -> Mapping[str, Sequence[Node]]:
        """The nodes that read a value, including inputs; empty for unused values."""
        found: dict[str, list[Node]] = {name: [] for name in self.graph.volumes}
        for node in self.graph:
            sources = node.sources
            for source in sources if len(sources) == 1 else dict.fromkeys(sources):
                found[source].append(node)
        return found

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The names of the outputs."""
        return frozenset(self.graph.outputs)

    @cached_property
    def fields(self) -> Sequence[tuple[Input, Mapping[str, Fields]]]:
        """For every spatial input the receptive fields in it, by the layers that it reaches."""
        return [(each, fields_of(self.graph, each)) for each in spatial_inputs(self.graph)]

    @cached_property
    def macs(self) -> int:
        """The MACs of the network. Only contractions have MACs."""
        return int(sum(map(macs, self.playing(Role.CONTRACTION))))

    @cached_property
    def inputs(self) -> Mapping[str, Input]:
        return {each.name: each for each in self.graph.inputs}

    def sliding(self, node: Node) -> Sequence[tuple[int, Window]]:
        """The sliding windows of a layer, each with its axis."""
        return node.application.sliding

    def before(self, node: Node) -> Node | None:
        """The node of a node's first source; None if that is an input."""
        return self.graph.by_name.get(node.first)

    def preceding(self, node: Node) -> Node | None:
        """The nearest earlier node that changes values in training and evaluation: identity and dropout are skipped."""
        found = self.before(node)
        while found is not None and passes_on(found):
            found = self.before(found)
        return found

    def after(self, node: Node) -> Node | None:
        """The only node that reads a node's output; None if there are several, or the node is an output."""
        readers = self.readers[node.name]
        return readers[0] if len(readers) == 1 and node.name not in self.outputs else None

    def back(self, node: Node, *roles: Role) -> Node | None:
        """The nearest earlier node that has none of these roles; None if an input comes first."""
        return beyond(node, self.before, roles, self.earlier.setdefault(roles, {}))

    def origin(self, node: Node) -> str:
        """The input that a node depends on, following first sources only; empty if it depends on none."""
        name = node.first
        while name in self.graph.by_name:
            name = self.graph.by_name[name].first
        return name

    def on(self, node: Node, *roles: Role) -> Node | None:
        """The nearest later node that has none of these roles, if each node in between has a single reader."""
        return beyond(node, self.after, roles, self.later.setdefault(roles, {}))

    @cached_property
    def earlier(self) -> Passed:
        return {}

    @cached_property
    def later(self) -> Passed:
        return {}


def beyond(
    node: Node, step: Callable[[Node], Node | None], roles: tuple[Role, ...], known: dict[str, Node | None]
) -> Node | None:
    """The first node, step by step, that has none of these roles. `known` caches it for the skipped nodes, so that long
    chains are traversed once."""
    passed = []
    found = step(node)
    while found is not None and found.layer.role in roles:
        if found.name in known:
            found = known[found.name]
            break
        passed.append(found.name)
        found = step(found)
    known.update(dict.fromkeys(passed, found))
    return found


def passes_on(node: Node) -> bool:
    """Whether a layer outputs its input in evaluation: identity and dropout."""
    return isinstance(node.layer, Identity | Dropout)


RULES: dict[str, type["Rule"]] = {}
"""Every rule by its code; the class statements in rules/ register themselves."""


class Rule(ABC):
    """One weakness. `bad`: a spec with it; the reported line ends in `# <-`. `good`: a spec without it.

    Edits keep the shapes of a network, and all weights of frozen layers. `keeps_function`: they also keep the values
    that it computes in evaluation with the same weights.
    """

    code: ClassVar[str]
    keeps_function: ClassVar[bool] = False
    bad: ClassVar[str]
    good: ClassVar[str]

    def __init_subclass__(cls, code: str) -> None:
        if code in RULES:
            raise TypeError(f"the rule {code} is declared twice")
        cls.code = code
        RULES[code] = cls

    @abstractmethod
    def findings(self, design: Design) -> Iterator[Finding]:
        """Every layer that has the weakness."""


def title_of(rule: type[Rule]) -> str:
    """The title of a rule: the first sentence of its docstring."""
    return inspect.cleandoc(rule.__doc__ or "").split("\n\n")[0].replace("\n", " ").rstrip(".")


def text_of(rule: type[Rule]) -> str:
    """The full text of a rule, as `archcalc explain` prints it."""
    about, bad, good = parts_of(rule)
    return f"{about}\n\nFound:\n\n{indent(bad, '    ')}\n\nNot found:\n\n{indent(good, '    ')}"


def parts_of(rule: type[Rule]) -> tuple[str, str, str]:
    """The reason with sources; an example with the weakness, and one without."""
    return inspect.cleandoc(rule.__doc__ or "").partition("\n\n")[2], rule.bad.strip("\n"), rule.good.strip("\n")


def example_spec(text: str) -> str:
    """The complete spec of an example; the default input is a small image.

    >>> example_spec("- conv(3, 8)")
    'archcalc: 1\\ninput: [3, 32, 32]\\nlayers:\\n- conv(3, 8)\\n'
    """
    text = text.strip("\n")
    layers = "" if "layers:" in text else "layers:\n"
    given = "" if text.startswith("input:") or "\ninput:" in text else "input: [3, 32, 32]\n"
    return f"archcalc: 1\n{given}{layers}{text}\n"
