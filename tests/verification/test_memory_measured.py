"""Measured memory of networks for which it can be computed by hand: every number is a product of a few sizes.

The batch is 2 and an element has 4 bytes, so [4, 8, 8] is 2 * 4 * 64 * 4 = 2048 bytes.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.codegen import generate
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of, document_of_chain
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification.memory.allocator import Allocator, Peaks, Segment, peaks
from archcalc.verification.memory.gpu import history, recorded_on_gpu, usage
from archcalc.verification.memory.matching import matched
from archcalc.verification.memory.measured import Standing, inference, iteration, standing, state_bytes, training
from archcalc.verification.memory.saved import BUFFER, INPUT, PARAMETER, saved
from archcalc.verification.memory.stream import BEFORE, AllocatorEvent, Event, Stream, Usage, events, is_kernel
from archcalc.verification.trace import Running

MIB = 2**20


def running(document: Document, device: str = "cpu", dtype: str = "float32") -> Running:
    graph = build(document, batch=2, dtype=dtype)
    return Running(generate(graph), graph, device)


def chain(text: str, device: str = "cpu", dtype: str = "float32") -> Running:
    return running(document_of_chain(text), device, dtype)


def network(text: str) -> Running:
    return running(read_document(Source("<test>", text)))


BLOCK = """
archcalc: 1
name: It
input: [4, 8, 8]
blocks:
  block(width):
    - conv(1, width) -> relu
    - conv(1, 2)
layers:
  - conv(1, 4) -> block(8)
