"""The operations of an exported program, run on tensors without values and a batch of the tape's size."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.importing.building import without_values
from archcalc.importing.elements import integers, numbers
from archcalc.importing.exported.file import Exported, Name, Node, Shape, Word, damaged
from archcalc.importing.exported.functions import FACTORIES, function_of
from archcalc.importing.program import BATCH, INPUT, Program, Value
from archcalc.importing.reference import Given
from archcalc.importing.stored import dtype_of
from archcalc.importing.tape import Tape

RESHAPES = ("view", "reshape", "_unsafe_view")

PRODUCTS = ("matmul", "bmm", "mm", "addmm", "scaled_dot_product_attention", "linear")
"""Operators whose MACs are not those of a sample, times the batch, if the batch is where it does not belong."""

COPIES = ("expand", "repeat", "zeros", "ones", "full", "empty", "new_zeros", "new_ones", "new_full")


class Replay(Tape):
    """A tape of operations that a file lists: `now` is the one that runs."""

    now: Location | None = None

    def here(self) -> Location | None:
        return self.now


class Tensors(dict[str, Any]):
    """What each name stands for. `slow`: how many elements of the batch's axis run slower than it, by tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: dict[int, int] = {}


def program_of(file: Exported, name: str, given: Sequence[Given] = ()) -> Program:
    """The program of a file on a free batch. Raises SpecError at the node that cannot be followed."""
    model = stored_module(file)
    tape = Replay(model)
    tensors = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers(remove_duplicate=False))
    at = Tensors()
    for each, (own, _) in file.stored.items():
        found = tensors.get(own)
        at[each] = empty(file.shapes[each]) if found is None else found
    inputs = []
    for each, shape in sizes(file, given).items():
        at[each] = torch.empty((BATCH, *shape), dtype=dtype(file.shapes[each]), device="meta")
        at.slow[id(at[each])] = 1
        value = Value(INPUT, tuple(at[each].shape), dtype_of(at[each]), each)
        inputs.append(tape.give(at[each], value))
    stated = next((file.shapes[each].sizes[0] for each in file.inputs if not file.shapes[each].free[0]), 0)
    kinds: dict[str, str] = {}
    with torch.no_grad(), tape:
        for node in file.nodes:
            kinds |= dict(node.modules)
            tape.stack[-1] = node.modules[-1][0] if node.modules else ""
            tape.now = location(node)
            follow(file, node, tape, at, stated)
    outputs = [tape.value(at[each]) for each in file.outputs if isinstance(at.get(each), Tensor)]
    return Program(
        name=name,
        inputs=tuple(inputs),
        outputs=tuple(dict.fromkeys(each for each in outputs if each.varies)),
        operations=tuple(tape.operations),
        stored=tape.stored,
        kinds=kinds,
        macs=tape.macs,
        integers=partial(integers, tape.tensor_of),
        numbers=partial(numbers, tape.tensor_of),
    )


def empty(shape: Shape) -> Tensor:
    return torch.empty(shape.sizes, dtype=dtype(shape), device="meta")


def dtype(shape: Shape) -> torch.dtype:
    found = getattr(torch, shape.dtype)
    assert isinstance(found, torch.dtype)
    return found


def stored_module(file: Exported) -> nn.Module:
    """Modules with the weights and buffers of the file under their names, without values."""
    root = nn.Module()
    made: dict[str, Tensor] = {}
    for each, (name, kind) in file.stored.items():
        if kind == "constant":
            continue
        tensor = empty(file.shapes[each])
        tensor = nn.Parameter(tensor, tensor.is_floating_point()) if kind == "weight" else tensor
        made[name] = made.get(file.ties.get(name, ""), tensor)
        home, _, last = name.rpartition(".")
        module = root
        for part in home.split(".") if home else ():
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part] or module
        each_made = made[name]
        if isinstance(each_made, nn.Parameter):
            module.register_parameter(last, each_made)
        else:
            module.register_buffer(last, each_made)
    return root


