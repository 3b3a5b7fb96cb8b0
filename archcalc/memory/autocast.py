"""Autocast: how `torch.autocast` changes the dtypes of a float32 network, by the lists of the CPU and of GPUs.

Contractions cast inputs and weights to the lower dtype, a few operations cast to float32, and all others compute in the
dtype of their inputs. The dtypes of a layer therefore follow from those of its inputs.
"""

from collections.abc import Iterable, Sequence

from archcalc.core.kernel import Cast, Run
from archcalc.core.volume import Volume, widest
from archcalc.graph.graph import Node
from archcalc.record import replace

PARAMETERS = "float32"
"""The dtype of the parameters, and of operations on the full-precision list."""


def unpredicted(run: Run) -> str:
    """Why memory is not predicted under the autocast of a run, if there is one; empty where it is."""
    if run.autocast and run.dtype != PARAMETERS:
        return f"autocast is predicted for networks of {PARAMETERS}, not of {run.dtype}"
    return ""


def cast_to(cast: Cast, dtypes: Iterable[str], lower: str) -> str:
    """The dtype in which an operation computes, given the dtypes of its inputs.

    >>> cast_to(Cast.LOWER, ["float32"], "bfloat16"), cast_to(Cast.WIDEST, ["bfloat16", "float32"], "bfloat16")
    ('bfloat16', 'float32')
    """
    if cast is Cast.LOWER:
        return lower
    return PARAMETERS if cast in (Cast.FULL, Cast.RESULT) else widest(*dtypes)


def volumes(run: Run, node: Node, dtypes: Sequence[str]) -> tuple[Volume, tuple[Volume, ...]]:
    """A node's output and inputs, given the dtypes of its inputs."""
    if not run.autocast:
        return node.output, node.inputs
    xs = tuple(replace(x, dtype=dtype) for x, dtype in zip(node.inputs, dtypes, strict=True))
    cast = node.layer.cast(*xs[: node.layer.carries]).on(run.device)
    applied = [PARAMETERS for weight in node.layer.weights(*xs) if cast is Cast.WIDEST and not weight.buffer]
    values = [x for i, x in enumerate(xs[: node.layer.carries]) if i not in node.layer.decided_by]
    into = [x.dtype for x in values if x.is_floating] or [node.output.dtype]
    if not node.output.is_floating:
        return node.output, xs
    return replace(node.output, dtype=cast_to(cast, [*into, *applied], run.autocast)), xs
