"""Receptive field: the elements of each network input that one output element can depend on."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from math import prod
from typing import TYPE_CHECKING, cast

from archcalc.core.catalogue import Late
from archcalc.core.dim import Dim, is_number
from archcalc.core.field import Field, phases_of_union, tips, union
from archcalc.core.volume import Volume
from archcalc.core.window import IDENTITY, AnyWindow
from archcalc.graph.graph import Graph, Input, Node, Repeat
from archcalc.layer import Role
from archcalc.record import field, record, replace
from archcalc.sym.expr import Expr, NoClosedForm, expression

if TYPE_CHECKING:
    from archcalc.sym import bounds
    from archcalc.sym.bounds import Ranges
else:
    bounds = Late("archcalc.sym.bounds")

Fields = tuple[Field, ...]
"""One field per spatial axis of an input; empty if the field is unknown."""

MAX_PHASES = 4096
"""Limit on phases: upsampling by s creates s phases, and several layers multiply them. No real network reaches it."""

TOO_MANY_PHASES = f"neighbouring elements see more than {MAX_PHASES:,} different windows"

TOO_MUCH_WORK = "neighbouring elements see too many different windows in too many layers"

FREE_LOOKUPS = 500_000
"""Limit on the spans that a walk looks up to combine phases: a fraction of a second."""

LOOKUPS = 500
"""Further lookups for each node."""


KEPT = 2_000
"""Fields, and unions of fields, that are kept."""


@record
class Seen:
    """The field of one output element in one input: one per axis of the input.

    `why`: the reason, if the field is unknown. `at_most`: why it may be larger than what the element
    depends on; empty if it is not.
    """

    input: str
    fields: Fields
    why: str = ""
    at_most: str = ""


def seen_by(graph: Graph) -> dict[str, tuple[Seen, ...]]:
    """For every node, its field in each spatial input that reaches it, in the order of the inputs."""
    found: dict[str, tuple[Seen, ...]] = {}
    for seed in spatial_inputs(graph):
        alone: dict[int, tuple[Seen, ...]] = {}  # most layers see what the one before them sees, in one input
        for name, seen in of_input(graph, seed).items():
            found[name] = (*found[name], seen) if name in found else alone.setdefault(id(seen), (seen,))
    return found


def receptive_fields(graph: Graph) -> dict[str, Fields]:
    """For every node, its largest field. Nodes whose field is unknown are left out."""
    found: dict[str, list[Seen]] = {}
    for seed in spatial_inputs(graph):
        for name, seen in with_input(graph, seed).items():
            if name != seed.name:
                found.setdefault(name, []).append(seen)
    return {name: fields for name, seen in found.items() if (fields := widest(seen).fields)}


def fields_of(graph: Graph, seed: Input) -> dict[str, Fields]:
    """For every node that one input reaches, its field in that input, if it is known."""
    seen = with_input(graph, seed)
    return {name: fields for name, each in seen.items() if (fields := each.fields) and name != seed.name}


def widest(seen: Sequence[Seen]) -> Seen:
    """The largest of several fields of a node: the one with most elements; if sizes are free, the first."""
    known = [each for each in seen if each.fields]
    if len(known) < 2 or not is_number(*(axis.size for each in known for axis in each.fields)):
        return (known or seen)[0]
    return max(known, key=lambda each: prod(axis.size for axis in each.fields))


def spatial_inputs(graph: Graph) -> tuple[Input, ...]:
    """The inputs that have positions."""
    return tuple(each for each in graph.inputs if each.volume.rank)


def of_input(graph: Graph, seed: Input) -> dict[str, Seen]:
    """The field in one input of every node that it reaches, with the reasons for which it may be larger than what its
    element depends on."""
    seen = {**with_input(graph, seed)}
    bounds = upper_bounds(graph, seen)
    del seen[seed.name]
    seen |= {name: replace(seen[name], at_most=why) for name, why in bounds.items()}
    return seen


def with_input(graph: Graph, seed: Input) -> Mapping[str, Seen]:
    """The field in one input of that itself, and of every node that it reaches; found out once for a graph."""
    known: Mapping[str, Seen] | None = graph.noted.get((with_input, seed.name))
    if known is None:
        walk = Walk(seed, {name: each.domain.bounds() or bounds.ANYWHERE for name, each in graph.symbols.items()})
        walk.follow(graph.nodes, graph.repeats)
        known = graph.noted[with_input, seed.name] = walk.seen
    return known


through = lru_cache(KEPT)(Field.through)
"""Kept for the inputs and networks that follow: what they make of fields is often the same."""

together = lru_cache(KEPT)(union)


FIELD = "receptive_field"
"""The name of the network's receptive field in conditions."""