def sizes(file: Exported, given: Sequence[Given]) -> dict[str, tuple[int, ...]]:
    """The sizes of a sample of each input: those of the file, or those given where it leaves them free."""
    found = {each: file.shapes[each].sizes[1:] for each in file.inputs}
    for i, each in enumerate(given):
        name = each.name or (file.inputs[i] if i < len(file.inputs) else "")
        if name not in found:
            raise problem("AC501", f"{file.path} has no input {name or i}", help=f"it has {', '.join(found)}")
        free = file.shapes[name].free[1:]
        if len(each.shape) != len(free) or any(
            a != b and not may for a, b, may in zip(each.shape, found[name], free, strict=True)
        ):
            raise problem(
                "AC501",
                f"{file.path} was exported for {list(found[name])} as {name}, and not for {list(each.shape)}",
                help="leave sizes free when you export it: dynamic_shapes={'x': {2: Dim.AUTO, 3: Dim.AUTO}}",
            )
        found[name] = each.shape
    return found


def location(node: Node) -> Location | None:
    """The line of the code that made a node, with the text that the file has of it: no other file is read."""
    if not node.trace:
        return None
    path, line, text = node.trace
    return Location(Source(path, "\n" * (line - 1) + text), line - 1, 0, max(1, len(text)))


def follow(file: Exported, node: Node, tape: Tape, at: Tensors, batch: int) -> None:
    """Runs one node and keeps what it makes. Raises SpecError with its place, whatever its arguments are."""
    try:
        run(file, node, at, batch)
        check_linear(file, node, tape, at, batch)
    except SpecError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        if without_values(error):
            raise refused(file, node, f"{node.target} reads a value: {why}") from None
        raise refused(file, node, f"{node.target} does not fit a free batch: {why}") from None


def run(file: Exported, node: Node, at: Tensors, batch: int) -> None:
    """Runs one node on what the earlier ones made."""
    function = function_of(node)
    if function is None:
        raise refused(file, node, f"{node.target} is no operator of torch that archcalc follows")
    try:
        args = [resolved(each, at) for each in node.arguments]
        keywords = {name: resolved(each, at) for name, each in node.keywords.items() if not is_placement(each)}
    except KeyError as missing:
        raise damaged(file.path, f"nothing makes {missing}, which {node.target} reads") from None
    if short(node) in FACTORIES:
        keywords["device"] = "meta"
    args = rebatched(node, args, batch, at)
    keep(node, args, function(*args, **keywords), at)


def check_linear(file: Exported, node: Node, tape: Tape, at: Tensors, batch: int) -> None:
    """Raises SpecError if the MACs of a node do not grow with the batch: its batch was taken for another axis."""
    if not batch or short(node) not in PRODUCTS or not tape.operations:
        return
    names = [each.name for each in node.arguments if isinstance(each, Name)]
    given = {each: empty(file.shapes[each]) if each in file.shapes else at[each] for each in names}
    function, counter = function_of(node), FlopCounterMode(display=False)
    assert function is not None
    args = [resolved(each, given) for each in node.arguments]
    keywords = {name: resolved(each, at) for name, each in node.keywords.items() if not is_placement(each)}
    with torch.no_grad(), torch._C.DisableTorchFunction(), counter:
        function(*args, **keywords)
    made = tape.operations[-1]
    if made.makes[0].varies and tape.macs(made) * batch != counter.get_total_flops() // 2 * BATCH:
        raise refused(file, node, f"{node.target} has sizes of which it is not known whether they are the batch")


def keep(node: Node, args: list[Any], result: Any, at: Tensors) -> None:
    """Gives what a node made to its names."""
    x = next((each for each in args if isinstance(each, Tensor) and id(each) in at.slow), None)
    makes = node.makes[0] if len(node.makes) == 1 and isinstance(node.makes[0], tuple) else node.makes
    if len(makes) == 1 and not isinstance(result, tuple | list):
        result = (result,)
    for each, made in zip(makes, result if isinstance(result, tuple | list) else (), strict=False):
        assert isinstance(each, str)
        at[each] = made
        before = None if x is None else at.slow[id(x)]
        if isinstance(made, Tensor) and (found := inside_of(node, made, x, before)) is not None:
            at.slow[id(made)] = found


