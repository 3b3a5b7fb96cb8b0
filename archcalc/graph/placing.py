"""Layers into the network: a call becomes a layer with its arguments, and the norm and activation that follow it."""

from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import SpecError, problem
from archcalc.graph.binding import Bound, Kind, read, shown, truth
from archcalc.graph.bounds import Bounds
from archcalc.graph.declarations import WORDS, Declarations, unknown_layer
from archcalc.graph.frame import Frame, Named
from archcalc.graph.graph import Node
from archcalc.graph.inference import Network
from archcalc.graph.inferred import contradicted
from archcalc.graph.remembered import REMEMBERED
from archcalc.graph.resolving import single, value_of
from archcalc.graph.several import wrong_count
from archcalc.layer import LAYERS, Layer, Reference, layer_named
from archcalc.record import record, replace
from archcalc.spec.chain import Invocation
from archcalc.spec.expression import Expression, Function, Name, Word

if TYPE_CHECKING:
    from archcalc.graph import foreign_layers, functional
else:
    foreign_layers = Late("archcalc.graph.foreign_layers")
    functional = Late("archcalc.graph.functional")

COPIES = "expand"
"""The layer that repeats what all samples share for each of them."""


@record
class Placing:
    """Puts layers into `network`: `sources` are paths there, `frame` is where the call stands, a path comes back."""

    network: Network
    declared: Declarations
    bounds: Bounds

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
        try:
            bound = REMEMBERED.bound(call, kind, frame.scope, defaults)
        except SpecError as error:
            raise functional.called_as_function(call, kind, frame.scope) or error from None
        if "freeze" in bound.others:
            frozen = read("freeze", bound.others["freeze"], Kind(truth), frame.scope)
        if kind.reads:
            check_reads(bound.layer, call)
        name = name or frame.number(call.target.text)
        layer = tied_to_layers(bound.layer) if kind.ties else bound.layer
        made = self.place(layer, call, sources, frame, name, frozen)
        if bound.asserted:
            self.check_asserted(made, bound)
        for key in kind.followed_by:
            if key in bound.others and (after := follower(key, bound.others[key], frame)):
                made = self.layer(after, layer_of(after), (made,), frame, "", frozen)
        return made

    def outputs(
        self, call: Invocation, sources: tuple[str, ...], frame: Frame, names: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The outputs of one operation, under their names, or numbered where there are none."""
        kind = layer_of(call)
        bound = REMEMBERED.bound(call, kind, frame.scope, self.declared.defaults_of(frame.library).get(kind.name, ()))
        count = bound.layer.output_count
        if names and len(names) != count:
            raise wrong_count(call, bound.layer, len(names))
        if len(sources) != 1:
            raise problem("AC203", f"{call.target.text} takes one input, got {len(sources)}", call.where)
        self.bounds.made(len(self.network.nodes) + count, call.where)
        layers = bound.layer.all_outputs
        called = names or [str(i) for i in range(len(layers))]
        return tuple(
            self.place(layer, call, sources, frame, name, False) for layer, name in zip(layers, called, strict=True)
        )

    def makes_several(self, call: Invocation, kind: type[Layer], frame: Frame) -> bool:
        """Whether a call makes a norm or an activation besides its layer."""
        given = {word.text: value for word, value, _ in self.declared.defaults_of(frame.library).get(kind.name, ())}
        given |= {word.text: value for word, value in call.keywords}
        return any(key in given and follower(key, given[key], frame) for key in kind.followed_by)

    def check_asserted(self, made: str, bound: Bound) -> None:
        """Raises SpecError if the call states other sizes than those that arrive."""
        node = self.network.nodes.get(made)
        if node and (problems := contradicted(node, self.network.nodes.get(node.sources[0]), bound.asserted)):
            raise SpecError(problems)

    def again(self, owner: Node, call: Invocation, sources: tuple[str, ...], frame: Frame, name: str) -> str:
        """A layer that is there already, on other values, with the same weights."""
        return self.place(owner.layer, call, sources, frame, name, owner.frozen, owner.module)

    def place(
        self,
        layer: Layer,
        call: Invocation,
        sources: tuple[str, ...],
        frame: Frame,
        name: str,
        frozen: bool,
        module: str = "",
    ) -> str:
        """`module` is whose weights the layer uses, where not its own."""
        path = frame.path(name)
        sources = () if layer.is_source else tuple([single(source, call.where) for source in sources])
        layer, sources = self.repeated(layer, call, sources, frame)
        self.network.add(layer, call, sources, path, module or frame.module_path(name), frozen or frame.frozen)
        self.bounds.made(len(self.network.nodes), call.where)
        return path

    def repeated(
        self, layer: Layer, call: Invocation, sources: tuple[str, ...], frame: Frame
    ) -> tuple[Layer, tuple[str, ...]]:
        """The layer and its sources, where values that all samples share meet others: repeated, if the layer needs
        them for each sample."""
        volumes = self.network.volumes
        if len(sources) == 1 and not layer.reads:  # nothing that it could meet
            return layer, sources
        named = {key: getattr(layer, key) for key in layer.reads}
        read = (*sources, *map(str, layer.references()))
        xs = [x for source in read if (x := volumes[source]) is not None]
        if len(xs) < len(read) or not any(x.shared for x in xs) or all(x.shared for x in xs):
            return layer, sources
        like = next(source for source, x in zip(read, xs, strict=True) if not x.shared)
        once = dict.fromkeys(read[i] for i in layer.for_each_sample(*xs) if xs[i].shared)
        copies = {source: self.copied(source, like, call, frame) for source in once}
        changed = {
            key: tuple(Reference(copies.get(each, each)) for each in value)
            if isinstance(value, tuple)
            else Reference(copies[value])
            for key, value in named.items()
            if value is not None and (isinstance(value, tuple) or value in copies)
        }
        own = tuple(copies.get(source, source) for source in sources)
        return (replace(layer, **changed) if changed else layer), own

    def copied(self, source: str, like: str, call: Invocation, frame: Frame) -> str:
        """The copies of a value, one for each sample of another."""
        path = frame.path(frame.number("expand"))
        self.network.add(LAYERS[COPIES](like=Reference(like)), call, (source,), path, path, False)
        return path


def check_reads(layer: Layer, call: Invocation) -> None:
    """Raises what keeps the values from being read that arguments name."""
    for key in layer.reads:
        value = getattr(layer, key)
        for named in (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Named)):
            given = {word.text: value for word, value in call.keywords}.get(key)
            value_of(named, given.where.text if given else key, given.where if given else call.where)


def tied_to_layers(layer: Layer) -> Layer:
    """The layer with its ties to what names stand in front of: a name as a value is what comes out of that."""
    named = {key: value for key in layer.ties if isinstance(value := getattr(layer, key), Named) and value.labelled}
    return replace(layer, **{key: Reference(value.labelled) for key, value in named.items()}) if named else layer


def layer_of(call: Invocation) -> type[Layer]:
    layer = layer_named(call.target.text)
    if layer is None:
        raise unknown_layer(call.target.text, call.target.where)
    return layer


def follower(key: str, value: Expression, frame: Frame) -> Invocation | None:
    """The call that `norm: batchnorm` or `act: leaky_relu(0.1)` stands for."""
    if isinstance(value, Function):
        return Invocation(value.name, value.arguments, (), True, value.where)
    if meant := meant_by(value, frame):
        raise problem("AC124", f"{key} must be a layer, got {value.where.text}", value.where, help=meant)
    word = value.evaluate(frame.scope, WORDS)
    if word == "none":
        return None
    if not isinstance(word, str) or layer_named(word) is None:
        raise problem("AC124", f"{key} must be a layer, got {shown(word)}", value.where, help="write a layer, or none")
    return Invocation(Word(word, value.where), (), (), False, value.where)


def meant_by(value: Expression, frame: Frame) -> str:
    """What to write for a layer of another framework; empty for what is known here."""
    if not isinstance(value, Name) or value.id in WORDS or value.id in frame.scope:
        return ""
    return foreign_layers.meaning_of(value.id)
