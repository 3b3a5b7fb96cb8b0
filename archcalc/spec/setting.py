"""Settings: parameters, free dimensions, default arguments and blocks of a spec, replaced by name (`--set w=32`).

A default argument is called `conv.act`, or `act` if the defaults of no other layer have it. `basic=bottleneck` puts the
block bottleneck where the spec calls basic.
"""

from collections.abc import Collection, Iterator, Mapping

from archcalc.core.diagnostic import SpecError, did_you_mean, enumerated, problem, quoted
from archcalc.core.location import Location
from archcalc.record import replace
from archcalc.spec.declaration import BlockDef, Library, Parameter
from archcalc.spec.expression import Expression, Word


def with_settings(library: Library, given: Mapping[str, Expression], free: Collection[str] = ()) -> Library:
    """The definitions of a spec with other values; `free`: the names of its free dimensions.

    Raises SpecError if a block is to be replaced by what is no block.
    """
    named = default_arguments(library)
    own = {parameter.name.text for parameter in library.params}
    others = {*own, *named, *free}
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
        blocks={**library.blocks, **dict(blocks_in(library, {k: v for k, v in given.items() if k not in others}))},
        symbols=tuple(symbol for symbol in library.symbols if symbol.name not in given),
    )


def blocks_in(library: Library, given: Mapping[str, Expression]) -> Iterator[tuple[str, BlockDef]]:
    """The blocks that settings put in the place of others."""
    for name, value in given.items():
        other = value.where.text.strip()
        if name in library.blocks and other not in library.blocks:
            help = did_you_mean(other, library.blocks) or f"use one of {enumerated(library.blocks)}"
            raise problem("AC117", f"{name} is a block, and {quoted(other)} is none", value.where, help=help)
        if name in library.blocks:
            yield name, library.blocks[other]


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
        or name in library.blocks
    )


def unknown_setting(name: str, library: Library, free: Collection[str], where: Location) -> SpecError:
    """The problem of a name that no setting can have."""
    known = [*(parameter.name.text for parameter in library.params), *free]
    several = [f"{layer}.{argument}" for layer, argument in pairs_of_defaults(library) if argument == name]
    if several:
        help = f"it is an argument in the defaults of several layers: name one, {enumerated(several)}"
    else:
        help = did_you_mean(name, [*known, *default_arguments(library), *library.blocks])
        some = f"use one of {enumerated(known)}" if len(known) > 1 else f"the spec has one parameter, {''.join(known)}"
        help = help or (some if known else "the spec has no parameters")
    return problem("AC117", f"unknown parameter {quoted(name)}", where, help=help)
