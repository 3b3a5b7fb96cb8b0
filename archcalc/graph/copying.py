"""Equal copies of a block: called with the same arguments on the same volume, it is the same layers again.

The first of them is expanded. The others are placed as that one is, under other names: with its layers and what it
shares with others of its kind, without binding, checking or inferring anything again. Of `block * n` all that are left
are placed at once, where a copy gives back what it takes.
"""

from collections.abc import Hashable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from archcalc.core.axes import SIZES
from archcalc.graph.blocks import Expansion
from archcalc.graph.bounds import Bounds
from archcalc.graph.frame import MEMBERS, Frame, Named, Several
from archcalc.graph.graph import Node, Scope
from archcalc.graph.inference import Network
from archcalc.graph.remembered import NotAlike, comparable
from archcalc.layer import Layer, Reference
from archcalc.record import field, record, replace
from archcalc.spec.chain import Invocation, Step
from archcalc.spec.expression import names_in

T = TypeVar("T")


@record
class Before:
    """How much there was before a copy was expanded; `counts`: how often each word was numbered."""

    nodes: int
    scopes: int
    expansions: int
    repeats: int
    steps: int
    counts: Mapping[str, int]


@record
class Copy:
    """What one copy added. `word`: by what it was numbered; `name`: what it is called; `source`: what went into it."""

    word: str
    name: str
    prefix: str
    source: str
    made: str
    steps: int
    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    expansions: tuple[tuple[str, Expansion], ...]


@record(frozen=False)
class Known:
    """A block that was expanded. `pattern`: its nodes as they are placed again; None before that is asked for."""

    copy: Copy
    pattern: "Pattern | None" = None


