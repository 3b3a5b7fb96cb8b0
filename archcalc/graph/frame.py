"""Frames: the names that are known within an expansion, and how unnamed layers are named."""

from collections import ChainMap, Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from archcalc.core.location import Location
from archcalc.core.volume import Volume
from archcalc.layer import Reference
from archcalc.spec.chain import Body, Choice, Invocation, Item, Merge, Step
from archcalc.spec.declaration import BlockDef, Library
from archcalc.spec.expression import Names
from archcalc.spec.value import Value

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""The axes of a block's input by rank, available as `x.height` and so on."""


class Named(Reference):
    """What a name of the spec stands for. As a text it is the path of a value: what comes out of what is named.

    `labelled`: the path of the layer or block that the name stands in front of, which can run again and whose weights
    can be tied; empty where it names a value alone. `chain`: see Step; where there is one, the name is no value that
    can be read, for it may be taken for what the chain ends in.
    """

    labelled: str
    chain: tuple[Location, ...]

    def __new__(cls, value: str, labelled: str = "", chain: tuple[Location, ...] = ()) -> "Named":
        made = super().__new__(cls, value)
        made.labelled, made.chain = labelled, chain
        return made


@dataclass(frozen=True, slots=True)
class Site:
    """One entry of the call stack of blocks: the block's name and the location of the call."""

    definition: BlockDef
    name: str
    where: Location


@dataclass
class Frame:
    """The context of an expansion: one for the document's own chain, one for each block being expanded.

    `local`: the value of each name; `prefix`, `module`: see graph.Scope; `numbered`: members are named 0, 1, 2 ...;
    `taken`: names that the body gives explicitly, earlier or later.
    """

    prefix: str
    module: str
    names: Names
    library: Library
    taken: frozenset[str] = frozenset()
    stack: tuple["Site", ...] = ()
    numbered: bool = False
    frozen: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    local: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope: Names = ChainMap(dict(self.names), self.local)

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
            self.counts[word] += 1
            name = f"{word.rpartition('.')[2]}{self.counts[word]}"
            if name not in self.taken:
                return name


def incoming(x: Volume) -> dict[str, Value]:
    """The names that a block has for the dimensions of its input."""
    named = dict(zip(AXES.get(x.rank, ()), x.spatial, strict=True)) if x.rank in AXES else {}
    return {
        "x.channels": x.channels,
        "x.shape": x.item_shape,
        "x.spatial": x.spatial,
        **{f"x.{axis}": n for axis, n in named.items()},
    }


def explicit_names(body: Body) -> frozenset[str]:
    """The names that a chain gives explicitly, including those in its paths."""
    found: set[str] = set()
    for item in body:
        if isinstance(item, Choice):
            found |= explicit_names(item.then) | explicit_names(item.otherwise)
            continue
        if item.name:
            found.add(item.name.text)
        if isinstance(item.call, Merge):
            found.update(*(explicit_names(path) for path in item.call.paths))
    return frozenset(found)


def names_made(item: Item, library: Library) -> Iterator[str]:
    """The names that an item makes known: those that it gives by hand, and those of the layers of a named block."""
    yield from explicit_names((item,))
    if isinstance(item, Step) and item.name and item.call.target.text in library.blocks:
        yield from members_made(item.name.text, library.blocks[item.call.target.text])


def members_made(name: str, definition: BlockDef) -> Iterator[str]:
    """What the layers of a block are called from outside, where the block is called `name`."""
    return (f"{name}.{member}" for member in explicit_names(definition.body))


def is_sequence(body: Body, library: Library) -> bool:
    """Whether a block is a chain of unnamed blocks. Its members are then named 0, 1, 2 ..., as in nn.Sequential."""
    return bool(body) and all(
        isinstance(item, Step)
        and isinstance(item.call, Invocation)
        and item.call.target.text in library.blocks
        and not item.name
        and not item.origin
        for item in body
    )
