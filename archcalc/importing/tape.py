"""The tape: a module of torch runs once, and every function that it calls is written down.

It sees the public functions of torch (`F.conv2d`, `Tensor.view`) as the code calls them, and not what they call.
"""

import inspect
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import zip_longest
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import peek_interpreter_stack
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.importing.aliasing import Aliases
from archcalc.importing.elements import integers, numbers
from archcalc.importing.guest import eager
from archcalc.importing.lengths import Length, LengthOf
from archcalc.importing.program import (
    BATCH,
    BUFFER,
    CONSTANT,
    DERIVED,
    INPUT,
    MADE,
    ONE,
    WEIGHT,
    ModuleCall,
    Operation,
    Program,
    Stored,
    Value,
)
from archcalc.importing.stored import dtype_of, initialized, modules_of, named_tensors, settings_of, stored_in
from archcalc.record import replace

OURS = (str(Path(torch.__file__).parent) + "/", str(Path(__file__).parent) + "/")
"""Files of frames that are not the user's."""

SHAPE = Tensor.shape.__get__  # type: ignore[attr-defined]
"""What reads the lengths of all axes."""

SILENT = frozenset((
    "dim", "__len__", "is_floating_point", "stride", "is_contiguous", "numel", "__set__", "is_complex",
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

LIKE = frozenset(("to", "type_as"))
"""Functions that read the values of their first tensor alone: of another one, its dtype and device."""

IN_PLACE = frozenset((
    "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__imod__", "__ipow__", "__iand__", "__ior__",
    "__ixor__", "__ilshift__", "__irshift__", "__idiv__", "__setitem__",
))  # fmt: skip
"""Operators that change what stands on their left."""

MOST_VALUES = 1 << 24
"""The most elements of a constant that is made with its values."""

MOST_FROM_WEIGHTS = 1 << 20
"""The most elements of a tensor from which, with weights, others are computed with their values."""

MOST_KEPT = 1 << 27
"""When constants have so many elements in all, what is computed from them has no values any more."""

DROPS = ("StochasticDepth", "DropPath")
"""Modules that do nothing in evaluation and call no function: `drop_path` on the tape."""

RATES = ("p", "drop_prob")
"""What they call their rate."""


class Tape(TorchFunctionMode):
    """Writes down the calls while it is active.

    `owners`: the tensor of each identity; those with values are not kept alive by it. `counter`: what counts MACs
    while calls run; without one, a call is counted when it is asked for, by running it again.
    """

    def __init__(self, model: nn.Module, counter: FlopCounterMode | None = None) -> None:
        super().__init__()
        self.counter = counter
        self.counts: dict[Operation, int] = {}
        self.aliases = Aliases()
        self.operations: list[Operation] = []
        self.values: dict[int, Value] = {}
        self.owners: dict[int, Callable[[], Tensor | None]] = {}
        self.called: dict[int, tuple[Any, Any, Any]] = {}
        self.twins: dict[int, Tensor] = {}
        self.tensor_of: dict[Value, Tensor] = {}
        self.kept = 0
        self.stack = [""]
        self.calls: list[ModuleCall] = []
        self.open: list[tuple[str, str, int]] = []
        self.sources: dict[str, Source] = {}
        tensors = named_tensors(model)
        self.stored = stored_in(model, tensors)
        for name, each in self.stored.items():
            self.give(tensors[name], Value(BUFFER if each.buffer else WEIGHT, each.shape, each.dtype, name))

    def give(self, tensor: Tensor, value: Value) -> Value:
        """A tensor stands for this value from now on; what it was before is not known any more."""
        before = self.found(tensor)
        if before is not None and before is not value:
            kept = self.tensor_of.pop(before, None)
            if kept is not None and tensor.device.type == "meta":  # changed where nothing has values: it has them still
                self.tensor_of[before] = kept.clone()
        if tensor.device.type != "meta" and not value.varies and not (self.counter and tensor.is_floating_point()):
            self.tensor_of[value] = tensor
            is_stored = value.kind in (WEIGHT, BUFFER) or tensor._base is not None  # a view needs no memory of its own
            self.kept += 0 if is_stored else tensor.numel()
        self.values[id(tensor)] = value
        self.aliases.give(tensor)
        if id(tensor) in self.aliases.originals:
            self.values[id(self.aliases.originals[id(tensor)])] = value
        self.owners[id(tensor)] = weakref.ref(tensor) if self.counter else lambda: tensor
        return value

    def found(self, tensor: Tensor) -> Value | None:
        """What a tensor stands for; None if it is not known, or if its identity was that of one that is gone."""
        owner = self.owners.get(id(tensor))
        return self.values[id(tensor)] if owner is not None and owner() is tensor else None

    def value(self, tensor: Tensor) -> Value:
        found = self.found(tensor)
        if found is None:
            return self.give(tensor, self.unknown(tensor))
        if self.aliases.time:
            for part in self.aliases.late(tensor):
                self.write("write_part", (self.values[id(tensor)], self.value(part)), {}, [tensor])
            if self.aliases.is_stale(tensor):
                self.write("read_part", (self.value(self.aliases.base(tensor)),), {}, [tensor])
        return self.values[id(tensor)]

    def unknown(self, tensor: Tensor) -> Value:
        """A tensor that no call made: a weight that no module has, or a constant."""
        shape, dtype = tuple(tensor.shape), dtype_of(tensor)
        if not isinstance(tensor, nn.Parameter):
            if tensor.device.type == "meta" and any(n and n % BATCH == 0 for n in shape):
                raise unseen("a tensor comes from code that calls no function of torch from Python", self.here())
            return Value(CONSTANT, shape, dtype)
        name = f"outside{sum(not each.registered for each in self.stored.values())}"
        self.stored[name] = Stored(shape, dtype, (name,), registered=False)
        return Value(WEIGHT, shape, dtype, name)

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func)).partition(".")[0]
        if name == "size" or func == SHAPE:
            return measured(self.found(args[0]), func(*args, **kwargs), *args[1:], **kwargs)
        if name in SILENT:
            return func(*args, **kwargs)
        if name == "__iter__":
            return iter(self.__torch_function__(Tensor.unbind, types, args, kwargs))
        if name == "__setitem__":
            self.aliases.forget(args[0], args[2])
        given = self.plain(args), {key: self.plain(each) for key, each in kwargs.items()}
        changed = changed_by(name, args, kwargs)
        if name in CONSTANTS:
            args, kwargs = of_shapes(name, args, kwargs)
        if name in LIKE:
            args, kwargs = of_dtypes(args, kwargs)
        args, kwargs = with_values(self.without_values((args, kwargs)))
        before = self.counter.get_total_flops() if self.counter else 0
        result = called(func, args, kwargs)
        if name == "__get__":
            name = func.__self__.__name__
        made = [args[0]] if name == "__setitem__" else tensors_in(result)
        if made and name not in ("grad", "shape"):
            self.write(name, *given, made)
            self.count(self.operations[-1], before, (func, args, kwargs))
            if changed is not None:
                self.aliases.write(changed)
                for each in made:
                    self.aliases.give(each)
        return result

    def count(self, operation: Operation, before: int, call: tuple[Any, Any, Any]) -> None:
        """Keeps the MACs of a call, or the call, so that they can be counted."""
        if self.counter:
            self.counts[operation] = (self.counter.get_total_flops() - before) // 2
        elif peek_interpreter_stack() is not None:  # inside a function of torch.func, whose tensors live no longer
            self.counts[operation] = macs_of(operation.function, *call)
        else:
            self.called[id(operation)] = call

    def without_values(self, tree: Any) -> Any:
        """Arguments of one device: if any tensor has no values, or had others than it has now, no tensor has."""
        if self.counter:
            return tree
        tensors = [each for each in pytree.tree_leaves(tree) if isinstance(each, Tensor)]
        with_values = [each for each in tensors if each.device.type != "meta"]
        values = list(map(self.found, with_values))
        gone = len(with_values) < len(tensors) or any(each is not None and each.varies for each in values)
        gone = gone or is_long(with_values, values)
        gone = gone or is_large(tensors) or self.kept > MOST_KEPT
        return pytree.tree_map_only(Tensor, self.twin, tree) if with_values and gone else tree

    def twin(self, tensor: Tensor) -> Tensor:
        """The same tensor without values; it stands for the same value."""
        if tensor.device.type == "meta":
            return tensor
        twin = self.twins.get(id(tensor))
        if twin is None:
            twin = self.twins[id(tensor)] = tensor.detach().to("meta")
            self.give(twin, self.value(tensor))
            self.aliases.originals[id(twin)] = tensor
        return twin

    def write(self, name: str, arguments: Any, keywords: Any, made: Sequence[Tensor]) -> None:
        operation = Operation(name, arguments, keywords, (), self.stack[-1], self.here())
        given = [] if name in CONSTANTS else operation.values[:1] if name in LIKE else operation.values
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
        if file not in self.sources:
            self.sources[file] = source_of(file)
        return at_line(self.sources[file], line - 1)

    def macs(self, operation: Operation) -> int:
        """The MACs that torch's own counter has for one call; it runs again, on the same shapes."""
        call = self.called.get(id(operation))
        return self.counts.get(operation, 0) if call is None else macs_of(operation.function, *call)

    # --- modules -----------------------------------------------------------------------------------------------------

    def enter(self, path: str, module: nn.Module) -> None:
        self.stack.append(path)
        self.open.append((path, type(module).__name__, len(self.operations)))

    def leave(self, module: nn.Module, given: tuple[Any, ...], keywords: Mapping[str, Any], result: Any) -> None:
        """Ends a module; what drops in training only is written down as a call of its own."""
        path, kind, first = self.open.pop()
        if kind in DROPS and isinstance(result, Tensor) and len(self.operations) == first and given:
            before = self.value(given[0])
            self.write("drop_path", (before, rate_of(module)), {}, [result])
        self.stack.pop()
        known = map(self.found, (each for each in given if isinstance(each, Tensor)))
        names = (*zip(parameters_of(type(module).forward), given, strict=False), *keywords.items())
        named = {name: self.found(each) for name, each in names if isinstance(each, Tensor)}
        call = ModuleCall(path, kind, first, len(self.operations), tuple(filter(None, known)))
        self.calls.append(replace(call, named={name: each for name, each in named.items() if each is not None}))