"""


# --- saved tensors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("input(3,8,8) -> conv(3,4,p1)", {}),
        ("input(3,8,8) -> conv(3,4,p1) -> relu -> conv(1,4,p0) -> relu", {"relu1": 2048, "relu2": 2048}),
        ("input(3,8,8) -> conv(3,4,p1) -> conv(1,2)", {"conv2": 2048}),
        ("input(3,8,8) -> conv(3,4,p1) -> batchnorm -> relu", {"batchnorm1": 2048 + 2 * 16, "relu1": 2048}),
        ("input(3,8,8) -> conv(1,4) -> maxpool(2)", {"maxpool1": 2048 + 2 * 4 * 16 * 8}),
        ("input(3,8,8) -> conv(1,4) -> avgpool(2)", {"avgpool1": 2048}),
        ("input(3,8,8) -> conv(1,4) -> adaptive_avgpool(4)", {"adaptive_avgpool1": 2048}),
        ("input(3,8,8) -> conv(1,4) -> global_avgpool -> fc(2)", {"fc1": 2 * 4 * 4}),
        ("input(3,8,8) -> conv(1,4) -> relu -> flatten -> fc(2)", {"relu1": 2048}),
        ("input(10) -> fc(6) -> dropout(0.5) -> fc(2)", {"dropout1": 48, "fc2": 48}),
        ("input(10) -> fc(6) -> softmax", {"softmax1": 48}),
        ("input(3,8,8) -> conv(1,4) -> leaky_relu", {"leaky_relu1": 2048}),
        ("input(10) -> fc(6) -> layernorm -> fc(2)", {"layernorm1": 48 + 2 * 8, "fc2": 48}),
    ],
)
def test_saved_bytes_by_layer(text: str, kept: dict[str, int]) -> None:
    found = saved(chain(text), chain(text).inputs())
    assert found.by_layer == kept
    assert found.total == sum(kept.values())
    on_meta = chain(text, "meta")
    assert saved(on_meta, on_meta.inputs()).kept == found.kept


def test_saved_tensors_that_exist_anyway_are_listed_separately() -> None:
    """For a convolution the input and the weight, but not the bias; for a normalisation also its statistics."""
    it = chain("input(3,8,8) -> conv(3,4,p1) -> batchnorm")
    inputs = it.inputs()
    found = saved(it, inputs)
    assert found.of(PARAMETER) == 4 * 3 * 9 * 4 + 4 * 4
    assert found.of(BUFFER) == 2 * 4 * 4
    assert found.of(INPUT) == 2 * 3 * 64 * 4


def test_layers_of_a_block_are_listed_separately() -> None:
    it = network(BLOCK)
    assert saved(it, it.inputs()).by_layer == {"block1.conv1": 2048, "block1.relu1": 4096}


def test_saved_tensors_as_text() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> maxpool(2)")
    found = saved(it, it.inputs()).tensors["maxpool1"]
    assert [str(each) for each in found] == ["[2, 4, 8, 8] float32, 2,048 bytes", "[2, 4, 4, 4] int64, 1,024 bytes"]


def test_saved_bytes_in_bfloat16_are_half_except_for_indices() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> maxpool(2)", dtype="bfloat16")
    assert saved(it, it.inputs()).by_layer == {"maxpool1": 1024 + 1024}


def test_a_mode_is_restored_afterwards() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> dropout(0.5)")
    inputs = it.inputs()
    saved(it, inputs), training(it, inputs)
    assert not any(each.training for each in it.module.modules())
    it.module.train()
    inference(it, inputs)
    assert all(each.training for each in it.module.modules())
    assert all(each.grad is None for each in it.module.parameters())


@pytest.mark.parametrize(
    "text",
    [
        "input(3,16,16) -> conv(3,8,p1) -> batchnorm -> relu -> maxpool(2) -> gap -> fc(4)",
        "input(12,16) -> tokens -> layernorm -> attention(4) -> gelu -> fc(16) -> softmax",
        "input(12,16) -> tokens -> lstm(8) -> gru(8) -> fc(4)",
        "input(8,12,12) -> upconv(2,4,s2) -> groupnorm(2) -> upsample(2) -> dropout(0.5)",
    ],
)
def test_the_first_run_on_the_cpu_allocates_what_later_ones_do(text: str) -> None:
    it = chain(text)
    inputs = it.inputs()
    for measured in (inference, training):
        first, second = (of_tensors(measured(it, inputs).stream) for _ in range(2))
        assert first == second


# --- inference -------------------------------------------------------------------------------------------------------


def of_tensors(stream: Stream) -> list[int]:
    return [event.size for event in stream.events if not event.workspace]


def test_indices_of_a_maximum_are_allocated_in_inference_too() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> maxpool(2)")
    found = inference(it, it.inputs()).stream
    assert of_tensors(found) == [2048, 512, 1024, -1024, -2048, -512]
    assert (found.logical_peak, found.end) == (2048 + 512 + 1024, 0)
    assert (found.inputs, found.seeds) == (2 * 3 * 64 * 4, 0)
    assert found.peak == found.logical_peak + 1536
    assert found.raw_peak >= found.logical_peak


def test_a_tensor_lives_until_the_next_one_is_made() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> relu -> conv(1,2) -> relu")
    assert of_tensors(inference(it, it.inputs()).stream) == [2048, 2048, -2048, 1024, -2048, 1024, -1024, -1024]


def test_the_input_of_a_block_lives_until_it_returns() -> None:
    """The caller holds it, although only the first layer of the block reads it."""
    it = network(BLOCK)
    assert of_tensors(inference(it, it.inputs()).stream) == [2048, 4096, 4096, -4096, 1024, -4096, -2048, -1024]


# --- training --------------------------------------------------------------------------------------------------------

TWO = "input(3) -> fc(4) -> fc(2)"
W1, B1, W2, B2 = 48, 16, 32, 8  # bytes of its weights
Y1, Y2 = 2 * 4 * 4, 2 * 2 * 4  # and of its volumes


def test_training_two_layers() -> None:
    """Backward: gradients of the input, the weight and the bias; the first layer needs no gradient of its input."""
    it = chain(TWO)
    found = training(it, it.inputs()).stream
    assert of_tensors(found) == [Y1, Y2, Y1, W2, B2, -Y1, W1, B1, -Y1, -Y2]
    assert found.logical_peak == Y2 + Y1 + W2 + B2 + W1 + B1
    assert (found.inputs, found.seeds) == (2 * 3 * 4, Y2)
    assert found.end == W1 + B1 + W2 + B2 == standing(it).parameters


def test_existing_gradients_are_added_to() -> None:
    it = chain(TWO)
    found = training(it, it.inputs(), accumulate=True).stream
    assert Counter(found.allocations) == Counter([Y1, Y2, Y1, W2, B2, W1, B1])
    assert found.end == 0
    assert found.logical_peak == Y1 + Y2 + Y1 + W2 + B2


RESIDUAL = """
archcalc: 1
name: It
input: [4, 8, 8]
layers:
  - a = conv(1, 4, bias=false)
  - add:
      - b = conv(1, 4, bias=false)
      - c = conv(1, 4, bias=false)
