"""Multiply-accumulates of a module as it runs: torch's FlopCounterMode, and sums of a single product, which it misses.

An einsum that sums over one element has no matrix product: torch multiplies element by element, and FlopCounterMode
counts nothing. Its products are counted here as they are computed.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode


class MacCounter:
    """Counts within a `with` block."""

    def __init__(self) -> None:
        self.flops, self.single, self.modes = FlopCounterMode(display=False), SingleProducts(), ExitStack()

    def __enter__(self) -> "MacCounter":
        self.modes.enter_context(self.flops)
        self.modes.enter_context(self.single)
        return self

    def __exit__(self, *fault: Any) -> None:
        self.modes.close()

    @property
    def total(self) -> int:
        return int(self.flops.get_total_flops()) // 2 + self.single.total


class SingleProducts(TorchFunctionMode):
    """The products that an einsum computes element by element, if it has letters to sum over."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_function__(
        self, call: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if call is not torch.einsum or not sums(args[0]):
            return call(*args, **(kwargs or {}))
        with Products() as products:
            result = call(*args, **(kwargs or {}))
        self.total += products.total
        return result


def sums(equation: str) -> bool:
    """Whether letters that both factors have are summed over.

    >>> sums("bqc,bkc->bqk"), sums("bi,bj->bij")
    (True, False)
    """
    factors, result = equation.split("->")
    left, right = factors.split(",")
    return bool(set(left) & set(right) - set(result))


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
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
