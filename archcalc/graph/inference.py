"""Inference: checks the requirements of each layer on its inputs, and derives its output volume."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.dim import Dim, is_number
from archcalc.core.layout import is_written_last, layout_help
from archcalc.core.location import Location
from archcalc.core.volume import Volume
from archcalc.graph.application import APPLICATIONS, Application
from archcalc.graph.graph import Condition, Node, Repeat, Scope
from archcalc.layer import RANKED, WORD, Layer
from archcalc.record import field, record, replace
from archcalc.spec.chain import Invocation
from archcalc.sym.expr import Claim, NoClosedForm

if TYPE_CHECKING:
    from archcalc.graph import joining
else:
    joining = Late("archcalc.graph.joining")

MAX_LENGTH = 10_000_000
"""Elements along an axis: ten times the longest inputs in use."""

UNKNOWN = ""
"""The path of a value that is unknown because of an earlier problem."""


@record(frozen=False)
class Network:
    """A graph under construction: every node so far, and the volume of every name; None if it is unknown.

    `dtype`: the dtype of layers whose inputs are integers.
    """

    dtype: str = "float32"
    volumes: dict[str, Volume | None] = field(default_factory=lambda: {UNKNOWN: None})
    nodes: dict[str, Node] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)
    learning: dict[str, bool] = field(default_factory=dict)
    """Whether gradients flow into a value; not into inputs."""
    applied: dict[tuple[int, ...], tuple[Application, Layer, tuple[Volume, ...]]] = field(default_factory=dict)
    """Its applications by the identities of the layer and the inputs, which copies of a block share."""
    claimed: set[int] = field(default_factory=set)
    """The applications whose requirements are among the conditions."""
    outermost: frozenset[str] = frozenset()
    """The names of inputs, and those that the document's own chain gives, which no block sees."""

    def add(
        self, layer: Layer, call: Invocation, sources: tuple[str, ...], path: str, module: str, frozen: bool
    ) -> None:
        """Adds a node. Its volume is unknown if an input is. Raises SpecError if the layer rejects its inputs."""
        if layer.reads:
            sources = (*sources, *map(str, layer.references()))
        volumes = self.volumes
        xs = tuple([x for source in sources if (x := volumes[source]) is not None])
        volumes[path] = None
        if len(xs) < len(sources):
            return
        if xs and (layer.ranks or call.target.text in RANKED):
            check_rank(layer, call, xs[0])
        key = (id(layer), *map(id, xs))
        known = self.applied.get(key)
        if known is None:
            known = self.applied[key] = self.apply(layer, call, xs, sources, path), layer, xs
        applied = known[0]
        ties = self.ties(layer, xs, call) if layer.ties else {}
        flows = self.learning.get
        learning = tuple([flows(source, False) for source in sources])
        node = Node(
            path, applied.layer, sources, applied.inputs, applied.outputs, module, frozen, ties, call.where,
            learning=learning, application=applied,
        )  # fmt: skip
        if module != path:
            self.check_rerun(node)
        self.nodes[path] = node
        self.volumes[path] = y = applied.outputs[0]
        followed = any(learning) and any(map(learning.__getitem__, applied.followed))
        self.learning[path] = followed or (y.is_floating and node.trains)

    def apply(
        self, layer: Layer, call: Invocation, xs: tuple[Volume, ...], sources: tuple[str, ...], path: str
    ) -> Application:
        """A layer on inputs. Raises SpecError if it rejects them."""
        found = APPLICATIONS.get((layer, xs, self.dtype))
        if found is None:
            try:
                claims = self.check_inputs(layer, call, xs, sources)
                y = self.output(layer, xs)
            except NoClosedForm as error:
                raise problem("AC136", f"{call.target.text} needs numbers: {error}", call.where) from None
            check_lengths(y, call.where)
            found = APPLICATIONS[layer, xs, self.dtype] = Application(layer, xs, (y,)), claims
        applied, claims = found
        if claims and id(applied) not in self.claimed:
            self.claimed.add(id(applied))
            self.conditions += [Condition(claim, message, path) for claim, message in claims]
        return applied

    def repeat_from(self, first: int, count: Dim, source: str, output: str) -> None:
        """Makes the nodes from number `first` on one copy of `count`, from `source` to `output`."""
        copy = tuple(self.nodes)[first:]
        same = self.learning.get(source) == self.learning.get(output)
        for name in copy:
            node = self.nodes[name]
            learning = node.learning if same else tuple(each or None for each in node.learning)
            self.nodes[name] = replace(node, times=node.times * count, learning=learning)
        if copy:
            self.repeats.append(Repeat(count, copy, source, output))

    def output(self, layer: Layer, xs: tuple[Volume, ...]) -> Volume:
        y = layer.shape(*xs)
        shared = layer.is_source or all(x.shared for x in xs)
        dtype = self.dtype if y.is_floating and all(x.is_ids for x in xs) else y.dtype
        return y if (y.shared, y.dtype) == (shared, dtype) else replace(y, shared=shared, dtype=dtype)

    def check_inputs(
        self, layer: Layer, call: Invocation, xs: tuple[Volume, ...], sources: tuple[str, ...]
    ) -> list[tuple[Claim, str]]:
        """Raises SpecError if a layer rejects its inputs.

        Returns the requirements that depend on free symbols, each with its message.
        """
        check_count(layer, call, xs)
        if not layer.takes_ids and any(x.is_ids for x in xs):
            message = f"{call.target.text} cannot compute with integer ids"
            raise self.rejected(message, call, sources, "embed them first: embedding(num_embeddings, embedding_dim)")
        if not layer.takes_plain and (loose := [x for x in xs if x.plain]):
            message = f"{call.target.text} needs to know what the axes of {loose[0]} mean: it is a plain tensor"
            raise self.rejected(message, call, sources, meaning_of(loose[0]))
        depends = []
        for holds, message in layer.requires(*xs):
            if isinstance(holds, Claim):
                depends.append((holds, message))
            elif not holds:
                joined = joining.join_help(layer, self.nodes, sources, xs) if layer.inputs[1] is None else ""
                own = layer.remedy(*xs).replace(WORD, call.target.text)
                help = joined or self.misread_help(layer, xs, sources) or own or self.layout_help(sources)
                raise self.rejected(message, call, sources, help)
        return depends

    def rejected(self, message: str, call: Invocation, sources: tuple[str, ...], help: str) -> SpecError:
        described = ", ".join(self.described(source) for source in sources)
        return problem("AC201", message, call.where, notes=[described], help=help)

    def misread_help(self, layer: Layer, xs: tuple[Volume, ...], sources: tuple[str, ...]) -> str:
        """What to write if the layer takes an input with its features at the other end: as its source may have meant
        it, or as another input has them."""
        for at, source in enumerate(sources):
            name, text = self.misread(source)
            if text and takes(layer, xs, at, other_end(xs[at])):
                return f"of {name}: {text}" if at or name != source else text
        for at, source in enumerate(sources if len(xs) > 1 else ()):
            if xs[at].rank and takes(layer, xs, at, replace(xs[at], channels_last=not xs[at].channels_last)):
                end, move = ("last", "channels_first") if xs[at].channels_last else ("first", "channels_last")
                return f"the features of {source} come {end}; move them: {source} -> {move}"
        for at, source in enumerate(sources if len(xs) > 1 else ()):
            if xs[at].rank and takes(layer, xs, at, other_end(xs[at])):
                words, end = words_of(xs[at]), "first" if xs[at].channels_last else "last"
                return f'say of {source} which axis the features are: rearrange("{words} -> {words}", {end})'
        return ""

    def misread(self, source: str) -> tuple[str, str]:
        """The layer that left the features of a value where they are, and what it may have meant; it stands before
        layers that keep all axes."""
        while (node := self.nodes.get(source)) and not (text := node.layer.misread(node.outputs[0])):
            if not node.inputs or node.inputs[0].item_shape != node.outputs[0].item_shape:
                break
            source = node.sources[0]
        return (source, text) if node else (source, "")

    def layout_help(self, sources: tuple[str, ...]) -> str:
        """What to write instead of an input whose channels were written last, if the sources depend on one."""
        waiting, seen = list(sources), set(sources)
        while waiting:
            name = waiting.pop()
            if name in self.nodes:
                fresh = set(self.nodes[name].sources) - seen
                waiting += fresh
                seen |= fresh
            elif (x := self.volumes[name]) is not None and is_written_last(x):
                return layout_help(x)
        return ""

    def described(self, source: str) -> str:
        """`layer1.conv3 [256, 32, 32] (line 6)`."""
        x = self.volumes[source]
        node = self.nodes.get(source)
        return f"{source} {x} (line {node.where.line + 1})" if node and node.where else f"{source} {x}"

    def ties(self, layer: Layer, xs: tuple[Volume, ...], call: Invocation) -> Mapping[str, str]:
        """The weights of this layer that another layer owns."""
        if not any(getattr(layer, key) for key in layer.ties):
            return {}
        own = {weight.name: weight.shape for weight in layer.weights(*xs)}
        return {weight: self.tied(weight, own[weight], getattr(layer, key), call) for key, weight in layer.ties.items()}

    def tied(self, weight: str, shape: tuple[int, ...], path: str, call: Invocation) -> str:
        """The `state_dict` key of the weight that is shared."""
        owner = self.nodes.get(path)
        theirs = {w.name: w.shape for w in owner.weights} if owner else {}
        if owner and theirs.get(weight) == shape:
            return f"{owner.module}.{weight}"
        has = ", ".join(f"{name} {list(size)}" for name, size in theirs.items()) or "no weights"
        message = f"{call.target.text} cannot share {weight} {list(shape)} with {path}, which has {has}"
        raise problem("AC207", message, call.where)

    def check_rerun(self, node: Node) -> None:
        """Raises SpecError if the inputs of a module that runs again do not fit its weights."""
        owner = self.nodes.get(node.module)
        if owner is None:
            raise problem("AC206", f"{node.module} does not exist in the first run, so it cannot run again", node.where)
        theirs = {w.name: w.shape for w in owner.weights}
        if theirs != {w.name: w.shape for w in node.layer.weights(*node.inputs)}:
            given, first = ", ".join(map(str, node.inputs)), ", ".join(map(str, owner.inputs))
            message = f"{node.module} has weights for {first} and cannot run again on {given}"
            raise problem("AC206", message, node.where)


