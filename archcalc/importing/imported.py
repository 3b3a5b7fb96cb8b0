"""An import from torch: a module runs once, and what it did becomes a network."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from archcalc.core.diagnostic import SpecError
from archcalc.importing import tape
from archcalc.importing.building import their_error
from archcalc.importing.from_pt2 import from_exported
from archcalc.importing.network import Imported, network_of
from archcalc.importing.retracing import program_of
from archcalc.importing.sizes import with_sizes
from archcalc.record import replace

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from typing_extensions import TypeIs

META, CPU = "meta", "cpu"
"""Where code runs: without values, or with them."""


def from_torch(
    model: "nn.Module | ExportedProgram",
    *example: Any,
    name: str = "",
    source: str = "",
    run_on: str = META,
    **named: Any,
) -> Imported:
    """The network that a module computes for an example input.

    `example`: tensors with the batch first, whose values are not read; `named`: those that `forward` takes by name.
    The module runs in evaluation mode and without values, and is left as it was: once, and again at other sizes, to see
    what follows the sizes of the inputs. With `run_on="cpu"` it runs once, with its weights and
    the first sample of the example: what it decides by values holds for that sample. A program of torch.export needs no
    example.

    Raises SpecError with the place in the user's code if it cannot be followed.
    """
    if is_exported(model):
        return from_exported(model, name, source)
    given = dict(zip(argument_names(model, len(example)), example, strict=True))
    if run_on == CPU:
        given, named = first_samples(given), first_samples(named)
    return imported_at_sizes(model, given, named, name, source, run_on=run_on)


def is_exported(model: object) -> "TypeIs[ExportedProgram]":
    """Whether it is a program of torch.export, which nothing here imports."""
    found = sys.modules.get("torch.export.exported_program")
    return found is not None and isinstance(model, found.ExportedProgram)


def first_samples(tree: Any) -> Any:
    """The first sample of each batch; what a list holds are samples already, such as pictures of several sizes."""
    if isinstance(tree, Tensor):
        return tree[:1] if tree.dim() else tree
    return {key: first_samples(each) for key, each in tree.items()} if isinstance(tree, dict) else tree


def imported_at_sizes(
    model: nn.Module,
    inputs: Mapping[str, Any],
    keywords: Mapping[str, Any],
    name: str = "",
    source: str = "",
    about: Sequence[str] = (),
    blocks: bool = True,
    run_on: str = META,
) -> Imported:
    """As `imported`; and where it ran without values, it runs at other sizes, too. What follows them is written so, and
    a finding says what does not."""
    found = imported(model, inputs, keywords, name, source, about, blocks, run_on)
    if run_on == CPU:
        return found
    found, other = with_sizes(model, inputs, keywords, found)
    findings = (*found.findings, *([other.finding] if other.finding else []))
    return replace(found, findings=findings, sizes=str(other))


def imported(
    model: nn.Module,
    inputs: Mapping[str, Any],
    keywords: Mapping[str, Any],
    name: str = "",
    source: str = "",
    about: Sequence[str] = (),
    blocks: bool = True,
    run_on: str = META,
) -> Imported:
    """As `from_torch`, with the inputs by their names and at their sizes alone. `source`: what the spec says about
    where it is from. `blocks`: whether to look for blocks."""
    name = name or type(model).__name__
    record = tape.record_values if run_on == CPU else tape.record
    try:
        program = record(model, inputs, keywords, name)
    except SpecError:
        raise
    except Exception as error:
        raise their_error(error, f"{name} cannot run", model.forward) from None
    program.retrace = program_of if run_on == META else None
    return network_of(program, source, about, blocks)


def argument_names(model: nn.Module, count: int) -> list[str]:
    """The names of the first arguments of `forward`."""
    import inspect  # lazy: torch has loaded it

    names = list(inspect.signature(model.forward).parameters)
    return [names[i] if i < len(names) else f"input{i}" for i in range(count)]
