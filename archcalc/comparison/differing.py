"""What differs between two layers that correspond: what the specs state, apart from what follows from it."""

from collections.abc import Iterator, Mapping

from archcalc.graph.binding import shown
from archcalc.graph.graph import Graph, Input, Node
from archcalc.layer import Reference
from archcalc.record import record


@record
class Change:
    """One fact that differs, and both of its values as a spec writes them. `what`: an argument, or `type`, `inputs`,
    `weights of`, `tie of ...`, `frozen`, `shape`, `vocab`, `dtype`."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        """`bias: false -> true`, `relu -> gelu`."""
        named = "" if self.what == "type" else f"{self.what}: "
        return f"{named}{self.before} -> {self.after}"

    @property
    def phrase(self) -> str:
        """`bias=true instead of false`, `gelu instead of relu`."""
        named = {"type": "", "inputs": "input "}.get(self.what, f"{self.what}=")
        return f"{named}{self.after} instead of {self.before}"


class Differ:
    """Compares layers that correspond. `there`: the name in the second network of every layer of the first."""

    def __init__(self, before: Graph, after: Graph, there: Mapping[str, str]) -> None:
        self.before, self.after = before, after
        self.there = there
        self.here = set(there.values())
        self.first = before.by_name

    def changes(self, a: Node, b: Node) -> Iterator[Change]:
        if a.layer.name != b.layer.name:
            yield Change("type", a.layer.name, b.layer.name)
        elif a.application.call != b.application.call:  # not `padding=same` and its number
            yield from self.arguments(a, b)
        yield from self.reads(a, b)
        if a.reruns != b.reruns or (a.reruns and self.named(a.module) != b.module):
            yield Change("weights of", a.module, b.module)
        for name in sorted({*a.ties, *b.ties}):
            before, after = a.ties.get(name, ""), b.ties.get(name, "")
            if self.named_key(before) != after:
                yield Change(f"tie of {name}", before or "none", after or "none")
        if a.frozen != b.frozen:
            yield Change("frozen", shown(a.frozen), shown(b.frozen))

    def arguments(self, a: Node, b: Node) -> Iterator[Change]:
        """The arguments that differ; references to layers that correspond are equal."""
        for name in a.layer.known:
            before, after = getattr(a.layer, name), getattr(b.layer, name)
            if isinstance(before, Reference) and isinstance(after, Reference) and self.named(before) == after:
                continue
            if before != after and not (a.inputs == b.inputs and means_the_same(a, name, after)):
                yield Change(name, plain(before), plain(after))

    def reads(self, a: Node, b: Node) -> Iterator[Change]:
        """Inputs from other layers than those that correspond, added and removed layers passed over."""
        ours = tuple(self.origin(each, self.before, self.there) for each in a.sources)
        theirs = tuple(self.origin(each, self.after, self.here) for each in b.sources)
        if tuple(map(self.named, ours)) != theirs:
            yield Change("inputs", ", ".join(ours), ", ".join(theirs))

    def origin(self, name: str, graph: Graph, paired: Mapping[str, str] | set[str]) -> str:
        """The value that a layer reads, followed back to one that both networks have."""
        while name in graph.by_name and name not in paired and graph.by_name[name].sources:
            name = graph.by_name[name].first
        return name

    def named(self, name: str) -> str:
        """What a name of the first network is called in the second: inputs correspond by their positions."""
        if name in self.there:
            return self.there[name]
        places = [each.name for each in self.before.inputs]
        if name in places and places.index(name) < len(self.after.inputs):
            return self.after.inputs[places.index(name)].name
        return name

    def named_key(self, key: str) -> str:
        """What an entry of `state_dict` is called in the second network."""
        if not key:
            return ""
        owner = self.before.owner(key).name
        return self.named(owner) + key[len(owner) :]


def means_the_same(node: Node, name: str, value: object) -> bool:
    """Whether a layer stays the same with another value of an argument: `padding=same` and its number."""
    layer = node.layer
    stated = {each: getattr(layer, each) for each in layer.known}
    return bool(type(layer)(**stated | {name: value}).call(*node.inputs) == layer.call(*node.inputs))


def changes_of_input(a: Input, b: Input) -> Iterator[Change]:
    """What differs between two inputs of the networks."""
    for what, before, after in (
        ("shape", a.volume.item_shape, b.volume.item_shape),
        ("dtype", a.volume.dtype, b.volume.dtype),
        ("vocab", a.vocab, b.vocab),
    ):
        if before != after:
            yield Change(what, plain(before), plain(after))


def plain(value: object) -> str:
    """A value as a spec writes it, without quotes."""
    return "none" if value is None else shown(value).strip("'")  # type: ignore[arg-type]  # whatever a layer states
