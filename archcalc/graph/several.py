"""Operations with several outputs: a name for each of them, or one for all in a list."""

from collections.abc import Hashable, Iterator, Sequence

from archcalc.core.diagnostic import SpecError, problem
from archcalc.layer import Layer, layer_named
from archcalc.spec.chain import Invocation, Merge, Step

INDEX = "index"
"""The argument that chooses one of several outputs."""


def makes_several(call: Invocation | Merge) -> bool:
    """Whether a call makes several outputs: it is of a layer that has several, and chooses none of them."""
    kind = layer_named(call.target.text) if isinstance(call, Invocation) and call.picked is None else None
    return kind is not None and kind.has_several and all(word.text != INDEX for word, _ in call.keywords)


def asserted_several(step: Step) -> Invocation:
    """The call of a step with several names, or of one whose layer has several outputs.

    Raises SpecError if it has one output.
    """
    call = step.call
    if step.repeat is not None:
        message = f"{call.target.text} has several outputs, and cannot be repeated"
        raise problem("AC142", message, step.where, help="put it into a block that hands on one value")
    if isinstance(call, Invocation) and makes_several(call):
        return call
    word = call.target.text
    names = ", ".join(name.text for name in step.names)
    if layer_named(word) is None:
        first = step.names[0].text
        help = f"write one name, {first} = {word}(...), and read its layers as {first}.name"
    else:
        help = f"give it one name: {step.names[0].text} = {call.where.text}"
    raise problem("AC142", f"{word} has one output, and cannot be called {names}", step.where, help=help)


def rows_of_outputs(layers: Sequence[Layer | None], origins: Sequence[Hashable]) -> Iterator[slice]:
    """Where all outputs of an operation stand in a row, from the first to the last; `origins`: where each comes from,
    which is the same for all."""
    for at, layer in enumerate(layers):
        outputs = layer.all_outputs if layer is not None else ()
        row = slice(at, at + len(outputs))
        if outputs and tuple(layers[row]) == outputs and len({*origins[row]}) == 1:
            yield row


def wrong_count(call: Invocation, layer: Layer, count: int) -> SpecError:
    """The problem of too many names for the outputs of a layer, or of too few."""
    outputs = layer.output_count
    message = f"{call.where.text} has {outputs} outputs, and {count} names are given"
    return problem("AC142", message, call.where, help=layer.remedy_of_count(count))
