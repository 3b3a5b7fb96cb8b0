"""The tape: a module of torch runs once, and every function that it calls is written down.

It sees the public functions of torch (`F.conv2d`, `Tensor.view`) as the code calls them, and not what they call.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.location import Location, Source
from archcalc.importing.program import (
    BATCH,
    BUFFER,
    CONSTANT,
    DERIVED,
    INPUT,
    MADE,
    WEIGHT,
    ModuleCall,
    Operation,
    Program,
    Stored,
    Value,
)

OURS = (str(Path(torch.__file__).parent) + "/", str(Path(__file__).parent) + "/")
"""Files of frames that are not the user's."""

SILENT = frozenset((
    "dim", "size", "__len__", "is_floating_point", "stride", "is_contiguous", "numel", "__set__", "is_complex",
    "element_size", "requires_grad_", "_assert", "is_cuda", "get_device", "storage_offset", "ndimension",
    "_assert_scalar", "__format__", "__repr__", "_assert_async", "untyped_storage", "data_ptr", "is_inference",
    "is_same_size", "_version", "__hash__",
))  # fmt: skip
"""Functions that ask about a tensor and make none."""

CONSTANTS = frozenset((
    "new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "zeros_like", "ones_like", "full_like",
    "empty_like",
))  # fmt: skip
"""Functions that read the shape of a tensor and none of its values."""

MOST_VALUES = 1 << 24
"""The most elements of a constant that is made with its values."""

MOST_INTEGERS = 1 << 21
"""The most elements of a constant that are read."""

DROPS = {"StochasticDepth": "p", "DropPath": "drop_prob"}
"""Modules that do nothing in evaluation and call no function, with their rate's attribute: `drop_path` on the tape."""