"""


def test_gradients_that_meet_are_added_in_place() -> None:
    """Forward four volumes; backward the input gradients of `c` and `b`; the sum is written into that of `b`."""
    it = network(RESIDUAL)
    volume, weight = 2048, 4 * 4 * 4
    assert Counter(training(it, it.inputs()).stream.allocations) == {volume: 4 + 2, weight: 3}


OUTPUTS = """
archcalc: 1
name: It
input: [3]
layers:
  - a = fc(4)
  - a -> b = fc(2)
  - a -> c = fc(5)
outputs: [b, c]
"""


def test_every_output_has_an_initial_gradient() -> None:
    it = network(OUTPUTS)
    found = training(it, it.inputs()).stream
    assert found.seeds == 2 * 2 * 4 + 2 * 5 * 4
    assert found.end == standing(it).parameters == 4 * (3 * 4 + 4 + 4 * 2 + 2 + 4 * 5 + 5)


def test_a_network_without_parameters_has_no_backward_pass() -> None:
    it = chain("input(3,8,8) -> relu")
    found = training(it, it.inputs()).stream
    assert (of_tensors(found), found.seeds) == ([1536, -1536], 0)


@pytest.mark.parametrize(
    ("optimizer", "options", "states", "extra"),
    [
        (torch.optim.SGD, {}, 0, 0),
        (torch.optim.SGD, {"momentum": 0.9}, 104, 0),
        (torch.optim.SGD, {"weight_decay": 0.1}, 0, 104),
        (torch.optim.AdamW, {}, 2 * 104 + 4 * 4, 104),
    ],
)
def test_an_iteration_with_a_step(
    optimizer: Callable[..., torch.optim.Optimizer], options: dict[str, Any], states: int, extra: int
) -> None:
    """The larger of the backward pass, and the gradients plus the temporaries of the step."""
    it = chain(TWO)
    inputs = it.inputs()
    made = optimizer(it.module.parameters(), foreach=True, **options)
    backward = training(it, inputs).stream.logical_peak
    found = iteration(it, inputs, made).stream
    assert state_bytes(made) == states
    assert found.end == 104
    assert found.logical_peak == max(backward, 104 + extra)


def test_the_statistics_of_a_batch_norm_exist_before_the_run() -> None:
    it = chain("input(3,8,8) -> conv(1,4) -> batchnorm")
    assert standing(it) == Standing(parameters=4 * (12 + 4 + 4 + 4), buffers=4 * (4 + 4) + 8)


# --- streams ---------------------------------------------------------------------------------------------------------


def test_memory_that_a_kernel_allocates_and_releases_is_a_workspace() -> None:
    found = events(
        [
            AllocatorEvent(100, 1, "aten::convolution", 1),
            AllocatorEvent(40, 2, "aten::convolution", 1),
            AllocatorEvent(-40, 2, "aten::convolution", 1),
            AllocatorEvent(8, 2),
            AllocatorEvent(-8, 2),
            AllocatorEvent(-100, 1, "aten::convolution", 2),
            AllocatorEvent(-7, 3),
        ]
    )
    assert [(event.block, event.workspace) for event in found] == [
        (0, False), (1, True), (1, True), (2, False), (2, False), (0, False), (BEFORE, False),
    ]  # fmt: skip
    stream = Stream(found, inputs=10, seeds=1)
    assert (stream.raw_peak, stream.logical_peak, stream.peak, stream.end) == (140, 108, 119, -7)
    assert stream.workspaces == {"aten::convolution": (40,)}
    assert stream.allocations == (100, 8)


KERNELS = (
    *("convolution", "convolution_backward", "max_pool2d_with_indices", "native_batch_norm", "native_layer_norm"),
    *("addmm", "mm", "bmm", "cat", "mean", "sum", "relu", "_softmax", "_log_softmax", "constant_pad_nd", "avg_pool2d"),
    *("_adaptive_avg_pool2d", "clone", "copy_", "empty"),
)

CALLERS = (
    *("conv2d", "linear", "max_pool2d", "max_pool1d", "batch_norm", "_batch_norm_impl_index", "layer_norm", "softmax"),
    *("flatten", "reshape", "pad", "dropout", "adaptive_avg_pool2d", "matmul", "contiguous", "to", "unflatten"),
)


@pytest.mark.parametrize("name", KERNELS)
def test_an_operator_that_computes_is_a_kernel(name: str) -> None:
    assert is_kernel(f"aten::{name}")


@pytest.mark.parametrize(
    "name", [*(f"aten::{each}" for each in CALLERS), "AddmmBackward0", "autograd::engine", "[memory]"]
)
def test_an_operator_that_only_calls_others_is_not_a_kernel(name: str) -> None:
    assert not is_kernel(name)


# --- the GPU's allocator, without a GPU ------------------------------------------------------------------------------

KINDS = ("requested", "allocated", "reserved")

SNAPSHOT = {
    "device_traces": [
        [
            {"action": "segment_alloc", "addr": 0x700000, "size": 2 * MIB, "stream": 0},
            {"action": "alloc", "addr": 0x700000, "size": 100, "stream": 0},
            {"action": "alloc", "addr": 0x700200, "size": 700, "stream": 0},
            {"action": "free_requested", "addr": 0x700000, "size": 100, "stream": 0},
            {"action": "free_completed", "addr": 0x700000, "size": 100, "stream": 0},
        ]
    ],
    "segments": [
        {
            "address": 0x700000,
            "segment_type": "small",
            "blocks": [
                {"size": 512, "state": "active_allocated"},
                {"size": 2 * MIB - 512, "state": "inactive"},
            ],
        }
    ],
}

SEEN = [
    AllocatorEvent(512, 0x700000, "aten::mm", 1),
    AllocatorEvent(1024, 0x700200, "aten::mm", 1),
    AllocatorEvent(-512, 0x700000, "aten::mm", 1),
]


def test_the_history_of_a_gpu_gives_sizes_and_the_profiler_gives_kernels() -> None:
    assert events(matched(tuple(history(SNAPSHOT, 0)), SEEN)) == (
        Event(100, 0, "aten::mm", True),
        Event(700, 1, "aten::mm"),
        Event(-100, 0, "aten::mm", True),
    )


def test_events_that_the_profiler_saw_in_another_order_are_matched() -> None:
    """Two threads: the order of allocations at different addresses says nothing."""
    found = events(matched(tuple(history(SNAPSHOT, 0)), [SEEN[1], SEEN[0], SEEN[2]]))
    assert [event.known for event in found] == [True, True, True]
    assert found[0].workspace


def test_a_release_that_the_profiler_did_not_see_is_in_the_run_around_it() -> None:
    asked = [AllocatorEvent(100, 1), AllocatorEvent(-100, 1), AllocatorEvent(700, 2)]
    inside = [AllocatorEvent(512, 1, "aten::mm", 4), AllocatorEvent(1024, 2, "aten::mm", 4)]
    assert [event.workspace for event in events(matched(asked, inside))] == [True, True, False]
    after = [inside[0], AllocatorEvent(1024, 2, "aten::add", 5)]
    assert [event.known for event in events(matched(asked, after))] == [False, False, True]


def test_a_block_that_outlives_its_kernel_is_a_tensor_whoever_releases_it() -> None:
    asked = [AllocatorEvent(100, 1), AllocatorEvent(700, 2), AllocatorEvent(-100, 1)]
    seen = [AllocatorEvent(512, 1, "aten::mm", 4), AllocatorEvent(1024, 2, "aten::add", 5)]
    found = events(matched(asked, seen))
    assert [(event.known, event.workspace) for event in found] == [(True, False)] * 3


@pytest.mark.parametrize("seen", [[], SEEN[1:2]])
def test_what_the_profiler_did_not_see_has_no_kernel(seen: Sequence[AllocatorEvent]) -> None:
    found = events(matched(tuple(history(SNAPSHOT, 0)), seen))
    assert found[0] == Event(100, 0, known=False)
    assert found[1].known == bool(seen)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=12), st.randoms())
def test_kernels_are_matched_whatever_the_profiler_missed(blocks: list[tuple[int, int]], random: Random) -> None:
    """Runs of kernels that allocate and release at few addresses. Where a release was missed, nothing wrong is said."""
    whole = list(of_kernels(blocks))
    asked = [AllocatorEvent(each.size, each.address) for each in whole]
    seen = [each for each in whole if each.size > 0 or random.random() < 0.7]
    right, found = events(whole), events(matched(asked, seen))
    assert [event.block for event in found] == [event.block for event in right]
    assert all(mine.workspace == its.workspace for mine, its in zip(found, right, strict=True) if mine.known)
    stream, truth = Stream(found), Stream(right)
    assert stream.least <= truth.peak <= stream.peak


def of_kernels(blocks: Sequence[tuple[int, int]]) -> Iterator[AllocatorEvent]:
    """Each block: allocated in a run of its own, at a free address, and released so many runs later."""
    alive: list[tuple[int, AllocatorEvent]] = []
    for run, (life, size) in enumerate(blocks, 1):
        born = AllocatorEvent(size, 1 + max((each.address for _, each in alive), default=0), "aten::mm", run)
        yield born
        alive.append((run + life, born))
        for end, each in [pair for pair in alive if pair[0] <= run]:
            yield replace(each, size=-each.size, run=run)
            alive.remove((end, each))
    yield from (replace(each, size=-each.size, run=0) for _, each in alive)


def test_statistics_of_a_gpu_are_relative_to_the_start() -> None:
    before = {
        f"{kind}_bytes.all.current": now for kind, now in [("requested", 10), ("allocated", 512), ("reserved", 900)]
    }
    after = {
        f"{kind}_bytes.all.peak": most for kind, most in [("requested", 30), ("allocated", 1536), ("reserved", 900)]
    }
    assert usage(before, after, 7) == Usage(requested=20, allocated=1024, reserved=0, cublas=7)


def test_a_run_on_a_gpu_is_recorded_with_functions_that_torch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls match the signatures of torch's functions, and have no effect."""
    asked: list[inspect.BoundArguments] = []
    record = inspect.signature(torch.cuda.memory._record_memory_history)
    statistics = dict.fromkeys((f"{kind}_bytes.all.{of}" for kind in KINDS for of in ("current", "peak")), 5)
    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", lambda *a, **k: asked.append(record.bind(*a, **k)))
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: SNAPSHOT)
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda: statistics)
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats", "current_device"):
        monkeypatch.setattr(torch.cuda, name, lambda: 0)
    runs: list[int] = []
    found = recorded_on_gpu(lambda: runs.append(1))
    assert (runs, found.stream.resolved, found.usage) == ([1], False, Usage(0, 0, 0, 0))
    assert [moment.size for moment in found.asked] == [100, 700, -100]
    assert found.segments == (Segment(True, ((512, True), (2 * MIB - 512, False))),)
    assert [each.arguments.get("enabled", "all") for each in asked] == ["all", None]


