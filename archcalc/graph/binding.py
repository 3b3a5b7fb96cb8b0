"""Binding: the arguments of a call become the fields of a layer. All problems of a call are reported together."""

import functools
import operator
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from archcalc.core.axes import WORDS, Axes, Axis
from archcalc.core.catalogue import Late
from archcalc.core.declared import Declared
from archcalc.core.diagnostic import Diagnostic, SpecError, did_you_mean, problem, quoted
from archcalc.core.dim import Dim, PerAxis
from archcalc.core.padding import RULES, Padding
from archcalc.graph.inferred import inferred
from archcalc.layer import (
    LAYERS,
    PRESETS,
    AxisSizes,
    Layer,
    Letters,
    Numbers,
    PatternOfAxes,
    Reference,
    Sizes,
    WeightNames,
    family_of,
    layer_named,
)
from archcalc.record import MISSING, fields, record, replace
from archcalc.spec.chain import TAGS, Invocation, Tag, settled
from archcalc.spec.expression import CONSTANTS, SWITCHES, Expression, Name, Names, Pattern, TupleOf, Word
from archcalc.spec.value import Inexact, Value, written
from archcalc.sym.expr import Expr
from archcalc.sym.ratio import Ratio, is_fraction

if TYPE_CHECKING:
    from archcalc.graph import foreign, foreign_arguments
else:
    foreign = Late("archcalc.graph.foreign")
    foreign_arguments = Late("archcalc.graph.foreign_arguments")

Given: TypeAlias = dict[str, tuple[Word | None, Expression]]
"""Arguments by field name, with the word that named them; None for positional arguments."""

BESIDE = ("name", "from", "repeat", "for", "if", "else")
"""Keys of a mapping that are not arguments of its layer."""


@record
class Kind:
    """The kind of a field: `convert` returns the value or raises ValueError("must be ..."); `words` may be given."""

    convert: Callable[[Value], Any]
    words: Collection[str] = ()
    takes_rest: bool = False
    """Whether it takes all positional arguments that are left, as a list."""


@record
class Signature:
    """The arguments that a layer, or another kind of call, accepts."""

    name: str
    positional: tuple[str, ...]
    kinds: Mapping[str, Kind]
    required: tuple[str, ...]
    others: tuple[str, ...]
    """Keys that are not fields: `norm` and `act`, if the layer takes them, and `freeze`."""
    joins: bool = False
    """Whether it takes a list of paths."""
    inferred: tuple[str, ...] = ()
    """Arguments of the torch module that are sizes of the input."""
    sizes: str = ""
    """The field that collects all further keywords, each a size; empty if there is none."""


@functools.cache
def signature_of(layer: type[Layer]) -> Signature:
    found = signature(layer, layer.positional, (*layer.followed_by, "freeze"))
    return replace(found, joins=layer.inputs[1] is None, inferred=inferred(layer))


def signature(made: type[Declared], positional: tuple[str, ...], others: tuple[str, ...] = ()) -> Signature:
    """The signature of a declared class, which need not be a layer."""
    types = {f.name: typing.cast(Any, f.type) for f in fields(made)}
    return Signature(
        made.name,
        positional,
        {name: kind_of(each) for name, each in types.items() if each is not AxisSizes},
        tuple(field for field, default in made.known.items() if default is MISSING),
        others,
        sizes=next((name for name, each in types.items() if each is AxisSizes), ""),
    )


# --- what each kind of field takes --------------------------------------------------------------------------------


def whole_number(value: Value) -> int:
    if isinstance(value, Expr | Ratio):
        raise ValueError(f"must be a number, got {value}, which depends on a free symbol")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"must be a whole number, got {shown(value)}")
    return value


def dimension(value: Value) -> Dim:
    """A whole number, or an expression in free symbols."""
    if isinstance(value, Ratio):
        raise ValueError(f"must be a whole number for every size, got {value}; round it with floor(...) or ceil(...)")
    return cast(Dim, value) if isinstance(value, Expr) else whole_number(value)


