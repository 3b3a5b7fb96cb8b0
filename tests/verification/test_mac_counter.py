"""MACs of a module as it runs: equal to torch's FlopCounterMode, and an operation met before counts as it did then."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archcalc import generate, load
from archcalc.verification.structure.mac_counter import MacCounter, Operations
from archcalc.verification.trace import Running

NETWORKS = ["resnet18", "vit_b16", "unet", "mixtral", "shufflenet_v2", "bert", "seq2seq"]
"""Convolutions, attention, transposed convolutions, experts, groups, embeddings and recurrent layers."""


@pytest.mark.parametrize("name", NETWORKS)
def test_the_count_is_that_of_torch(name: str) -> None:
    graph = load(name)
    running = Running(generate(graph), graph, "meta")
    inputs, ours, theirs = running.inputs(), MacCounter(), FlopCounterMode(display=False)
    with torch.no_grad(), theirs:
        running.forward(inputs)
    with torch.no_grad(), ours:
        running.forward(inputs)
    assert ours.total == theirs.get_total_flops() // 2 > 0


def on_meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def test_an_operation_that_was_met_counts_and_returns_what_it_did_then() -> None:
    known = Operations()
    made = []
    for _ in range(2):
        with torch.no_grad(), MacCounter(known) as counter:
            made.append((torch.conv2d(on_meta(1, 3, 8, 8), on_meta(4, 3, 3, 3), stride=2), counter.total))
    (first, count), (again, same) = made
    assert first is not again
    assert (first.shape, first.stride(), count) == (again.shape, again.stride(), same)
    assert count == 3 * 3 * 3 * 4 * 3 * 3


def test_operations_with_other_arguments_are_others() -> None:
    x, weight = on_meta(1, 3, 8, 8), on_meta(4, 3, 3, 3)
    with torch.no_grad(), MacCounter():
        strided = [torch.conv2d(x, weight, stride=stride).shape[-1] for stride in (1, 2)]
        turned = [torch.relu(each).stride() for each in (x, x.transpose(2, 3), x.double())]
        dtypes = [torch.add(each, 1).dtype for each in (x, x.double())]
        numbers = [torch.add(torch.empty(3, dtype=torch.int64, device="meta"), n).dtype for n in (1, 1.0)]
    assert strided == [6, 3]
    assert turned[0] != turned[1]
    assert dtypes == [torch.float32, torch.float64]
    assert numbers == [torch.int64, torch.float32]


X, ROW, HALF, WHOLE = on_meta(2, 3, 4), on_meta(4), on_meta(2, 3, 4).bfloat16(), on_meta(2, 3, 4).long()
NUMBER, TURNED = on_meta(), on_meta(4, 3, 2).permute(2, 1, 0)
MAP, FEATURES = on_meta(2, 3, 8, 8), on_meta(3)
OPERATIONS = {
    "relu": lambda: torch.relu(X),
    "add": lambda: X + ROW,
    "of two that are both broadcast": lambda: on_meta(3, 1) * on_meta(1, 5),
    "with a number": lambda: HALF * 0.5,
    "with an axis-free tensor": lambda: HALF + NUMBER,
    "of two dtypes": lambda: X * HALF,
    "of whole numbers": lambda: WHOLE / 3,
    "a comparison": lambda: X > 0,
    "a choice": lambda: torch.where(X > 0, X, HALF),
    "not contiguous": lambda: torch.sqrt(TURNED),
    "one of them not contiguous": lambda: X + TURNED,
    "gelu": lambda: torch.nn.functional.gelu(HALF),
    "mean": lambda: MAP.mean((2, 3), keepdim=True),
    "mean of all": lambda: HALF.mean(),
    "batch norm": lambda: torch.batch_norm(
        MAP, FEATURES, FEATURES, FEATURES, FEATURES, training=False, momentum=0.1, eps=0.1, cudnn_enabled=False
    ),
    "layer norm": lambda: torch.layer_norm(X, (4,), ROW, ROW),
    "addmm": lambda: torch.addmm(FEATURES, on_meta(2, 4), on_meta(4, 3)),
    "side by side": lambda: torch.cat([X, X, X], 1),
    "side by side, the last axis": lambda: torch.cat([HALF, on_meta(2, 3, 5).bfloat16()], -1),
    "side by side, not contiguous": lambda: torch.cat([X, TURNED], 2),
    "side by side, of two dtypes": lambda: torch.cat([X, HALF], 2),
    "side by side, with nothing": lambda: torch.cat([X, on_meta(0)], 2),
    "softmax": lambda: X.softmax(-1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_made_without_the_compiler_is_what_torch_makes(name: str) -> None:
    with torch.no_grad():
        theirs = OPERATIONS[name]()
        with MacCounter():
            ours = OPERATIONS[name]()
    assert (ours.shape, ours.stride(), ours.dtype) == (theirs.shape, theirs.stride(), theirs.dtype)


def test_tensors_that_cannot_be_broadcast_are_refused() -> None:
    with torch.no_grad(), MacCounter(), pytest.raises(RuntimeError):
        on_meta(3) + on_meta(4)
    with torch.no_grad(), MacCounter(), pytest.raises(RuntimeError):
        torch.cat([on_meta(3, 2), on_meta(4, 2)], 1)


def test_numbers_are_computed_beside_tensors_on_meta() -> None:
    with torch.no_grad(), MacCounter():
        assert torch.tensor([1.0, 3.0]).mean() == 2


def test_operations_in_place_and_views_are_never_taken_from_others() -> None:
    x, y = on_meta(2, 3), on_meta(2, 3)
    with torch.no_grad(), MacCounter():
        assert x.add_(1) is x
        assert y.add_(1) is y
        assert y.view(6)._base is y


def test_numbers_are_computed_each_time() -> None:
    with torch.no_grad(), MacCounter():
        assert torch.ones(2).add(1).tolist() == [2, 2]
        assert torch.zeros(2).add(1).tolist() == [1, 1]