# --- the model of CUDA's allocator -----------------------------------------------------------------------------------


def sizes(*changes: tuple[int, int]) -> list[Event]:
    """Events from (block, size) pairs."""
    return [Event(size, block) for block, size in changes]


def test_small_blocks_share_a_segment() -> None:
    assert peaks(sizes((0, 1), (1, 513), (2, MIB))) == Peaks(1 + 513 + MIB, 512 + 1024 + MIB, 2 * MIB)


def test_a_second_segment_is_reserved_if_the_first_is_full() -> None:
    assert peaks(sizes((0, MIB), (1, MIB), (2, 1))) == Peaks(2 * MIB + 1, 2 * MIB + 512, 4 * MIB)


def test_large_blocks_share_20_mib_or_have_their_own_segment() -> None:
    assert peaks(sizes((0, 9 * MIB), (1, 9 * MIB))).reserved == 20 * MIB
    assert peaks(sizes((0, 9 * MIB), (1, 9 * MIB), (2, 9 * MIB))).reserved == 40 * MIB
    assert peaks(sizes((0, 10 * MIB))).reserved == 10 * MIB
    assert peaks(sizes((0, 13 * MIB - 1))) == Peaks(13 * MIB - 1, 14 * MIB, 14 * MIB)


def test_an_excess_of_one_mebibyte_stays_with_its_block() -> None:
    """A request one byte smaller, rounded to 512, leaves more than a mebibyte, which is split off."""
    given = Allocator()
    assert given.allocate(11 * MIB).size == 12 * MIB
    assert given.allocate(11 * MIB - 512).size == 11 * MIB - 512
    assert (given.allocated, given.reserved) == (23 * MIB - 512, 24 * MIB)


