"""The memory of an optimizer in bytes: its state between steps, and the temporaries of a step."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from archcalc.core.dim import Dim, summed
from archcalc.core.weight import Weight
from archcalc.memory.optimizer import Optimizer, check, learned, parameters, tensor_of
from archcalc.memory.statements import Change, Tensor, Tensors, run


def state_bytes(optimizer: Optimizer, weights: Sequence[Weight]) -> Dim:
    """Bytes of all tensors in `optimizer.state` after a step in which every learned weight has a gradient, those on the
    CPU included."""
    given = parameters(weights) if optimizer.at_once else learned(weights)
    return summed(state.tensor.nbytes for weight in given for state in optimizer.state(weight))


def temporaries(optimizer: Optimizer, weights: Sequence[Weight], implementation: str) -> Iterator[Change]:
    """Every allocation and release of one `step()` on a CPU after state exists, in order (consecutive releases: in any
    order). Gradients exist before and after.

    Raises ValueError if torch has no such implementation.
    """
    check(optimizer, implementation)
    tensors = [tensor_of(weight) for weight in learned(weights)]
    if implementation == "forloop":
        return run(statement for tensor in tensors for statement in optimizer.forloop(tensor))
    body = optimizer.foreach if implementation == "foreach" else optimizer.fused
    return run(statement for group in groups(tensors) for statement in body(group))


def step_peak(optimizer: Optimizer, weights: Sequence[Weight], implementation: str, *, workspaces: bool = False) -> int:
    """The peak bytes of a step without weights, gradients and state: of tensors only, or including the `workspaces` of
    operators. Raises ValueError if torch has no such implementation.
    """
    return max(amounts_of_step(optimizer, weights, implementation, workspaces=workspaces))


def amounts_of_step(
    optimizer: Optimizer, weights: Sequence[Weight], implementation: str, *, workspaces: bool = False
) -> Iterator[Dim]:
    """The bytes that a step holds: at its start, and after each change."""
    changes = temporaries(optimizer, weights, implementation)
    return accumulate((each.size for each in changes if workspaces or not each.workspace), initial=0)


NEIGHBOURS = ("float32", "bfloat16")


def groups(tensors: Sequence[Tensor]) -> list[Tensors]:
    """Tensors grouped by dtype, in the order in which a list operation processes the groups.

    torch groups them in a C++ hash map (`_group_tensors_by_first_tensors_device_and_dtype` in ATen). With libstdc++,
    the dtype seen last comes first, but float32 and bfloat16, which share a bucket, stay together.

    >>> [each[0].dtype for each in groups([Tensor((1,), d) for d in ("bfloat16", "float64", "float32")])]
    ['float64', 'float32', 'bfloat16']
    """
    order: list[str] = []
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        beside = [other for other in order if dtype in NEIGHBOURS and other in NEIGHBOURS]
        order.insert(order.index(beside[0]) if beside else 0, dtype)
    return [tuple(tensor for tensor in tensors if tensor.dtype == dtype) for dtype in order]
