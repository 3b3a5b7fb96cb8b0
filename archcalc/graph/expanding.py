"""Chains, merges, repeats and blocks, expanded: each takes the path of a value, and gives back that of another."""

from collections.abc import Iterator

from archcalc.core.diagnostic import SpecError, problem
from archcalc.graph.blocks import Expansion, expansion_of, frame_within
from archcalc.graph.bounds import FAILURE
from archcalc.graph.deciding import chosen, guarded
from archcalc.graph.frame import MEMBERS, Frame, Named, Several, members_made, names_made
from archcalc.graph.graph import Scope
from archcalc.graph.inference import UNKNOWN
from archcalc.graph.looping import members_frame
from archcalc.graph.merging import is_several, joins_any_number, merging_layer, nothing_left, several_values
from archcalc.graph.repeating import Repeating
from archcalc.graph.resolving import claim, single, value_of
from archcalc.graph.several import asserted_several, makes_several
from archcalc.layer import Reference, layer_named
from archcalc.record import replace
from archcalc.spec.chain import Body, Choice, Each, Invocation, Item, Merge, Step
from archcalc.spec.declaration import BlockDef


class Expander(Repeating):
    """Expands the chains of a document into `network`.

    After a problem, which goes to `problems`, the output of its item is UNKNOWN.
    """

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
                return self.body(chosen(item, frame, self.declared.truth), source, guarded(frame))
            if isinstance(item, Each):
                return self.loop(item, source, frame)
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
        sources = self.origins(step, source, frame)
        for name in step.names:
            claim(name, frame)
        if step.others or (step.name and makes_several(step.call)):
            return self.several_outputs(step, sources, frame)
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

    def several_outputs(self, step: Step, sources: tuple[str, ...], frame: Frame) -> str:
        """The outputs of one operation: `q, k, v = split(3)`, or in a list, `parts = split(3)`."""
        target = step.call.target
        if layer_named(target.text) is None and target.text not in frame.library.blocks:
            raise self.resolver.unknown_call(target, frame)
        call = asserted_several(step)
        if step.others:
            names = tuple(word.text for word in step.names)
            paths = self.placing.outputs(call, sources, frame, names)
            frame.local |= {name: Named(path) for name, path in zip(names, paths, strict=True)}
            return Several(paths, names)
        assert step.name
        name = step.name.text
        inner, before = members_frame(frame, name), len(self.network.nodes)
        paths = self.placing.outputs(call, sources, inner, ())
        inner.local |= {str(i): Named(path) for i, path in enumerate(paths)}
        self.close(inner, frame, name, before, paths[-1])
        frame.local[name] = tuple(map(Named, paths))
        return Several(paths, tuple(f"{name}[{i}]" for i in range(len(paths))))

    # --- calls ---------------------------------------------------------------------------------------------------

    def once(self, step: Step, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """One layer, block or reference."""
        if isinstance(step.call, Merge):
            return self.merge(step.call, sources[0], frame, name)
        return self.invoke(step.call, sources, frame, name, leads=step.leads)

    def merge(self, merge: Merge, source: str, frame: Frame, name: str) -> str:
        """What joins paths; where conditions leave one path only, there is nothing to join, and it is that."""
        layer = merging_layer(merge)
        paths = tuple(made for path in merge.paths for made in self.paths(path, source, frame))
        if not paths:
            raise nothing_left(merge)
        varies = len(merge.paths) > 1 or any(map(is_several, merge.paths))
        if len(paths) == 1 and varies and joins_any_number(layer):
            return paths[0]
        call = Invocation(merge.target, (), merge.keywords, False, merge.where)
        return self.placing.layer(call, layer, paths, frame, name)

    def paths(self, path: Body, source: str, frame: Frame) -> Iterator[str]:
        """The outputs of a path of a merge: none if its condition is false, several of a loop and of members."""
        first = path[0] if path else None
        if isinstance(first, Choice) and len(path) == 1:
            self.bounds.take(first)
            try:
                taken = chosen(first, frame, self.declared.truth)
            except SpecError as error:
                yield self.failed(error, first, frame)
                return
            if taken:
                yield from self.paths(taken, source, guarded(frame))
        elif isinstance(first, Each) and len(path) == 1:
            yield from self.side_by_side(first, source, frame)
        elif isinstance(first, Step) and is_several(path):
            try:
                members = self.resolver.values(first.call.target, source, frame)
            except SpecError as error:
                members = (self.failed(error, first, frame),)
            yield from (self.body(path[1:], member, frame) for member in members)
        else:
            yield self.body(path, source, frame)

    def invoke(self, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str, leads: bool) -> str:
        target = call.target.text
        if call.picked is not None:
            return self.named_earlier(call, self.resolver.entry(call.picked, frame), sources, frame, name, leads)
        if target == "prev":
            return single(sources[0], call.where)
        if MEMBERS in target:
            raise several_values(call)
        layer = layer_named(target)
        if layer and not (leads and is_bare(call) and isinstance(frame.scope.get(target), Named)):
            return self.placing.layer(call, layer, sources, frame, name)
        if target in frame.library.blocks:
            return self.block(call, frame.library.blocks[target], sources, frame, name)
        meant = frame.scope.get(target)
        if isinstance(meant, str) and not isinstance(meant, Reference) and meant != target:
            renamed = replace(call, target=replace(call.target, text=meant))
            return self.invoke(renamed, sources, frame, name, leads)
        return self.named_earlier(
            call, self.resolver.called(call.target, sources[0], frame), sources, frame, name, leads
        )

    def named_earlier(
        self, call: Invocation, meant: Named, sources: tuple[str, ...], frame: Frame, name: str, leads: bool
    ) -> str:
        """The value that a name stands for at the beginning of a chain; elsewhere, its layer or block once more."""
        if leads and is_bare(call):
            return value_of(meant, call.target.text, call.target.where)
        return self.again(call, meant, sources, frame, name or frame.number(f"{call.target.text}_"))

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
        expansion = expansion_of(call, definition, sources[0], frame, name, self.declared)
        return self.expand(expansion, call, sources, frame, name)

    def expand(self, expansion: Expansion, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """The layers of a block, for one call of it."""
        if len(sources) != 1:
            raise problem("AC203", f"{call.target.text} takes one input, got {len(sources)}", call.where)
        definition = expansion.definition
        if self.network.volumes[single(sources[0], call.where)] is None:
            frame.local |= dict.fromkeys(members_made(name, definition), Named(UNKNOWN))
            return UNKNOWN
        kind = None if self.problems.diagnostics else self.copying.kind(expansion, name, sources[0], frame)
        placed = None if kind is None else self.copying.place_like(kind, name, sources[0], frame)
        if placed is not None:
            return placed
        inner = frame_within(expansion, call, sources[0], frame, name, self.declared)
        before, noted = len(self.network.nodes), self.copying.before(frame)
        made = self.body(definition.body, sources[0], inner)
        self.expansions[inner.prefix] = replace(expansion, members=inner.local)
        frame.local |= {f"{name}.{member}": value for member, value in inner.local.items()}
        if len(self.network.nodes) > before and made != UNKNOWN:
            self.network.scopes[inner.prefix] = Scope(
                inner.prefix, definition.name.text, inner.module, made, inner.numbered, expansion.arguments, sources[0]
            )
            if kind is not None and not self.problems.diagnostics:
                self.copying.remember(kind, noted, name, sources[0], made, frame)
        return made


def is_bare(call: Invocation) -> bool:
    """Whether it is a name alone, which stands for a value where one of that name is in scope."""
    return not call.parens and not call.positional and not call.keywords
