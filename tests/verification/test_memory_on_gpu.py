"""Memory rows of a GPU, tested without one: from invented recordings, or from recordings of the CPU.

Only the last test runs on a real GPU, if there is one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from archcalc.codegen import Source, generate
from archcalc.core.location import Source as Text
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.memory.footprint import footprint_of
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification import Row, verify
from archcalc.verification import network as network_module
from archcalc.verification.environment import driver
from archcalc.verification.memory.allocator import peaks as modelled
from archcalc.verification.memory.footprints import blocks, footprints, peak, predicted_sizes, unforeseen
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.stream import AllocatorEvent, Usage, events, highest, recorded
from archcalc.verification.trace import Running

MIB = 2**20
CHAIN = "input(3,8,8) -> conv(3,4,p1) -> relu -> conv(3,4,p1) -> relu -> flatten -> fc(5)"

BLOCKS = """
archcalc: 1
name: It
input: [4, 8, 8]
blocks:
  block(width):
    - conv(1, width) -> relu
    - conv(1, 2)
layers:
  - conv(1, 4) -> block(8) -> global_avgpool -> fc(3)
"""


def by_quantity(rows: Sequence[Row]) -> dict[str, Row]:
    found = {row.quantity: row for row in rows}
    assert len(found) == len(rows)
    return found


# --- rows of one run -------------------------------------------------------------------------------------------------

CONV = "aten::convolution"


def recording(*, resolved: bool = True, extra: int = 0) -> Recording:
    """A tensor of 4 MiB, then one of 1 MiB together with a workspace of 2 MiB; the input of 100 bytes exists before.

    `resolved`: whether the profiler saw it, too; `extra`: additional bytes in the statistics.
    """
    made = (
        AllocatorEvent(4 * MIB, 1, CONV, 1),
        AllocatorEvent(2 * MIB, 2, CONV, 1),
        AllocatorEvent(MIB, 3, CONV, 1),
        AllocatorEvent(-2 * MIB, 2, CONV, 1),
        AllocatorEvent(-4 * MIB, 1),
        AllocatorEvent(-MIB, 3),
    )
    asked = tuple(AllocatorEvent(each.size, each.address) for each in made)
    used = Usage(7 * MIB + extra, 7 * MIB, 22 * MIB, cublas=32 * MIB)
    return Recording(made if resolved else (), asked, used, inputs=100)


def test_workspaces_are_not_part_of_either_peak() -> None:
    rows = list(peak("peak", "L3 cuda", "", 5 * MIB + 100, recording().stream))
    assert [(row.quantity, row.measured, row.agrees) for row in rows] == [
        ("peak", 5 * MIB + 100, True),
        ("peak, by statistics", 5 * MIB + 100, True),
    ]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_prediction_that_is_one_byte_off_is_detected(off: int) -> None:
    rows = list(peak("peak", "L3 cuda", "", 5 * MIB + 100 + off, recording().stream))
    assert [row.agrees for row in rows] == [False, False]


def test_statistics_that_differ_from_the_history_are_detected() -> None:
    history, statistics = peak("peak", "L3 cuda", "", 5 * MIB + 100, recording(extra=512).stream)
    assert (history.agrees, statistics.agrees) == (True, False)


def test_with_unknown_kernels_a_larger_value_is_reported_and_a_smaller_one_disagrees() -> None:
    stream = recording(resolved=False).stream
    for row in peak("peak", "L3 cuda", "", 5 * MIB + 100, stream):
        assert (row.measured, row.agrees, row.reported) == (7 * MIB + 100, None, True)
        assert row.differences[0].startswith("2,097,152 bytes more, which can be workspaces")
    assert [row.agrees for row in peak("peak", "L3 cuda", "", 7 * MIB + 101, stream)] == [False, False]
    assert [row.agrees for row in peak("peak", "L3 cuda", "", 7 * MIB + 100, stream)] == [True, True]


def test_a_run_on_the_cpu_has_no_statistics() -> None:
    stream = replace(recording().stream, usage=None)
    assert [row.quantity for row in peak("peak", "L2 cpu", "", 1, stream)] == ["peak"]


# --- blocks and workspaces -------------------------------------------------------------------------------------------


def of_blocks(recording: Recording, predicted: Counter[int] | None = None) -> list[Row]:
    assert recording.usage
    return list(blocks("training", "L3 cuda", "", recording, recording.usage, predicted or Counter()))


def test_blocks_are_compared_with_the_model_and_reserved_bytes_are_reported() -> None:
    allocated, reserved, _ = of_blocks(recording())
    assert (allocated.quantity, allocated.predicted) == ("allocated in training, in blocks, within 2 %", 7 * MIB)
    assert allocated.agrees
    assert (reserved.predicted, reserved.measured, reserved.agrees, reserved.reported) == (
        22 * MIB,
        22 * MIB,
        None,
        True,
    )


@pytest.mark.parametrize(("percent", "agrees"), [(-3, False), (-1, True), (1, True), (3, False)])
def test_blocks_may_be_two_percent_off(percent: int, agrees: bool) -> None:
    made = recording()
    assert made.usage
    usage = replace(made.usage, allocated=7 * MIB * (100 + percent) // 100)
    allocated, _, _ = of_blocks(replace(made, usage=usage))
    assert allocated.agrees is agrees


def test_with_other_settings_of_the_allocator_its_blocks_are_only_reported() -> None:
    made = replace(recording(), settings="PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True")
    allocated, reserved, _ = of_blocks(made)
    assert (allocated.agrees, reserved.agrees, allocated.reported) == (None, None, True)
    assert allocated.differences == (
        "the allocator has other settings than its default: PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
    )


def test_workspaces_are_listed_by_kernel_and_size() -> None:
    *_, row = of_blocks(recording())
    assert (row.measured, row.reported) == (2 * MIB, True)
    assert row.differences == (f"{CONV}: 1 x 2,097,152", "cuBLAS, permanent and not in peaks: 33,554,432")


def test_with_unknown_kernels_unpredicted_allocations_are_listed_by_size() -> None:
    made = recording(resolved=False)
    *_, row = of_blocks(made, Counter({4 * MIB: 1, MIB: 2}))
    assert row.measured == "kernels unknown"
    assert row.differences[0] == "not predicted: 1 x 2,097,152"
    assert unforeseen(made.stream, Counter()) == {4 * MIB: 1, 2 * MIB: 1, MIB: 1}


def test_predicted_sizes_equal_the_allocated_ones() -> None:
    """[3] to [4] to [2], batch 1: forward two volumes; backward their gradients and those of four weights."""
    graph = build(document_of_chain("input(3) -> fc(4) -> fc(2)"))
    assert predicted_sizes(graph, TrainingSetup(device="cuda"), False) == Counter([16, 8])
    assert predicted_sizes(graph, TrainingSetup(device="cuda"), True) == Counter([16, 8, 16, 8, 48, 16, 32, 8])


# --- a network on a simulated GPU ------------------------------------------------------------------------------------


class Pretended(Running):
    """A network on the CPU that claims to be on a GPU; where both save the same, its rows equal a GPU's."""

    def __init__(self, source: Source, graph: Graph, device: str) -> None:
        super().__init__(source, graph, "cpu")
        self.device = device

    def inputs(self) -> list[Tensor]:
        return [torch.randn(each.volume.shape) for each in self.graph.inputs]


