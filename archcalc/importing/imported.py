"""An import from torch: a module runs once, and what it did becomes a network."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing import tape
from archcalc.importing.building import their_error
from archcalc.importing.network import Imported, network_of


def from_torch(model: nn.Module, *example: Any, name: str = "", source: str = "", **named: Any) -> Imported:
    """The network that a module computes for an example input.

    `example`: tensors with the batch first, whose values are not read; `named`: those that `forward` takes by name.
    The module runs once, in evaluation mode and without values, and is left as it was.

    Raises SpecError with the place in the user's code if it cannot be followed.
    """
    return imported(model, dict(zip(argument_names(model, len(example)), example, strict=True)), named, name, source)


def imported(
    model: nn.Module,
    inputs: Mapping[str, Any],
    keywords: Mapping[str, Any],
    name: str = "",
    source: str = "",
    about: Sequence[str] = (),
    blocks: bool = True,
) -> Imported:
    """As `from_torch`, with the inputs by their names. `source`: what the spec says about where it is from. `blocks`:
    whether to look for blocks."""
    name = name or type(model).__name__
    try:
        program = tape.record(model, inputs, keywords, name)
    except SpecError:
        raise
    except Exception as error:
        raise their_error(error, f"{name} cannot run", model.forward) from None
    return network_of(program, source, about, blocks)


def argument_names(model: nn.Module, count: int) -> list[str]:
    """The names of the first arguments of `forward`."""
    import inspect  # lazy: torch has loaded it

    names = list(inspect.signature(model.forward).parameters)
    return [names[i] if i < len(names) else f"input{i}" for i in range(count)]