class Tape(TorchFunctionMode):
    """Writes down the calls while it is active.

    `tensors`: what each value was, which keeps the tensors' identities alive.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.values: dict[int, Value] = {}
        self.tensors: list[Tensor] = []
        self.called: dict[int, tuple[Any, Any, Any]] = {}
        self.twins: dict[int, Tensor] = {}
        self.tensor_of: dict[Value, Tensor] = {}
        self.originals: dict[int, int] = {}
        self.stack = [""]
        self.calls: list[ModuleCall] = []
        self.open: list[tuple[str, str, int]] = []
        self.sources: dict[str, Source] = {}
        self.stored = stored_in(model)
        for kind, named in ((WEIGHT, model.named_parameters()), (BUFFER, model.named_buffers())):
            for name, tensor in named:
                self.give(tensor, Value(kind, tuple(tensor.shape), dtype_of(tensor), name))

    def give(self, tensor: Tensor, value: Value) -> Value:
        """A tensor stands for this value from now on; what it was before is not known any more."""
        before = self.values.get(id(tensor))
        if before is not None and before is not value:
            self.tensor_of.pop(before, None)
        if tensor.device.type != "meta":
            self.tensor_of[value] = tensor
        self.values[id(tensor)] = value
        if id(tensor) in self.originals:
            self.values[self.originals[id(tensor)]] = value
        self.tensors.append(tensor)
        return value

    def value(self, tensor: Tensor) -> Value:
        found = self.values.get(id(tensor))
        return found or self.give(tensor, Value(CONSTANT, tuple(tensor.shape), dtype_of(tensor)))

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        if name in SILENT:
            return func(*args, **kwargs)
        given = self.plain(args), {key: self.plain(each) for key, each in kwargs.items()}
        args, kwargs = with_values(self.without_values((args, kwargs)))
        result = func(*args, **kwargs)
        if name == "__get__":
            name = func.__self__.__name__
        made = [args[0]] if name == "__setitem__" else tensors_in(result)
        if made and name not in ("grad", "shape"):
            self.write(name, *given, made)
            self.called[id(self.operations[-1])] = (func, args, kwargs)
        return result

    def without_values(self, tree: Any) -> Any:
        """Arguments of one device: if any tensor has no values, no tensor has."""
        devices = {each.device.type for each in pytree.tree_leaves(tree) if isinstance(each, Tensor)}
        return pytree.tree_map_only(Tensor, self.twin, tree) if {"meta"} < devices else tree

    def twin(self, tensor: Tensor) -> Tensor:
        """The same tensor without values; it stands for the same value."""
        if tensor.device.type == "meta":
            return tensor
        twin = self.twins.get(id(tensor))
        if twin is None:
            twin = self.twins[id(tensor)] = tensor.detach().to("meta")
            self.give(twin, self.value(tensor))
            self.originals[id(twin)] = id(tensor)
        return twin

    def write(self, name: str, arguments: Any, keywords: Any, made: Sequence[Tensor]) -> None:
        operation = Operation(name, arguments, keywords, (), self.stack[-1], self.here())
        given = [] if name in CONSTANTS else operation.values
        kind = MADE if any(each.varies for each in given) else CONSTANT
        if kind == CONSTANT and any(each.kind in (WEIGHT, DERIVED) for each in given):
            kind = DERIVED
        operation.makes = tuple(
            self.give(each, Value(kind, tuple(each.shape), dtype_of(each), maker=operation)) for each in made
        )
        self.operations.append(operation)

    def plain(self, tree: Any) -> Any:
        """An argument without torch: tensors become values; dtypes, devices and the like become words."""
        if isinstance(tree, Tensor):
            return self.value(tree)
        if isinstance(tree, tuple | list):
            return tuple(self.plain(each) for each in tree)
        if isinstance(tree, dict):
            return {key: self.plain(each) for key, each in tree.items()}
        if isinstance(tree, slice):
            return slice(self.plain(tree.start), self.plain(tree.stop), self.plain(tree.step))
        if tree is None or tree is Ellipsis or isinstance(tree, bool | int | float | str):
            return tree
        return str(tree).removeprefix("torch.")

    def here(self) -> Location | None:
        """The innermost line of code that is not torch's."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(OURS):
            frame = frame.f_back
        return None if frame is None else self.place(frame.f_code.co_filename, frame.f_lineno)

    def place(self, file: str, line: int) -> Location:
        """A line of a file, without the space in front."""
        source = self.sources.get(file)
        if source is None:
            text = Path(file).read_text(errors="replace") if Path(file).is_file() else ""
            source = self.sources[file] = Source(file, text)
        text = source.line(line - 1)
        indent = len(text) - len(text.lstrip())
        return Location(source, line - 1, indent, max(1, len(text.strip())))

    def macs(self, operation: Operation) -> int:
        """The MACs that torch's own counter has for one call; it runs again, on the same shapes."""
        if id(operation) not in self.called:
            return 0
        func, args, kwargs = self.called[id(operation)]
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            func(*args, **kwargs)
        return counter.get_total_flops() // 2

    def integers(self, value: Value) -> tuple[int, ...] | None:
        """The elements of a constant of integers, if they are known and few."""
        tensor = self.tensor_of.get(value)
        if tensor is None or tensor.is_floating_point() or tensor.is_complex() or tensor.numel() > MOST_INTEGERS:
            return None
        return tuple(map(int, tensor.reshape(-1).tolist()))

    # --- modules -----------------------------------------------------------------------------------------------------

    def enter(self, path: str, module: nn.Module) -> None:
        self.stack.append(path)
        self.open.append((path, type(module).__name__, len(self.operations)))

    def leave(self, module: nn.Module, given: tuple[Any, ...], result: Any) -> None:
        """Ends a module; what drops in training only is written down as a call of its own."""
        path, kind, first = self.open.pop()
        if kind in DROPS and isinstance(result, Tensor) and len(self.operations) == first and given:
            before = self.value(given[0])
            self.write("drop_path", (before, float(getattr(module, DROPS[kind], 0.0) or 0.0)), {}, [result])
        self.stack.pop()
        self.calls.append(ModuleCall(path, kind, first, len(self.operations)))


