"""Paths: the steps of a region as chains and merges.

A merge begins where all of its inputs come from: at the latest step that every way to them passes through.
"""

from collections.abc import Callable, Sequence
from typing import Any

from archcalc.graph.several import INDEX
from archcalc.importing.lowering.sized import sized
from archcalc.importing.lowering.step import Step, together
from archcalc.importing.readable.tree import Region
from archcalc.layer import Reference
from archcalc.record import field, record

MOST_INSIDE = 4
"""The most merges inside the paths of another one; its inputs have names of their own then."""


@record(frozen=False, eq=False)
class Item:
    """A call of a layer or block, with its arguments; a merge with its paths; or, without a call, a name.

    `conditions`: the condition of a path, by its index; where it is false, the path is `prev`. `count`: how often.
    `runs_again`: whether the call is the name of an earlier layer, which runs once more. `is_read`: whether its own
    name stands for what comes out of it, and not only for its layer. `sized`: arguments as expressions in sizes of what
    its body can read.
    """

    call: str
    arguments: dict[str, Any] = field(default_factory=dict)
    paths: "list[list[Item]] | None" = None
    name: str = ""
    conditions: dict[int, str] = field(default_factory=dict)
    count: int = 1
    is_name: bool = False
    runs_again: bool = False
    is_read: bool = False
    region: Region | None = None
    step: Step | None = None
    sized: dict[str, Any] = field(default_factory=dict)

    @property
    def begins(self) -> bool:
        """Whether it leaves what was before it alone: a name, or values of its own."""
        return self.is_name or (self.step is not None and not self.step.sources)


