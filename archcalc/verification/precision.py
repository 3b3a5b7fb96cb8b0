"""The flags of GPUs under which float32 is float32: without TF32, whatever a program has set before.

Torch has two interfaces for it. The older one is there in all releases: one flag for cuDNN, one for matrix products.
Since 2.9, each operation has a precision, inherited where it is "none". Where a program has used the newer one, reading
the older raises, and torch itself reads it here and there; so both are set, to the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from archcalc.record import field, record

PRODUCTS, CONVOLUTIONS = "matmul", "conv"
OPERATIONS = (PRODUCTS, CONVOLUTIONS, "rnn")
"""The operations of GPUs that can round float32, by torch's names."""

TF32, FULL, INHERITED = "tf32", "ieee", "none"
"""Precisions of operations."""

HIGHEST, HIGH, MEDIUM = "highest", "high", "medium"
"""Precisions of matrix products in the older interface; the first is that of float32."""

private: Any = torch._C


@record
class Rounding:
    """What is set: `cudnn`, whether cuDNN rounds; `products`, the precision of matrix products; and in newer releases
    the precision of each operation."""

    cudnn: bool
    products: str
    operations: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def exactly(*, deterministic: bool) -> Iterator[None]:
    """Computes float32 in full, with cuDNN's default choice of algorithms: no benchmark."""
    cudnn, before = torch.backends.cudnn, rounding()
    flags = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = True, False, deterministic
    set_rounding(Rounding(False, HIGHEST, dict.fromkeys(before.operations, FULL)))
    try:
        yield
    finally:
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic = flags
        set_rounding(before)


def is_rounded(operation: str) -> bool:
    """Whether matrix products or convolutions of float32 numbers may be those of TF32."""
    if has_operations():
        return precision(operation) == TF32
    found = rounding()
    return found.products != HIGHEST if operation == PRODUCTS else found.cudnn


def has_operations() -> bool:
    """Whether this release of torch has a precision for each operation."""
    return hasattr(private, "_set_fp32_precision_setter")


def precision(operation: str) -> str:
    return str(private._get_fp32_precision_getter("cuda", operation))


def rounding() -> Rounding:
    """What is set now. A flag that cannot be read is the one that contradicts the newer interface."""
    if not has_operations():
        return Rounding(torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision())
    whole, now = precision("all"), {name: precision(name) for name in OPERATIONS}
    operations = {name: INHERITED if found == whole else found for name, found in now.items()}
    try:
        cudnn = torch.backends.cudnn.allow_tf32
    except RuntimeError:
        cudnn = not all(now[name] == TF32 for name in OPERATIONS if name != PRODUCTS)
    try:
        products = torch.get_float32_matmul_precision()
    except RuntimeError:
        products = HIGHEST if now[PRODUCTS] == TF32 else HIGH
    return Rounding(cudnn, products, operations)


def set_rounding(wanted: Rounding) -> None:
    torch.backends.cudnn.allow_tf32 = wanted.cudnn
    torch.backends.cuda.matmul.allow_tf32 = wanted.products != HIGHEST
    if wanted.products == MEDIUM:
        torch.set_float32_matmul_precision(MEDIUM)
    for name, value in wanted.operations.items():
        private._set_fp32_precision_setter("cuda", name, value)