def number(value: Value) -> float:
    if isinstance(value, Inexact):
        return value.value
    if not (isinstance(value, int) or is_fraction(value)) or isinstance(value, bool):
        raise ValueError(f"must be a number, got {shown(value)}")
    return float(value)


def truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {shown(value)}")
    return value


def per_axis_number(value: Value) -> PerAxis:
    if not isinstance(value, tuple):
        return dimension(value)
    if not value:
        raise ValueError("must have a value for at least one axis, got []")
    return tuple(map(dimension, value))


def padding_amount(value: Value) -> Padding:
    if isinstance(value, str):
        if value not in RULES:
            raise ValueError(
                f"must be a number, [begin, end] for each axis, or one of {', '.join(RULES)}, got {shown(value)}"
            )
        return value
    return tuple(map(_padding_of_axis, value)) if isinstance(value, tuple) else dimension(value)


def _padding_of_axis(value: Value) -> Dim | tuple[Dim, Dim]:
    if not isinstance(value, tuple):
        return dimension(value)
    if len(value) != 2:
        raise ValueError(f"must be [begin, end] for an axis, got {shown(value)}")
    return dimension(value[0]), dimension(value[1])


def layer_name(value: Value) -> Reference:
    if not isinstance(value, Reference):
        raise ValueError(f"must be the name of an earlier layer, got {shown(value)}")
    return value


LEAST_FILTERS = 16
"""So large a first number in front of a smaller one is probably a number of filters."""

TORCH_ORDER = ("out_channels", "kernel_size", "stride", "padding")
"""The arguments of torch's convolutions, after the number of input channels."""


class AnyWords(Collection[str]):
    """Abstract: words of one form, which nobody can list."""

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class AnyLetters(AnyWords):
    """The words that consist of letters."""

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word.isascii() and word.isalpha()


class AnyNames(AnyWords):
    """The words that are names of Python."""

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word.isascii() and word.isidentifier()


def letters(value: Value) -> Letters:
    if not isinstance(value, str) or isinstance(value, Reference):
        raise ValueError(f"must be one letter per axis, such as bqc, got {shown(value)}")
    return Letters(value)


def pattern_of_axes(value: Value) -> PatternOfAxes:
    if not isinstance(value, Pattern):
        raise ValueError(f'must be a pattern in quotes, such as "b (h w) c -> b h w c", got {shown(value)}')
    return PatternOfAxes(value)


def axis(value: Value) -> Axis:
    if value in WORDS:
        return Axis(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"must be one of {', '.join(WORDS)}, or a number, got {shown(value)}")
    return Axis(value)


def axes(value: Value) -> Axes:
    return Axes(map(axis, value if isinstance(value, tuple) else (value,)))


def weight_names(value: Value) -> WeightNames:
    """The beginning of a name, or a list of them."""
    given = value if isinstance(value, tuple) else (value,)
    words = [word for word in given if isinstance(word, str)]
    if len(words) < len(given) or not words:
        raise ValueError(f"must be the beginning of a weight's name, such as weight_hh, got {shown(value)}")
    return WeightNames(words)


def numbers(value: Value) -> Numbers:
    """One number, or a list of numbers."""
    return Numbers(map(number, value if isinstance(value, tuple) else (value,)))


def sizes(value: Value) -> Sizes:
    """One size, or a list of sizes."""
    return Sizes(map(dimension, value if isinstance(value, tuple) else (value,)))


def one_of(words: tuple[Any, ...]) -> Callable[[Value], Any]:
    def convert(value: Value) -> Any:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(map(str, words))}, got {shown(value)}")
        return value

    return convert


def tuple_of(item: Kind) -> Callable[[Value], Any]:
    def convert(value: Value) -> Any:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a list, got {shown(value)}: write [{shown(value)}]")
        return tuple(map(item.convert, value))

    return convert


