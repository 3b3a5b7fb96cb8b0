"""Layers that are called as functions are in Python, with what they read in the parentheses: `relu(a)`,
`concat([a, b], axis=height)`."""

from archcalc.core.diagnostic import SpecError, problem
from archcalc.graph.frame import Named
from archcalc.layer import Layer, layer_named
from archcalc.record import MISSING
from archcalc.spec.chain import Invocation, Tag
from archcalc.spec.expression import Expression, Function, Name, Names, TupleOf


def called_as_function(call: Invocation, kind: type[Layer], names: Names) -> SpecError | None:
    """What is wrong with a call whose first arguments are the layers that it is to read; None if they are not."""
    read = layers_before(call.positional, names)
    if not read or takes_layers(kind):
        return None
    name = call.target.text
    help = f"write {as_chain(call, kind, read, names)}" if kind.inputs[1] == 1 else f"write {as_merge(call, read)}"
    what = (
        f"{' and '.join(read[:2])} are layers, and {name} does not read them"
        if len(read) > 1
        else (f"{read[0]} is a layer, and {name} does not read it")
    )
    return problem("AC121", f"{what} in its parentheses", call.positional[0].where, help=help)


def as_chain(call: Invocation, kind: type[Layer], read: list[str], names: Names) -> str:
    """`a -> conv(3, 8)`, or the last step alone if it is to read what comes before it."""
    given = [each.where.text for each in call.positional[1:] if not read_by(each, names)]
    missing = ["..."] if not given and any(kind.known[key] is MISSING for key in kind.positional) else []
    arguments = [*given, *missing, *(f"{word.text}={value.where.text}" for word, value in call.keywords)]
    step = f"{call.target.text}({', '.join(arguments)})" if arguments else call.target.text
    return step if read[0] == "prev" else f"{read[0]} -> {step}"


def as_merge(call: Invocation, read: list[str]) -> str:
    """`concat: [a, b]`, with its arguments beside the list."""
    beside = "".join(f", {word.text}: {value.where.text}" for word, value in call.keywords)
    joined = f"{call.target.text}: [{', '.join(read if len(read) > 1 else ['prev', *read])}]"
    return f"{{{joined}{beside}}}" if beside else joined


def takes_layers(kind: type[Layer]) -> bool:
    """Whether its first argument is a layer that it reads by name."""
    return bool(kind.positional) and kind.positional[0] in kind.reads


def layers_before(given: tuple[Expression, ...], names: Names) -> list[str]:
    """The layers that the first arguments of a call name, one by one or in a list."""
    found: list[str] = []
    for each in given:
        if not (here := read_by(each, names)):
            break
        found += here
    return found


def read_by(given: Expression, names: Names) -> list[str]:
    if isinstance(given, Tag):
        return []
    if isinstance(given, TupleOf):
        found = [text for item in given.items for text in read_by(item, names)]
        return found if len(found) == len(given.items) else []
    if isinstance(given, Function) and layer_named(given.name.text):
        return [given.where.text]
    if not isinstance(given, Name):
        return []
    return [given.id] if given.id == "prev" or isinstance(names.get(given.id), Named) else []
