"""Agreement of outputs: the module generated from an import computes what the original computes.

Totals can be equal with axes or weights exchanged; values cannot. Both modules get the same weights by name, drawn so
that they hide nothing, and run in float64 on the same inputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from archcalc.codegen import generate
from archcalc.codegen.names import key
from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.importing.building import example_of, module_of, reported_as
from archcalc.importing.guest import guest
from archcalc.importing.imported import imported
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.lowering.step import Step
from archcalc.importing.network import Imported
from archcalc.importing.program import BATCH, Value
from archcalc.importing.reference import CodeReference, Given
from archcalc.importing.sizes import other_inputs
from archcalc.importing.stored import initialized, modules_of, named_tensors
from archcalc.importing.tape import changed_by, tensors_in
from archcalc.record import record
from archcalc.spec.document import read_document
from archcalc.verification.trace import Running

TOLERANCE = 1e-9
"""The largest relative error of two modules that compute the same in float64."""

SAMPLES = 2


@record
class Agreement:
    """The largest relative error of the outputs, at each size of the first input that has sizes."""

    errors: Mapping[tuple[int, ...], float]

    @property
    def holds(self) -> bool:
        return bool(self.errors) and all(each <= TOLERANCE for each in self.errors.values())

    def __str__(self) -> str:
        sizes = ", ".join(f"{list(size)}: {error:.1e}" for size, error in self.errors.items())
        verdict = "the outputs agree" if self.holds else "the outputs differ"
        return f"{verdict} in float64 with weights drawn at random; largest relative error at {sizes}"


def agreement_in(reference: CodeReference, inputs: Sequence[Given], config: str = "") -> Agreement:
    """Builds a network with values, and compares it with what is generated from its import.

    Raises SpecError with the place in the user's code if it cannot be followed, or an operation has no layer.
    """
    with guest(reference.home):
        model = module_of(reference, config, with_values=True)
        return agreement_of(model, *example_of(model, inputs))


def agreement_of(model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any]) -> Agreement:
    """Compares a module that has values with what is generated from its import, at the given and at other sizes.

    Other sizes that the module itself refuses, or at which an operation has no layer, are left out. The weights of the
    module are replaced.

    Raises SpecError if an operation has no layer, so that nothing can be generated for it.
    """
    with in_float64():
        model = initialized(model, list(inputs.values()), dict(keywords))
        with Widened():
            return Agreement(errors_of(model, inputs, keywords))


def errors_of(
    model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any]
) -> Mapping[tuple[int, ...], float]:
    """The error at each size."""
    for each in modules_of(model).values():
        each.double().eval()
    draw(model)
    errors: dict[tuple[int, ...], float] = {}
    given: Any = pytree.tree_map_only(Tensor, widened, (dict(inputs), dict(keywords)))
    for _ in range(2):
        args, kwargs = given
        try:
            found = imported(model, args, kwargs, blocks=False)
            refuse_opaque(found)
            error = error_of(model, found, args, kwargs)
        except SpecError:
            if not errors:
                raise
            break
        sizes = [tuple(each.shape[1:]) for each in tensors_in((*args.values(), kwargs))]
        errors[next(filter(None, sizes), ())] = error
        given = other_inputs(args, kwargs, found)
        if given is None:
            break
    return errors


def refuse_opaque(found: Imported) -> None:
    missing = [step for step in found.lowered.steps if step.kind == "opaque"]
    if missing:
        what = missing[0]
        message = f"{len(missing)} operations have no layer, so that nothing can be generated for them"
        raise problem("AC512", message, what.where, help="the totals are exact all the same")


class Widened(TorchFunctionMode):
    """float64 where code asks for float32."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is Tensor.float:
            return args[0].double()
        args, kwargs = pytree.tree_map(widest, (args, dict(kwargs or {})))
        try:
            return func(*args, **kwargs)
        except RuntimeError:  # products take no tensors of two dtypes, such as a constant that a module keeps as it is
            dtypes = {each.dtype for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)}
            if len(dtypes) < 2 or changed_by(func.__name__, args, kwargs) is not None:
                raise
            args, kwargs = pytree.tree_map_only(Tensor, widened, (args, kwargs))
            return func(*args, **kwargs)


def widest(each: Any) -> Any:
    return torch.float64 if each is torch.float32 else each


