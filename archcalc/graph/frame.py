"""Frames: the names that are known within an expansion, and how unnamed layers are named."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeGuard

from archcalc.core.axes import POSITIONS, SIZES
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Location
from archcalc.core.volume import Volume
from archcalc.graph.inference import UNKNOWN, Network
from archcalc.layer import Reference
from archcalc.record import field, record
from archcalc.spec.chain import Body, Each, Invocation, Item, Step, explicit_names
from archcalc.spec.declaration import BlockDef, Library
from archcalc.spec.expression import Meter, Metered, Names
from archcalc.spec.value import Value

INCOMING = "x"
"""The name that a block has for its input."""

MEMBERS = ".*"
"""What stands for all members of a repeat."""


class Several(str):
    """The path of the last of several values that a chain ends in: none of them is what a layer after it reads.

    `names`: what they are called; `paths`: all of them.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]

    def __new__(cls, paths: tuple[str, ...], names: tuple[str, ...]) -> "Several":
        made = super().__new__(cls, paths[-1])
        made.names, made.paths = names, paths
        return made


class Named(Reference):
    """What a name of the spec stands for. As a text it is the path of a value: what comes out of what is named.

    `labelled`: the path of the layer or block that the name stands in front of, which can run again and whose weights
    can be tied; empty where it names a value alone. `chain`: see Step; where there is one, the name is no value that
    can be read, for it may be taken for what the chain ends in. `several`: the names of the values that it ends in.
    """

    labelled: str
    chain: tuple[Location, ...]
    several: tuple[str, ...]

    def __new__(cls, value: str, labelled: str = "", chain: tuple[Location, ...] = ()) -> "Named":
        made = super().__new__(cls, value)
        made.labelled, made.chain = labelled, chain
        made.several = value.names if isinstance(value, Several) else ()
        return made


class Expanded(Protocol):
    """A block that was expanded. `members`: what the names of its body stand for."""

    @property
    def members(self) -> Mapping[str, Value]: ...


@record
class Site:
    """One entry of the call stack: a block, or a turn of a loop, which has no definition.

    `note`: what a message says of it; `guarded`: the call stands under a condition, which can end a recursion.
    """

    note: str
    definition: BlockDef | None = None
    guarded: bool = False


