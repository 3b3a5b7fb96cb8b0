"""Other sizes: whether the spec of an import describes its code at other sizes of the inputs, too, and if not, why."""

from collections.abc import Mapping
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Location, Source
from archcalc.core.overrides import Overrides
from archcalc.core.volume import Volume
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import gc_paused, overridden
from archcalc.importing import tape
from archcalc.importing.building import their_error
from archcalc.importing.lowering.batches import with_whole_batches
from archcalc.importing.lowering.samples import shape_of_sample
from archcalc.importing.lowering.sized import note_runs
from archcalc.importing.lowering.step import Step
from archcalc.importing.network import Imported, network_of, totals, written_anew
from archcalc.importing.program import Operation, Program, Value
from archcalc.importing.retracing import program_of
from archcalc.measure import MEASURES
from archcalc.record import record
from archcalc.spec.document import read_document

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The shape of a sample of each input, by its name."""

MOST_TURNS = 3
"""How many other sizes are tried, to have two at which the code runs."""

SHORTEST = 4
"""The shortest row of tokens of which half is tried."""


@record
class Sizes:
    """`tried`: the shape of a sample of each input, by its name. `finding`: why the spec does not hold there.
    `refused`: what the code itself says about these sizes; empty if it takes them. `program`: what ran there."""

    tried: Mapping[str, tuple[int, ...]]
    finding: Diagnostic | None = None
    refused: str = ""
    program: Program | None = None

    def __str__(self) -> str:
        shapes = ", ".join(str(list(shape)) for shape in self.tried.values())
        if not self.tried:
            return "its inputs have no sizes to change"
        if self.refused:
            return f"the code itself does not take {shapes}: {self.refused}"
        if self.finding is None:
            return f"the spec holds at other sizes, too: tried at {shapes}"
        return f"the spec holds at this size alone: tried at {shapes}"


def with_sizes(
    model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any], found: Imported
) -> tuple[Imported, Sizes]:
    """An import, of which arguments follow the sizes of the inputs where that makes it hold at others, too; and whether
    it does."""
    sizes = sizes_of(model, inputs, keywords, found)
    if sizes.finding is None or sizes.program is None:
        return found, sizes
    ties = dict(sizes.tried) != other_shapes(found)
    shapes = (other_shapes(found, turn, ties) for turn in range(1, MOST_TURNS))
    further = (run_at(model, inputs, keywords, found.name, each) for each in shapes)
    runs = [*islice(filter(None, chain([followed(sizes.tried, sizes.program)], further)), 2)]
    if len(runs) < 2 or not note_runs(found.lowered, [of.lowered for _, of in runs]):
        return found, sizes
    anew = written_anew(found)
    if any(difference(anew, tried, of.program) is not None for tried, of in runs):
        return found, sizes
    return anew, Sizes(sizes.tried)


def run_at(
    model: nn.Module,
    inputs: Mapping[str, Any],
    keywords: Mapping[str, Any],
    name: str,
    tried: Shapes,
) -> tuple[Shapes, Imported] | None:
    """The shapes, and what the code does there; None if it does not take them."""
    try:
        return followed(tried, tape.record(model, *of_shapes(inputs, keywords, tried), name))
    except Exception:
        return None


def followed(tried: Shapes, program: Program) -> tuple[Shapes, Imported] | None:
    """The same of what ran there; None if it cannot be followed."""
    try:
        program.retrace = program_of
        return tried, network_of(program, blocks=False)
    except Exception:
        return None


def sizes_of(model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any], found: Imported) -> Sizes:
    """Runs the code once more on inputs of other sizes, and compares its totals with the spec's at these sizes."""
    refused = ""
    for ties in (False, True):
        tried = other_shapes(found, ties=ties)
        other = of_shapes(inputs, keywords, tried)
        if shapes_in(other) == shapes_in((dict(inputs), dict(keywords))):
            break
        try:
            program = tape.record(model, *other, found.name)
        except Exception as error:
            raised = error if isinstance(error, SpecError) else their_error(error, f"{found.name} cannot run")
            refused = refused or f"{raised.diagnostics[0].location or 'it'} raises {type(error).__name__}"
            continue
        return Sizes(tried, difference(found, tried, program), program=program)
    return Sizes(other_shapes(found) if refused else {}, refused=refused)


