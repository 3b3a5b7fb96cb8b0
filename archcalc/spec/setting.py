"""Settings: parameters, free dimensions and default arguments of a spec, replaced by name (`--set w=32`, `act=silu`).

A default argument is called `conv.act`, or `act` if the defaults of no other layer have it.
"""

from collections.abc import Collection, Iterator, Mapping

from archcalc.core.diagnostic import SpecError, did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location
from archcalc.record import replace
from archcalc.spec.declaration import Library, Parameter
from archcalc.spec.expression import Expression, Word


def with_settings(library: Library, given: Mapping[str, Expression], free: Collection[str] = ()) -> Library:
    """The definitions of a spec with other values; `free`: the names of its free dimensions."""
    named = default_arguments(library)
    own = {parameter.name.text for parameter in library.params}
    changed = {named[name]: value for name, value in given.items() if name in named and name not in own}
    return replace(
        library,
        params=(
            *(Parameter(Word(name, value.where), value) for name, value in given.items() if name in free),
            *(Parameter(p.name, given.get(p.name.text, p.value)) for p in library.params),
        ),
        defaults={
            layer: tuple((word, changed.get((layer, word.text), value)) for word, value in arguments)
            for layer, arguments in library.defaults.items()
        },
        symbols=tuple(symbol for symbol in library.symbols if symbol.name not in given),
    )


def default_arguments(library: Library) -> dict[str, tuple[str, str]]:
    """The default arguments of a spec, each a layer and an argument, by the names that a setting gives them."""
    pairs = list(pairs_of_defaults(library))
    arguments = [argument for _, argument in pairs]
    alone = {argument: (layer, argument) for layer, argument in pairs if arguments.count(argument) == 1}
    return alone | {f"{layer}.{argument}": (layer, argument) for layer, argument in pairs}


def pairs_of_defaults(library: Library) -> Iterator[tuple[str, str]]:
    for layer, arguments in library.defaults.items():
        yield from ((layer, word.text) for word, _ in arguments)


def can_be_set(name: str, library: Library, free: Collection[str] = ()) -> bool:
    """Whether a setting can have this name."""
    return (
        name in free
        or any(parameter.name.text == name for parameter in library.params)
        or name in default_arguments(library)
    )


def unknown_setting(name: str, library: Library, free: Collection[str], where: Location) -> SpecError:
    """The problem of a name that no setting can have."""
    known = [*(parameter.name.text for parameter in library.params), *free]
    several = [f"{layer}.{argument}" for layer, argument in pairs_of_defaults(library) if argument == name]
    if several:
        help = f"it is an argument in the defaults of several layers: name one, {enumerated(several)}"
    else:
        help = did_you_mean(name, [*known, *default_arguments(library)])
        some = f"use one of {enumerated(known)}" if len(known) > 1 else f"the spec has one parameter, {''.join(known)}"
        help = help or (some if known else "the spec has no parameters")
    return problem("AC117", f"unknown parameter {quoted(name)}", where, help=help)