def tuple_like(items: tuple[Kind, ...]) -> Callable[[Value], Any]:
    def convert(value: Value) -> Any:
        if not isinstance(value, tuple) or len(value) != len(items):
            raise ValueError(f"must be a list of {len(items)} entries, got {shown(value)}")
        return tuple(item.convert(each) for item, each in zip(items, value, strict=True))

    return convert


def optional(kind: Kind) -> Callable[[Value], Any]:
    return lambda value: None if value == "none" else kind.convert(value)


SIMPLE: Mapping[Any, Kind] = {
    Dim: Kind(dimension),
    PerAxis: Kind(per_axis_number),
    Padding: Kind(padding_amount, RULES),
    bool: Kind(truth),
    float: Kind(number),
    Reference: Kind(layer_name),
    Letters: Kind(letters, AnyLetters()),
    PatternOfAxes: Kind(pattern_of_axes),
    Axis: Kind(axis, WORDS),
    Axes: Kind(axes, WORDS),
    WeightNames: Kind(weight_names, AnyNames()),
    Numbers: Kind(numbers),
    Sizes: Kind(sizes, takes_rest=True),
}


@functools.cache
def kind_of(annotation: Any) -> Kind:
    """The kind of a field with this annotation."""
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return Kind(one_of(arguments), tuple(str(a) for a in arguments))
    if type(None) in arguments:
        inner = kind_of(functools.reduce(operator.or_, (a for a in arguments if a is not type(None))))
        return Kind(optional(inner), (*inner.words, "none"))
    if typing.get_origin(annotation) is tuple and arguments[-1] is Ellipsis:
        return Kind(tuple_of(kind_of(arguments[0])))
    if typing.get_origin(annotation) is tuple:
        items = tuple(map(kind_of, arguments))
        return Kind(tuple_like(items), tuple(word for item in items for word in item.words))
    raise TypeError(f"no reader for fields of type {annotation}")


