"""A document becomes a graph: blocks expanded, names resolved, arguments bound, volumes inferred.

After a problem the output of its layer is unknown, and nothing that follows from it is reported; everything else is.
"""

from collections import ChainMap, Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, problem
from archcalc.core.dim import Dim, is_number
from archcalc.core.location import Location
from archcalc.graph.binding import Kind, bind, dimension, given_arguments, read, shown, truth
from archcalc.graph.declarations import WORDS, Declarations, free_names, free_symbol, unknown_layer
from archcalc.graph.frame import Frame, Site, explicit_names, incoming, is_sequence
from archcalc.graph.graph import Graph, Repeat, Scope
from archcalc.graph.inference import UNKNOWN, Network
from archcalc.layer import Layer, Reference, known_names, layer_named
from archcalc.spec.chain import Body, Choice, Invocation, Item, Merge, Step
from archcalc.spec.declaration import BlockDef, Document
from archcalc.spec.expression import Expression, Function, Word
from archcalc.spec.value import Value

STEPS = 4
"""Steps taken, layers or not, for each layer that there may be: the same bomb with nothing in it."""

COMPARE = "write a comparison: n > 1"

MAX_NESTING = 48
"""Blocks within blocks."""


class GivenUp(Exception):
    """The expansion is out of bounds: what is left of the document is not looked at."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """How a block was expanded, kept to run it again."""

    definition: BlockDef
    arguments: Mapping[str, Value]
    frozen: bool


def build(
    document: Document,
    *,
    batch: Dim = 1,
    dtype: str = "float32",
    sizes: Mapping[str, tuple[Dim, ...]] | None = None,
    free: Collection[str] | None = None,
) -> Graph:
    """The graph of a document.

    `batch` items at a time, in `dtype`; `sizes` replace the shapes of inputs by name. `free`: the parameters (`w`,
    `depths[0]`) to be free symbols, beside what the document leaves free itself; None asks for numbers throughout.

    Raises SpecError with all problems of the document.
    """
    builder = Builder(document, batch, dtype, sizes or {}, free or ())
    graph = builder.graph()
    for name, where in free_names(document).items() if free is None else ():
        builder.report(free_symbol(name, where))
    if builder.problems:
        raise SpecError(builder.problems)
    return graph


class Builder:
    """The state of one expansion."""

    def __init__(
        self,
        document: Document,
        batch: Dim,
        dtype: str,
        sizes: Mapping[str, tuple[Dim, ...]],
        free: Collection[str],
    ) -> None:
        self.document = document
        self.declared = Declarations(document, batch, dtype, sizes, free, self.report)
        self.problems: list[Diagnostic] = []
        self.reported: set[tuple[str, Location | None]] = set()
        self.network = Network(dtype)
        self.scopes: dict[str, Scope] = {}
        self.expansions: dict[str, Expansion] = {}
        self.steps = 0

    def graph(self) -> Graph:
        document = self.document
        names = self.declared.parameters_of(document.library)
        inputs = tuple(self.declared.input(each, names) for each in document.inputs)
        self.declared.check_blocks()
        frame = Frame("", "", names, document.library, explicit_names(document.layers))
        for each in inputs:
            self.network.volumes[each.name] = None if 0 in each.volume.item_shape else each.volume
            frame.local[each.name] = Reference(each.name)
        frame.local.setdefault("input", Reference(inputs[0].name) if inputs else UNKNOWN)
        try:
            last = self.body(document.layers, inputs[0].name if inputs else UNKNOWN, frame)
            outputs = self.outputs(last, frame)
        except GivenUp:
            outputs = ()
        return Graph(
            name=document.name,
            inputs=inputs,
            nodes=tuple(self.network.nodes.values()),
            outputs=outputs,
            scopes=self.scopes,
            spec=document.source.name,
            source=document.citation,
            about=document.about,
            params=names,
            symbols=self.declared.symbols,
            conditions=tuple(self.network.conditions),
            repeats=tuple(self.network.repeats),
        )

    def outputs(self, last: str, frame: Frame) -> tuple[str, ...]:
        if not self.document.outputs:
            return (last,)
        found = []
        for word in self.document.outputs:
            try:
                found.append(self.resolve(word, last, frame))
            except SpecError as error:
                self.report(error)
        return tuple(found)

    # --- chains --------------------------------------------------------------------------------------------------

    def body(self, items: Body, source: str, frame: Frame) -> str:
        """The path of what comes out of a chain that `source` goes into."""
        for item in items:
            source = self.item(item, source, frame)
        return source

    def item(self, item: Item, source: str, frame: Frame) -> str:
        try:
            if isinstance(item, Choice):
                return self.body(self.chosen(item, frame), source, frame)
            return self.step(item, source, frame)
        except SpecError as error:
            self.report(error, frame)
            if isinstance(item, Step) and item.name:
                frame.local.setdefault(item.name.text, Reference(UNKNOWN))
            return UNKNOWN

    def chosen(self, choice: Choice, frame: Frame) -> Body:
        holds = choice.condition.evaluate(frame.scope, WORDS, self.declared.truth)
        if not isinstance(holds, bool):
            raise problem(
                "AC126", f"a condition must be true or false, got {shown(holds)}", choice.condition.where, help=COMPARE
            )
        return choice.then if holds else choice.otherwise

    def step(self, step: Step, source: str, frame: Frame) -> str:
        sources = tuple(self.resolve(word, source, frame) for word in step.origin) or (source,)
        if step.name:
            self.claim(step.name, frame)
        if step.repeat is None:
            made = self.once(step, sources, frame, step.name.text if step.name else "")
        elif step.name:
            made = self.named_repeat(step, sources, frame, step.name.text)
        else:
            made = self.repeated(step, sources, frame)
        if step.name:
            frame.local[step.name.text] = Reference(made)
        return made

    def repeated(self, step: Step, sources: tuple[str, ...], frame: Frame) -> str:
        assert step.repeat is not None
        count = self.times(step.repeat, frame)
        if not is_number(count):
            return self.one_for_all(step, sources, frame, count)
        made = sources[0]
        makes_layers = isinstance(step.call, Merge) or layer_named(step.call.target.text)
        if makes_layers or count > self.document.max_layers:
            self.has_room(count, step.where)
        for _ in range(count):
            sources = (made := self.once(step, sources, frame, ""),)
        return made

    def times(self, repeat: Expression, frame: Frame) -> Dim:
        count: Dim = read("a repeat", repeat, Kind(dimension), frame.scope)
        enough = count >= 0
        if not (enough if isinstance(enough, bool) else self.declared.truth(enough, repeat.where)):
            raise problem("AC127", f"a repeat must be 0 or more, got {count}", repeat.where)
        return count

    def one_for_all(self, step: Step, sources: tuple[str, ...], frame: Frame, count: Dim) -> str:
        """One copy in the place of a free number of them: all are alike, for each gives back the volume it takes."""
        before = len(self.network.nodes)
        made = self.once(step, sources, frame, "")
        taken, given = self.network.volumes[sources[0]], self.network.volumes[made]
        if taken is not None and given is not None and taken != given:
            message = f"{count} copies cannot be equal: the input of the first is {taken}, and its output is {given}"
            raise problem("AC136", message, step.where, help="set the repeat to a number")
        copy = tuple(self.network.nodes)[before:]
        same = self.network.learning.get(sources[0]) == self.network.learning.get(made)
        for name in copy:
            node = self.network.nodes[name]
            learning = node.learning if same else tuple(each or None for each in node.learning)
            self.network.nodes[name] = replace(node, times=node.times * count, learning=learning)
        if copy:
            self.network.repeats.append(Repeat(count, copy, sources[0], made))
        return made

    def named_repeat(self, step: Step, sources: tuple[str, ...], frame: Frame, name: str) -> str:
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
        made = self.repeated(step, sources, inner)
        if made in self.network.nodes:
            self.scopes[inner.prefix] = Scope(inner.prefix, name, inner.module, made, sequence=True)
        return made

    def once(self, step: Step, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """One layer, block or reference."""
        self.steps += 1
        if self.steps > STEPS * self.document.max_layers:
            self.give_up(step.where)
        call = step.call
        if isinstance(call, Merge):
            return self.merge(call, sources[0], frame, name)
        return self.invoke(call, sources, frame, name, leads=step.leads)

    def invoke(self, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str, leads: bool) -> str:
        target = call.target.text
        if target == "prev":
            return sources[0]
        if layer := layer_named(target):
            return self.layer(call, layer, sources, frame, name)
        if target in frame.library.blocks:
            return self.block(call, frame.library.blocks[target], sources, frame, name)
        meant = frame.scope.get(target)
        if isinstance(meant, str) and not isinstance(meant, Reference) and meant != target:
            renamed = replace(call, target=replace(call.target, text=meant))
            return self.invoke(renamed, sources, frame, name, leads)
        path = self.resolve(call.target, sources[0], frame, calls=True)
        if leads and not call.parens and not call.positional and not call.keywords:
            return path
        return self.again(call, sources, frame, name)

    def merge(self, merge: Merge, source: str, frame: Frame, name: str) -> str:
        layer = layer_named(merge.target.text)
        if layer is None:
            raise unknown_layer(merge.target.text, merge.target.where, known_names())
        if layer.inputs[1] == 1:
            raise list_for_a_layer(merge, layer)
        if not merge.paths:
            help = f"write {merge.target.text}: [prev, layer]"
            raise problem("AC203", f"{merge.target.text} needs paths, got an empty list", merge.where, help=help)
        paths = tuple(self.body(path, source, frame) for path in merge.paths)
        call = Invocation(merge.target, (), merge.keywords, False, merge.where)
        return self.layer(call, layer, paths, frame, name)

    # --- layers --------------------------------------------------------------------------------------------------

    def layer(
        self,
        call: Invocation,
        kind: type[Layer],
        sources: tuple[str, ...],
        frame: Frame,
        name: str,
        frozen: bool = False,
    ) -> str:
        """A layer, and the norm and activation that its call asks for after it."""
        defaults = self.declared.defaults_of(frame.library).get(kind.name, ())
        bound = bind(call, kind, frame.scope, defaults)
        if "freeze" in bound.others:
            frozen = read("freeze", bound.others["freeze"], Kind(truth), frame.scope)
        made = self.add(bound.layer, call, sources, frame, name or frame.number(call.target.text), frozen)
        for key in kind.followed_by:
            if key in bound.others and (after := self.follower(key, bound.others[key], frame)):
                made = self.layer(after, layer_of(after), (made,), frame, "", frozen)
        return made

    def follower(self, key: str, value: Expression, frame: Frame) -> Invocation | None:
        """The call that `norm: batchnorm` or `act: leaky_relu(0.1)` stands for."""
        if isinstance(value, Function):
            return Invocation(value.name, value.arguments, (), True, value.where)
        word = value.evaluate(frame.scope, WORDS)
        if word == "none":
            return None
        if not isinstance(word, str) or layer_named(word) is None:
            raise problem(
                "AC124", f"{key} must be a layer, got {shown(word)}", value.where, help="write a layer, or none"
            )
        return Invocation(Word(word, value.where), (), (), False, value.where)

    def add(
        self,
        layer: Layer,
        call: Invocation,
        sources: tuple[str, ...],
        frame: Frame,
        name: str,
        frozen: bool,
        module: str = "",
    ) -> str:
        """Puts a layer into the graph; `module` is whose weights it uses, where not its own."""
        path = frame.path(name)
        module = module or frame.module_path(name)
        self.network.add(layer, call, sources, path, module, frozen or frame.frozen)
        self.has_room(0, call.where)
        return path

    def again(self, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """A layer or block that an earlier step made, with the same weights."""
        target = call.target.text
        path, module = frame.path(target), frame.module_path(target)
        name = name or frame.number(f"{target}_")
        if call.positional or call.keywords:
            raise problem(
                "AC128",
                f"{target} runs again with the same weights and takes no arguments",
                call.where,
                help=f"write {target}()",
            )
        if owner := self.network.nodes.get(path):
            return self.add(owner.layer, call, sources, frame, name, owner.frozen, owner.module)
        if made := self.expansions.get(path):
            return self.expand(made, call, sources[0], frame, name, module)
        if self.network.volumes.get(str(frame.local.get(target, UNKNOWN))) is None:
            return UNKNOWN
        raise problem("AC129", f"{target} is a value, not a layer, and cannot run again", call.where)

    # --- blocks --------------------------------------------------------------------------------------------------

    def block(self, call: Invocation, definition: BlockDef, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        if len(sources) != 1:
            raise problem("AC203", f"{call.target.text} takes one input, got {len(sources)}", call.where)
        if any(site.definition is definition for site in frame.stack):
            raise problem("AC130", f"{call.target.text} contains itself", call.where)
        if len(frame.stack) >= MAX_NESTING:
            raise problem("AC131", f"blocks are nested deeper than {MAX_NESTING}", call.where)
        arguments, frozen = self.block_arguments(call, definition, frame)
        expansion = Expansion(definition, arguments, frozen or frame.frozen)
        return self.expand(expansion, call, sources[0], frame, name or frame.number(call.target.text))

    def block_arguments(self, call: Invocation, definition: BlockDef, frame: Frame) -> tuple[Mapping[str, Value], bool]:
        """The values of a block's parameters, and whether the call freezes it."""
        parameters = {word.text: default for word, default in definition.parameters}
        given, problems = given_arguments(call, tuple(parameters), (*parameters, "freeze"), {})
        values: dict[str, Value] = {}
        home = self.declared.parameters_of(self.document.libraries[definition.home])
        for name, default in parameters.items():
            if name not in given and default is None:
                problems.append(missing_argument(call, name, parameters))
                continue
            value, names = (given[name][1], frame.scope) if name in given else (default, ChainMap(values, dict(home)))
            try:
                assert value is not None
                values[name] = value.evaluate(names, WORDS, self.declared.truth)
            except SpecError as error:
                problems += error.diagnostics
        frozen = "freeze" in given and read("freeze", given["freeze"][1], Kind(truth), frame.scope)
        if problems:
            raise SpecError(problems)
        return values, frozen

    def expand(
        self, expansion: Expansion, call: Invocation, source: str, frame: Frame, name: str, module: str = ""
    ) -> str:
        """The layers of a block, for one call of it; `module` is whose weights they use, where not their own."""
        volume = self.network.volumes[source]
        if volume is None:
            return UNKNOWN
        definition = expansion.definition
        library = self.document.libraries[definition.home]
        inner = Frame(
            prefix=frame.path(name),
            module=module or frame.module_path(name),
            names={**self.declared.parameters_of(library), **incoming(volume), **expansion.arguments},
            library=library,
            taken=explicit_names(definition.body),
            stack=(*frame.stack, Site(definition, call.target.text, call.where)),
            numbered=is_sequence(definition.body, library),
            frozen=expansion.frozen,
        )
        before = len(self.network.nodes)
        made = self.body(definition.body, source, inner)
        self.expansions[inner.prefix] = expansion
        frame.local |= {f"{name}.{member}": value for member, value in inner.local.items()}
        if len(self.network.nodes) > before and made != UNKNOWN:
            name = definition.name.text
            self.scopes[inner.prefix] = Scope(
                inner.prefix, name, inner.module, made, inner.numbered, expansion.arguments
            )
        return made

    # --- names ---------------------------------------------------------------------------------------------------

    def claim(self, name: Word, frame: Frame) -> None:
        """Makes sure that a name is new."""
        if name.text in frame.places:
            raise problem(
                "AC107",
                f"the name '{name.text}' is used twice",
                name.where,
                notes=[f"first used at {frame.places[name.text]}"],
                help="layer names are unique within a block",
            )
        frame.places[name.text] = name.where

    def resolve(self, word: Word, source: str, frame: Frame, calls: bool = False) -> str:
        """The path of the value that a name stands for."""
        if word.text == "prev":
            return source
        meant = frame.scope.get(word.text)
        if isinstance(meant, Reference):
            return str(meant)
        path = frame.path(word.text)
        if path in self.scopes:
            return self.scopes[path].output
        if path in self.network.volumes:
            return path
        names = [name for name, value in frame.scope.items() if isinstance(value, Reference)]
        if calls:
            if help := self.elsewhere(word.text, frame):
                raise problem("AC101", f"no earlier layer is called '{word.text}'", word.where, help=help)
            raise unknown_layer(word.text, word.where, [*known_names(), *frame.library.blocks, *names])
        help = did_you_mean(word.text, names) or (f"names so far: {', '.join(names)}" if len(names) < 12 else "")
        raise problem("AC102", f"no earlier layer is named '{word.text}'", word.where, help=help)

    # --- problems ------------------------------------------------------------------------------------------------

    def report(self, error: SpecError, frame: Frame | None = None) -> None:
        """Keeps what is wrong, once for each place, with the blocks it happened in."""
        calls = tuple(
            f"in {site.name}, called at line {site.where.line + 1}" for site in reversed(frame.stack if frame else ())
        )
        for found in error.diagnostics:
            if (found.code, found.location) not in self.reported:
                self.reported.add((found.code, found.location))
                self.problems.append(replace(found, notes=(*found.notes, *calls)))

    def elsewhere(self, name: str, frame: Frame) -> str:
        """Where a layer of that name is, if not where it is seen."""
        if name in frame.taken:
            return "it is defined later; a chain can use only earlier layers"
        if frame.stack and name in explicit_names(self.document.layers):
            return "a block does not see the caller's layers; pass this one as an argument"
        return ""

    def has_room(self, more: int, where: Location) -> None:
        """Gives up at once where so many more layers are too many."""
        if len(self.network.nodes) + more > self.document.max_layers:
            self.give_up(where)

    def give_up(self, where: Location) -> None:
        self.report(
            problem(
                "AC132",
                f"the network has more than {self.document.max_layers:,} layers",
                where,
                help="nested repeats multiply: check `* n` inside repeated blocks; --max-layers raises the limit",
            )
        )
        raise GivenUp


def layer_of(call: Invocation) -> type[Layer]:
    layer = layer_named(call.target.text)
    if layer is None:
        raise unknown_layer(call.target.text, call.target.where, known_names())
    return layer


def list_for_a_layer(merge: Merge, layer: type[Layer]) -> SpecError:
    """YOLO's and PyTorch's users would read `conv: [3, 64]` in opposite orders."""
    word = merge.target.text
    numbers = [step.call.target.text for path in merge.paths for step in path if isinstance(step, Step)]
    values = numbers if len(numbers) == len(layer.positional) else ["..."] * len(layer.positional)
    keys = ", ".join(f"{name}: {value}" for name, value in zip(layer.positional, values, strict=True))
    return problem(
        "AC133",
        f"{word} takes no list: the order of the numbers is ambiguous",
        merge.target.where,
        help=f"write '{word}({', '.join(values)})' or '{word}: {{{keys}}}'",
    )


def missing_argument(call: Invocation, name: str, parameters: Mapping[str, object]) -> Diagnostic:
    return Diagnostic(
        code="AC123",
        message=f"{call.target.text} needs {name}",
        location=call.target.where,
        help=f"write {call.target.text}({', '.join(parameters)})",
    )