def source_of(file: str) -> Source:
    """The text of a file; nothing where there is none."""
    return Source(file, Path(file).read_text(errors="replace") if Path(file).is_file() else "")


def at_line(source: Source, line: int) -> Location:
    """A line without the space in front of it."""
    text = source.line(line)
    return Location(source, line, len(text) - len(text.lstrip()), max(1, len(text.strip())))


@cache
def parameters_of(forward: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters of a method, without itself."""
    try:
        return tuple(inspect.signature(forward).parameters)[1:]
    except (TypeError, ValueError):
        return ()


def called(func: Any, args: Any, kwargs: Any) -> Any:
    """What a call gives. Products in groups, which torch has without values for bfloat16 alone, run in that."""
    try:
        return func(*args, **kwargs)
    except RuntimeError as error:
        floats = [each for each in pytree.tree_leaves((args, kwargs)) if is_float(each)]
        if "grouped_mm" not in getattr(func, "__name__", "") or not floats or "BF16" not in str(error):
            raise
        narrow = pytree.tree_map_only(Tensor, lambda each: each.bfloat16() if is_float(each) else each, (args, kwargs))
        return called(func, *narrow).to(floats[0].dtype)


def is_float(each: object) -> bool:
    return isinstance(each, Tensor) and each.dtype.is_floating_point and each.dtype != torch.bfloat16


def macs_of(name: str, func: Any, args: Any, kwargs: Any) -> int:
    """What torch's counter has for one call. What it would change in place has no values then."""
    if changed_by(name, args, kwargs) is not None:
        args, kwargs = pytree.tree_map_only(Tensor, other_tensor, (args, kwargs))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        called(func, args, kwargs)
    return counter.get_total_flops() // 2


def measured(value: Value | None, lengths: Sequence[int] | int, dim: int = 0) -> Sequence[int] | int:
    """The lengths of a value's axes, or of one; those that may change with the inputs know whose they are."""
    if value is None or value.kind in (WEIGHT, BUFFER):
        return lengths
    if isinstance(lengths, int):
        return Length(lengths, LengthOf(value, dim % len(value.shape)))
    return torch.Size(Length(n, LengthOf(value, i)) for i, n in enumerate(lengths))


def rerun(
    calls: Mapping[int, tuple[Any, Any, Any]], operation: Operation, values: Mapping[Value, Value]
) -> list[tuple[int, ...]] | None:
    """The shapes that a call makes with other values for some of its own; None if it fails. `calls`: the calls of
    the tape by their operations' identities."""
    if (call := calls.get(id(operation))) is None:
        return None
    func, *given = call
    leaves, spec = pytree.tree_flatten(tuple(given))
    plain = pytree.tree_leaves((operation.arguments, dict(operation.keywords)))
    pairs = zip(plain, leaves, strict=True)
    args, kwargs = pytree.tree_unflatten(
        [other_tensor(each, values.get(value)) if isinstance(value, Value) else each for value, each in pairs], spec
    )
    try:
        with torch.no_grad():
            return [tuple(each.shape) for each in tensors_in(func(*args, **kwargs))]
    except RuntimeError:
        return None


def other_tensor(tensor: Tensor, value: Value | None = None) -> Tensor:
    """A tensor without values, of the shape of another value if there is one."""
    shape = tensor.shape if value is None else value.shape
    return torch.empty(shape, dtype=tensor.dtype, device="meta")


def rate_of(module: nn.Module) -> float:
    """How often a module drops a sample; 0 if it does not say."""
    return float(next((each for name in RATES if (each := getattr(module, name, None)) is not None), 0.0))


def record(model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any], name: str = "") -> Program:
    """The program of one run in evaluation mode; `inputs` are positional, in order, and named for the report.

    Each tensor has the batch first: the run replaces it by one of `BATCH` samples without values.
    Raises what the code of the model raises.
    """
    args = [marked(each) for each in inputs.values()]
    kwargs = {key: marked(each) for key, each in keywords.items()}
    model = initialized(model, args, kwargs)
    return recorded(model, Tape(model), dict(zip(inputs, args, strict=True)), kwargs, BATCH, name)