def record(model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any], name: str = "") -> Program:
    """The program of one run in evaluation mode; `inputs` are positional, in order, and named for the report.

    Each tensor has the batch first: the run replaces it by one of `BATCH` samples without values.
    Raises what the code of the model raises.
    """
    tape = Tape(model)
    args = [marked(each) for each in inputs.values()]
    kwargs = {key: marked(each) for key, each in keywords.items()}
    given = []
    for word, tree in zip([*inputs, *keywords], [*args, *kwargs.values()], strict=True):
        found = tensors_in(tree)
        for i, tensor in enumerate(found):
            label = word if len(found) == 1 else f"{word}_{i}"
            given.append(tape.give(tensor, Value(INPUT, tuple(tensor.shape), dtype_of(tensor), label)))
    with hooked(model, tape), torch.no_grad(), tape:
        result = model(*args, **kwargs)
    results = [tape.value(each) for each in tensors_in(result)]
    return Program(
        name=name or type(model).__name__,
        inputs=tuple(given),
        outputs=tuple(dict.fromkeys(each for each in results if each.varies)),
        operations=tuple(tape.operations),
        calls=tuple(tape.calls),
        stored=tape.stored,
        kinds={path: type(each).__name__ for path, each in model.named_modules()},
        macs=tape.macs,
        integers=tape.integers,
    )


def with_values(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call that reads no tensor without values, made on the processor: constants keep their values, so that code can
    read them."""
    leaves = pytree.tree_leaves(arguments)
    if any(isinstance(each, Tensor) and each.device.type == "meta" for each in leaves):
        return arguments
    if not any(is_meta(each) for each in leaves):
        return arguments
    sizes = [each for each in leaves if isinstance(each, int) and not isinstance(each, bool) and each > 0]
    if prod(sizes) > MOST_VALUES:
        return arguments
    found: tuple[tuple[Any, ...], dict[str, Any]] = pytree.tree_map(
        lambda each: torch.device("cpu") if is_meta(each) else each, arguments
    )
    return found


def is_meta(value: Any) -> bool:
    return (isinstance(value, torch.device) and value.type == "meta") or (isinstance(value, str) and value == "meta")


@contextmanager
def hooked(model: nn.Module, tape: Tape) -> Iterator[None]:
    """Tells the tape which module runs. The model is left as it was, and so is its mode."""
    was_training = [each for each in model.modules() if each.training]
    hooks = []
    for path, each in model.named_modules():
        hooks.append(each.register_forward_pre_hook(lambda m, x, path=path: tape.enter(path, m), prepend=True))
        hooks.append(each.register_forward_hook(lambda m, x, y: tape.leave(m, x, y)))
    model.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for each in was_training:
            each.training = True


def marked(tree: Any) -> Any:
    """The same tensors without values, with `BATCH` samples instead of theirs."""
    return pytree.tree_map_only(
        Tensor, lambda each: torch.empty((BATCH, *each.shape[1:]), dtype=each.dtype, device="meta"), tree
    )


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors of a result, also those inside objects that torch does not know."""
    found = []
    for leaf in pytree.tree_leaves(tree):
        if isinstance(leaf, Tensor):
            found.append(leaf)
        elif hasattr(leaf, "__dict__") and not isinstance(leaf, type | nn.Module) and not callable(leaf):
            found += [each for each in vars(leaf).values() if isinstance(each, Tensor)]
    return found


def stored_in(model: nn.Module) -> dict[str, Stored]:
    """The weights and buffers of a model by their first names."""
    names: dict[int, list[str]] = {}
    both = (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False))
    for name, tensor in (pair for each in both for pair in each):
        names.setdefault(id(tensor), []).append(name)
    learned = {id(each) for each in model.parameters()}
    found = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        alike = tuple(names[id(tensor)])
        found[name] = Stored(tuple(tensor.shape), dtype_of(tensor), alike, buffer=id(tensor) not in learned)
    return found


def dtype_of(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
