"""Regions: the steps of a network by the modules that ran them."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.lowering.step import Step
from archcalc.record import field, record

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes that only hold modules: they are part of the module that holds them."""

Users: TypeAlias = Mapping[Step, list[Step | None]]
"""The steps that read each step; None stands for the outputs of the network."""


@record(eq=False, frozen=False, slots=False)
class Region:
    """What one call of a module did: steps and inner regions in order, the step that it reads and the one it gives."""

    __repr__ = object.__repr__  # steps refer to one another

    path: str
    kind: str
    items: "list[Step | Region]" = field(default_factory=list)
    source: Step | None = None
    output: Step | None = None

    @property
    def steps(self) -> Iterator[Step]:
        for item in self.items:
            if isinstance(item, Region):
                yield from item.steps
            else:
                yield item

    @property
    def regions(self) -> "Iterator[Region]":
        """All regions in it, inner ones first."""
        for item in self.items:
            if isinstance(item, Region):
                yield from item.regions
                yield item

    @property
    def height(self) -> int:
        return 1 + max((each.height for each in self.items if isinstance(each, Region)), default=0)


def users_of(lowered: Lowered) -> Users:
    found: dict[Step, list[Step | None]] = {each: [] for each in (*lowered.inputs, *lowered.steps)}
    for step in lowered.steps:
        for source in dict.fromkeys(step.sources):
            found[source].append(step)
    for each in lowered.outputs:
        found[each].append(None)
    return found


def tree_of(lowered: Lowered, kinds: Mapping[str, str], users: Users) -> Region:
    """The whole network as a region. A region that no block can stand for is part of the region around it."""
    holders = {path.rpartition(".")[0] for path in kinds if path}
    root = Region("", kinds.get("", ""))
    known = {"": root}
    for step in lowered.steps:
        home = step.module if step.module in holders else step.module.rpartition(".")[0]
        at = root
        for path in prefixes(home):
            if path not in known:
                known[path] = Region(path, kinds.get(path, ""))
                at.items.append(known[path])
            at = known[path]
        at.items.append(step)
    dissolve(root, users)
    return root


def prefixes(path: str) -> Iterator[str]:
    """
    >>> list(prefixes("a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = path.split(".") if path else []
    yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def dissolve(region: Region, users: Users) -> None:
    """Replaces each inner region by its items, unless it reads one step, gives one, and shares no weights."""
    items: list[Step | Region] = []
    for item in region.items:
        if not isinstance(item, Region):
            items.append(item)
            continue
        dissolve(item, users)
        inside = set(item.steps)
        sources = list(dict.fromkeys(s for step in item.steps for s in step.sources if s not in inside))
        outputs = [step for step in inside if any(user not in inside for user in users[step])]
        shares = any(step.again or step.tied for step in inside) or is_shared(inside, users)
        whole = len(sources) == len(outputs) == 1 and not shares
        if item.kind in CONTAINERS or not whole or len(item.items) == 1:
            items += item.items
        else:
            item.source, item.output = sources[0], outputs[0]
            items.append(item)
    region.items = items


def is_shared(inside: set[Step], users: Users) -> bool:
    """Whether another step uses a weight of one of these."""
    return any(each.again in inside or each.tied in inside for each in users if each.again or each.tied)