def shown(value: Value) -> str:
    """A value as it is written in a spec."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, int) or is_fraction(value):
        return written(value)
    return f"'{value}'" if isinstance(value, str) else str(value)


# --- arguments to fields ------------------------------------------------------------------------------------------


def given_arguments(
    call: Invocation,
    positional: tuple[str, ...],
    known: Collection[str],
    kinds: Mapping[str, Kind],
    joins: bool = False,
    inferred: tuple[str, ...] = (),
    open_: bool = False,
) -> tuple[Given, list[Diagnostic]]:
    """The arguments of a call by name, positional ones included. `kinds`: the kinds of their values; `joins`: whether
    the call also takes a list of paths; `inferred`: arguments that may be given, but need not be; `open_`: so may any
    others."""
    given: Given = {}
    problems: list[Diagnostic] = []
    values = with_rest(call.positional, positional, kinds)
    if len(values) > len(positional):
        problems.append(_too_many(call, positional, kinds, inferred))
    for name, value in zip(positional, values, strict=False):
        given[name] = (None, value)
    for word, value in call.keywords:
        if word.text not in known and word.text not in inferred and not open_:
            problems.append(_unknown(call, word, known, joins))
        elif word.text in given:
            problems.append(_twice(word, given[word.text]))
        else:
            given[word.text] = (word, value)
    return given, problems


def with_rest(
    values: tuple[Expression, ...], positional: tuple[str, ...], kinds: Mapping[str, Kind]
) -> tuple[Expression, ...]:
    """The positional arguments, those that are left for the last name as one list where its kind takes them."""
    last = kinds.get(positional[-1]) if len(values) > len(positional) > 0 else None
    if last is None or not last.takes_rest:
        return values
    first = len(positional) - 1
    return (*values[:first], TupleOf(values[first:], values[first].where))


def _too_many(
    call: Invocation, positional: tuple[str, ...], kinds: Mapping[str, Kind], inferred: tuple[str, ...]
) -> Diagnostic:
    extra = call.positional[len(positional)]
    count = f"{len(positional)} positional argument{'s' * (len(positional) > 1)}"
    nothing = "no positional arguments" if kinds else "no arguments"
    takes = f"{count} ({', '.join(positional)})" if positional else nothing
    return Diagnostic(
        code="AC121",
        message=f"{call.target.text} takes {takes}, got {len(call.positional)}",
        location=extra.where,
        help=_meant(extra, kinds) or _stated(call, positional, inferred) or _named(call, extra, kinds, positional),
    )


def _named(call: Invocation, extra: Expression, kinds: Mapping[str, Kind], positional: tuple[str, ...]) -> str:
    """The suggestion to write an argument with its name."""
    others = [name for name in kinds if name not in positional]
    if isinstance(extra, Name) and others:
        return "name the argument: key=value"
    shown = " or ".join(f"{name}={extra.where.text}" for name in others[:3])
    return f"name the argument: {shown}" if others else foreign_arguments.BARE.get(call.target.text, "")


def _meant(extra: Expression, kinds: Mapping[str, Kind]) -> str:
    """The suggestion for a word that only one argument accepts: `same`, or `psame`, written like p1."""
    if isinstance(extra, Tag):
        return meant_as_tag(extra)
    word = extra.id if isinstance(extra, Name) else ""
    found = [f"{name}={word}" for name, kind in kinds.items() if word in list(kind.words)]
    tagged = kinds.get(TAGS.get(word[:1], ""))
    found += [f"{TAGS[word[:1]]}={word[1:]}"] if tagged and word[1:] in tagged.words else []
    return f"did you mean {found[0]}?" if len(found) == 1 else ""


def meant_as_tag(given: Tag) -> str:
    return f"something is called {given.id} here, so this is it; write {given.word.text}={given.value.value}"


def _stated(call: Invocation, positional: tuple[str, ...], inferred: tuple[str, ...]) -> str:
    """The suggestion for `linear(1050, 10)` and `conv(3, 64, 7)`, in torch's order: the input's size, the output's, and
    then the kernel."""
    given = [each.where.text for each in call.positional]
    window = set(positional) == set(TORCH_ORDER[:2])
    if not inferred or len(given) <= len(positional) or len(positional) > 1 + window:
        return ""
    if window and isinstance(call.positional[len(positional)], Name):
        return ""
    if not window:
        short = f"{call.target.text}({', '.join(given[1:])})" if given[1:] else call.target.text
        return f"{inferred[0]} is inferred from the input: write {short}" if len(given) == len(positional) + 1 else ""
    by_name = dict(zip(TORCH_ORDER, given[1:], strict=False))
    rest = [f"{name}={by_name[name]}" for name in TORCH_ORDER[2:] if name in by_name]
    arguments = ", ".join([*(by_name[name] for name in positional), *rest])
    as_in_torch = f"in torch's order, {inferred[0]} is left out: {call.target.text}({arguments})"
    if as_in_keras := _stated_in_keras(call, given):
        return f"{as_in_torch}; {as_in_keras}"
    return f"name the argument: stride={given[2]}; {as_in_torch}"


def _stated_in_keras(call: Invocation, given: list[str]) -> str:
    """The suggestion for `conv2d(32, 3, 2)`, in Keras's order: the filters, the kernel, the stride."""
    if len(given) != 3 or not all(each.isdigit() for each in given[:2]):
        return ""
    filters, kernel, stride = given
    if not int(kernel) < LEAST_FILTERS <= int(filters):
        return ""
    return (
        f"in Keras's, the kernel size comes second, but here first: {call.target.text}({kernel}, {filters}, s{stride})"
    )