class Scope(Metered):
    """The names that expressions can use: numbers and words, layers, the sizes of layers, the members of repeats.

    `e1.channels` and `x.height` are sizes of a layer's output; `enc.*` is a list of the members of a repeat, and
    `enc.*.channels` one of their sizes.
    """

    __slots__ = ("frame", "meter")

    def __init__(self, frame: "Frame") -> None:
        self.frame = frame
        self.meter = frame.meter

    def __getitem__(self, name: str) -> Value:
        found = self.found(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        found = self.found(name)
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.found(name) is not None

    def __iter__(self) -> Iterator[str]:
        yield from self.frame.names
        yield from (name for name in self.frame.local if name not in self.frame.names)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def sizes(self) -> Iterator[str]:
        for name in self:
            value = self.found(name)
            volume = self.frame.network.volumes.get(value) if isinstance(value, Named) else None
            yield from (f"{name}.{size}" for size in (sizes_of(volume) if volume else ()))

    def found(self, name: str) -> "Value | None":
        given = self.frame.given(name)
        if given is not None:
            return given
        if "." not in name:
            return self.frame.named(name)
        base, _, size = name.rpartition(".")
        if MEMBERS in name and self.frame.lacking(base if size in SIZES else name):
            return None
        if MEMBERS in name and size in SIZES:
            return tuple(self.size(each, size) or "none" for each in self.frame.members(base)) or None
        if MEMBERS in name:
            return tuple(self.frame.members(name)) or None
        if size in SIZES and (named := self.frame.named(base)) is not None:
            return self.size(named, size)
        return self.frame.named(name)

    def why_missing(self, name: str) -> str:
        return self.frame.why_missing(name)

    def part(self, value: Value, member: str) -> "Value | None":
        """A size of the layer that a value is, or one of the layers of a block."""
        if not isinstance(value, Named):
            return None
        base, _, size = member.rpartition(".")
        if size not in SIZES:
            return self.frame.part(value, member)
        named = self.frame.part(value, base) if base else value
        return None if named is None else self.size(named, size)

    def size(self, named: Named, size: str) -> "Value | None":
        """A size of a layer's output. Raises SpecError without a message if it is unknown because of a problem."""
        volume = self.frame.network.volumes.get(named)
        if volume is None:
            raise SpecError([])
        return sizes_of(volume).get(size)


@record(frozen=False)
class Frame:
    """The context of an expansion: one for the document's own chain, one for each block being expanded.

    `names`: what is known from outside; `local`: the value of each name; `prefix`, `module`: see graph.Scope;
    `numbered`: members are named 0, 1, 2 ...; `taken`: names that the body gives explicitly, earlier or later;
    `meter`: counts the steps of loops; `blocks`: those that were expanded, by their paths; `guarded`: it stands under a
    condition of its block; `left_out`: the sides of its conditions that were not taken.
    """

    prefix: str
    module: str
    names: Names
    library: Library
    network: Network
    meter: Meter
    blocks: Mapping[str, Expanded]
    taken: frozenset[str] = frozenset()
    stack: tuple["Site", ...] = ()
    numbered: bool = False
    frozen: bool = False
    guarded: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    local: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)
    left_out: list[Body] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        """Made when it is asked for: a frame that kept it would live, with the network, until garbage is collected."""
        return Scope(self)

    @property
    def within_block(self) -> bool:
        return any(site.definition for site in self.stack)

    def path(self, name: str) -> str:
        return f"{self.prefix}.{name}" if self.prefix else name

    def module_path(self, name: str) -> str:
        return f"{self.module}.{name}" if self.module else name

    def number(self, word: str) -> str:
        """A name for an unnamed member: its type and its number within the block, or only the number."""
        if self.numbered:
            self.counts[""] += 1
            return str(self.counts[""] - 1)
        while True:
            count = self.counts[word] = self.counts.get(word, 0) + 1
            name = f"{word.rpartition('.')[2]}{count}"
            if name not in self.taken:
                return name

    def why_missing(self, name: str) -> str:
        """Why nothing has a name, or no single value: it stands for several, or a condition left it out."""
        base, _, size = name.rpartition(".")
        if is_members(self.given(name)):
            return f"it stands for several values; join them: add: [{name}.*], or name one: {name}[0]"
        if base and size in SIZES and is_members(self.given(base)):
            return f"{base} is a list of layers; write {base}[0].{size}"
        if MEMBERS in name and (without := self.lacking(base if size in SIZES else name)):
            member = name.partition(MEMBERS)[2][1:]
            both = f"{member} = a if n > 1 else b"
            return f"{without} has no layer called {member}; if a condition leaves it out, name both sides: {both}"
        first = name.partition(".")[0]
        if first == "prev":
            rest = name.removeprefix(first)
            return f"name what comes in before, y = prev, and write y{rest}; a block reads it as x{rest}"
        if self.stack and self.stack[-1].definition is None and first == self.prefix.rpartition(".")[2]:
            return f"no turn comes before the first one: {first}[i - 1] if i > 0 else what to begin with"
        if any(first in explicit_names(body) for body in self.left_out):
            both = f"name both sides: {first} = a if n > 1 else b"
            return f"the condition of {first} is false here, so it is left out; {both}"
        if self.within_block and first in self.network.outermost and first not in (*self.taken, "input"):
            return "a block does not see the caller's layers; pass this one as an argument"
        if first == INCOMING and not self.within_block:
            rest = name.removeprefix(INCOMING)
            return f"{INCOMING} is the input of a block; here, write the name of a layer, or input{rest}"
        return ""

    # --- what names stand for ------------------------------------------------------------------------------------

    def given(self, name: str) -> "Value | None":
        """What a name stands for by itself: what is known from outside comes before what the chain names."""
        found = self.names.get(name)
        return self.local.get(name) if found is None and not self.hides(name) else found

    def hides(self, name: str) -> bool:
        """Whether a dotted name begins with an argument or an index that is a layer, or a list of layers."""
        if "." not in name:
            return False
        outside = self.names.get(name.partition(".")[0])
        return isinstance(outside, Named) or is_members(outside)

    def named(self, name: str) -> Named | None:
        """The layer, block or value that a name stands for; UNKNOWN for a part of what is unknown."""
        given = self.given(name)
        if isinstance(given, Named):
            return given
        if is_members(given):
            return None
        if self.hides(name):
            return self.reached(name)
        path = self.path(name)
        if path in self.network.scopes:
            return Named(self.network.scopes[path].output, path)
        if path in self.network.volumes:
            return Named(path, path)
        return self.reached(name) if "." in name else None

    def reached(self, name: str) -> Named | None:
        """What a dotted name stands for that begins with the name of a value: a layer of a block, or an entry of a
        list of layers."""
        parts = name.split(".")
        for at in range(len(parts) - 1, 0, -1):
            given, rest = self.given(".".join(parts[:at])), parts[at:]
            if is_members(given) and rest[0].isdecimal() and int(rest[0]) < len(given):
                given, rest = given[int(rest[0])], rest[1:]
            if is_unknown(given):
                return Named(UNKNOWN)
            if isinstance(given, Named):
                return self.part(given, ".".join(rest)) if rest else given
        return None

    def part(self, named: Named, member: str) -> Named | None:
        """The layer of that name in a block that was expanded."""
        if is_unknown(named):
            return named
        path = f"{named.labelled}.{member}"
        if path in self.network.scopes:
            return Named(self.network.scopes[path].output, path)
        block = self.blocks.get(named.labelled)
        found = block.members.get(member) if block else None
        if isinstance(found, Named):
            return found
        return Named(path, path) if named.labelled and path in self.network.volumes else None

    def members(self, name: str) -> Iterator[Named]:
        """The members of a repeat, or one layer of each: `enc.*`, `enc.*.skip`. Nothing if there is no such repeat."""
        base, _, rest = name.partition(MEMBERS)
        given = self.given(base)
        if is_members(given) and not rest:
            yield from given
            return
        if is_unknown(given):
            yield Named(UNKNOWN)
            return
        number = 0
        while (member := self.named(f"{base}.{number}")) is not None:
            found = [member] if not rest else self.one_or_all(f"{base}.{number}{rest}")
            yield from found
            number += 1

    def lacking(self, name: str) -> str:
        """The first member of a repeat that lacks the layer which is asked of each; empty where all have it."""
        base, _, rest = name.partition(MEMBERS)
        number = 0
        while rest and (member := self.named(f"{base}.{number}")) is not None and not is_unknown(member):
            if not self.one_or_all(f"{base}.{number}{rest}"):
                return f"{base}.{number}"
            number += 1
        return ""

    def one_or_all(self, name: str) -> list[Named]:
        if MEMBERS in name:
            return list(self.members(name))
        found = self.named(name)
        return [] if found is None else [found]