@record
class Copying:
    """Finds out whether the next copies are equal to the last one, or a block to an earlier one, and places them."""

    network: Network
    expansions: dict[str, Expansion]
    bounds: Bounds
    known: dict[Hashable, Known | None] = field(default_factory=dict)
    """The blocks so far, by all that their layers depend on; None where these name each other."""

    def before(self, frame: Frame) -> Before:
        network = self.network
        return Before(
            len(network.nodes), len(network.scopes), len(self.expansions), len(network.repeats),
            self.bounds.steps, dict(frame.counts),
        )  # fmt: skip

    # --- the next copies of a repeat ---------------------------------------------------------------------------------

    def added(self, before: Before, step: Step, source: str, made: str, frame: Frame) -> Copy | None:
        """The last copy, if every further one is equal to it: one block, which returns the volume that it takes.

        `source` is what it took. It has to be the output of an earlier copy: whatever else a block reads, by its
        arguments, was there before the first one.
        """
        if not self.is_settled(before, source, made) or frame.module != frame.prefix:
            return None
        words = [word for word, count in frame.counts.items() if count != before.counts.get(word, 0)]
        scopes = last(self.network.scopes, before.scopes)
        nodes = last(self.network.nodes, before.nodes)
        if len(words) != 1 or not scopes or not is_constant(step, words[0], frame):
            return None
        prefix = scopes[-1].prefix
        name = prefix.rpartition(".")[2]
        if frame.path(name) != prefix or any(refers_within(node.layer, prefix, source) for node in nodes):
            return None
        names = last_keys(self.expansions, before.expansions)
        if not all(is_within(each, prefix) for each in (*(node.name for node in nodes), *names)):
            return None
        expansions = tuple((each, self.expansions[each]) for each in names)
        return Copy(words[0], name, prefix, source, made, self.bounds.steps - before.steps, nodes, scopes, expansions)

    # --- blocks that are like an earlier one -------------------------------------------------------------------------

    def kind(self, expansion: Expansion, name: str, source: str, frame: Frame) -> Hashable:
        """All that the layers of a block depend on, except for its name; None if it runs again, or takes layers."""
        if expansion.module != frame.path(name):
            return None
        try:
            given = [comparable(value) for value in expansion.arguments.values()]
        except NotAlike:
            return None
        sites = [(id(site.definition), site.guarded) for site in frame.stack]  # they end recursions, and deep nesting
        network = self.network
        return (
            id(expansion.definition), *given, expansion.frozen, network.volumes[source],
            network.learning.get(source, False), frame.guarded, *sites,
        )  # fmt: skip

    def remember(self, kind: Hashable, before: Before, name: str, source: str, made: str, frame: Frame) -> None:
        """Notes a block that was expanded, for those that will be like it."""
        network, prefix = self.network, frame.path(name)
        scopes = last(network.scopes, before.scopes)
        if len(network.repeats) > before.repeats or not scopes or scopes[-1].prefix != prefix:
            return
        nodes, names = last(network.nodes, before.nodes), last_keys(self.expansions, before.expansions)
        expansions = tuple((each, self.expansions[each]) for each in names)
        steps = self.bounds.steps - before.steps
        self.known[kind] = Known(Copy("", name, prefix, source, made, steps, nodes, scopes, expansions))

    def place_like(self, kind: Hashable, name: str, source: str, frame: Frame) -> str | None:
        """Places a block as an earlier one of its kind: the path of what comes out of it; None if it is the first, or
        there is no room for it."""
        known = self.known.get(kind)
        if known is None:
            return None
        copy = known.copy
        if known.pattern is None:
            known.pattern = Pattern.of(copy)
            if any(True for node in copy.nodes for _ in references_in(node.layer)) or known.pattern.outside:
                self.known[kind] = None
                return None
        if not self.bounds.have_room(1, len(copy.nodes), copy.steps):
            return None
        self.bounds.copied(1, len(copy.nodes), copy.steps)
        self.place_nodes(known.pattern, frame.path(name), source)
        return self.place_names(copy, name, source, frame)

    def is_settled(self, before: Before, source: str, made: str) -> bool:
        """Whether the next copy gets what the last one got: the same volume, and the same gradients."""
        network = self.network
        volume = network.volumes[made]
        return (
            volume is not None
            and source in network.nodes
            and made in network.nodes
            and volume == network.volumes[source]
            and network.learning[made] == network.learning[source]
            and len(network.repeats) == before.repeats
        )

    def place(self, copy: Copy, count: int, frame: Frame) -> str:
        """So many further copies, one after the other: the path of what comes out of the last."""
        made, pattern = copy.made, Pattern.of(copy)
        self.bounds.copied(count, len(copy.nodes), copy.steps)
        for _ in range(count):
            name = frame.number(copy.word)
            self.place_nodes(pattern, frame.path(name), made)
            made = self.place_names(copy, name, made, frame)
        return made

    def place_nodes(self, pattern: "Pattern", prefix: str, source: str) -> None:
        network = self.network
        for node in pattern.placed(prefix, source):
            network.nodes[node.name] = node
            network.volumes[node.name] = node.outputs[0]
        network.learning |= zip(pattern.names(prefix), map(network.learning.__getitem__, pattern.own), strict=True)

    def place_names(self, copy: Copy, name: str, source: str, frame: Frame) -> str:
        """Makes the blocks of a copy known, and the names in them; the path of what comes out of it."""
        renaming = Renaming(copy.prefix, frame.path(name), copy.source, source)
        for scope in copy.scopes:
            self.network.scopes[renaming.path(scope.prefix)] = renaming.scope(scope)
        for prefix, expansion in copy.expansions:
            self.expansions[renaming.path(prefix)] = renaming.expansion(expansion)
        members = self.expansions[renaming.new].members
        frame.local |= {f"{name}.{member}": value for member, value in members.items()}
        return renaming.path(copy.made)


