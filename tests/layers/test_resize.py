"""Which elements resizing reads, against torch: each output element of an identity matrix shows the weights."""

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F

from archcalc.core.dim import free
from archcalc.core.volume import Volume
from archcalc.layers.resize import Resize, scaled
from archcalc.layers.upsample import LINEAR
from archcalc.spec.document import one_liner
from archcalc.verification import verify

SCALES = (
    0.1, 0.25, 0.3, 1 / 3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.9, 0.95, 0.99, 1.0, 1.01, 1.02, 1.05, 1.1, 1.15, 1.2, 1.25,
    1.3, 1.5, 1.7, 1.9, 2.0, 2.05, 2.1, 2.5, 3.0, 3.3, 4.7,
)  # fmt: skip
LENGTHS = range(1, 41)
ROUNDING = 1e-9
"""Weights below are zero but for rounding in double precision."""

Reads = list[list[int]]


def read_by_torch(n: int, rank: int, mode: str, aligned: bool, **how: Any) -> Reads:
    """What each output element along the last axis reads; the other axes have one element."""
    x = torch.eye(n, dtype=torch.float64).reshape(n, *(1,) * rank, n)
    how["align_corners"] = None if mode == "nearest" else aligned
    y = F.interpolate(x, mode=mode, **how).reshape(n, -1)
    return [(column.abs() > ROUNDING).nonzero().flatten().tolist() for column in y.T]


def read_by_us(layer: Resize, x: Volume) -> Reads:
    """The same by the window, within the axis."""
    window, n = layer.windows(x)[-1], x.spatial[-1]
    return [[j for j in window.reach(i) if 0 <= j < n] for i in range(window.outputs)]


def modes(rank: int) -> list[tuple[str, bool]]:
    cubic = [("bicubic", False), ("bicubic", True)] if rank == 2 else []
    return [("nearest", False), (LINEAR[rank], False), (LINEAR[rank], True), *cubic]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_factor_reads_what_torch_reads(rank: int, scale: float) -> None:
    """In every mode, for every length."""
    for n in LENGTHS:
        x = Volume(1, (1,) * (rank - 1) + (n,))
        if scaled(n, scale) < 1:
            continue
        for mode, aligned in modes(rank):
            layer = Resize(scale_factor=scale, mode=cast(Any, mode), align_corners=aligned)
            others = {"scale_factor": (1.0,) * (rank - 1) + (scale,)}
            assert read_by_us(layer, x) == read_by_torch(n, rank, mode, aligned, **others), (n, mode, aligned)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 40, 41, 80])
def test_a_size_reads_what_torch_reads(rank: int, size: int) -> None:
    for n in LENGTHS:
        x = Volume(1, (1,) * (rank - 1) + (n,))
        for mode, aligned in modes(rank):
            sizes = (1,) * (rank - 1) + (size,)
            layer = Resize(size=sizes, mode=cast(Any, mode), align_corners=aligned)
            assert read_by_us(layer, x) == read_by_torch(n, rank, mode, aligned, size=sizes), (n, mode, aligned)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_smoothing_reads_what_torch_reads(mode: str) -> None:
    """To sizes and by factors; each element that is read counts once in the products."""
    for n in LENGTHS:
        x = Volume(1, (1, n))
        for size in (1, 2, 3, 7, 16, 40, 41):
            layer = Resize(size=(1, size), mode=cast(Any, mode), antialias=True)
            reads = read_by_torch(n, 2, mode, False, size=(1, size), antialias=True)
            assert read_by_us(layer, x) == reads, (n, size)
            assert layer.ops(layer.shape(x), x).mul == sum(map(len, reads))
        for scale in (0.25, 0.3, 0.5, 0.7, 1.3, 3.0):
            if scaled(n, scale) >= 1:
                layer = Resize(scale_factor=scale, mode=cast(Any, mode), antialias=True)
                how = {"scale_factor": (1.0, scale), "antialias": True}
                assert read_by_us(layer, x) == read_by_torch(n, 2, mode, False, **how), (n, scale)


def test_seven_units_times_one_and_a_tenth_are_moved_along() -> None:
    reads = [[0], [0], [1], [2], [3], [4], [5]]
    assert read_by_us(Resize(scale_factor=1.1), Volume(1, (7,))) == reads
    assert read_by_us(Resize(scale_factor=1.1), Volume(1, (7, 7))) == [[i] for i in range(7)], "torch copies images"


@pytest.mark.parametrize("scale", [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("rank", [1, 3])
def test_a_free_length_reads_what_numbers_read(scale: float, rank: int) -> None:
    for mode in ("nearest", LINEAR[rank]):
        layer = Resize(scale_factor=scale, mode=cast(Any, mode))
        [window] = set(layer.windows(Volume(1, (free("n"),) * rank)))
        for n in LENGTHS:
            count = scaled(n, scale)
            by_number = layer.windows(Volume(1, (n,) * rank))[0]
            if count >= 1 and n > 1 and (mode == "nearest" or count != n):
                pairs = [(list(window.reach(i)), list(by_number.reach(i))) for i in range(count)]
                assert all(a == b for a, b in pairs), (n, mode)


@pytest.mark.parametrize(
    "chain",
    [
        "input(2, 7) -> resize(scale_factor=1.1)",
        "input(2, 5, 4) -> resize(scale_factor=2.1)",
        "input(2, 2, 2) -> resize(scale_factor=3.0, mode=bilinear)",
        "input(2, 14, 14) -> resize(scale_factor=0.9, mode=bilinear, align_corners=true)",
    ],
)
def test_verify_accepts_factors_without_a_closed_form(chain: str) -> None:
    report = verify(one_liner(chain), device="cpu", memory=False)
    assert report.agrees
    compared = {row.quantity: row.agrees for row in report.rows}
    assert compared.get("closed forms", True) is None or "3.0" in chain
    assert any(quantity.startswith("receptive fields") and agrees for quantity, agrees in compared.items())