@record(frozen=False, slots=False, eq=False)
class Body:
    """The items of one region. `call`: makes the item of a step or region. `named`: a new name for one. `inputs`: those
    of the network, in its own region."""

    region: Region
    call: Callable[[Step | Region], Item]
    named: Callable[[Step | Region], str]
    inputs: Sequence[Step] = ()
    done: dict[Step, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.together = together([each for each in self.region.items if isinstance(each, Step)])
        self.makers = {step: item for item in self.region.items for step in made_by(item)}
        self.order = {step: i for i, item in enumerate(self.region.items) for step in made_by(item)}
        self.users: dict[Step, list[Step | Region]] = {each: [] for each in self.makers}
        for item in self.region.items:
            for source in (*sources_of(item), *lent_to(item)):
                if source in self.users:
                    self.users[source].append(item)

    def whole(self, outputs: Sequence[Step], start: Step | None) -> list[Item]:
        """All items of the region. `start`: what is before it. What nothing reads comes first."""
        given = {id(self.makers[each]) for each in self.makers if self.users[each] or each in outputs}
        found = self.first([each for each in self.makers if id(self.makers[each]) not in given])
        start = None if found else start
        for each in outputs:
            found += self.path(each, start)
            start = None  # what comes next is not after the start
        return plain(found)

    def path(self, step: Step, start: Step | None) -> list[Item]:
        """The items from `start`, which is `prev` there, to a step."""
        if step is start:
            return []
        if step not in self.makers or self.is_done(step):
            return [self.name(step)]
        if step in self.together:
            return [*self.outputs(step, start), self.name(step)]
        maker = self.makers[step]
        if step is not last(maker):
            return [*self.path(last(maker), start), self.name(step)]
        sources, lent = sources_of(maker), lent_to(maker)
        if is_merge(maker):
            origin = self.common(sources, start)
            before = self.path(origin, start) if origin is not None else []
            needed = self.first([*self.read_elsewhere(maker, origin), *lent, *owners_of(maker)], origin)
            back = origin or start
            paths = [self.path(each, back) for each in sources]
            if needed and back is not None and any(map(goes_on, paths)):
                needed.append(self.name(back))
            before += needed
            item = self.call(maker)
            item.paths = paths
        else:
            before = self.path(sources[0], start) if sources else []
            needed = self.first([*lent, *owners_of(maker)])
            before += [*needed, self.name(sources[0])] if needed and sources else needed
            item = self.call(maker)
        self.refer(item, maker, lent)
        self.use(item, maker)
        if isinstance(maker, Step) and maker.others:
            item.sized = self.in_sizes(maker)
        self.done[step] = item
        return [*before, item]

    def outputs(self, step: Step, start: Step | None) -> list[Item]:
        """The items from `start` to an operation with several outputs, of which a step is one."""
        group = self.together[step]
        before = self.path(step.sources[0], start)
        item = self.call(group[0])
        item.arguments = {key: value for key, value in item.arguments.items() if key != INDEX}
        self.done |= {each: Item("", name=self.named(each)) for each in group}
        item.name = ", ".join(self.done[each].name for each in group)
        return [*before, item]

    def first(self, steps: Sequence[Step], start: Step | None = None) -> list[Item]:
        """The items of steps that have to be written before another one; `start`: what was written last."""
        found: list[Item] = []
        for each in steps:
            if each in self.makers and not self.is_done(each):
                is_output = each in self.together
                found += self.outputs(each, start) if is_output else self.path(last(self.makers[each]), None)
                start = None
                self.name(each)
        return found

    def is_done(self, step: Step) -> bool:
        """Whether what makes a step is written."""
        return last(self.makers[step]) in self.done

    def read_elsewhere(self, maker: Step | Region, origin: Step | None) -> list[Step]:
        """What is on the way to a merge and has a reader that is not, in order; and its inputs, if too many merges are
        on the way to them."""
        sources = sources_of(maker)
        between = {each for source in sources for each in self.ancestors(source)} - self.ancestors(origin)
        between = {each for each in between if each in self.makers and not self.is_done(each)}
        inner = {*(id(self.makers[each]) for each in between), id(maker)}
        members = {each for each in between if each is not last(self.makers[each]) or each in self.together}
        found = [each for each in between if each in members or not {id(user) for user in self.users[each]} <= inner]
        if sum(is_merge(self.makers[each]) for each in between) > MOST_INSIDE:
            found += [each for each in sources if each in between and each not in found]
        return sorted(found, key=lambda each: self.order[each])

    def refer(self, item: Item, maker: Step | Region, others: Sequence[Step]) -> None:
        """The arguments of a layer that reads further values are their names."""
        if not others:
            return
        if isinstance(maker, Region):
            item.arguments |= {name: Reference(self.name(each).call) for each, name in maker.lent.items()}
            return
        step = last(maker)
        assert step.layer is not None
        names = iter([Reference(self.name(each).call) for each in others])
        for key in step.layer.reads:
            value = getattr(step.layer, key)
            if isinstance(value, tuple):
                item.arguments[key] = tuple(next(names) for _ in value)
            elif value is not None:
                item.arguments[key] = next(names)

    def use(self, item: Item, maker: Step | Region) -> None:
        """Weights of another step are named by it."""
        if isinstance(maker, Step) and maker.tied is not None and maker.layer is not None:
            item.arguments |= dict.fromkeys(maker.layer.ties, Reference(self.layer(maker.tied)))
        if isinstance(maker, Step) and maker.again is not None:
            item.call, item.arguments, item.runs_again = self.layer(maker.again), {}, True

    def in_sizes(self, step: Step) -> dict[str, Any]:
        """The arguments of a step that follow the sizes of what comes in, or of what it reads."""
        region = self.region
        given = [("x", region.source)] if region.source else [(each.name, each) for each in self.inputs]
        found = sized(step, [*given, *((name, each) for each, name in region.lent.items())])
        source = next((each for each in step.sources if each in self.done), None)
        if source is not None and (more := {k: v for k, v in sized(step, [("y", source)]).items() if k not in found}):
            name = self.layer(source)
            found |= sized(step, [(name, source)]) if more else {}
        return found

    def name(self, step: Step) -> Item:
        """A name for what comes out of a step that was written before."""
        if step in self.done:
            self.done[step].is_read = True
            return Item(self.layer(step), is_name=True)
        maker = self.makers.get(step)
        if isinstance(maker, Region) and self.is_done(step):
            return Item(f"{self.layer(last(maker))}.{maker.members[step]}", is_name=True)
        if step is self.region.source:
            return Item("x", is_name=True)
        if step in self.region.lent:
            return Item(self.region.lent[step], is_name=True)
        if step.layer is None:
            return Item(step.name, is_name=True)
        raise NotReadable(f"{step.function} of {step.module} is read from another module")

    def layer(self, step: Step) -> str:
        """A name for the layer of a step that was written before."""
        if step not in self.done:
            return self.name(step).call
        made = self.done[step]
        made.name = made.name or self.named(made.region or step)
        return made.name

    def common(self, sources: list[Step], start: Step | None) -> Step | None:
        """The latest step that every way from `start` to the sources passes through."""
        if start is not None and start in sources:
            return start
        shared = set.intersection(*(self.ancestors(each) for each in sources))
        for each in sorted((s for s in shared if s in self.order), key=lambda s: -self.order[s]):
            if self.cuts(each, sources, start):
                return each
        return start

    def ancestors(self, step: Step | None) -> set[Step]:
        seen: set[Step] = set()
        waiting = [step] if step is not None else []
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                if each in self.makers and not self.is_done(each):
                    waiting += (*sources_of(self.makers[each]), *lent_to(self.makers[each]))
        return seen

    def cuts(self, cut: Step, sources: list[Step], start: Step | None) -> bool:
        """Whether no way from the sources upwards misses a step."""
        seen: set[Step] = set()
        waiting = list(sources)
        while waiting:
            each = waiting.pop()
            if each is cut or each in seen:
                continue
            seen.add(each)
            if each is start or each not in self.makers or self.is_done(each):
                return False
            waiting += sources_of(self.makers[each])
        return True


class NotReadable(Exception):
    """A network that cannot be written with blocks, and why."""


def last(item: Step | Region) -> Step:
    if isinstance(item, Region):
        assert item.output is not None
        return item.output
    return item


def made_by(item: Step | Region) -> Sequence[Step]:
    """What an item gives: its last step, and the other steps of a region that others read."""
    return (*item.others, last(item)) if isinstance(item, Region) else (item,)


def sources_of(item: Step | Region) -> list[Step]:
    if isinstance(item, Region):
        assert item.source is not None
        return [item.source]
    return list(item.joined)


def goes_on(path: list[Item]) -> bool:
    """Whether a path begins with what was before it."""
    if path and path[0].paths is not None:
        return any(map(goes_on, path[0].paths))
    return not path or not path[0].begins


def plain(path: list[Item]) -> list[Item]:
    """A path without the names that nothing goes on from, and without those of what is before them anyway."""
    kept: list[Item] = []
    for i, item in enumerate(path):
        item.paths = None if item.paths is None else [plain(each) for each in item.paths]
        is_left = i + 1 < len(path) and not goes_on([path[i + 1]])
        is_there = i > 0 and path[i - 1].name == item.call
        if not item.is_name or not (is_left or is_there):
            kept.append(item)
    return kept


def lent_to(item: Step | Region) -> Sequence[Step]:
    """The steps that an argument of a layer or block names."""
    return item.named if isinstance(item, Step) else tuple(item.lent)


def owners_of(item: Step | Region) -> list[Step]:
    """The steps whose weights a step uses, which are written before it."""
    found = (item.again, item.tied) if isinstance(item, Step) else ()
    return [each for each in found if each is not None]


def is_merge(item: Step | Region) -> bool:
    return isinstance(item, Step) and item.layer is not None and item.layer.inputs[1] != 1 and len(item.joined) > 1