def record_values(model: nn.Module, inputs: Mapping[str, Any], keywords: Mapping[str, Any], name: str = "") -> Program:
    """As `record`, with the weights and inputs as they are: what the code decides by values holds for them.

    The inputs are one sample. Attention and recurrent layers run as the products that they are, which are counted.
    """
    counter = FlopCounterMode(display=False)
    model = initialized(model, list(inputs.values()), dict(keywords))
    with sdpa_kernel(SDPBackend.MATH), no_fused_recurrence(), counter:
        return recorded(model, Tape(model, counter), inputs, keywords, ONE, name)


@contextmanager
def no_fused_recurrence() -> Iterator[None]:
    """Recurrent layers run as products, and not as one call of a library, of which torch counts nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about settings of other devices
        before = torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.backends.mkldnn.set_flags(*before)  # type: ignore[no-untyped-call]


def recorded(
    model: nn.Module, tape: Tape, inputs: Mapping[str, Any], keywords: Mapping[str, Any], batch: int, name: str
) -> Program:
    given = []
    for word, tree in {**inputs, **keywords}.items():
        found = tensors_in(tree)
        for i, tensor in enumerate(found):
            label = word if len(found) == 1 else f"{word}_{i}"
            given.append(tape.give(tensor, Value(INPUT, tuple(tensor.shape), dtype_of(tensor), label)))
    with hooked(model, tape), torch.no_grad(), eager(lambda function: refuse(function, tape.here())), tape:
        result = model(*inputs.values(), **keywords)
    results = [tape.value(each) for each in tensors_in(result)]
    return Program(
        name=name or type(model).__name__,
        inputs=tuple(given),
        outputs=tuple(dict.fromkeys(each for each in results if each.varies)),
        operations=tuple(tape.operations),
        calls=tuple(tape.calls),
        stored=tape.stored,
        kinds={path: type(each).__name__ for path, each in modules_of(model).items()},
        said={path: settings_of(each) for path, each in modules_of(model).items()},
        macs=tape.macs,
        integers=partial(integers, tape.tensor_of),
        numbers=partial(numbers, tape.tensor_of),
        batch=batch,
        rerun=None if tape.counter else partial(rerun, tape.called),
    )


def is_long(tensors: Sequence[Tensor], values: Sequence[Value | None]) -> bool:
    """Whether a call computes much from weights, whose values nothing needs: with an axis for the batch, say."""
    largest = max((each.numel() for each in tensors), default=0)
    return largest > MOST_FROM_WEIGHTS and any(each is not None and each.kind in (WEIGHT, DERIVED) for each in values)


def refuse(function: Any, where: Location | None) -> None:
    raise unseen(f"the function {function.qualified_name.rpartition('.')[2]} was compiled by torch.jit", where)


def unseen(message: str, where: Location | None) -> SpecError:
    return problem(
        "AC523",
        message,
        where,
        help="its operations cannot be seen: set PYTORCH_JIT=0 in the environment before torch is imported, or give a "
        "reference to the code (py:my_net.py:Net), which is built without compilers",
    )


def changed_by(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The tensor that a function changes in place."""
    itself = name.endswith("_") and not name.endswith("__")
    if itself or name in IN_PLACE or kwargs.get("inplace"):
        changed = kwargs.get("input", args[0] if args else None)
    else:
        changed = kwargs.get("out")
    return changed if isinstance(changed, Tensor) else None


