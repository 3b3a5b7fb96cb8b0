"""Regions: the steps of a network by the modules that ran them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """What one call of a module did: steps and inner regions in order, the step that it reads and the one it gives.

    `others`: further steps that it gives, or that nothing reads; `members`: their names in its block.
    """

    __repr__ = object.__repr__  # steps refer to one another

    path: str
    kind: str
    items: "list[Step | Region]" = field(default_factory=list)
    source: Step | None = None
    output: Step | None = None
    others: list[Step] = field(default_factory=list)
    members: dict[Step, str] = field(default_factory=dict)

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
    several = {region.kind for region in root.regions if len(given_by(region, users)) > 1}
    dissolve(root, users, several)
    return root


def prefixes(path: str) -> Iterator[str]:
    """
    >>> list(prefixes("a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = path.split(".") if path else []
    yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def dissolve(region: Region, users: Users, several: Collection[str]) -> None:
    """Replaces each inner region by its items, unless it reads one step, gives some of its own, and shares no weights.

    `several`: the classes of which some module gives several steps.
    """
    items: list[Step | Region] = []
    for item in region.items:
        if not isinstance(item, Region):
            items.append(item)
            continue
        dissolve(item, users, several)
        inside = set(item.steps)
        sources = list(dict.fromkeys(s for step in item.steps for s in step.sources if s not in inside))
        given = given_by(item, users)
        if item.kind in several:
            given = [step for step in item.steps if step in given or not users[step]]
        shares = any(step.again or step.tied for step in inside) or is_shared(inside, users)
        whole = len(sources) == 1 and given and not shares
        if item.kind in CONTAINERS or not whole or len(item.items) == 1 or not gives(item, sources[0], given):
            items += item.items
        else:
            items.append(item)
    region.items = items


def given_by(region: Region, users: Users) -> Sequence[Step]:
    """The steps of a region that others read."""
    inside = set(region.steps)
    return [step for step in region.steps if any(user not in inside for user in users[step])]


def gives(region: Region, source: Step, given: Sequence[Step]) -> bool:
    """Whether a block can stand for a region: it notes what that reads and gives. Of several steps that it gives, the
    block ends with one: the last, or the last that is like what goes in."""
    own = {each.output if isinstance(each, Region) else each for each in region.items}
    if not own.issuperset(given):
        return False
    alike = [each for each in given if each.volume == source.volume]
    region.source, region.output = source, (alike or given)[-1]
    region.others = [each for each in given if each is not region.output]
    return True


def is_shared(inside: set[Step], users: Users) -> bool:
    """Whether another step uses a weight of one of these."""
    return any(each.again in inside or each.tied in inside for each in users if each.again or each.tied)
