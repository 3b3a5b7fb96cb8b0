"""What layers save on a GPU and what autocast does to them there, compared with torch's own operations for CUDA.

Tensors without values say that they are on a GPU, and torch takes the operations that it would take there: none of them
computes anything, so that no GPU is needed. A build of torch without CUDA has no such operations.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from archcalc.core.kernel import Cast, Run
from archcalc.core.release import RELEASE, numbers
from archcalc.core.volume import Volume
from archcalc.layer import LAYERS, Layer
from archcalc.memory.autocast import volumes
from archcalc.memory.tape import saved as saved_of
from archcalc.memory.taping import tape_of
from archcalc.record import replace
from tests.gpu.test_stand_ins import UNAVAILABLE, moved
from tests.memory.test_kernels import CASES, graph_of
from tests.torch_oracle import applied

LOWER = "bfloat16"
MODEST = 3_000_000
"""The maximum number of input elements of an example."""

RUNS = {
    "float32": Run(device="cuda"),
    "bfloat16": Run(device="cuda", dtype="bfloat16"),
    "float64": Run(device="cuda", dtype="float64"),
    "autocast": Run(device="cuda", autocast=LOWER),
}

CHOSEN_BY_THE_DEVICE = {"attend", "attention", "cross_attention", "grouped_attention"}
"""Torch asks the GPU which kernel attends; without one it takes another."""

SINCE_213 = {"rmsnorm"}
"""On the lists of autocast since torch 2.13: aten/src/ATen/autocast_mode.h."""

with_cuda_build = pytest.mark.skipif(torch.version.cuda is None, reason="a build of torch without CUDA")


@contextmanager
def autocast(dtype: str) -> Iterator[None]:
    """`torch.autocast` on a GPU, which asks for one only to warn that there is none."""
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", getattr(torch, dtype))
    torch.autocast_increment_nesting()
    try:
        yield
    finally:
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", False)


def is_random_state(kept: Tensor) -> bool:
    """Whether it is a number of attention's random state: on the CPU where no CUDA graph is captured, and here with the
    rest. Source: PyTorch, aten/src/ATen/native/transformers/cuda/attention.cu, `_efficient_attention_forward`."""
    return kept.dtype == torch.int64 and kept.dim() == 0


def packed(layer: Layer, xs: tuple[Volume, ...], run: Run) -> tuple[str, int]:
    """The output dtype on a GPU, and the bytes that autograd saves there; attention's random state does not count."""
    found: dict[int, int] = {}
    alive: list[Tensor] = []
    with FakeTensorMode():
        made = applied(layer, xs, "cpu").train()
        moved(made, getattr(torch, run.dtype))
        inputs = [torch.empty(x.shape, device="cuda", dtype=getattr(torch, x.dtype)) for x in xs]
        inputs = [each.requires_grad_() if each.is_floating_point() else each for each in inputs]
        known = {each.untyped_storage()._cdata for each in (*made.parameters(), *made.buffers(), *inputs)}

        def pack(kept: Tensor) -> Tensor:
            alive.append(kept)
            if (key := kept.untyped_storage()._cdata) not in known and not is_random_state(kept):
                found[key] = kept.untyped_storage().nbytes()
            return kept

        views = [each.view_as(each) for each in inputs]  # torch would cache one cast per trained leaf
        with autocast(run.autocast) if run.autocast else nullcontext(), saved_tensors_hooks(pack, lambda kept: kept):
            y = made(*views)
    return str(y.dtype).removeprefix("torch."), sum(found.values())


def given(xs: tuple[Volume, ...], dtype: str) -> tuple[Volume, ...]:
    return tuple(replace(x, batch=1 if x.shared else 2, dtype=dtype if x.is_floating else x.dtype) for x in xs)


def predicted(layer: Layer, xs: tuple[Volume, ...], run: Run) -> tuple[str, int]:
    plain = graph_of(layer, given(xs, run.dtype), run.dtype)
    graph = replace(plain, inputs=tuple(replace(i, volume=x) for i, x in zip(plain.inputs, xs, strict=True)))
    y, _ = volumes(run, graph.nodes[0], [x.dtype for x in xs])
    return y.dtype, sum(nbytes for _, nbytes in saved_of(tape_of(graph, run, inputs_learn=True), {}))


def compared(layer: Layer, xs: tuple[Volume, ...], run: Run, dtype: str) -> bool | str:
    """Whether a layer's dtype and bytes are those of torch, and what differs; False if torch needs a GPU to say."""
    xs = given(xs, dtype)
    try:
        measured = packed(layer, xs, run)
    except (RuntimeError, NotImplementedError, AttributeError) as error:
        if "values" in str(error) or "_local_scalar_dense" in str(error) or any(t in str(error) for t in UNAVAILABLE):
            return False
        raise
    made = predicted(layer, xs, run)
    return made == measured or f"predicted {made}, torch {measured}"


@with_cuda_build
@pytest.mark.parametrize("name", RUNS)
def test_layers_save_on_a_gpu_what_torch_saves_there(name: str) -> None:
    run = RUNS[name]
    found: dict[str, bool | str] = {}
    left = CHOSEN_BY_THE_DEVICE
    if run.autocast and numbers(torch.__version__) < numbers(RELEASE):
        left = left | SINCE_213
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case, (layer, xs) in CASES.items():
            modest = max((x.numel for x in xs), default=0) < MODEST
            if modest and layer.name not in left and not layer.unpredicted(run, *given(xs, run.dtype)):
                for dtype in {run.dtype, run.autocast or run.dtype}:
                    found[f"{case} of {dtype}"] = compared(layer, xs, run, dtype)
    assert {case: text for case, text in found.items() if isinstance(text, str)} == {}
    assert sum(each is True for each in found.values()) > (500 if run.autocast else 250)


def memory_efficient(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    dropout: float = 0.0,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The kernel that attends on a GPU in float32."""
    assert not enable_gqa or query.shape[1] == key.shape[1]
    learns = any(each.requires_grad for each in (query, key, value))
    attend = torch.ops.aten._scaled_dot_product_efficient_attention
    gathered: Tensor = attend(query, key, value, mask, learns, dropout, is_causal, scale=scale)[0]
    return gathered


@with_cuda_build
def test_attention_saves_what_the_memory_efficient_kernel_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers whose kernel the GPU chooses, with the one that they are predicted for."""
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", memory_efficient)
    run, found = RUNS["float32"], dict[str, bool | str]()
    for case, (layer, xs) in CASES.items():
        if layer.name in CHOSEN_BY_THE_DEVICE and not layer.unpredicted(run, *given(xs, run.dtype)):
            found[case] = compared(layer, xs, run, run.dtype)
    assert {case: text for case, text in found.items() if text is not True} == {}
    assert {case.partition("-")[0] for case in found} == CHOSEN_BY_THE_DEVICE


def test_layers_on_a_list_of_gpus_say_so() -> None:
    """Those whose one operation is on a list of CUDA alone or of the CPU alone, by aten/src/ATen/autocast_mode.h."""
    full = {kind for kind, layer in LAYERS.items() if layer.casts is Cast.FULL_ON_GPU}
    assert full >= {"layernorm", "group_norm", "rmsnorm", "softmax", "log_softmax", "exp", "log", "pow", "upsample"}
    assert LAYERS["unpool"].casts is Cast.FULL_ON_CPU