def takes(layer: Layer, xs: tuple[Volume, ...], at: int, other: Volume) -> bool:
    """Whether a layer would take its inputs with another one in the place of one of them."""
    replaced = tuple(other if i == at else x for i, x in enumerate(xs))
    return all(holds is not False for holds, _ in layer.requires(*replaced))


def other_end(x: Volume) -> Volume:
    """The same axes, of which the one at the other end is that of the features."""
    first, *spatial = x.item_shape if x.channels_last else (x.item_shape[-1], *x.item_shape[:-1])
    return replace(x.to(first, tuple(spatial)), channels_last=not x.channels_last)


def words_of(x: Volume) -> str:
    """A word for each axis, the batch first."""
    return " ".join("bcdefghijklm"[: x.rank + 2])


def meaning_of(x: Volume) -> str:
    """How to give the axes of a plain tensor a meaning."""
    words = words_of(x)
    same = f'rearrange("{words} -> {words}"'
    return f"if its last axis is that of the features, write {same}, last); if its first, {same}, first)"


def check_count(layer: Layer, call: Invocation, xs: tuple[Volume, ...]) -> None:
    """Raises SpecError if a layer has too few or too many inputs."""
    least, most = layer.inputs
    count = len(xs) - sum(1 for _ in layer.references())
    if count < least or (most is not None and count > most):
        takes = f"{least} inputs or more" if most is None else "one input" if most == 1 else f"{most} inputs"
        help = f"prev is the input of the item: {call.target.text}: [..., prev]" if count < least else ""
        raise problem("AC203", f"{call.target.text} takes {takes}, got {count}", call.where, help=help)


def check_lengths(y: Volume, where: Location | None) -> None:
    """Raises SpecError if an axis is too long: formulas that iterate over it would never finish."""
    if any(is_number(n) and n > MAX_LENGTH for n in y.spatial):
        message = f"{y} has more than {MAX_LENGTH:,} elements along an axis"
        raise problem("AC208", message, where, help="check for a mistyped number")


def either(numbers: Sequence[int]) -> str:
    """`1, 2 or 3`."""
    *others, last = map(str, numbers)
    return f"{', '.join(others)} or {last}" if others else last


def check_rank(layer: Layer, call: Invocation, x: Volume) -> None:
    ranks = (RANKED[call.target.text],) if call.target.text in RANKED else layer.ranks
    if ranks and x.rank not in ranks:
        axes = f"{either(ranks)} spatial {'axis' if ranks == (1,) else 'axes'}"
        help = (
            ""
            if x.rank
            else "a vector has no positions; reduce(mean, [2, 3], keep=true) pools a map and keeps its axes"
        )
        raise problem("AC202", f"{call.target.text} needs {axes}; {x} has {x.rank}", call.where, help=help)