@contextmanager
def in_float64() -> Iterator[None]:
    """Tensors that code makes without a dtype have the weights'."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def widened(each: Tensor) -> Tensor:
    return each.double() if each.is_floating_point() else each


def error_of(model: nn.Module, found: Imported, inputs: Mapping[str, Any], keywords: Mapping[str, Any]) -> float:
    """The largest difference of the outputs, relative to the largest output."""
    generator = torch.Generator().manual_seed(2)
    args, kwargs = pytree.tree_map_only(Tensor, partial(filled, generator=generator), (dict(inputs), dict(keywords)))
    copy = copied(model, found)
    with torch.no_grad(), torch.random.fork_rng([]), reported_as("the network cannot run", model.forward):
        torch.manual_seed(NOISE)
        expected = list({id(each): each for each in tensors_in(model(*args.values(), **kwargs))}.values())
        steps = zip(tensors_in((*args.values(), kwargs)), found.lowered.inputs, strict=True)
        torch.manual_seed(NOISE)
        made = tensors_in(copy(*(each.reshape(SAMPLES, *step.volume.item_shape) for each, step in steps)))
    if len(made) != len(expected):
        return float("inf")
    if len(found.program.outputs) == len(expected):
        slow = found.lowered.slow
        expected = [
            batch_first(each, value, slow.get(value, 1))
            for each, value in zip(expected, found.program.outputs, strict=True)
        ]
    return max((relative(a, b) for a, b in zip(expected, made, strict=True)), default=float("inf"))


NOISE = 3
"""The seed of what both draw while they run."""


def batch_first(tensor: Tensor, value: Value, slow: int) -> Tensor:
    """An output of the original as the generated module has it, in which the batch is the first axis. `slow`: how many
    elements of the batch's axis run slower than the batch."""
    at = batch_axis(value, BATCH)
    if at is None or tensor.shape[at] % (slow * SAMPLES):
        return tensor
    lengths = (*tensor.shape[:at], slow, SAMPLES, -1, *tensor.shape[at + 1 :])
    return tensor.reshape(lengths).movedim(at + 1, 0)


def relative(expected: Tensor, made: Tensor) -> float:
    """Of the finite numbers, such as logarithms of those above zero; they are at the same places in both."""
    if expected.numel() != made.numel():
        return float("inf")
    expected, made = expected.double().reshape(-1), made.double().reshape(-1)  # conditions are 0 and 1
    known = expected.isfinite()
    if not bool(known.eq(made.isfinite()).all()):
        return float("inf")
    if not bool(known.any()):
        raise problem("AC512", "no number of an output is finite with random weights and inputs: nothing is compared")
    expected, made = expected[known], made[known]
    difference = (expected - made).abs().max()
    return float(difference / expected.abs().max().clamp_min(1e-30))


def copied(model: nn.Module, found: Imported) -> nn.Module:
    """The module generated from an import, with the weights of the original by their names there."""
    graph: Graph = build(read_document(Source("<import>", found.flat)), dtype="float64")
    module = Running(generate(graph), graph, "cpu").module
    state = module.state_dict()
    theirs = named_tensors(model)
    for step in found.lowered.steps:
        for name, source in step.weights.items() if step.again is None else ():
            mine = state[f"{key(step.name)}.{name}"]
            other = theirs[source].T if step.transposed and theirs[source].dim() == 2 else theirs[source]
            mine.copy_(other.reshape(mine.shape))
        if step.numbers is not None:
            fix(state[f"{key(step.name)}.values"], step)
    return module


def fix(mine: Tensor, step: Step) -> None:
    """Puts the fixed numbers of a step where its module has them. Raises SpecError if they are not known."""
    assert step.numbers is not None
    numbers = step.numbers()
    if numbers is None:
        raise problem("AC512", "the numbers that are fixed here are not known", step.where)
    mine.copy_(torch.tensor(numbers, dtype=torch.float64).reshape(mine.shape))


# --- values that hide nothing -------------------------------------------------------------------------------------


def draw(model: nn.Module) -> None:
    """Draws every weight and every floating buffer: none is 0 or 1, and variances are positive."""
    generator = torch.Generator().manual_seed(1)
    for name, each in {id(each): (name, each) for name, each in named_tensors(model).items()}.values():
        if not each.is_floating_point():
            continue
        with torch.no_grad():
            each.copy_(values(name, each, generator))


def values(name: str, each: Tensor, generator: torch.Generator) -> Tensor:
    """Matrices keep the size of what they multiply; vectors are from 0.5 to 1.5; biases are small."""
    uniform = torch.rand(each.shape, generator=generator, dtype=torch.float64)
    if each.dim() > 1:
        fan_in = max(1, each[0].numel())
        return (uniform * 2 - 1) * float((3 / fan_in) ** 0.5)
    if name.endswith(("bias", "running_mean")):
        return uniform - 0.5
    return uniform + 0.5


def filled(each: Tensor, generator: torch.Generator) -> Tensor:
    """Random values, others for each input; integers are 0 or 1, which every table has."""
    shape = (SAMPLES, *each.shape[1:])
    if each.is_floating_point():
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.randint(0, 2, shape, generator=generator, dtype=each.dtype)
