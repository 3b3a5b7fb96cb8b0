"""Repeats: `block * n`, and loops with an index, in a row or side by side."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.dim import Dim, is_number
from archcalc.core.location import Location
from archcalc.graph.blocks import Expansion
from archcalc.graph.bounds import Bounds
from archcalc.graph.copying import Before, Copy, Copying
from archcalc.graph.deciding import guarded, times
from archcalc.graph.declarations import Declarations
from archcalc.graph.frame import MEMBERS, Frame, Named
from archcalc.graph.graph import Scope
from archcalc.graph.inference import UNKNOWN, Network
from archcalc.graph.looping import check_made, check_names, free_count, in_a_row, members_frame, step_of_turn, turns
from archcalc.graph.placing import Placing
from archcalc.graph.problems import ProblemsFound
from archcalc.graph.resolving import Resolver, claim
from archcalc.layer import layer_named
from archcalc.record import field, record
from archcalc.spec.chain import Body, Each, Invocation, Item, Merge, Step
from archcalc.spec.expression import Expression, Names


@record(frozen=False, slots=False)
class Repeating(ABC):
    """What repeats chains and calls; how these are expanded stands in expanding."""

    network: Network
    declared: Declarations
    problems: ProblemsFound
    bounds: Bounds
    placing: Placing
    resolver: Resolver
    expansions: dict[str, Expansion] = field(default_factory=dict)

    @cached_property
    def copying(self) -> Copying:
        return Copying(self.network, self.expansions, self.bounds)

    @abstractmethod
    def body(self, items: Body, source: str, frame: Frame) -> str:
        """The path of what comes out of a chain that `source` goes into."""

    @abstractmethod
    def paths(self, path: Body, source: str, frame: Frame) -> Iterator[str]:
        """The outputs of a path of a merge."""

    @abstractmethod
    def once(self, step: Step, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """One layer, block or reference."""

    @abstractmethod
    def failed(self, error: SpecError, item: Item, frame: Frame) -> str:
        """Reports what is wrong with an item; what comes out of it is UNKNOWN."""

    def origins(self, step: Step, source: str, frame: Frame) -> tuple[str, ...]:
        """What goes into a step: the values that its `from:` names, or the output of the step before."""
        named = [value for word in step.origin for value in self.resolver.values(word, source, frame)]
        return tuple(named) or (source,)

    def can_run_again(self, path: str) -> bool:
        return path in self.network.nodes or path in self.expansions

    # --- equal copies --------------------------------------------------------------------------------------------

    def repeated(self, step: Step, repeat: Expression, sources: tuple[str, ...], frame: Frame) -> str:
        count = times(repeat, frame, self.declared.truth)
        if not is_number(count):
            return self.one_for_all(lambda: self.once(step, sources, frame, ""), sources[0], count, step.where)
        made = sources[0]
        makes_layers = isinstance(step.call, Merge) or layer_named(step.call.target.text)
        if makes_layers or count > self.bounds.max_layers:
            self.bounds.check_room(len(self.network.nodes) + count, step.where)
        for turn in range(1, count + 1):
            before, source = self.copying.before(frame), sources
            self.bounds.take(step)
            sources = (made := self.once(step, sources, frame, ""),)
            if made == UNKNOWN or (source == sources and len(self.network.nodes) == before.nodes):
                break  # every further copy would do the same: nothing
            if 1 < turn < count and (copy := self.copy_of_all(step, before, source[0], made, frame, count - turn)):
                return self.copying.place(copy, count - turn, frame)
        return made

    def copy_of_all(self, step: Step, before: Before, source: str, made: str, frame: Frame, count: int) -> Copy | None:
        """The last copy of a block, if `count` further ones are equal to it and there is room for them."""
        if self.problems.diagnostics or not isinstance(step.call, Invocation):
            return None
        copy = self.copying.added(before, step, source, made, frame)
        return copy if copy and self.bounds.have_room(count, len(copy.nodes), copy.steps) else None

    def one_for_all(self, copy: Callable[[], str], source: str, count: Dim, where: Location) -> str:
        """One copy that stands for a free number of equal copies: each returns the volume that it takes."""
        before = len(self.network.nodes)
        made = copy()
        taken, given = self.network.volumes[source], self.network.volumes[made]
        if taken is not None and given is not None and taken != given:
            message = f"{count} copies cannot be equal: the input of the first is {taken}, and its output is {given}"
            raise problem("AC136", message, where, help="set the repeat to a number")
        self.network.repeat_from(before, count, source, made)
        return made

    def named_repeat(self, step: Step, repeat: Expression, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """`enc = encoder * 12` makes enc.0 to enc.11."""
        inner = members_frame(frame, name, isinstance(step.call, Invocation))
        before = len(self.network.nodes)
        made = self.repeated(step, repeat, sources, inner)
        self.close(inner, frame, name, before, made)
        return made

    def close(self, inner: Frame, frame: Frame, name: str, before: int, made: str) -> None:
        """Makes the members of a repeat known by their names, and their layers a sequence."""
        frame.local |= {f"{name}.{member}": value for member, value in inner.local.items()}
        if len(self.network.nodes) > before and made in self.network.nodes:
            self.network.scopes[inner.prefix] = Scope(inner.prefix, name, inner.module, made, sequence=True)

    # --- loops in a row ------------------------------------------------------------------------------------------

    def loop(self, each: Each, source: str, frame: Frame) -> str:
        """The turns of a loop, one after the other."""
        check_names(each)
        count = free_count(each, frame, self.declared.truth)
        if each.named:
            return self.named_loop(each, each.named, source, frame, count)
        if count is not None:
            return self.one_for_all(lambda: self.body(each.body, source, frame), source, count, each.where)
        for turn in in_a_row(each, frame, self.declared.truth):
            source = self.body(each.body, source, turn.frame(each, frame))
            if source == UNKNOWN:
                break
        return source

    def named_loop(self, each: Each, step: Step, source: str, frame: Frame, count: Dim | None) -> str:
        """`h = block(i) for i in range(n)` makes h.0, h.1 ...; the name alone is the output of the last."""
        assert step.name
        claim(step.name, frame)
        name = step.name.text
        inner, before, made = members_frame(frame, name), len(self.network.nodes), source
        if count is not None:
            made = self.one_for_all(lambda: self.turn(each, source, inner, {}), source, count, each.where)
        else:
            for turn in turns(each, frame, self.declared.truth):
                made = self.turn(each, made, turn.member(name, inner), turn.index)
                if made == UNKNOWN:
                    break
        self.close(inner, frame, name, before, made)
        frame.local[name] = Named(made)
        return made

    def turn(self, each: Each, source: str, frame: Frame, index: Names) -> str:
        """One turn of a named loop: its step, or the one that a condition chooses."""
        (lead, step), before = step_of_turn(each, frame, self.declared.truth), frame.counts[""]
        source = self.body(lead, source, frame)
        made = self.member(step, source, frame if step is each.body[-1] else guarded(frame), index)
        check_made(step, made, frame.counts[""] - before)
        return made

    def member(self, step: Step, source: str, frame: Frame, index: Names) -> str:
        """One turn of a named loop: a block or a layer with a number for its name; or several layers, as in a block."""
        self.bounds.take(step)
        number = str(frame.counts[""])
        try:
            sources = self.origins(step, source, frame)
            made = (
                self.several(step, sources, frame, index)
                if self.is_several(step, frame)
                else (self.once(step, sources, frame, ""))
            )
        except SpecError as error:
            made = self.failed(error, step, frame)
        path = frame.path(number)
        frame.local[number] = Named(made, path if self.can_run_again(path) else "")
        return made

    def is_several(self, step: Step, frame: Frame) -> bool:
        """Whether a step makes several layers that are no block."""
        if isinstance(step.call, Merge) or step.repeat is not None:
            return True
        kind = layer_named(step.call.target.text)
        return kind is not None and self.placing.makes_several(step.call, kind, frame)

    def several(self, step: Step, sources: tuple[str, ...], frame: Frame, index: Names) -> str:
        number = frame.number("")
        inner, before = members_frame(frame, number, numbered=False), len(self.network.nodes)
        if step.repeat is None:
            made = self.once(step, sources, inner, "")
        else:
            made = self.repeated(step, step.repeat, sources, inner)
        frame.local |= {f"{number}.{member}": value for member, value in inner.local.items()}
        if len(self.network.nodes) > before and made in self.network.nodes:
            kind = frame.prefix.rpartition(".")[2]
            self.network.scopes[inner.prefix] = Scope(
                inner.prefix, kind, inner.module, made, False, dict(index), sources[0]
            )
        return made

    # --- loops side by side --------------------------------------------------------------------------------------

    def side_by_side(self, each: Each, source: str, frame: Frame) -> Iterator[str]:
        """The turns of a loop as paths of a merge, which all begin with the same value."""
        try:
            check_names(each)
            if (count := free_count(each, frame, self.declared.truth)) is not None:
                message = f"a merge needs a number of paths, got {count}"
                raise problem("AC136", message, each.loop.where, help="set the symbol with --set")
            made = tuple(self.turns_beside(each, source, frame))
        except SpecError as error:
            made = (self.failed(error, each, frame),)
        yield from made

    def turns_beside(self, each: Each, source: str, frame: Frame) -> Iterator[str]:
        step, found = each.named, turns(each, frame, self.declared.truth)
        if step is None or step.name is None:
            for turn in found:
                yield from self.paths(each.body, source, turn.frame(each, frame))
            return
        claim(step.name, frame)
        name = step.name.text
        inner, before, made = members_frame(frame, name), len(self.network.nodes), UNKNOWN
        for turn in found:
            made = self.turn(each, source, turn.member(name, inner), turn.index)
            yield made
        self.close(inner, frame, name, before, made)
        frame.local[name] = tuple(frame.members(name + MEMBERS))  # several values: no path of its own