def _unknown(call: Invocation, word: Word, known: Collection[str], joins: bool) -> Diagnostic:
    short = f"did you mean '{TAGS[word.text]}'?" if TAGS.get(word.text) in known else ""
    if word.text in BESIDE:
        short = f"write {word.text}: next to {call.target.text}:, not inside it"
    if (tag := word.where.text) != word.text and tag[:1] in TAGS:
        short = f"{tag} means {word.text}={tag[1:]}, because nothing before it is called {tag}"
    name = call.target.text
    takes = f"{name} takes {', '.join(known)}" if known else f"{name} takes no arguments"
    if joins:
        takes = f"{name} joins a list of paths, {name}: [prev, relu], and takes {', '.join(known)}"
    there = "" if joins else elsewhere(name, word.text)
    likely = "" if there else foreign_arguments.suggested(word.text, known, of_layer=layer_named(name) is not None)
    return Diagnostic(
        code="AC120",
        message=f"unknown argument '{word.text}' of {call.target.text}",
        location=word.where,
        help=short or likely or takes + there,
    )


def elsewhere(name: str, argument: str) -> str:
    """Which layers of the same family take an argument that a layer does not take."""
    layer = layer_named(name)
    if layer is None:
        return ""
    family = [each for each in LAYERS.values() if family_of(each) == family_of(layer)]
    others = [each.name for each in family if argument in each.known]
    return f"; {argument} is an argument of {' and '.join(others)}" if 0 < len(others) < 4 else ""


def _twice(word: Word, before: tuple[Word | None, Expression]) -> Diagnostic:
    first = before[0].where if before[0] else before[1].where
    return Diagnostic(
        code="AC122",
        message=f"'{word.text}' is given twice",
        location=word.where,
        notes=(f"first given at {first}",),
        help="remove one of them",
    )


@record
class Bound:
    """The layer of a call, and the arguments that are not fields of it (`norm`, `act`, `freeze`)."""

    layer: Layer
    others: Mapping[str, Expression]
    asserted: Mapping[str, tuple[Expression, Any]]
    """Inferred arguments that the call states, with their values."""


def bind(
    call: Invocation, layer: type[Layer], names: Names, defaults: tuple[tuple[Word, Expression, Names], ...] = ()
) -> Bound:
    """The layer that a call creates.

    `defaults` are values for arguments that the call omits, each with the names for evaluating it.

    Raises SpecError with all problems of the arguments.
    """
    signature = signature_of(layer)
    values, given = arguments_of(call, signature, names, defaults)
    if "bias" in signature.kinds and "bias" not in given and _has_norm(given, names):
        values["bias"] = False
    values = {**PRESETS.get(call.target.text, {}), **values}
    others = {n: v for n, (_, v) in given.items() if n in signature.others}
    stated = {n: v for n, (_, v) in given.items() if n in signature.inferred}
    size = Kind(per_axis_number)
    return Bound(layer(**values), others, {n: (v, read(n, v, size, names)) for n, v in stated.items()})


def arguments_of(
    call: Invocation, signature: Signature, names: Names, defaults: tuple[tuple[Word, Expression, Names], ...] = ()
) -> tuple[dict[str, Any], Given]:
    """The values of the fields that a call gives, and all arguments unevaluated; `defaults` as in `bind`.

    Raises SpecError with all problems of the arguments.
    """
    known = (*signature.kinds, *signature.others)
    call = settled(call, names)
    given, problems = given_arguments(
        call, signature.positional, known, signature.kinds, signature.joins, signature.inferred, bool(signature.sizes)
    )
    readers = dict.fromkeys(given, names)
    for word, value, reader in defaults:
        if word.text in known and word.text not in given:
            given[word.text], readers[word.text] = (word, value), reader
    values: dict[str, Any] = {}
    unknown: list[tuple[str, Name]] = []
    unsaid = False  # a size is unknown because of a problem that has been reported
    for name, (_, value) in given.items():
        if name in signature.kinds:
            if isinstance(value, Name) and is_unknown_word(value, name, signature, readers[name]):
                unknown.append((name, value))
                continue
            try:
                values[name] = read(name, value, signature.kinds[name], readers[name])
            except SpecError as error:
                problems += error.diagnostics
                unsaid = unsaid or not error.diagnostics
    if signature.sizes:
        values[signature.sizes] = sizes_given({n: v for n, (_, v) in given.items() if n not in known}, names, problems)
    problems += [unknown_word(name, value, signature, values, readers[name]) for name, value in unknown]
    problems += _missing(call, signature, given)
    if problems or unsaid:
        raise SpecError(problems)
    return values, given


