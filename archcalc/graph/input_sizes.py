"""A document at another input size: `--input 3,448,448`, `--input mask=1,64,64`, `--set H=448`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import Problems, did_you_mean, enumerated, problem
from archcalc.core.dim import is_number, number_at
from archcalc.core.location import Location, Source
from archcalc.graph.declarations import free_names
from archcalc.graph.graph import Input
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Expression, Number, parse_expression

if TYPE_CHECKING:
    from archcalc.graph import free_axes
else:
    free_axes = Late("archcalc.graph.free_axes")

OPTION = "--input"


def with_input_sizes(document: Document, given: Sequence[str]) -> Document:
    """The document with other input shapes: `3,448,448`, or `NAME=3,448,448` where it has several inputs.

    A shape is written as the spec writes it, without the batch. Published numbers are not expected of another size.

    Raises SpecError with everything that is wrong with the shapes.
    """
    problems = Problems()
    shapes = dict(problems.attempt(named_shape, each, document) or ("", ()) for each in given)
    problems.settle()
    return resized(document, shapes)


def named_shape(text: str, document: Document) -> tuple[str, tuple[Expression, ...]]:
    """The input that a text names, and the shape that it gives it."""
    name, equals, dims = text.rpartition("=")
    names = [each.name for each in document.inputs]
    source = Source(OPTION, text)
    if not equals and len(names) > 1:
        help = f"write {OPTION} {names[0]}={text}; the inputs are {enumerated(names)}"
        raise problem("AC140", "the network has several inputs: which one is meant?", Location(source), help=help)
    name = name.strip() or names[0]
    if name not in names:
        there = f"the inputs are {enumerated(names)}" if len(names) > 1 else f"the input is called {names[0]}"
        help = did_you_mean(name, names) or there
        raise problem("AC140", f"no input is called '{name}'", Location(source, 0, 0, max(1, len(name))), help=help)
    return name, tuple(dimensions(dims, Location(source, 0, len(text) - len(dims))))


def dimensions(text: str, where: Location) -> Iterator[Expression]:
    """The dimensions of `3,448,448`, brackets or not."""
    inner = text.strip().removeprefix("[").removesuffix("]")
    start = text.index(inner) if inner else 0
    for part in inner.split(","):
        if not part.strip():
            raise problem("AC140", "a dimension is missing", where, help=f"write {OPTION} 3,448,448")
        yield parse_expression(part, replace(where, column=where.column + start))
        start += len(part) + 1


def resized(document: Document, shapes: Mapping[str, Sequence[Expression]]) -> Document:
    inputs = tuple(replace(each, shape=tuple(shapes.get(each.name, each.shape))) for each in document.inputs)
    return replace(document, inputs=inputs, expect=())


# --- axes by their letters -------------------------------------------------------------------------------------------


def axis_settings(settings: Mapping[str, str], document: Document) -> dict[str, str]:
    """Of the settings `name=value` those that give an axis a length: the spec has no parameter of that name."""
    own = {*(parameter.name.text for parameter in document.library.params), *free_names(document)}
    names = {name for each in free_axes.declared(document).inputs for name in axis_names(each)}
    return {name: value for name, value in settings.items() if name in names - own}


def may_be_axis(name: str) -> bool:
    """Whether a setting may be meant for an axis, as far as its name goes: `H`, `mask_H`."""
    return name.rpartition("_")[2] in free_axes.LETTERS.values()


def axis_names(given: Input) -> Iterator[str]:
    for letter in free_axes.letters_of(given.volume):
        yield letter
        yield f"{given.name}_{letter}"


def with_axes(document: Document, lengths: Mapping[str, str]) -> Document:
    """The document with axes of other lengths: H of every input, or `mask_H` of one.

    Raises SpecError for a letter that stands for axes of different lengths.
    """
    problems = Problems()
    for name, text in lengths.items():
        document = problems.attempt(with_axis, document, name, text) or document
    problems.settle()
    return document


def with_axis(document: Document, name: str, text: str) -> Document:
    source = Source("--set", f"{name}={text}")
    length = parse_expression(text, Location(source, 0, len(name) + 1))
    inputs = [each for each in free_axes.declared(document).inputs if name in axis_names(each)]
    letter = name.rpartition("_")[2]
    own = {each.name: each.volume.spatial[free_axes.letters_of(each.volume).index(letter)] for each in inputs}
    if len({n for n in own.values() if is_number(n)}) > 1:
        if found := with_tied_axis(document, name, length):
            return found
        each = ", ".join(f"{input}_{letter} ({n})" for input, n in own.items())
        raise problem(
            "AC140", f"{letter} stands for axes of different lengths", Location(source), help=f"name one: {each}"
        )
    shapes = {each.name: changed(each, document, letter, length) for each in inputs}
    return resized(document, shapes)


def with_tied_axis(document: Document, name: str, length: Expression) -> Document | None:
    """The document with another length of an axis, and what follows from it; None where nothing does."""
    known = free_axes.declared(document)
    axes = free_axes.axes_of(known)
    chosen = axes.named([name])
    own = {each.name: each for each in known.inputs}
    places = {at for each in known.inputs for at in free_axes.places_of(each) if name == letter_at(own, at)}
    if (
        len(chosen) != 1
        or not isinstance(length, Number)
        or not isinstance(length.value, int)
        or not places <= set(axes.lengths(chosen))
    ):
        return None
    shapes = {each.name: list(each.shape) for each in document.inputs}
    for (input, place), n in axes.lengths(chosen).items():
        size = number_at(n, {chosen[0].symbol: length.value})
        shapes[input][place + channels_before(own[input])] = Number(size, length.where)
    return resized(document, shapes)


def letter_at(inputs: Mapping[str, Input], at: "free_axes.Place") -> str:
    return free_axes.letters_of(inputs[at[0]].volume)[at[1]]


def changed(given: Input, document: Document, letter: str, length: Expression) -> tuple[Expression, ...]:
    """The shape of an input with another length in one place."""
    declaration = next(each for each in document.inputs if each.name == given.name)
    place = free_axes.letters_of(given.volume).index(letter) + channels_before(given)
    return (*declaration.shape[:place], length, *declaration.shape[place + 1 :])


def channels_before(given: Input) -> int:
    return 0 if given.volume.channels_last else 1