def recorded_in_its_place(run: Callable[[], object]) -> Recording:
    """The events of the CPU, and the statistics that the model of CUDA's allocator gives for them."""
    moments = recorded(run)
    model = modelled(events(moments))
    requested = highest(moment.size for moment in moments)
    return Recording(moments, moments, Usage(requested, model.allocated, model.reserved))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.verification.memory.measurement.Running", Pretended)
    monkeypatch.setattr("archcalc.verification.memory.measured.recorded_on_gpu", recorded_in_its_place)


def rows_of(document: Document, room: float = 1e9) -> dict[str, Row]:
    graph = build(document, batch=2)
    return by_quantity(
        list(footprints(graph, Pretended(generate(graph), graph, "cuda"), TrainingSetup(), "L3 cuda", "", room))
    )


PEAKS = ("inference peak, bytes", "inference peak of flat source, bytes", "training peak, bytes")


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("document", [document_of_chain(CHAIN), read_document(Text("<test>", BLOCKS))])
def test_a_gpu_has_all_its_rows(document: Document) -> None:
    rows = rows_of(document)
    assert [row for row in rows.values() if row.agrees is False] == []
    assert {row.level for row in rows.values()} == {"L3 cuda"}
    judged = {name for name, row in rows.items() if row.agrees}
    assert judged == {
        "saved for backward, by layer", "bytes saved for backward", *PEAKS,
        *(f"{name}, by statistics" for name in PEAKS),
        "allocated in inference, in blocks, within 2 %", "allocated in training, in blocks, within 2 %",
    }  # fmt: skip
    assert {name for name, row in rows.items() if row.reported} == {
        f"{what} in {phase}{where}"
        for phase in ("inference", "training")
        for what, where in [("reserved", ""), ("workspaces", ", at its peak")]
    }