def sizes_given(given: Mapping[str, Expression], names: Names, problems: list[Diagnostic]) -> AxisSizes:
    """The sizes that further keywords give, in order; what is wrong with them goes to `problems`."""
    found: list[tuple[str, Dim]] = []
    for name, value in given.items():
        try:
            found.append((name, read(name, value, Kind(dimension), names)))
        except SpecError as error:
            problems += error.diagnostics
    return AxisSizes(found)


def is_unknown_word(value: Name, name: str, signature: Signature, names: Names) -> bool:
    """Whether a word is neither a name nor a value of this argument, which takes words, or does so in Keras, or whose
    layer has another argument that takes the word."""
    kind = signature.kinds[name]
    listed = list(kind.words)
    if value.id in names or value.id in kind.words or value.id in CONSTANTS or value.id.lower() in SWITCHES:
        return False
    if bool(listed) and listed != ["none"]:
        return True
    return bool(amount_in_keras(name, value.id, signature, {}) or _meant(value, signature.kinds))


def amount_in_keras(name: str, word: str, signature: Signature, values: Mapping[str, Any]) -> str:
    transposed = name == "padding" and "output_padding" in signature.kinds
    return foreign.translated_amount(word, values) if transposed else ""


def unknown_word(name: str, value: Name, signature: Signature, values: Mapping[str, Any], names: Names) -> Diagnostic:
    """The problem of a word that an argument does not take, with the words that it takes."""
    words = list(signature.kinds[name].words)
    takes = f"{name} takes {', '.join(words)}" if words else f"{name} takes numbers"
    if signature.kinds[name] == SIMPLE[Padding]:
        takes += ", a number, or [begin, end] for each axis"
    help = amount_in_keras(name, value.id, signature, values) or foreign.translated(name, value.id, values)
    help = help or ("" if words else _meant(value, signature.kinds))
    return Diagnostic(
        code="AC124",
        message=f"{takes}; got {quoted(value.id)}",
        location=value.where,
        help=help or did_you_mean(value.id, [*words, *names]),
    )


def _has_norm(given: Given, names: Names) -> bool:
    """Whether a norm follows: it subtracts what a bias would add. A parameter may say that there is none."""
    norm = given.get("norm")
    if norm is None or not isinstance(norm[1], Name):
        return norm is not None
    word = norm[1].id
    return word != "none" and not (word in names and names[word] == "none")


def _missing(call: Invocation, signature: Signature, given: Given) -> Iterator[Diagnostic]:
    """The problem of arguments that a call has to give; one that it gives under another name is reported already."""
    known = (*signature.kinds, *signature.others)
    others = [word.text for word, _ in call.keywords if word.text not in given]
    stated = {*given, *(foreign_arguments.meant(each, known) for each in others)}
    if missing := [name for name in signature.required if name not in stated]:
        keywords = (f"{name}=..." for name in signature.required if name not in signature.positional)
        yield Diagnostic(
            code="AC123",
            message=f"{call.target.text} needs {' and '.join(missing)}",
            location=call.target.where,
            help=f"write {call.target.text}({', '.join((*signature.positional, *keywords))})",
        )


def read(name: str, value: Expression, kind: Kind, names: Names) -> Any:
    """The value of one argument."""
    found = value.evaluate(names, kind.words)
    try:
        return kind.convert(found)
    except ValueError as error:
        help = meant_as_tag(value) if isinstance(value, Tag) else ""
        raise problem("AC124", f"{name} {error}", value.where, help=help) from None