def of_shapes(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call that reads the shape of its first tensor alone, made on the processor if it does not say where."""
    first = args[0] if args and isinstance(args[0], Tensor) else None
    if first is None or kwargs.get("device") is not None:
        return args, dict(kwargs)
    sizes = [n for n in pytree.tree_leaves((args[1:], kwargs)) if isinstance(n, int) and n > 0]
    if (first.numel() if name.endswith("_like") else prod(sizes)) > MOST_VALUES:
        return args, dict(kwargs)
    return args, {**kwargs, "device": torch.device("cpu")}


def of_dtypes(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """A call that gives constants the dtype of another tensor, without that tensor, so that they keep their values."""
    if args[0].device.type == "meta":
        return args, kwargs
    rest: Any = pytree.tree_map_only(Tensor, lambda each: args[0].new_empty(0, dtype=each.dtype), (args[1:], kwargs))
    return (args[0], *rest[0]), rest[1]


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


def is_large(tensors: Sequence[Tensor]) -> bool:
    """Whether these tensors, repeated along one another's axes, have more elements than constants with values may have:
    a table for every pair of thousands of tokens in every head."""
    longest = zip_longest(*(reversed(each.shape) for each in tensors), fillvalue=1)
    return prod(max(lengths) for lengths in longest) > MOST_VALUES


def is_meta(value: Any) -> bool:
    return (isinstance(value, torch.device) and value.type == "meta") or (isinstance(value, str) and value == "meta")


@contextmanager
def hooked(model: nn.Module, tape: Tape) -> Iterator[None]:
    """Tells the tape which module runs. The model is left as it was, and so is its mode."""
    was_training = [each for each in model.modules() if each.training]
    hooks = []
    modules = modules_of(model)
    for path, each in modules.items():
        if isinstance(each, torch.jit.ScriptModule):
            what = f"the module {path}" if path else "the network"
            raise unseen(f"{what} was compiled by torch.jit", None)
    for path, each in modules.items():
        hooks.append(each.register_forward_pre_hook(lambda m, x, path=path: tape.enter(path, m), prepend=True))
        hooks.append(each.register_forward_hook(lambda m, x, k, y: tape.leave(m, x, k, y), with_kwargs=True))
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