NO_FIELD = "every layer sees the whole input, so there is no receptive field to compare"


def sizes_along_first_axis(graph: Graph) -> list[Expr]:
    """The different fields of layers along the first axis, in elements, without those of layers that see the whole
    input; the largest is the network's. Raises NoClosedForm if one is unknown."""
    sizes: dict[Expr, None] = {}
    for seen in seen_by(graph).values():
        for each in seen:
            if not each.fields:
                raise NoClosedForm(f"the receptive field is not known: {each.why}")
            if not all(axis.whole for axis in each.fields):
                sizes[expression(each.fields[0].size)] = None
    return list(sizes)


class TooManyPhases(Exception):
    """A field is not computed; the message gives the reason."""


class Growth:
    """Computes fields, as long as their phases are not too many. `left`: the lookups that it may still take."""

    def __init__(self) -> None:
        self.left = FREE_LOOKUPS
        self.counted = cache(self._counted)
        """Cached, because most axes of most layers repeat: height and width, block after block."""

    def take(self, phases: Dim, lookups: int) -> None:
        """Raises TooManyPhases before that many lookups for each phase."""
        if phases > MAX_PHASES:
            raise TooManyPhases(TOO_MANY_PHASES)
        total = phases * lookups if phases != 1 else 0
        if total > self.left:
            raise TooManyPhases(TOO_MUCH_WORK)
        self.left -= total

    def through(self, field: Field, window: AnyWindow, n: Dim) -> Field:
        """The field of the output of a window."""
        return field.slid(window) or self.counted(field, window, n)

    def _counted(self, field: Field, window: AnyWindow, n: Dim) -> Field:
        if not (field.whole or window.whole):
            phases = field.phases_through(window)
            self.take(max(phases, len(field.spans)), len(tips(window, 0, field)) + 1)
        return through(field, window, n)

    def joined(self, branches: Sequence[Fields], volume: Volume, lengths: Sequence[Dim]) -> Fields:
        """The union of the fields of several branches, each of this volume; `lengths`: of the input's axes."""
        first = branches[0]
        if all(each is first or each == first for each in branches):
            return first
        axes = list(zip(*branches, strict=True))
        square = volume.rank == len(axes) and all(n == m[0] for m in (volume.spatial, lengths) for n in m)
        if square and all(a is b for axis in axes[1:] for a, b in zip(axis, axes[0], strict=True)):
            return (self.union(axes[0], volume, 0, lengths[0]),) * len(axes)
        return tuple([self.union(axis, volume, i, lengths[i]) for i, axis in enumerate(axes)])

    def union(self, fields: Sequence[Field], volume: Volume, axis: int, n: Dim) -> Field:
        """The same for one of the input's axes, of length `n`. The fields are counted along one axis of the volume:
        where they differ in it, all elements of the others are taken together."""
        places = [along_in(volume, axis, field) for field in fields if not field.alike]
        if not places or None in places or any(field.whole for field in fields):
            return together(tuple(fields))
        if len({*places}) > 1:
            kept = places[0]
            fields = tuple([self.only_along(kept, field, volume, axis, n) for field in fields])
        length = volume.spatial[cast(int, places[0])]
        self.take(phases_of_union(fields, length), len(fields))
        return together(tuple(fields), length)

    def only_along(self, kept: int | None, field: Field, volume: Volume, axis: int, n: Dim) -> Field:
        """A field that is counted along an axis of a volume; if it is counted along another, of all its elements."""
        along = along_in(volume, axis, field)
        if field.alike or along is None or along == kept:
            return field
        count = volume.spatial[along]
        if not is_number(count):
            raise NoClosedForm("branches meet whose elements are counted along different axes")
        self.take(len(field.spans), len(field.spans))
        return field.together(count, n)


