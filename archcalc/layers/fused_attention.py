"""Attention in one kernel, as torch's `scaled_dot_product_attention` chooses it."""

from typing import Any

from archcalc.core.dim import Dim, ceil_div
from archcalc.core.kernel import Kernel, Layout, Run, Tensor, tensor
from archcalc.core.volume import Volume

IN_GROUPS = "2.5"
"""The release of torch whose `scaled_dot_product_attention` lets heads share keys and values: `enable_gqa`."""

BLOCK = 32
"""On a GPU, memory-efficient attention keeps softmax's sums for blocks of so many queries: `kAlignLSE`."""


def unfused(run: Run, d: Dim, *, masked: bool = False, grouped: bool = False) -> str:
    """Why the memory of attention in one kernel is not predicted; empty where it is.

    On a GPU it is predicted in float32, in heads of `d` features, where memory-efficient attention runs. `masked`: with
    a mask; `grouped`: several heads share keys.

    Source: PyTorch, aten/src/ATen/native/transformers/cuda/sdp_utils.cpp (which kernel runs).
    """
    if run.device == "cpu":
        return ""
    if run.autocast or run.dtype in ("bfloat16", "float16"):
        return "on a GPU, cuDNN's release decides which kernel attends in 16 bits, and each keeps another random state"
    if run.dtype != "float32" or d % 4 != 0:
        return "on a GPU, no fused kernel takes such heads, and the plain products in its place are not modelled"
    if masked:
        return "on a GPU, the mask is padded, and by how much is not modelled"
    return "on a GPU, how keys that several heads share are read is not modelled" if grouped else ""


def attended(
    run: Run, size: Tensor, reads: tuple[str, ...], heads: Dim, x: Volume, saves: tuple[str, ...] = (), **more: Any
) -> Kernel:
    """`scaled_dot_product_attention` in one kernel: the logarithms of softmax's sums stand for the scores.

    It saves what it reads, or `saves` where that is a view of it. A mask of truths becomes one of scores, and these
    are saved. Backward makes the gradients of queries, keys and values, wanted or not: `Backward(all_in=...)` where
    they come from several inputs. On a GPU the sums are padded, and made only for a backward pass. It runs only where
    the features of a token lie side by side.
    """
    own = {"sums": Tensor(heads * x.positions, "float32")}
    if run.device != "cpu":
        blocks = ceil_div(x.spatial[0], BLOCK) if run.training else 0
        own["sums"] = Tensor(heads * x.batch * blocks * BLOCK, "float32")
    if "mask" in reads:
        own["truths as scores"] = tensor(x.spatial[0], x.spatial[0], dtype=size.dtype)
    kept = saves or tuple(name for name in reads if name != "mask")
    layout = Layout(reads_rows=tuple(name for name in reads if name != "mask"))
    saved = (*kept, "gathered", *own)
    return Kernel(reads=reads, makes="gathered", size=size, also=own, saves=saved, layout=layout, **more)
