"""Paths: the steps of a region as chains and merges.

A merge begins where all of its inputs come from: at the latest step that every way to them passes through.
"""

from collections.abc import Callable
from typing import Any

from archcalc.importing.lowering.step import Step
from archcalc.importing.readable.tree import Region
from archcalc.layer import Reference
from archcalc.record import field, record


class Raw(str):
    """An argument that is an expression already."""

    __slots__ = ()


@record(frozen=False, eq=False)
class Item:
    """A call of a layer or block, with its arguments; a merge with its paths; or, without a call, a name.

    `conditions`: the condition of a path, by its index; where it is false, the path is `prev`. `count`: how often.
    """

    call: str
    arguments: dict[str, Any] = field(default_factory=dict)
    paths: "list[list[Item]] | None" = None
    name: str = ""
    conditions: dict[int, str] = field(default_factory=dict)
    count: int = 1
    is_name: bool = False
    region: Region | None = None
    step: Step | None = None
    norm: dict[str, Any] | None = None


@record(frozen=False, slots=False, eq=False)
class Body:
    """The items of one region. `call`: makes the item of a step or region. `named`: a new name for a step."""

    region: Region
    call: Callable[[Step | Region], Item]
    named: Callable[[Step], str]
    done: dict[Step, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.makers = {last(item): item for item in self.region.items}
        self.order = {last(item): i for i, item in enumerate(self.region.items)}

    def path(self, step: Step, start: Step | None) -> list[Item]:
        """The items from `start`, which is `prev` there, to a step."""
        if step is start:
            return []
        if step in self.done or step not in self.makers:
            return [self.name(step)]
        maker = self.makers[step]
        sources = sources_of(maker)
        if len(sources) > 1 and not is_merge(maker):
            self.lend(maker, sources[1:])
        if not is_merge(maker):
            before = self.path(sources[0], start) if sources else []
            item = self.call(maker)
        else:
            origin = self.common(sources, start)
            before = self.path(origin, start) if origin is not None else []
            paths = [self.path(each, origin or start) for each in sources]
            item = self.call(maker)
            item.paths = paths
        if len(sources) > 1 and not is_merge(maker):
            self.refer(item, maker, sources[1:])
        self.done[step] = item
        return [*before, item]

    def lend(self, maker: Step | Region, others: list[Step]) -> None:
        for each in others:
            if each in self.makers and each not in self.done:
                raise NotReadable(f"{last(maker).function} reads a value that is made after it")

    def refer(self, item: Item, maker: Step | Region, others: list[Step]) -> None:
        """The arguments of a layer that reads further values are their names."""
        step = last(maker)
        assert step.layer is not None
        names = iter([Reference(self.name(each).call) for each in others])
        for key in step.layer.reads:
            value = getattr(step.layer, key)
            if isinstance(value, tuple):
                item.arguments[key] = tuple(next(names) for _ in value)
            elif value is not None:
                item.arguments[key] = next(names)

    def name(self, step: Step) -> Item:
        """A name for a step that was written before."""
        if step in self.done:
            made = self.done[step]
            made.name = made.name or self.named(step)
            return Item(made.name, is_name=True)
        if step.layer is None:
            return Item(step.name, is_name=True)
        raise NotReadable(f"{step.function} of {step.module} is read from another module")

    def common(self, sources: list[Step], start: Step | None) -> Step | None:
        """The latest step that every way from `start` to the sources passes through."""
        if start is not None and start in sources:
            return start
        shared = set.intersection(*(self.ancestors(each) for each in sources))
        for each in sorted((s for s in shared if s in self.order), key=lambda s: -self.order[s]):
            if self.cuts(each, sources, start):
                return each
        return start

    def ancestors(self, step: Step) -> set[Step]:
        seen: set[Step] = set()
        waiting = [step]
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += sources_of(self.makers[each]) if each in self.makers and each not in self.done else ()
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
            if each is start or each not in self.makers or each in self.done:
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


def sources_of(item: Step | Region) -> list[Step]:
    if isinstance(item, Region):
        assert item.source is not None
        return [item.source]
    return list(item.sources)


def is_merge(item: Step | Region) -> bool:
    return isinstance(item, Step) and item.layer is not None and item.layer.inputs[1] != 1 and len(item.sources) > 1