@record(frozen=False)
class Walk:
    """Follows one input through the nodes.

    `seen`: the fields so far. `ranges`: the bounds of the free symbols. `known`: what layers made of fields: once all
    of the input is seen, copies of a block make the same of the same.
    """

    seed: Input
    ranges: "Ranges"
    seen: dict[str, Seen] = field(default_factory=dict)
    growth: Growth = field(default_factory=Growth)
    known: dict[tuple[int, ...], tuple[Mapping[int, Seen], Seen]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen.setdefault(self.seed.name, self.sees((Field(),) * self.seed.volume.rank))

    def sees(self, fields: Fields, why: str = "") -> Seen:
        return Seen(self.seed.name, fields, why)

    def follow(self, nodes: Sequence[Node], repeats: Sequence[Repeat]) -> None:
        """Follows the nodes in order; nodes that stand for a free number of copies, together."""
        outermost = {each.nodes[0]: each for each in sorted(repeats, key=lambda each: len(each.nodes))}
        i = 0
        if not outermost:
            for node in nodes:
                self.growth.left += LOOKUPS
                self.step(node)
            return
        while i < len(nodes):
            self.growth.left += LOOKUPS
            repeat = outermost.get(nodes[i].name)
            if repeat is None:
                self.step(nodes[i])
                i += 1
            else:
                inside = nodes[i : i + len(repeat.nodes)]
                self.repeated(repeat, inside, [each for each in repeats if each is not repeat])
                i += len(inside)

    def step(self, node: Node) -> None:
        applied, seen = node.application, self.seen
        if len(applied.carried) == 1:
            before = seen.get(node.sources[0])
            if before is None:
                return
            if applied.is_pointwise:  # most layers: norms, activations
                seen[node.name] = before
                return
            branches = {0: before}
            key: tuple[int, ...] = (id(applied), id(before))
        else:
            branches = {i: each for i in applied.carried if (each := seen.get(node.sources[i])) is not None}
            if not branches:
                return
            key = (id(applied), *branches, *map(id, branches.values()))
        if key not in self.known:
            self.known[key] = branches, self.made(node, branches)
        seen[node.name] = self.known[key][1]

    def made(self, node: Node, branches: Mapping[int, Seen]) -> Seen:
        """What a node makes of the fields of its inputs."""
        for each in branches.values():
            if not each.fields:
                return each
        try:
            found = advance(node, {i: each.fields for i, each in branches.items()}, self.seed, self.growth)
        except TooManyPhases as error:
            return self.sees((), str(error))
        except NoClosedForm as error:
            return self.sees((), f"it has no closed form: {error}")
        return next((each for each in branches.values() if each.fields == found), None) or self.sees(found)

    # --- copies whose number is free ---------------------------------------------------------------------------------

    def repeated(self, repeat: Repeat, inside: Sequence[Node], repeats: Sequence[Repeat]) -> None:
        """Sets the fields of the nodes of a repeat to those in the last copy.

        With sliding windows and one phase, each copy adds the same margin on either side of the field. Otherwise, a
        field is known only if it is the same in all copies.
        """
        before = self.seen.get(repeat.source)
        first = self.through(inside, repeats, repeat, before)
        if not first:
            return
        after = first.get(repeat.output) if before else None
        second = self.through(inside, repeats, repeat, after)
        twice = second.get(repeat.output)
        if last := self.before_last((before, after, twice), repeat, inside):
            self.seen |= self.through(inside, repeats, repeat, last)
            return
        unknown = self.sees((), f"it has no closed form in {symbols_of(repeat)}")
        is_settled = after is not None and twice == after and self.is_run(repeat)
        for name, seen in first.items():
            self.seen[name] = seen if is_settled and second[name] == seen else unknown

    def through(
        self, inside: Sequence[Node], repeats: Sequence[Repeat], repeat: Repeat, given: Seen | None
    ) -> dict[str, Seen]:
        """The fields of the nodes of one copy whose input has the field `given`."""
        outside = {name: seen for name, seen in self.seen.items() if name != repeat.source}
        copy = replace(self, seen={**outside, **({repeat.source: given} if given else {})})
        copy.follow(inside, repeats)
        return {node.name: copy.seen[node.name] for node in inside if node.name in copy.seen}

    def before_last(self, given: Sequence[Seen | None], repeat: Repeat, inside: Sequence[Node]) -> Seen | None:
        """The field of the input of the last copy, from the fields before the first copy, after one and after two; None
        if the copies do not all add the same."""
        known = [each.fields for each in given if each and each.fields]
        if len(known) < len(given) or self.reads_outside(repeat, inside):
            return None
        found = [extrapolated(a, b, c, repeat.count - 1) for a, b, c in zip(*known, strict=True)]
        fields = tuple(each for each in found if each is not None)
        return self.sees(fields) if len(fields) == len(found) else None

    def reads_outside(self, repeat: Repeat, inside: Sequence[Node]) -> bool:
        """Whether a copy reads a value that depends on the input, other than the output of the previous copy."""
        own = {*repeat.nodes, repeat.source}
        return any(name in self.seen for node in inside for name in carriers(node) if name not in own)

    def is_run(self, repeat: Repeat) -> bool:
        """Whether there is at least one copy for all values of the symbols."""
        return bounds.interval(cast(Expr, repeat.count), self.ranges)[0] >= 1


def symbols_of(repeat: Repeat) -> str:
    return ", ".join(sorted(cast(Expr, repeat.count).symbols()))


def extrapolated(before: Field, after: Field, twice: Field, copies: Dim) -> Field | None:
    """The field after `copies` copies, from the fields before the first, after one and after two; None if the copies do
    not all add the same.

    >>> from archcalc.core.dim import free
    >>> made = extrapolated(*(Field(((-i, i),)) for i in range(3)), free("n"))
    >>> made and str(made.size)
    '2·n + 1'
    """
    if before == after == twice:
        return before
    alike = replace(before, spans=()) == replace(after, spans=()) == replace(twice, spans=())
    if not alike or any(len(each.spans) != 1 or each.spans[0] is None for each in (before, after, twice)):
        return None
    (lo, hi), (lo1, hi1), (lo2, hi2) = (cast(tuple[Dim, Dim], each.spans[0]) for each in (before, after, twice))
    if (lo2 - lo1, hi2 - hi1) != (lo1 - lo, hi1 - hi):
        return None
    return replace(before, spans=((lo + copies * (lo1 - lo), hi + copies * (hi1 - hi)),))


def carriers(node: Node) -> tuple[str, ...]:
    """The sources whose values the output depends on; only the sizes of the others matter."""
    return node.sources[: len(node.application.carried)]


def window_of(node: Node, source: int, axis: int, seen: Field) -> AnyWindow:
    """A node's window for the field of one of the input's axes in the source with this index."""
    windows = node.application.windows[source]
    if len(windows) < 2:
        return windows[0] if windows else IDENTITY
    along = along_in(node.inputs[source], axis, seen)
    return IDENTITY if along is None else windows[along]


def along_in(volume: Volume, axis: int, seen: Field) -> int | None:
    """The axis of a volume along which the field of one of the input's axes is counted: a single axis stands for all;
    None if it is removed, or every element sees the whole input."""
    if seen.whole or not volume.rank:
        return None
    if seen.along is not None:
        return seen.along
    return 0 if volume.rank == 1 else axis if axis < volume.rank else None


def along_after(node: Node, source: int, axis: int, seen: Field) -> int | None:
    """The axis of the output along which that of a field of a source stands then; None if it is removed."""
    along, before, after = along_in(node.inputs[source], axis, seen), node.inputs[source].rank, node.output.rank
    if along is None or not after:
        return None
    window = window_of(node, source, axis, seen)
    if window.onto is not None or after == 1 or window.whole:
        return window.onto or 0
    if after != before:
        raise NoClosedForm("axes are removed or added, between which the field is not followed")
    return along


def advance(node: Node, branches: Mapping[int, Fields], seed: Input, growth: Growth) -> Fields:
    """The fields of a node's output, from those of its inputs. Raises TooManyPhases."""
    if len(branches) == 1:
        ((source, fields),) = branches.items()
        return grown(node, source, fields, seed, growth)
    alike: dict[tuple[tuple[AnyWindow, ...], tuple[Dim, ...]], list[int]] = {}
    for source in branches:
        alike.setdefault((node.application.windows[source], node.inputs[source].spatial), []).append(source)
    lengths, made = seed.volume.spatial, []
    for sources in alike.values():
        together = growth.joined([branches[each] for each in sources], node.inputs[sources[0]], lengths)
        made.append(grown(node, sources[0], together, seed, growth))
    return growth.joined(made, node.output, lengths)


def grown(node: Node, source: int, fields: Fields, seed: Input, growth: Growth) -> Fields:
    """The fields of a node's output, as far as it reads one of its inputs. Raises TooManyPhases."""
    common = node.application.squares[source]
    if common is IDENTITY:
        return fields
    lengths, first = seed.volume.spatial, fields[0]
    if common is not None and first.along is None and is_alike(fields) and is_alike(lengths):  # most networks on images
        if first.whole:
            return fields
        if len(lengths) == node.output.rank:
            made = growth.through(first, common, lengths[0])
            return fields if made is first else (made,) * len(fields)
    x, y = node.inputs[source], node.output
    if not x.rank:
        return tuple([each.at_first() for each in fields]) if y.rank else fields
    return tuple([moved(node, source, axis, each, lengths[axis], growth) for axis, each in enumerate(fields)])


def is_alike(parts: Sequence[object]) -> bool:
    """Whether all are the same."""
    return parts.count(parts[0]) == len(parts)


def moved(node: Node, source: int, axis: int, seen: Field, n: Dim, growth: Growth) -> Field:
    """The field of a node's output in one of the input's axes, of length `n`."""
    if seen.whole:
        return seen
    made, rank = growth.through(seen, window_of(node, source, axis, seen), n), node.output.rank
    if not rank:
        return made.at_first()
    if made.alike:
        return made if made.along is None else replace(made, along=None)
    along = along_after(node, source, axis, seen)
    along = None if along == (0 if rank == 1 else axis) else along
    return made if made.along == along else replace(made, along=along)


# --- upper bounds ----------------------------------------------------------------------------------------------------


SIDE_BY_SIDE = "features of several places stand side by side, and not all of them are read"
CROSSED = "values meet that are counted along different axes"
"""Why a field may be larger than what an element depends on."""


def upper_bounds(graph: Graph, seen: Mapping[str, Seen]) -> dict[str, str]:
    """The nodes whose fields may be larger than what their elements depend on, each with the reason; `seen`: the fields
    in one input.

    A field is that of all features of an element together. Where features of several places stand side by side, as
    positions that became features or as branches that were concatenated, a layer may leave some out, or make positions
    of them. It is also that of all elements with one index along the axis on which it is followed.
    """
    apart, bounds = set[str](), dict[str, str]()
    for node in graph:
        if not (apart or bounds or len(node.sources) > 1 or node.layer.role is Role.MOVEMENT):
            continue  # most networks have no bound, which begins where branches meet or features move
        sources = [name for name in carriers(node) if name in seen]
        if not sources or node.name not in seen or not seen[node.name].fields:
            continue
        beside = any(name in apart for name in sources)
        if why := inherited(node, sources, seen, bounds):
            bounds[node.name] = why
        elif beside and leaves_out(node):
            bounds[node.name] = SIDE_BY_SIDE
        elif len(sources) > 1 and crosses(node, sources, seen):
            bounds[node.name] = CROSSED
        if (beside or sets_side_by_side(node, sources, seen)) and not mixes(node):
            apart.add(node.name)
    return bounds


def inherited(node: Node, sources: Sequence[str], seen: Mapping[str, Seen], bounds: Mapping[str, str]) -> str:
    """Why a field is an upper bound if that of a source is one. That of all elements of a map together is exact, and
    so is one where another source sees as much."""
    fields = seen[node.name].fields
    loose = [name for name in sources if name in bounds]
    if not loose or (all(each.whole for each in fields) and not any(is_whole(seen[name]) for name in loose)):
        return ""
    exact = any(name not in bounds and seen[name].fields == fields for name in sources)
    return "" if exact else bounds[loose[0]]


def is_whole(seen: Seen) -> bool:
    return all(each.whole for each in seen.fields)


def sets_side_by_side(node: Node, sources: Sequence[str], seen: Mapping[str, Seen]) -> bool:
    """Whether features of one element come from several places: positions became features, or branches with other
    fields are concatenated."""
    if node.layer.role is not Role.MOVEMENT or all(is_whole(seen[name]) for name in sources):
        return False
    if len(sources) > 1:
        return len({seen[name].fields for name in sources}) > 1 and has_more_features(node.output, node.inputs[0])
    return any(x.rank and has_more_features(node.output, x) for x in node.inputs[:1])


def leaves_out(node: Node) -> bool:
    """Whether an element may read only some features of what it reads."""
    return node.layer.role is Role.MOVEMENT and len(node.inputs) == 1 and has_more_features(node.inputs[0], node.output)


def has_more_features(x: Volume, y: Volume) -> bool:
    """Whether that is certain of the first of two volumes."""
    if is_number(x.channels, y.channels):
        return x.channels > y.channels
    return bounds.interval(expression(x.channels) - expression(y.channels), {})[0] > 0


def mixes(node: Node) -> bool:
    """Whether neighbouring features depend on features of all places: by weights that are not grouped, or because they
    come from different ones."""
    layer = node.layer
    mixed = layer.role is Role.CONTRACTION and len(node.inputs) == 1 and getattr(layer, "groups", 1) == 1
    return mixed or layer.interleaves


def crosses(node: Node, sources: Sequence[str], seen: Mapping[str, Seen]) -> bool:
    """Whether branches meet whose elements are counted along different axes."""
    volumes = [(seen[name].fields, x) for name, x in zip(node.sources, node.inputs, strict=True) if name in sources]
    for axis in range(min(len(fields) for fields, _ in volumes)):
        places = {along_in(x, axis, fields[axis]) for fields, x in volumes if not fields[axis].alike}
        if len(places - {None}) > 1:
            return True
    return False