def refused(file: Exported, node: Node, why: str) -> SpecError:
    return problem(
        "AC533",
        f"{file.path}: {why}",
        location(node),
        help="export it with a free batch: torch.export.export(model, example, dynamic_shapes={'x': {0: Dim('n')}}); "
        "or import the code itself",
    )


def is_placement(argument: Any) -> bool:
    """Whether an argument says where or how a tensor lies in memory, and not what it is."""
    return isinstance(argument, Word) and argument.kind != "dtype"


def short(node: Node) -> str:
    """The name of an operator: `view` of torch.ops.aten.view.default; empty for other functions."""
    return node.target.split(".")[-2] if node.target.count(".") > 2 else ""


def resolved(argument: Any, at: Mapping[str, Any]) -> Any:
    if isinstance(argument, Name):
        return at[argument.name]
    if isinstance(argument, list):
        return [resolved(each, at) for each in argument]
    if isinstance(argument, Word):
        return getattr(torch, argument.name) if argument.kind == "dtype" else None
    return argument


def rebatched(node: Node, args: list[Any], batch: int, at: Tensors) -> list[Any]:
    """The arguments of a call, in whose sizes the batch of the file is replaced by that of the tape."""
    name = short(node)
    place = next((i for i, each in enumerate(args) if isinstance(each, list)), None)
    if not batch or place is None or name not in (*RESHAPES, *COPIES):
        return args
    shape = list(args[place])
    x = args[0] if isinstance(args[0], Tensor) else None
    if name in RESHAPES and x is not None:
        where = batch_in(x, shape, batch, outside(x, at.slow.get(id(x))))
    elif shape and shape[0] == batch and (x is None or len(x.shape) < len(shape) or x.shape[0] == 1):
        where = 0
    else:
        where = None
    if where is not None:
        shape[where] = shape[where] // batch * BATCH
    return [*args[:place], shape, *args[place + 1 :]]


def batch_in(x: Tensor, shape: list[int], batch: int, outer: int | None) -> int | None:
    """Which of the sizes that a tensor is brought to has the batch; None if it has none, or it is the one left open.

    `outer`: how many elements of a sample run slower than the batch.
    """
    if outer is None:
        return None
    fixed = prod(n for n in shape if n > 0)
    total = x.numel() // BATCH * batch
    known = [total // fixed if n == -1 else n for n in shape]
    for i, n in enumerate(known):
        before, after = prod(known[:i]), prod(known[: i + 1])
        if before <= outer < after or (before == outer and n == batch):
            # where two axes became one, the batch of one was the faster part of it
            at = i - (before == outer and n != batch and batch == 1 and i > 0 and len(shape) < x.dim())
            return at if shape[at] != -1 and known[at] % batch == 0 else None
    return None


def batch_axis(tensor: Tensor) -> int | None:
    axes = [i for i, n in enumerate(tensor.shape) if n and n % BATCH == 0]
    return axes[0] if len(axes) == 1 else None


def outside(tensor: Tensor, inside: int | None) -> int | None:
    """How many elements of a sample run slower than the batch; `inside`: those of them in the batch's axis."""
    at = batch_axis(tensor)
    return None if at is None or inside is None else prod(tensor.shape[:at]) * inside


def inside_of(node: Node, made: Tensor, x: Tensor | None, before: int | None) -> int | None:
    """How many elements of the batch's axis run slower than the batch, in what a node made of a tensor."""
    at = batch_axis(made)
    if at is None or made.shape[at] == BATCH or x is None or before is None:
        return None if at is None else 1
    if short(node) not in (*RESHAPES, "flatten", "unflatten", "squeeze", "unsqueeze"):
        return before
    return max(1, (outside(x, before) or 1) // prod(made.shape[:at]))
