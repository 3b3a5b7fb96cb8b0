"""Chains, merges, repeats and blocks, expanded: each takes the path of a value, and gives back that of another."""

from collections import Counter
from dataclasses import dataclass, field, replace

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.dim import Dim, is_number
from archcalc.graph.blocks import Expansion, expansion_of, frame_within
from archcalc.graph.bounds import FAILURE, Bounds
from archcalc.graph.deciding import chosen, times
from archcalc.graph.declarations import Declarations
from archcalc.graph.frame import Frame, Named, members_made, names_made
from archcalc.graph.graph import Scope
from archcalc.graph.inference import UNKNOWN, Network
from archcalc.graph.merging import joins_any_number, merging_layer, nothing_left
from archcalc.graph.placing import Placing
from archcalc.graph.problems import ProblemsFound
from archcalc.graph.resolving import Resolver, claim, value_of
from archcalc.layer import Reference, layer_named
from archcalc.spec.chain import Body, Choice, Invocation, Item, Merge, Step
from archcalc.spec.declaration import BlockDef
from archcalc.spec.expression import Expression


@dataclass
class Expander:
    """Expands the chains of a document into `network`.

    After a problem, which goes to `problems`, the output of its item is UNKNOWN.
    """

    network: Network
    declared: Declarations
    problems: ProblemsFound
    bounds: Bounds
    placing: Placing
    resolver: Resolver
    expansions: dict[str, Expansion] = field(default_factory=dict)

    # --- chains --------------------------------------------------------------------------------------------------

    def body(self, items: Body, source: str, frame: Frame) -> str:
        """The path of what comes out of a chain that `source` goes into."""
        for item in items:
            source = self.item(item, source, frame)
        return source

    def item(self, item: Item, source: str, frame: Frame) -> str:
        self.bounds.take(item)
        try:
            if isinstance(item, Choice):
                return self.body(chosen(item, frame, self.declared.truth), source, frame)
            return self.step(item, source, frame)
        except SpecError as error:
            return self.failed(error, item, frame)

    def failed(self, error: SpecError, item: Item, frame: Frame) -> str:
        """Reports what is wrong with an item: what comes out of it, and what its names stand for, is UNKNOWN."""
        self.bounds.spend(FAILURE, item.where)
        self.problems.report(error, frame.stack)
        for name in names_made(item, frame.library):
            frame.local.setdefault(name, Named(UNKNOWN))
        return UNKNOWN

    def step(self, step: Step, source: str, frame: Frame) -> str:
        sources = tuple(self.resolver.value(word, source, frame) for word in step.origin) or (source,)
        if step.name:
            claim(step.name, frame)
        if step.repeat is None:
            made = self.once(step, sources, frame, step.name.text if step.name else "")
        elif step.name:
            made = self.named_repeat(step, step.repeat, sources, frame, step.name.text)
        else:
            made = self.repeated(step, step.repeat, sources, frame)
        if step.name:
            path = frame.path(step.name.text)
            frame.local[step.name.text] = Named(made, path if self.can_run_again(path) else "", step.chain)
        return made

    def can_run_again(self, path: str) -> bool:
        return path in self.network.nodes or path in self.expansions

    # --- repeats -------------------------------------------------------------------------------------------------

    def repeated(self, step: Step, repeat: Expression, sources: tuple[str, ...], frame: Frame) -> str:
        count = times(repeat, frame, self.declared.truth)
        if not is_number(count):
            return self.one_for_all(step, sources, frame, count)
        made = sources[0]
        makes_layers = isinstance(step.call, Merge) or layer_named(step.call.target.text)
        if makes_layers or count > self.bounds.max_layers:
            self.bounds.check_room(len(self.network.nodes) + count, step.where)
        for _ in range(count):
            self.bounds.take(step)
            before, source = len(self.network.nodes), sources
            sources = (made := self.once(step, sources, frame, ""),)
            if made == UNKNOWN or (source == sources and len(self.network.nodes) == before):
                break  # every further copy would do the same: nothing
        return made

    def one_for_all(self, step: Step, sources: tuple[str, ...], frame: Frame, count: Dim) -> str:
        """One copy that stands for a free number of equal copies: each returns the volume that it takes."""
        before = len(self.network.nodes)
        made = self.once(step, sources, frame, "")
        taken, given = self.network.volumes[sources[0]], self.network.volumes[made]
        if taken is not None and given is not None and taken != given:
            message = f"{count} copies cannot be equal: the input of the first is {taken}, and its output is {given}"
            raise problem("AC136", message, step.where, help="set the repeat to a number")
        self.network.repeat_from(before, count, sources[0], made)
        return made

    def named_repeat(self, step: Step, repeat: Expression, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """`enc = encoder * 12` makes enc.0 to enc.11."""
        inner = replace(
            frame,
            prefix=frame.path(name),
            module=frame.module_path(name),
            names=frame.scope,
            numbered=isinstance(step.call, Invocation),
            taken=frozenset(),
            counts=Counter(),
            local={},
            places={},
        )
        before = len(self.network.nodes)
        made = self.repeated(step, repeat, sources, inner)
        if len(self.network.nodes) > before and made in self.network.nodes:
            self.network.scopes[inner.prefix] = Scope(inner.prefix, name, inner.module, made, sequence=True)
        return made

    # --- calls ---------------------------------------------------------------------------------------------------

    def once(self, step: Step, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """One layer, block or reference."""
        if isinstance(step.call, Merge):
            return self.merge(step.call, sources[0], frame, name)
        return self.invoke(step.call, sources, frame, name, leads=step.leads)

    def merge(self, merge: Merge, source: str, frame: Frame, name: str) -> str:
        """What joins paths; where conditions leave one path only, there is nothing to join, and it is that."""
        layer = merging_layer(merge)
        made = (self.path(path, source, frame) for path in merge.paths)
        paths = tuple(path for path in made if path is not None)
        if not paths:
            raise nothing_left(merge)
        if len(paths) == 1 < len(merge.paths) and joins_any_number(layer):
            return paths[0]
        call = Invocation(merge.target, (), merge.keywords, False, merge.where)
        return self.placing.layer(call, layer, paths, frame, name)

    def path(self, path: Body, source: str, frame: Frame) -> str | None:
        """The output of a path of a merge; None if its condition is false."""
        if len(path) != 1 or not isinstance(path[0], Choice):
            return self.body(path, source, frame)
        self.bounds.take(path[0])
        try:
            taken = chosen(path[0], frame, self.declared.truth)
        except SpecError as error:
            return self.failed(error, path[0], frame)
        return self.path(taken, source, frame) if taken else None

    def invoke(self, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str, leads: bool) -> str:
        target = call.target.text
        if target == "prev":
            return sources[0]
        if layer := layer_named(target):
            return self.placing.layer(call, layer, sources, frame, name)
        if target in frame.library.blocks:
            return self.block(call, frame.library.blocks[target], sources, frame, name)
        meant = frame.scope.get(target)
        if isinstance(meant, str) and not isinstance(meant, Reference) and meant != target:
            renamed = replace(call, target=replace(call.target, text=meant))
            return self.invoke(renamed, sources, frame, name, leads)
        meant = self.resolver.called(call.target, sources[0], frame)
        if leads and not call.parens and not call.positional and not call.keywords:
            return value_of(meant, target, call.target.where)
        return self.again(call, meant, sources, frame, name or frame.number(f"{target}_"))

    def again(self, call: Invocation, meant: Named, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """A layer or block that an earlier step made, with the same weights."""
        target = call.target.text
        if call.positional or call.keywords:
            message = f"{target} runs again with the same weights and takes no arguments"
            raise problem("AC128", message, call.where, help=f"write {target}()")
        if owner := self.network.nodes.get(meant.labelled):
            return self.placing.again(owner, call, sources, frame, name)
        if made := self.expansions.get(meant.labelled):
            return self.expand(made, call, sources, frame, name)
        if self.network.volumes[meant] is None:
            return UNKNOWN
        raise problem("AC129", f"{target} is a value, not a layer, and cannot run again", call.where)

    def block(self, call: Invocation, definition: BlockDef, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        name = name or frame.number(call.target.text)
        return self.expand(expansion_of(call, definition, frame, name, self.declared), call, sources, frame, name)

    def expand(self, expansion: Expansion, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """The layers of a block, for one call of it."""
        if len(sources) != 1:
            raise problem("AC203", f"{call.target.text} takes one input, got {len(sources)}", call.where)
        definition = expansion.definition
        volume = self.network.volumes[sources[0]]
        if volume is None:
            frame.local |= dict.fromkeys(members_made(name, definition), Named(UNKNOWN))
            return UNKNOWN
        inner = frame_within(expansion, call, volume, frame, name, self.declared, self.expansions)
        before = len(self.network.nodes)
        made = self.body(definition.body, sources[0], inner)
        self.expansions[inner.prefix] = replace(expansion, members=inner.local)
        frame.local |= {f"{name}.{member}": value for member, value in inner.local.items()}
        if len(self.network.nodes) > before and made != UNKNOWN:
            self.network.scopes[inner.prefix] = Scope(
                inner.prefix, definition.name.text, inner.module, made, inner.numbered, expansion.arguments, sources[0]
            )
        return made
