"""Frames: the names that are known within an expansion, and how unnamed layers are named."""

from collections import ChainMap, Counter
from dataclasses import dataclass, field

from archcalc.core.location import Location
from archcalc.core.volume import Volume
from archcalc.spec.chain import Body, Choice, Invocation, Merge, Step
from archcalc.spec.declaration import BlockDef, Library
from archcalc.spec.expression import Names
from archcalc.spec.value import Value

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""The axes of a block's input by rank, available as `x.height` and so on."""


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
