"""Multiply-accumulates of a module as it runs: by torch's formulas, and sums of a single product, which they miss.

torch has a formula of the FLOPs of every operation that it counts (`torch.utils.flop_counter`). `FlopCounterMode`
applies them too, but attributes them to modules as well, and loads torch's compiler when it is first used.

An einsum that sums over one element has no matrix product: torch multiplies element by element, and no formula counts
it. Its products are counted here as they are computed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from archcalc.record import field, record

ITSELF = (int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format)
"""Arguments of operations that are compared as they are."""


@record(frozen=False)
class Operations:
    """What torch made of each operation on meta, by the operation and its arguments: shape, strides, dtype and FLOPs.

    On meta an operation depends on nothing else, so that one that is met again is not run again: shapes take torch
    longer on meta than numbers on a processor.
    """

    met: dict[Any, tuple[tuple[int, ...], tuple[int, ...], torch.dtype, int]] = field(default_factory=dict)

    def again(self, key: Any) -> tuple[Tensor, int] | None:
        """A new tensor as torch made it, and the FLOPs; None for an operation that was not met."""
        if key is None or key not in self.met:
            return None
        shape, strides, dtype, flops = self.met[key]
        return torch.empty_strided(shape, strides, dtype=dtype, device="meta"), flops

    def keep(self, key: Any, made: Any, flops: int) -> None:
        if key is not None and isinstance(made, Tensor) and made.is_meta:
            self.met[key] = made.shape, made.stride(), made.dtype, flops


class MacCounter:
    """Counts within a `with` block. `known`: operations that need not run again, to share with other counters."""

    def __init__(self, known: Operations | None = None) -> None:
        self.flops, self.single, self.modes = Flops(known or Operations()), 0, ExitStack()

    def __enter__(self) -> "MacCounter":
        self.modes.enter_context(self.flops)
        self.modes.enter_context(patch.object(torch, "einsum", self.counted(torch.einsum)))
        return self

    def __exit__(self, *fault: Any) -> None:
        self.modes.close()

    @property
    def total(self) -> int:
        return self.flops.total // 2 + self.single

    def counted(self, einsum: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """An einsum whose products are counted that it computes element by element, if it has letters to sum over."""

        def call(equation: str, *factors: Tensor) -> Tensor:
            if not sums(equation):
                return einsum(equation, *factors)
            with Products() as products:
                result = einsum(equation, *factors)
            self.single += products.total
            return result

        return call


def sums(equation: str) -> bool:
    """Whether letters that both factors have are summed over.

    >>> sums("bqc,bkc->bqk"), sums("bi,bj->bij")
    (True, False)
    """
    factors, result = equation.split("->")
    left, right = factors.split(",")
    return bool(set(left) & set(right) - set(result))


# --- modes -----------------------------------------------------------------------------------------------------------


class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What sees every operation. Without the switch, the first operation loads torch's compiler, which takes as long
    as half of `import torch`."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class Flops(Mode):
    """The FLOPs of all operations, by torch's formulas."""

    def __init__(self, known: Operations) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known, self.total = known, 0

    def __torch_dispatch__(
        self, call: Any, types: Iterable[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        key = key_of(call, args, named)
        if again := self.known.again(key):
            made, flops = again
            self.total += flops
            return made
        with self:  # a composite operation is counted by its parts
            before = self.total
            made = call.decompose(*args, **named)
            if made is not NotImplemented:
                self.known.keep(key, made, self.total - before)
                return made
        made = self.shaped(call, args, named)
        self.total, formula = before, flop_registry.get(call.overloadpacket)
        flops = formula(*args, **named, out_val=made) if formula else 0
        self.total += flops
        self.known.keep(key, made, flops)
        return made

    def shaped(self, call: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What an operation makes; on meta without loading torch's compiler, as its own kernels do, where possible."""
        if call is aten.cat.default and (made := side_by_side(*args, **named)) is not None:
            return made
        tensors = [each for each in (*args, *named.values()) if isinstance(each, Tensor)]
        if not tensors or not all(each.is_meta for each in tensors):
            return call(*args, **named)
        if (made := elementwise(call, tensors, args, named)) is not None:
            return made
        if call.overloadpacket in TAKEN_APART and call in decomposition_table:
            with self:
                return decomposition_table[call](*args, **named)
        return AS_LARGE.get(call, call)(*args, **named)


class Products(Mode):
    """The elements of all elementwise products."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, call: Any, types: Iterable[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = call(*args, **(kwargs or {}))
        if call is torch.ops.aten.mul.Tensor:
            self.total += result.numel()
        return result


# --- shapes ----------------------------------------------------------------------------------------------------------

aten = torch.ops.aten

TAKEN_APART = {
    aten.native_batch_norm,
    aten._native_batch_norm_legit,
    aten._native_batch_norm_legit_no_training,
    aten.native_layer_norm,
    aten.native_group_norm,
    aten.addmm,
}
"""The operations that torch itself takes apart, mostly into elementwise ones."""

AS_LARGE = {aten.mean.dim: aten.sum.dim_IntList, aten.mean.default: aten.sum.default}
"""By operation: one whose result has the same shape and dtype for floating numbers, and whose kernel loads less."""


def elementwise(call: Any, tensors: list[Tensor], args: tuple[Any, ...], named: Mapping[str, Any]) -> Tensor | None:
    """What an operation makes that torch marks as elementwise: the shape to which its tensors are broadcast, and the
    dtype that torch makes of one element of each. None for other operations, and where tensors are not contiguous.
    """
    if (
        call.namespace != "aten"
        or torch.Tag.pointwise not in call.tags
        or torch.Tag.nondeterministic_seeded in call.tags
    ):
        return None
    if aliases(call) or not all(each.is_contiguous() for each in tensors):
        return None
    one = call(*map(one_element, args), **{name: one_element(each) for name, each in named.items()})
    if not isinstance(one, Tensor):
        return None
    shape = torch.broadcast_shapes(*(each.shape for each in tensors))  # type: ignore[no-untyped-call]
    return torch.empty(shape, dtype=one.dtype, device="meta")


def side_by_side(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    """What torch makes of contiguous tensors of one dtype that differ along the axis on which they are joined, at most;
    None for others, which torch refuses or converts."""
    first = tensors[0]
    if not first.dim() or not all(each.is_meta and each.is_contiguous() for each in tensors):
        return None
    dim %= first.dim()
    kinds = {(each.dtype, each.shape[:dim], each.shape[dim + 1 :]) for each in tensors}
    if len(kinds) > 1:
        return None
    shape = (*first.shape[:dim], sum(each.shape[dim] for each in tensors), *first.shape[dim + 1 :])
    return torch.empty(shape, dtype=first.dtype, device="meta")


def one_element(value: Any) -> Any:
    """A tensor of as many axes on the CPU, for a tensor on meta."""
    return torch.ones((1,) * value.ndim, dtype=value.dtype) if isinstance(value, Tensor) else value


# --- when an operation is the same -----------------------------------------------------------------------------------


def key_of(call: Any, args: Iterable[Any], named: Mapping[str, Any]) -> Any:
    """What the result of an operation on meta depends on; None if it changes or returns one of its arguments."""
    if aliases(call):
        return None
    try:
        return (call, *map(known_by, args), *((name, known_by(value)) for name, value in named.items()))
    except TypeError:
        return None


@cache
def aliases(call: Any) -> bool:
    """Whether an operation changes or returns one of its arguments."""
    return any(argument.alias_info for argument in (*call._schema.arguments, *call._schema.returns))


def known_by(value: Any) -> Any:
    """Raises TypeError for an argument of another kind."""
    if isinstance(value, Tensor):
        if not value.is_meta:
            raise TypeError
        return value.shape, value.stride(), value.dtype
    if isinstance(value, list | tuple):
        return (list, *map(known_by, value))
    if isinstance(value, ITSELF):
        return type(value), value
    raise TypeError
