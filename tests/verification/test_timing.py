"""Timing: measurements are combined correctly. No test depends on how long anything takes."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from archcalc.codegen import generate
from archcalc.command import run
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of_chain
from archcalc.memory.roofline import COMPUTE, MEMORY, NOTHING, Ceilings, Work
from archcalc.verification import VerificationReport, verify
from archcalc.verification.certificate import to_json, to_text
from archcalc.verification.timing.ceilings import Measured, Rate, copy_rate, per_second, product_rate
from archcalc.verification.timing.clock import (
    HEAD_START,
    PAUSE,
    STRETCH,
    CpuClock,
    CudaClock,
    Spread,
    clock_of,
    spread,
    timed,
)
from archcalc.verification.timing.text import plain, rows_of
from archcalc.verification.timing.timing import Timed, Timing, timing
from archcalc.verification.trace import Running

CHAIN = "input(3,8,8) -> conv(3,4,p1) -> relu -> flatten -> fc(5)"
NAMES = ["conv1", "relu1", "flatten1", "fc1"]


def running(device: str = "cpu", dtype: str = "float32") -> Running:
    graph = build(document_of_chain(CHAIN), dtype=dtype)
    return Running(generate(graph), graph, device)


def is_ordered(found: Spread) -> bool:
    return 0 < found.p10 <= found.median <= found.p90


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_the_spread_of_samples_is_by_rank() -> None:
    assert spread([5.0]) == Spread(5.0, 5.0, 5.0)
    assert spread([float(i) for i in range(100, 0, -1)]) == Spread(50.0, 10.0, 90.0)


def test_a_clock_gives_the_seconds_between_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([1.0, 3.0, 3.5, 10.0])
    monkeypatch.setattr("archcalc.verification.timing.clock.perf_counter", lambda: next(ticks))
    clock = CpuClock()
    assert clock.seconds([clock.start(), clock.mark(), clock.mark()]) == [2.0, 0.5]


def test_a_call_is_timed_the_requested_number_of_times() -> None:
    calls: list[int] = []
    assert all(each >= 0 for each in timed(lambda: calls.append(1), CpuClock(), 7))
    assert len(calls) == 7


class Event:
    """Imitates an event of a GPU on which every piece of work takes 2 ms."""

    now = 0

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        Event.now += 2
        self.at = Event.now

    def elapsed_time(self, end: "Event") -> float:
        return float(end.at - self.at)


def test_the_clock_of_a_gpu_calls_functions_that_torch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU waits while work is enqueued; milliseconds are converted to seconds."""
    done: list[str] = []
    sleep = inspect.signature(torch.cuda._sleep)
    assert {"record", "elapsed_time"} <= set(dir(torch.cuda.Event))
    assert "enable_timing" in inspect.signature(torch.cuda.Event.__new__).parameters
    monkeypatch.setattr(torch.cuda, "_sleep", lambda *a: done.append(f"wait {sleep.bind(*a).args[0]}"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: done.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "Event", Event)
    clock = clock_of("cuda")
    assert isinstance(clock, CudaClock)
    assert clock.seconds([clock.start(), clock.mark(), clock.mark()]) == [0.002, 0.002]
    assert done == ["synchronize", f"wait {HEAD_START}", "synchronize"]


def test_a_gpu_waits_again_before_its_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two stretches of marks is in no layer's time."""
    waits: list[int] = []
    monkeypatch.setattr(torch.cuda, "_sleep", waits.append)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    clock = clock_of("cuda")
    marks = [clock.start(), *(clock.mark() for _ in range(2 * STRETCH + 1))]
    assert clock.seconds(marks) == [0.002] * (2 * STRETCH + 1)
    assert waits == [HEAD_START, PAUSE, PAUSE]


# --- ceilings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_product_of_matrices_has_a_rate(dtype: torch.dtype) -> None:
    found = product_rate("cpu", dtype, side=16, samples=5)
    assert len(found.samples) == 5
    assert is_ordered(found.spread)
    assert found.best == max(found.samples) >= found.spread.p90


def test_a_copy_has_a_rate() -> None:
    assert is_ordered(copy_rate("cpu", 4096, samples=5).spread)


def test_rates_are_work_per_second() -> None:
    assert per_second(100, [0.5, 2.0]) == (200.0, 50.0)


def test_work_is_counted_as_in_the_roofline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two FLOPs per MAC; bytes read plus bytes written. Every sample takes one second."""
    monkeypatch.setattr("archcalc.verification.timing.ceilings.timed", lambda call, clock, runs: [1.0] * runs)
    assert product_rate("cpu", torch.float32, side=10, samples=1).best == 2 * 10**3
    assert copy_rate("cpu", 64, samples=1).best == 128


def test_the_best_of_all_samples_is_the_ceiling() -> None:
    before = Measured(Rate((5.0, 7.0)), Rate((1.0,)))
    both = before + Measured(Rate((6.0,)), Rate((3.0,)))
    assert both.ceilings == Ceilings(7.0, 3.0)
    assert both.product.samples == (5.0, 7.0, 6.0)


# --- layers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.verification.timing.ceilings.SIDES", {"cpu": 16})
    monkeypatch.setattr("archcalc.verification.timing.ceilings.COPIED", {"cpu": 4096})


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_layer_has_a_time_and_a_floor(dtype: str) -> None:
    found = timing(running(dtype=dtype), runs=5, warm_ups=1, samples=3)
    assert [each.name for each in found.layers] == NAMES
    assert all(is_ordered(each.seconds) for each in found.layers)
    assert is_ordered(found.whole)
    assert (found.dtype, found.runs, found.warm_ups, len(found.measured.copy.samples)) == (dtype, 5, 1, 6)
    assert found.sum == sum(each.seconds.median for each in found.layers)
    assert found.layers[2].work == Work(0, 0)
    ceilings = found.measured.ceilings
    assert [each.floor for each in found.layers] == [each.work.floor(ceilings) for each in found.layers]


def test_a_layer_is_timed_from_the_end_of_the_previous_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mark of this clock is one second after the last one, so every layer takes one second."""
    ticks = iter(range(1000))
    monkeypatch.setattr("archcalc.verification.timing.clock.perf_counter", lambda: float(next(ticks)))
    measured = Measured(Rate((1.0,)), Rate((1.0,)))
    monkeypatch.setattr("archcalc.verification.timing.timing.measured", lambda *a: measured)
    found = timing(running(), runs=2, warm_ups=1)
    assert {each.seconds for each in found.layers} == {Spread(1.0, 1.0, 1.0)}
    assert (found.whole, found.traced, found.sum) == (Spread(1.0, 1.0, 1.0), Spread(4.0, 4.0, 4.0), 4.0)


def test_a_disturbance_affects_the_pass_but_no_median(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of three passes is disturbed at another layer, so every layer has one slow time out of three."""
    disturbed = iter([[9.0, 1.0, 1.0, 1.0], [1.0, 9.0, 1.0, 1.0], [1.0, 1.0, 9.0, 1.0]])
    monkeypatch.setattr("archcalc.verification.timing.timing.one_pass", lambda *a: next(disturbed))
    monkeypatch.setattr("archcalc.verification.timing.timing.measured", lambda *a: Measured(Rate((1.0,)), Rate((1.0,))))
    found = timing(running(), runs=3, warm_ups=0)
    assert (found.sum, found.traced.median) == (4.0, 12.0)


# --- rows and values -------------------------------------------------------------------------------------------------


def layer(name: str, seconds: float, work: Work, ceilings: Ceilings) -> Timed:
    spread = Spread(seconds, seconds / 2, seconds * 2)
    return Timed(name, spread, work, work.floor(ceilings), work.bound(ceilings))


def made_up() -> Timing:
    """10 FLOP/s, 5 B/s: `a` is at half of its ceiling, `b` twice above it, `c` computes nothing."""
    measured = Measured(Rate((10.0, 4.0)), Rate((5.0, 2.0)))
    ceilings = measured.ceilings
    layers = (
        layer("a", 4.0, Work(20, 5), ceilings),
        layer("b", 1.0, Work(5, 10), ceilings),
        layer("c", 0.0, Work(0, 0), ceilings),
    )
    return Timing("float32", 50, 10, Spread(8.0, 7.0, 9.0), Spread(8.5, 7.0, 9.0), layers, measured)


def test_a_layer_above_its_ceiling_is_flagged() -> None:
    a, b, c = made_up().layers
    assert (a.floor, a.bound, a.reached, a.exceeds_ceiling) == (2.0, COMPUTE, 0.5, False)
    assert (b.floor, b.bound, b.reached, b.exceeds_ceiling) == (2.0, MEMORY, 2.0, True)
    assert (c.floor, c.bound, c.reached, c.exceeds_ceiling) == (0.0, NOTHING, 0.0, False)


def test_time_is_reported_without_comparison() -> None:
    rows = list(rows_of(made_up(), "L2 cpu", "[1]"))
    assert all(row.agrees is None and row.reported for row in rows)
    whole, layers, faster, *ceilings = rows
    assert (whole.predicted, whole.measured) == ("at least 4,000.000 ms", "8,000.000 ms")
    assert whole.differences == ("2.00 times its floor; median of 50 runs, p10 7,000.000 ms, p90 9,000.000 ms",)
    assert layers.differences[0] == "a: 4,000.000 ms, 80.0% of all; at 50% of its ceiling, compute"
    assert layers.differences[2] == "c: 0.000 ms, 0.0% of all; computes nothing"
    assert (faster.measured, faster.differences) == (
        "1 layer",
        ("b: 1,000.000 ms, 20.0% of all; at 200% of its ceiling, memory",),
    )
    assert [row.quantity for row in ceilings] == ["ceiling: product of float32 matrices", "ceiling: copy in memory"]


def test_a_reported_row_is_not_counted_as_a_comparison() -> None:
    rows = tuple(rows_of(made_up(), "L2 cpu", "[1]"))
    text = to_text(VerificationReport("It", "it.yaml", "cpu", rows))
    assert text.endswith("\nall 0 comparisons agree; 5 reported\n")
    assert "not measured" not in text
    assert "8,000.000 ms  reported\n" in text


def test_json_has_every_layer() -> None:
    certificate = VerificationReport("It", "it.yaml", "cpu", (), timing=plain(made_up()))
    kept: dict[str, Any] = json.loads(to_json(certificate))["timing"]
    assert [each["name"] for each in kept["layers"]] == ["a", "b", "c"]
    assert kept["layers"][1] == {
        "name": "b", "seconds": {"median": 1.0, "p10": 0.5, "p90": 2.0}, "flops": 5, "bytes": 10, "intensity": 0.5,
        "floor_seconds": 2.0, "bound": "memory", "above_ceiling": True,
    }  # fmt: skip
    assert kept["ceilings"]["flops_per_second"] == {"best": 10.0, "samples": 2, "median": 4.0, "p10": 4.0, "p90": 10.0}
    assert (kept["floor_seconds"], kept["layers_seconds"], kept["forward_seconds"]["median"]) == (4.0, 5.0, 8.0)


# --- from the command line -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_time_is_in_the_certificate_if_requested(tmp_path: Path) -> None:
    file = tmp_path / "timed.json"
    assert run(["verify", "-e", CHAIN, "--device", "cpu", "--time", "--no-memory", "-o", str(file)]) == 0
    kept = json.loads(file.read_text())
    assert [each["name"] for each in kept["timing"]["layers"]] == NAMES
    assert sum(row["reported"] for row in kept["rows"]) == 5


def test_time_on_meta_is_reported_as_not_measured() -> None:
    certificate = verify(document_of_chain(CHAIN), device="meta", time=True)
    assert certificate.rows[-1].measured == "not run: the meta device computes nothing"
    assert certificate.timing is None
    assert certificate.agrees


def test_a_network_that_cannot_be_timed_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr("archcalc.verification.network.timing", fails)
    certificate = verify(document_of_chain(CHAIN), device="cpu", memory=False, time=True)
    assert certificate.rows[-1].differences == ("RuntimeError: no memory",)
    assert not certificate.agrees


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_has_times_and_ceilings() -> None:
    found = timing(running("cuda"), runs=50, warm_ups=10)
    assert [each.name for each in found.layers] == NAMES
    assert is_ordered(found.whole)
    assert all(each.seconds.p10 <= each.seconds.median <= each.seconds.p90 for each in found.layers)
    assert found.measured.ceilings.peak > 0