def other_inputs(
    inputs: Mapping[str, Any], keywords: Mapping[str, Any], found: Imported
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The inputs of an import with other sizes, one sample each and without values; None if no size can change."""
    other = of_shapes(inputs, keywords, other_shapes(found))
    return other if shapes_in(other) != shapes_in((dict(inputs), dict(keywords))) else None


def shapes_in(inputs: Any) -> list[tuple[int, ...]]:
    """The shape of a sample of each tensor."""
    return [tuple(each.shape[1:]) for each in pytree.tree_leaves(inputs) if isinstance(each, Tensor)]


def of_shapes(
    inputs: Mapping[str, Any], keywords: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of an import with other sizes, one sample each and without values."""
    rest = iter(shapes.values())

    def resized(each: Tensor) -> Tensor:
        shape = next(rest)[: each.dim() - 1]  # of one number for each sample, none
        return torch.empty((1, *shape), dtype=each.dtype, device="meta")

    other: tuple[dict[str, Any], dict[str, Any]] = pytree.tree_map_only(Tensor, resized, (dict(inputs), dict(keywords)))
    return other


def other_shapes(found: Imported, turn: int = 0, ties: bool = False) -> dict[str, tuple[int, ...]]:
    """The shape of a sample of each input with other sizes: larger and unequal sides of pictures, fewer tokens. `turn`:
    which ones. `ties`: whether features that are as many as tokens, as in a matrix of neighbours, change with them."""
    inputs = found.lowered.inputs
    if not ties:
        single = {each.name for each in found.program.inputs if len(each.shape) < 2}  # one number for each sample
        shapes = {step.name: tuple(int(n) for n in step.volume.item_shape) for step in inputs if step.name in single}
        return {step.name: other_shape(step.volume, turn) for step in inputs} | shapes
    row = {int(n): other_length(int(n), turn) for step in inputs if step.volume.rank == 1 for n in step.volume.spatial}
    return {step.name: tuple(row.get(int(n), int(n)) for n in step.volume.item_shape) for step in inputs}


def other_shape(volume: Volume, turn: int) -> tuple[int, ...]:
    shape = tuple(int(n) for n in volume.item_shape)
    free = [*volume.spatial]
    if len(free) == 1:
        sides = [other_length(int(free[0]), turn)]
    else:
        more = ((0, 32, 64), (0, 96, 32), (0, 64, 64))[min(turn, 2)]
        sides = [int(n) + m for n, m in zip(free, more[-len(free) :], strict=True)] if free else []
    if volume.is_ids:
        return tuple(sides)
    return (*sides, shape[-1]) if volume.channels_last else (shape[0], *sides) if sides else shape


def other_length(n: int, turn: int) -> int:
    """Half of a row of tokens, or twice as many; in further turns, other numbers of them."""
    if n % 2 or n < SHORTEST:
        return n * (2 + turn)
    return (n // 2, n * 3 // 4 if n % 4 == 0 else n - 2, n - 1)[min(turn, 2)]


def difference(found: Imported, tried: Mapping[str, tuple[int, ...]], program: Program) -> Diagnostic | None:
    """Where the spec, at these sizes, is not what the code did there; None if its totals are the same."""
    inputs = [f"{name}={','.join(map(str, shape))}" for name, shape in tried.items()]
    source = Source(found.name, found.flat)
    try:
        with gc_paused():
            graph = build(overridden(partial(read_document, source), Overrides(inputs=inputs)))
        ours = {key: int(MEASURES[key].total(graph)) for key in ("params", "macs")}
    except SpecError as error:
        first = error.diagnostics[0]
        step = step_at(found, first.location)
        what = f"{step.function or step.kind} has sizes of its own" if step else "a layer has sizes of its own"
        return fixed(what, step.where if step else None, (first.message,))
    if ours == totals(program):
        return other_shape_made(found, graph, program)
    changed = first_difference(found.program, program)
    what = f"{changed.function} gets other arguments at other sizes" if changed else "totals differ at other sizes"
    return fixed(what, changed.where if changed else None)


def other_shape_made(found: Imported, graph: Graph, program: Program) -> Diagnostic | None:
    """Where a layer, at these sizes, makes another shape than the code did there."""
    after = corresponding(*map(with_whole_batches, (found.program, program)))
    for step in found.lowered.steps:
        number, which = found.lowered.makers.get(step, (-1, 0))
        if number not in after or step.name not in graph.by_name:
            continue
        made, ours = after[number].makes[which], graph.by_name[step.name].output.item_shape
        theirs = shape_of_sample(made, program.batch) or (1,)
        if theirs != ours:
            shapes = " and ".join(str(list(shape)) for shape in (theirs, ours))
            what = f"{step.function or step.kind} makes {shapes} at other sizes, in the code and in the spec"
            return fixed(what, step.where)
    return None


def corresponding(before: Program, after: Program) -> dict[int, Operation]:
    """The operations of the second program by the numbers of those in the first: of modules that call the same
    functions in both."""
    ours, theirs = by_module(before), by_module(after)
    found: dict[int, Operation] = {}
    for path, calls in ours.items():
        others = theirs.get(path, [])
        if [each.function for _, each in calls] == [each.function for _, each in others]:
            found |= {number: each for (number, _), (_, each) in zip(calls, others, strict=True)}
    return found


def by_module(program: Program) -> dict[str, list[tuple[int, Operation]]]:
    found: dict[str, list[tuple[int, Operation]]] = {}
    for number, each in enumerate(program.operations):
        found.setdefault(each.module, []).append((number, each))
    return found


def step_at(found: Imported, location: Location | None) -> Step | None:
    """The step that stands at a line of the flat spec."""
    if location is None:
        return None
    lines = found.flat.splitlines()[location.line : location.line + 4]
    names = {step.name: step for step in found.lowered.steps}
    words = [word.strip(" -:[],()") for line in lines for word in line.replace("=", " ").replace("name:", " ").split()]
    return next((names[word] for word in words if word in names), None)


def first_difference(before: Program, after: Program) -> Operation | None:
    """The first call of a function that gets other arguments, apart from tensors."""
    for one, other in zip(before.operations, after.operations, strict=False):
        if (one.function, plain(one)) != (other.function, plain(other)):
            return one
    return None


def plain(operation: Operation) -> str:
    """Its arguments without its tensors."""

    def text(each: Any) -> str:
        if isinstance(each, Value):
            return "tensor"
        if isinstance(each, tuple | list):
            return f"({', '.join(map(text, each))})"
        return str(each)

    return text((operation.arguments, tuple(f"{key}={text(each)}" for key, each in operation.keywords.items())))


def fixed(why: str, location: Location | None, notes: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(
        code="AC514",
        severity="warning",
        message=f"the sizes of the inputs are fixed: {why}",
        location=location,
        notes=notes,
        help="the spec is exact at the size that it was imported at; import it again for another one",
    )