@record
class Pattern:
    """The nodes of a copy, without its name. `own`: their names; `tails`: these after the name of the copy.

    `reads`: for each node, where its sources stand in the list of what goes into the copy, what it reads from
    elsewhere, `outside`, and its own nodes.
    """

    nodes: tuple[Node, ...]
    prefix: str
    source: str
    own: tuple[str, ...]
    tails: tuple[str, ...]
    outside: tuple[str, ...]
    reads: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, copy: Copy) -> "Pattern":
        own = tuple(node.name for node in copy.nodes)
        read = dict.fromkeys(source for node in copy.nodes for source in node.sources)
        outside = tuple(name for name in read if name != copy.source and not is_within(name, copy.prefix))
        places = {name: i for i, name in enumerate((copy.source, *outside, *own))}
        reads = tuple(tuple(places[source] for source in node.sources) for node in copy.nodes)
        tails = tuple(name[len(copy.prefix) :] for name in own)
        return cls(copy.nodes, copy.prefix, copy.source, own, tails, outside, reads)

    def names(self, prefix: str) -> list[str]:
        return [prefix + tail for tail in self.tails]

    def placed(self, prefix: str, source: str) -> Iterator[Node]:
        """The nodes of the copy of that name."""
        names = self.names(prefix)
        known = (source, *self.outside, *names)
        renaming = Renaming(self.prefix, prefix, self.source, source)
        for node, name, reads in zip(self.nodes, names, self.reads, strict=True):
            module = name if node.module == node.name else renaming.path(node.module)
            ties = {weight: renaming.path(key) for weight, key in node.ties.items()} if node.ties else node.ties
            sources = tuple([known[i] for i in reads])
            yield Node(
                name, node.layer, sources, node.inputs, node.outputs, module, node.frozen, ties, node.where,
                learning=node.learning, application=node.application,
            )  # fmt: skip


@record
class Renaming:
    """From the names of one copy to those of another: of all that is within it, and of what goes into it."""

    old: str
    new: str
    old_source: str
    new_source: str

    def path(self, path: str) -> str:
        if isinstance(path, Several):
            return Several(tuple(map(self.path, path.paths)), path.names)
        if is_within(path, self.old):
            return self.new + path[len(self.old) :]
        return self.new_source if path == self.old_source else path

    def scope(self, scope: Scope) -> Scope:
        return Scope(
            self.path(scope.prefix),
            scope.block,
            self.path(scope.module),
            self.path(scope.output),
            scope.sequence,
            self.values(scope.arguments),
            self.path(scope.source),
        )

    def expansion(self, expansion: Expansion) -> Expansion:
        return replace(
            expansion,
            arguments=self.values(expansion.arguments),
            module=self.path(expansion.module),
            members=self.values(expansion.members),
        )

    def values(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What names stand for; the mapping itself where none of them stands for a layer."""
        if not any(isinstance(value, Named | tuple) for value in values.values()):
            return values
        return {name: self.value(value) for name, value in values.items()}

    def value(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self.value, value))
        return self.named(value) if isinstance(value, Named) else value

    def named(self, value: Named) -> Named:
        made = Named(self.path(value), self.path(value.labelled), value.chain)
        made.several = value.several
        return made


def is_within(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", ".")


def last(found: dict[str, T], before: int) -> tuple[T, ...]:
    """The values that were added to a dict since it had `before` entries."""
    return tuple(found[key] for key in last_keys(found, before))


def last_keys(found: dict[str, Any], before: int) -> tuple[str, ...]:
    return tuple(islice(reversed(found), len(found) - before))[::-1]


def is_constant(step: Step, word: str, frame: Frame) -> bool:
    """Whether what a block is called with is the same for all copies, which are numbered by `word`: it names nothing
    that a copy makes."""
    assert isinstance(step.call, Invocation)
    given = (*step.call.positional, *(value for _, value in step.call.keywords))
    return all(is_known(name.id, word, frame) for each in given for name in names_in(each))


def is_known(name: str, word: str, frame: Frame) -> bool:
    """Whether a name, or that of which it is a size, is known without looking at the layers so far; or no name is."""
    base, _, size = name.rpartition(".") if MEMBERS not in name else ("", "", "")
    if frame.given(base if base and size in SIZES else name) is not None or name.partition(".")[0] in frame.names:
        return True
    numbered = name.startswith(word) and name[len(word) :].isdigit()
    return not numbered and frame.scope.found(name) is None


def refers_within(layer: Layer, prefix: str, source: str) -> bool:
    """Whether a layer names another one of its copy, or what went into that: its arguments differ in the next."""
    return any(is_within(each, prefix) or each == source for each in references_in(layer))


def references_in(layer: Layer) -> Iterator[str]:
    for key in (*layer.reads, *layer.ties):
        value = getattr(layer, key)
        yield from (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Reference))