def test_free_neighbours_are_merged() -> None:
    """Three blocks of a segment, released in any order, fit one request for their total size."""
    for order in [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)]:
        released = [(block, -5 * MIB) for block in order]
        found = peaks(sizes(*[(block, 5 * MIB) for block in range(3)], *released, (3, 20 * MIB)))
        assert found.reserved == 20 * MIB


def test_the_smallest_block_that_fits_is_used() -> None:
    allocator = Allocator()
    blocks = [allocator.allocate(size) for size in (4096, 512, 1024, 512)]
    allocator.release(blocks[0])
    allocator.release(blocks[2])
    assert allocator.allocate(600).address == 4096 + 512
    assert allocator.allocate(600).address == 0


def test_the_free_tail_of_a_segment_from_before_is_used_first() -> None:
    before = [Segment(False, ((12 * MIB, True), (8 * MIB, False))), Segment(True, ((2 * MIB, True),))]
    assert peaks(sizes((0, 8 * MIB)), before) == Peaks(8 * MIB, 8 * MIB, 0)
    assert peaks(sizes((0, 8 * MIB), (1, 100)), before) == Peaks(8 * MIB + 100, 8 * MIB + 512, 2 * MIB)
    assert peaks(sizes((0, 7 * MIB)), before).allocated == 8 * MIB, "an excess of a mebibyte is not split off"


