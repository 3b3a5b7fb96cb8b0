"""Blocks: the regions of one class as one body, with arguments for what differs between them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.importing.lowering.sized import Raw
from archcalc.importing.lowering.step import Step, stated
from archcalc.importing.readable.fusing import fused, repeated
from archcalc.importing.readable.paths import Body, Item, NotReadable
from archcalc.importing.readable.tree import Region
from archcalc.layer import ALIASES, LAYERS, layer_named
from archcalc.record import field, record

SHORT = dict(out_channels="c", out_features="n", kernel_size="k", num_heads="heads", p="rate", dilation="d")
"""The names of parameters for arguments of layers, if they are shorter."""

OWN = frozenset(("kernel_size", "padding", "dilation", "p", "eps", "stride", "groups", "count"))
"""Arguments that are never a multiple of a number of channels, although the numbers may agree."""

ANY = Raw("?")
"""The argument of an item that an instance does not have."""


@record(frozen=False, eq=False)
class Block:
    """`parameters` in order; `defaults` of some; `body`, of which the arguments are expressions in them."""

    name: str
    parameters: list[str]
    defaults: dict[str, Any]
    body: list[Item]


@record(frozen=False, eq=False)
class Names:
    """New names for the steps and blocks of one body; another body may have the same. `taken`: those that it cannot
    have; `home`: the path of its module."""

    taken: set[str]
    home: str = ""

    def __call__(self, made: Step | Region) -> str:
        """The last part of its path that is a word, with the numbers behind it; its kind, where there is no word."""
        kind = snake(made.kind) if isinstance(made, Region) else made.kind
        path = made.path if isinstance(made, Region) else made.path or made.module
        return self.of(short(path.removeprefix(self.home).lstrip("."), kind))

    def of(self, base: str) -> str:
        """A name that is not taken, which begins with this one."""
        name, number = base, 2
        while name in self.taken or name in LAYERS or name in ALIASES or name in ("input", "prev", "x"):
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name


def short(path: str, kind: str) -> str:
    """The end of the path of a module, from its last word on.

    >>> short("fpn.lateral.0", "conv"), short("fpn.lateral", "conv"), short("0", "conv"), short("", "relu")
    ('lateral_0', 'lateral', 'conv_0', 'relu')
    """
    numbers = [word(path.rpartition(".")[2]) or kind]
    while numbers[0][0].isdigit():
        path = path.rpartition(".")[0]
        numbers.insert(0, word(path.rpartition(".")[2]) or kind)
    return "_".join(numbers)


@record(frozen=False, eq=False)
class Blocks:
    """All blocks of a network, and the item that stands for each region. `norm`: the arguments of most batch norms.
    `taken`: the names of all classes. `steps`: the names of the steps of the block that is defined."""

    norm: Mapping[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    found: dict[str, Block] = field(default_factory=dict)
    calls: dict[Region, Item] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)

    def define_all(self, root: Region) -> None:
        """Defines the blocks of a network, inner ones first."""
        by_kind: dict[tuple[str, int], list[Region]] = {}
        nested = {each.kind for region in root.regions for each in region.regions if each.kind == region.kind}
        for region in root.regions:
            by_kind.setdefault((region.kind, region.height if region.kind in nested else 0), []).append(region)
        self.taken |= {snake(kind) for kind, _ in by_kind}
        for key in sorted(by_kind, key=lambda each: max(region.height for region in by_kind[each])):
            self.define(key[0], by_kind[key])

    def call(self, maker: Step | Region) -> Item:
        """The call of a step or of the block of a region."""
        if isinstance(maker, Region):
            if maker not in self.calls:
                raise NotReadable(f"modules of {maker.kind} hold modules of their own class")
            return self.calls[maker]
        assert maker.layer is not None
        frozen = {"freeze": True} if maker.frozen else {}
        return Item(maker.kind, stated(maker.layer, *maker.layer.reads) | frozen, step=maker)

    def body(self, region: Region) -> list[Item]:
        if region.output is None:
            return []
        names = Names({*self.taken, *self.found}, region.path)
        region.lent = {step: names.of(name) for step, name in region.lent.items()}
        body = Body(region, self.call, names)
        items = body.whole([*region.others, region.output], region.source)
        region.members = {each: body.name(each).call for each in region.others}
        return repeated(fused(items, self.norm))

    def define(self, kind: str, regions: Sequence[Region]) -> None:
        bodies = {region: self.body(region) for region in regions}
        groups: dict[Any, list[Region]] = {}
        for region, body in bodies.items():
            if len(body) == 1 and body[0].paths is None and not body[0].is_name and not (region.others or region.lent):
                self.calls[region] = body[0]  # one call: no block of its own
            else:
                groups.setdefault(shape(body), []).append(region)
        sets = merged([[(region, bodies[region]) for region in group] for group in groups.values()])
        for group in sets:
            name = snake(kind)
            while name in self.found or name in LAYERS or name in ALIASES or name in ("input", "prev", "x"):
                head, _, number = name.rpartition("_")
                name = f"{head}_{int(number) + 1}" if number.isdigit() and head else f"{name}_2"
            self.abstract(name, group)

    def abstract(self, name: str, group: "list[Instance]") -> None:
        """One body for all instances: equal arguments as they are, others as expressions in parameters."""
        regions = [region for region, _ in group]
        lent = list(regions[0].lent.values())
        self.steps = {*names_in(group[0][1]), *lent}
        fill([body for _, body in group], self.found)
        bases: list[tuple[str, list[Any]]] = [("x.channels", [channels(region.source) for region in regions])]
        parameters: list[tuple[str, list[Any]]] = []
        widths: tuple[list[Any], Any] = [], None
        for items, key in columns([body for _, body in group]):
            values = [item.arguments[key] for item in items]
            known = [value for value in values if value is not ANY]
            if len({repr(item.sized.get(key)) for item in items}) == 1 and key in items[0].sized:
                expression: Any = items[0].sized[key]
            elif all(alike(value, known[0]) for value in known):
                same = parameter_with(key, values, parameters) if len(known) < len(values) else ""
                expression = Raw(same) if same else known[0]
            elif key == "groups" and values == widths[0]:
                expression = widths[1]  # each feature on its own
            else:
                expression = self.expression(key, values, bases, parameters, name)
            if key == "out_channels":
                widths = values, expression
            for item in items:
                item.arguments[key] = expression
        defaults = defaults_of(parameters)
        order = sorted((*(parameter for parameter, _ in parameters), *lent), key=lambda each: each in defaults)
        self.found[name] = Block(name, order, defaults, group[0][1])
        values_of = dict(parameters)
        for i, region in enumerate(regions):
            given = {each: values_of[each][i] for each in order if each in values_of}
            given = {k: v for k, v in given.items() if not (k in defaults and alike(v, defaults[k]))}
            self.calls[region] = Item(name, given, region=region)

    def expression(
        self,
        key: str,
        values: list[Any],
        bases: list[tuple[str, list[Any]]],
        parameters: list[tuple[str, list[Any]]],
        block: str,
    ) -> Any:
        """The values as an expression in what there is, or as a new parameter."""
        base = SHORT.get(key, key)
        within = bases if key not in OWN else [each for each in bases if each[0].rstrip("0123456789") == base]
        if found := expressed(values, within):
            return Raw(found)
        if key not in OWN and (parts := in_parts(values, bases)) is not None:
            return parts
        name, number = base, 2
        while name in {each for each, _ in parameters} or name == block or name in self.steps:
            name, number = f"{base}{number}", number + 1
        common = Counter(repr(value) for value in values if value is not ANY).most_common(1)[0][0]
        usual = next(value for value in values if repr(value) == common)
        values = [usual if value is ANY else value for value in values]
        parameters.append((name, values))
        bases.append((name, values))
        return Raw(name)


Instance = tuple[Region, list[Item]]


def word(text: str) -> str:
    return re.sub(r"\W", "_", text)


def snake(kind: str) -> str:
    """
    >>> snake("BasicBlock"), snake("SqueezeExcitation"), snake("MBConv")
    ('basic_block', 'squeeze_excitation', 'mb_conv')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower().strip("_") or "block"