@pytest.mark.usefixtures("gpu")
def test_a_gpu_is_predicted_by_its_own_rules() -> None:
    """Dropout saves one byte per element on a GPU; on the CPU, as here, one value of its dtype."""
    row = rows_of(document_of_chain("input(10) -> fc(6) -> dropout(0.5) -> fc(2)"))["saved for backward, by layer"]
    beyond = "saved beyond the prediction: [2, 6] float32, 48 bytes; predicted and not saved: dropout1: mask, 12 bytes"
    assert row.differences == (f"dropout1: predicted 12, measured 48 (dropout; {beyond})",)


def test_a_number_that_multiplies_takes_no_memory_of_a_gpu() -> None:
    """Torch wraps it as a tensor of 8 bytes on the CPU, whichever device the other factor is on."""
    graph = build(document_of_chain("input(4,8,8) -> conv(1,4) -> scale(2) -> relu -> conv(1,2)"), batch=2)
    here, there = (footprint_of(graph, TrainingSetup(device=device)) for device in ("cpu", "cuda"))
    assert here.training.live - there.training.live == here.inference.live - there.inference.live == 8
    assert here.saved == there.saved


@pytest.mark.usefixtures("gpu")
def test_a_network_that_does_not_fit_on_the_gpu_is_reported_as_not_run() -> None:
    document = document_of_chain(CHAIN)
    found = footprint_of(build(document, batch=2), TrainingSetup(device="cuda"))
    needed = found.parameters + found.training.live
    [row] = rows_of(document, needed - 1).values()
    assert (row.quantity, row.measured, row.agrees) == ("memory", "not run: needs 0.0 GiB", None)
    assert not row.reported
    assert len(rows_of(document, needed)) > 1


@pytest.fixture
def machine(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU, as far as a verification can tell."""
    monkeypatch.setattr(network_module, "Running", running_on)
    monkeypatch.setattr(network_module, "device_of", lambda wanted: wanted)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Imagined")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 * 2**30, 16 * 2**30))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr("archcalc.verification.environment.shutil.which", lambda program: None)


def running_on(source: Source, graph: Graph, device: str) -> Running:
    return Pretended(source, graph, device) if device == "cuda" else Running(source, graph, device)


@pytest.mark.usefixtures("machine")
def test_a_verification_has_memory_rows_for_both_devices() -> None:
    certificate = verify(document_of_chain(CHAIN), device="cuda", sizes=2)
    assert certificate.agrees
    for level in ("L2 cpu", "L3 cuda"):
        assert set(PEAKS) <= {row.quantity for row in certificate.rows if row.level == level}


@pytest.mark.usefixtures("machine")
def test_a_certificate_names_versions_and_flags() -> None:
    certificate = verify(document_of_chain(CHAIN), device="cuda", sizes=2, memory=False)
    kept = certificate.versions
    own = {"cuda", "cudnn", "driver", "gpu"}
    assert kept.keys() == {"archcalc", "python", "torch", "platform", "processor", "rules"} | own
    assert (kept["gpu"], kept["rules"], kept["driver"]) == ("NVIDIA Imagined", "cuda, torch 2.13", "unknown")
    off = "cudnn benchmark off, cudnn deterministic"
    assert certificate.flags["memory"] == f"cudnn tf32 off, {off} on, matmul tf32 off"
    assert certificate.flags["time"] == f"cudnn tf32 off, {off} off, matmul tf32 off"
    assert certificate.flags.keys() == {"real run", "memory", "time"}


@pytest.mark.usefixtures("machine")
def test_a_gpu_without_free_memory_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 16 * 2**30))
    certificate = verify(document_of_chain(CHAIN), device="cuda", sizes=2, time=True)
    rows = {(row.level, row.quantity): row for row in certificate.rows}
    assert rows["L3 cuda", "a real run"].measured == "not run: needs 0.0 GiB"
    assert str(rows["L3 cuda", "time"].measured).startswith("not run")
    assert ("L2 cpu", "training peak, bytes") in rows
    assert certificate.agrees


def test_the_driver_is_asked_for_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "asked"
    program.write_text("#!/bin/sh\necho 580.12\necho 580.12\n")
    program.chmod(0o755)
    monkeypatch.setattr("archcalc.verification.environment.shutil.which", lambda name: str(program))
    assert driver() == "580.12"
    program.write_text("#!/bin/sh\nexit 9\n")
    assert driver() == "unknown"


# --- a GPU -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_memory_on_a_gpu_agrees() -> None:
    certificate = verify(document_of_chain(CHAIN), device="cuda", batch=2, sizes=2)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert "allocated in training, in blocks, within 2 %" in {row.quantity for row in certificate.rows}