def test_a_block_from_before_is_no_free_neighbour() -> None:
    """[2 free, 2 in use, 2 free]: what was in use stays, so that 4 MiB need a segment."""
    before = [Segment(False, ((5 * MIB, False), (5 * MIB, True), (10 * MIB, False)))]
    given = sizes((0, 5 * MIB), (0, -5 * MIB), (1, 9 * MIB), (1, -9 * MIB), (2, 13 * MIB))
    assert peaks(given, before).reserved == 14 * MIB


def test_a_release_of_an_earlier_allocation_is_ignored() -> None:
    assert peaks([Event(-100), Event(100, 0), Event(-100, 0)]) == Peaks(100, 512, 2 * MIB)


# --- whole networks --------------------------------------------------------------------------------------------------


def measured(name: str) -> tuple[int, int, int]:
    it = running(document_of(name))
    inputs = it.inputs()
    return saved(it, inputs).total, training(it, inputs).stream.peak, inference(it, inputs).stream.peak


def test_lenet_5() -> None:
    """Inference: the first convolution and its tanh, [6, 28, 28], and the input."""
    kept, trained, inferred = measured("lenet5")
    assert inferred == 2 * 4 * (2 * 6 * 28 * 28 + 32 * 32)
    assert (kept, trained) == (71_472, 367_448)


@pytest.mark.fuzz
def test_resnet_50() -> None:
    """The results of two other programs: a predictor written by hand, and a module written by hand.

    The inference peak is in the first block: its input and three volumes of [256, 56, 56], plus the network's input. If
    every tensor were freed after its last use, the block's input would not count: 20,471,808.
    """
    assert measured("resnet50") == (170_827_264, 235_269_152, 22_077_440)
    assert 22_077_440 == 2 * 4 * (3 * 256 * 56 * 56 + 64 * 56 * 56 + 3 * 224 * 224)


@pytest.mark.fuzz
def test_vgg_16() -> None:
    """Compared with torchvision's variant, which has adaptive pooling after the last stage, and no softmax."""
    adaptive, softmax = 2 * 4 * 512 * 7 * 7, 2 * 4 * 1000
    assert measured("vgg16") == (145_506_304 - adaptive + softmax, 685_792_800, 52_584_448)
