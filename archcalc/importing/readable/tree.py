"""Regions: the steps of a network by the modules that ran them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.lowering.step import Step
from archcalc.layer import Role
from archcalc.record import field, record

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes that only hold modules: they are part of the module that holds them."""

MOST_LENT = 4
"""The most further steps that a block reads."""

Users: TypeAlias = Mapping[Step, list[Step | None]]
"""The steps that read each step; None stands for the outputs of the network."""


@record(eq=False, frozen=False, slots=False)
class Region:
    """What one call of a module did: steps and inner regions in order, the step that it reads and the one it gives.

    `lent`: further steps that it reads, and the parameters of its block that stand for them. `others`: further steps
    that it gives, or that nothing reads; `members`: their names in its block.
    """

    __repr__ = object.__repr__  # steps refer to one another

    path: str
    kind: str
    items: "list[Step | Region]" = field(default_factory=list)
    source: Step | None = None
    lent: dict[Step, str] = field(default_factory=dict)
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


def tree_of(lowered: Lowered, kinds: Mapping[str, str], users: Users, most_lent: int = MOST_LENT) -> Region:
    """The whole network as a region. A region that no block can stand for is part of the region around it.
    `most_lent`: how many further steps a block may read."""
    holders = {path.rpartition(".")[0] for path in kinds if path} | computing(lowered, kinds)
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
    order = {step: i for i, step in enumerate((*lowered.inputs, *lowered.steps))}
    Dissolving(users, several, lowered.given, order, most_lent).dissolve(root)
    return root


def computing(lowered: Lowered, kinds: Mapping[str, str]) -> set[str]:
    """The modules that hold none and join what they compute, if there are others of their class: gates, norms."""
    steps = Counter(each.module for each in lowered.steps if each.layer and each.layer.role != Role.MOVEMENT)
    joining = {each.module for each in lowered.steps if len(each.joined) > 1}
    several = [path for path in joining if steps[path] > 1]
    classes = Counter(kinds.get(path) for path in several)
    return {path for path in several if classes[kinds.get(path)] > 1}


def prefixes(path: str) -> Iterator[str]:
    """
    >>> list(prefixes("a.b.c"))
    ['a', 'a.b', 'a.b.c']
    """
    parts = path.split(".") if path else []
    yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


@record
class Dissolving:
    """Replaces regions that no block can stand for by their items. `several`: the classes of which some module gives
    several steps. `given`: what modules are called with. `order`: of the steps. `most_lent`: how many further steps a
    block may read."""

    users: Users
    several: Collection[str]
    given: Mapping[str, Mapping[Step, str]]
    order: Mapping[Step, int]
    most_lent: int

    def dissolve(self, region: Region) -> None:
        items: list[Step | Region] = []
        for item in region.items:
            if not isinstance(item, Region):
                items.append(item)
                continue
            self.dissolve(item)
            items += [item] if self.is_block(item) else item.items
        region.items = items

    def is_block(self, item: Region) -> bool:
        """Whether a block can stand for a region: it reads few steps, gives some of its own, and shares no weights with
        others. Notes what it reads and gives."""
        inside = set(item.steps)
        sources = list(dict.fromkeys(s for step in item.steps for s in step.sources if s not in inside))
        given = given_by(item, self.users)
        if item.kind in self.several:
            given = [step for step in item.steps if step in given or not self.users[step]]
        few = 0 < len(sources) <= 1 + self.most_lent
        if item.kind in CONTAINERS or not few or not given or len(item.items) == 1:
            return False
        return not is_shared(inside, self.users) and self.reads(item, sources) and gives(item, item.source, given)

    def reads(self, item: Region, sources: Sequence[Step]) -> bool:
        """Notes what a region reads: first what its code calls `x`, or takes first. Several steps have to be there
        before it begins."""
        begin = min(self.order[step] for step in item.steps)
        if len(sources) > 1 and any(self.order[each] > begin for each in sources):
            return False
        names = {step: name for step, name in self.given.get(item.path, {}).items() if step in sources}
        named = [step for step, name in names.items() if name == "x"] or list(names)
        item.source = (named or sources)[0]
        item.lent = {step: names.get(step, "other") for step in sources if step is not item.source}
        return True


def given_by(region: Region, users: Users) -> Sequence[Step]:
    """The steps of a region that others read."""
    inside = set(region.steps)
    return [step for step in region.steps if any(user not in inside for user in users[step])]


def gives(region: Region, source: Step | None, given: Sequence[Step]) -> bool:
    """Whether a block can stand for a region: it notes what that reads and gives. Of several steps that it gives, the
    block ends with one: the last, or the last that is like what goes in."""
    own = {each.output if isinstance(each, Region) else each for each in region.items}
    if not own.issuperset(given):
        return False
    alike = [each for each in given if source is not None and each.volume == source.volume]
    region.output = (alike or given)[-1]
    region.others = [each for each in given if each is not region.output]
    return True


def is_shared(inside: set[Step], users: Users) -> bool:
    """Whether some of these use a weight of another step, or another step uses one of theirs."""
    return any(
        (each in inside) != (owner in inside)
        for each in users
        for owner in (each.again, each.tied)
        if owner is not None
    )