def is_members(value: "Value | None") -> TypeGuard[tuple[Named, ...]]:
    """Whether a value is a list of layers."""
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, Named) for each in value)


def is_unknown(value: "Value | None") -> bool:
    return isinstance(value, Named) and value == UNKNOWN


def sizes_of(x: Volume) -> dict[str, Value]:
    """The sizes of an output that expressions can use."""
    named = dict(zip(POSITIONS.get(x.rank, ()), x.spatial, strict=True)) if x.rank in POSITIONS else {}
    return {"channels": x.channels, "shape": x.item_shape, "spatial": x.spatial, **named}


def names_made(item: Item, library: Library) -> Iterator[str]:
    """The names that an item makes known: those that it gives by hand, and those of the layers of a named block."""
    yield from explicit_names((item,))
    if isinstance(item, Step) and item.name and item.call.target.text in library.blocks:
        yield from members_made(item.name.text, library.blocks[item.call.target.text])


def members_made(name: str, definition: BlockDef) -> Iterator[str]:
    """What the layers of a block are called from outside, where the block is called `name`."""
    return (f"{name}.{member}" for member in definition.names)


def is_sequence(body: Body, library: Library) -> bool:
    """Whether a block is a chain of unnamed blocks. Its members are then named 0, 1, 2 ..., as in nn.Sequential."""
    return bool(body) and all(
        is_sequence(item.body, library)
        if isinstance(item, Each)
        else isinstance(item, Step)
        and isinstance(item.call, Invocation)
        and item.call.target.text in library.blocks
        and not item.name
        and not item.origin
        for item in body
    )