def channels(step: Step | None) -> Any:
    """Its number of channels; 0 if there is no step."""
    return step.volume.channels if step is not None else 0


def alike(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def shape(path: list[Item]) -> tuple[Any, ...]:
    """A body without its arguments but patterns, which say what sizes there are."""
    return tuple(
        (
            item.call,
            item.arguments.get("pattern"),
            item.is_name,
            item.runs_again,
            item.name,
            item.count,
            tuple(map(shape, item.paths)) if item.paths is not None else None,
        )
        for item in path
    )


def names_in(body: Sequence[Item]) -> Iterator[str]:
    for item in body:
        yield item.name
        for path in item.paths or ():
            yield from names_in(path)


def columns(bodies: Sequence[list[Item]]) -> Iterator[tuple[list[Item], str]]:
    """Every argument of bodies of one shape, with the items that state it."""
    for items in zip(*bodies, strict=True):
        for key in items[0].arguments:
            yield list(items), key
        if items[0].paths is not None:
            for paths in zip(*(item.paths or [] for item in items), strict=True):
                yield from columns(paths)


def fill(bodies: Sequence[list[Item]], blocks: Mapping[str, Block]) -> None:
    """Makes all bodies state the same arguments: what one leaves out has its default."""
    for items in zip(*bodies, strict=True):
        keys = list(dict.fromkeys(key for item in items for key in item.arguments))
        for item in items:
            missing = ANY if any(value is ANY for value in item.arguments.values()) else None
            item.arguments = {
                key: item.arguments.get(key, missing if missing is not None else default_of(item, key, blocks))
                for key in keys
            }
        if items[0].paths is not None:
            for paths in zip(*(item.paths or [] for item in items), strict=True):
                fill(paths, blocks)


def default_of(item: Item, key: str, blocks: Mapping[str, Block]) -> Any:
    if key in ("norm", "act"):
        return "none"
    if item.call in blocks:
        return blocks[item.call].defaults.get(key)
    if key == "bias" and item.arguments.get("norm", "none") != "none":
        return False  # of a layer with a norm, the bias is there if it is stated
    kind = layer_named(item.call)
    return kind.known.get(key) if kind is not None else None


def expressed(values: Sequence[Any], bases: Sequence[tuple[str, list[Any]]]) -> str:
    """The values as one of the bases, or a multiple or fraction of it; empty if there is none."""
    for name, base in reversed(bases):
        if all(alike(value, other) for value, other in zip(values, base, strict=True) if value is not ANY):
            return str(name)
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in values if each is not ANY):
        return ""
    for name, base in reversed(bases):
        pairs = [(value, other) for value, other in zip(values, base, strict=True) if value is not ANY]
        if not all(isinstance(other, int) and other for _, other in pairs) or len({o for _, o in pairs}) < 2:
            continue
        value, other = pairs[0]
        if value and other and value % other == 0 and all(v == o * (value // other) for v, o in pairs):
            return f"{value // other} * {name}"
        if value and other % value == 0 and all(o // (other // value) == v for v, o in pairs):
            return f"{name} // {other // value}"
    return ""


def in_parts(values: Sequence[Any], bases: Sequence[tuple[str, list[Any]]]) -> tuple[Any, ...] | None:
    """Lists of one length as one list of expressions; None if some entry is none."""
    if not all(isinstance(each, tuple) for each in values) or len({len(each) for each in values}) != 1:
        return None
    found: list[Any] = []
    for entries in zip(*values, strict=True):
        same = all(alike(each, entries[0]) for each in entries)
        text = "" if same else expressed(entries, bases)
        if not same and not text:
            return None
        found.append(entries[0] if same else Raw(text))
    return tuple(found)


def parameter_with(key: str, values: Sequence[Any], parameters: Sequence[tuple[str, list[Any]]]) -> str:
    """A parameter for the same argument that has these values; empty if there is none."""
    return expressed(values, [each for each in parameters if each[0].rstrip("0123456789") == SHORT.get(key, key)])


def defaults_of(parameters: Sequence[tuple[str, list[Any]]]) -> dict[str, Any]:
    """The usual value of a parameter that most instances share."""
    found = {}
    for name, values in parameters:
        usual, count = Counter(map(repr, values)).most_common(1)[0]
        if name in ("stride", "bias", "act", "norm", "d", "padding", "groups") and 2 * count > len(values):
            found[name] = next(value for value in values if repr(value) == usual)
    return found


# --- bodies that differ by a condition ----------------------------------------------------------------------------


def merged(groups: list[list[Instance]]) -> list[list[Instance]]:
    """Groups of one shape, joined where a condition tells them apart: one has `prev` where another has a path."""
    found: list[list[Instance]] = []
    for group in sorted(groups, key=lambda each: -len(repr(shape(each[0][1])))):
        for other in found:
            if join(other, group):
                break
        else:
            found.append(group)
    return found


def join(rich: list[Instance], plain: list[Instance]) -> bool:
    """Whether the plain instances became instances of the rich ones, with a condition."""
    place = shortcut(rich[0][1], plain[0][1])
    if place is None:
        return False
    at, index = place
    condition = condition_between(
        [region for region, _ in rich], [region for region, _ in plain], [b for _, b in rich], at, index
    )
    if not condition:
        return False
    model = rich[0][1][at].paths
    assert model is not None
    if not has_words(condition, model[index]):
        return False
    for region, body in plain:
        paths = body[at].paths
        assert paths is not None
        paths[index] = [unknown(item) for item in model[index]]
        settle(paths[index], region, condition)
    rich += plain
    for _, body in rich:
        body[at].conditions[index] = condition
    return True


def has_words(condition: str, path: Sequence[Item]) -> bool:
    """Whether a path states what the condition reads: its stride, its width, or both."""
    stated = {key for item in path for key in item.arguments}
    changes, shrinks = bool(stated & {"out_channels", "c"}), "stride" in stated
    return {"channels": changes, "stride": shrinks, "both": changes and shrinks}[condition]


def shortcut(rich: list[Item], plain: list[Item]) -> tuple[int, int] | None:
    """The merge and the path in it that is `prev` in the plain body, if nothing else differs."""
    if len(rich) != len(plain):
        return None
    places = []
    for i, (a, b) in enumerate(zip(rich, plain, strict=True)):
        if shape([a]) == shape([b]):
            continue
        if a.paths is None or b.paths is None or a.call != b.call or len(a.paths) != len(b.paths):
            return None
        for j, (p, q) in enumerate(zip(a.paths, b.paths, strict=True)):
            if shape(p) != shape(q):
                if q or not p:
                    return None
                places.append((i, j))
    return places[0] if len(places) == 1 else None


def settle(path: list[Item], region: Region, condition: str) -> None:
    """Gives the arguments of a path that an instance does not have the values for which its condition is false."""
    widths = [item for item in path if "out_channels" in item.arguments]
    if widths:
        widths[-1].arguments["out_channels"] = channels(region.output)
    for item in path:
        if condition != "channels" and "stride" in item.arguments:
            item.arguments["stride"] = 1


def unknown(item: Item) -> Item:
    copy = Item(item.call, dict.fromkeys(item.arguments, ANY), None, item.name, {}, item.count, item.is_name)
    copy.step, copy.region = item.step, item.region
    return copy


def condition_between(
    rich: Sequence[Region], plain: Sequence[Region], bodies: Sequence[list[Item]], at: int, index: int
) -> str:
    """The words for what the rich instances have and the plain ones have not: `channels`, `stride` or both."""

    def widens(region: Region) -> bool:
        return bool(channels(region.source) != channels(region.output))

    def shrinks(region: Region) -> bool:
        return bool(region.source and region.output and region.source.volume.spatial != region.output.volume.spatial)

    for name, holds in (
        ("channels", widens),
        ("stride", shrinks),
        ("both", lambda region: widens(region) or shrinks(region)),
    ):
        if all(map(holds, rich)) and not any(map(holds, plain)):
            return name
    return ""
