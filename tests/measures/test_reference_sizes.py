"""Output sizes computed by others: 7,203 of convolution arithmetic, and 2,847 for which frameworks differ.

The sources of the tables are in data/README.md. Every row goes through a layer's `requires` and `shape`.
"""

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.padding import pads
from archcalc.core.volume import image
from archcalc.layer import LAYERS, Layer
from archcalc.layers.pool import AvgPool

DATA = Path(__file__).parent.parent / "data"
LAYER_OF = {"conv": "conv", "convT": "upconv", "maxpool": "maxpool", "avgpool": "avgpool"}
Row = dict[str, str]


def table(name: str) -> list[Row]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", newline="") as lines:
        return list(csv.DictReader(lines))


ARITHMETIC = table("conv_arithmetic")
FRAMEWORKS = table("framework_sizes")


def layer_of(row: Row, **other: Any) -> Layer:
    given: dict[str, Any] = dict(kernel_size=int(row["k"]), stride=int(row["s"]), padding=int(row["p"]))
    if row["op"] in ("conv", "convT"):
        given |= dict(out_channels=1, dilation=int(row["d"]))
    if row["op"] == "convT":
        given |= dict(output_padding=int(row.get("a") or 0))
    return LAYERS[LAYER_OF[row["op"]]](**{**given, **other})


def size(layer: Layer, n: int) -> int | str:
    """The output size, equal on all axes; ERR if the layer refuses, as in the tables."""
    sizes: set[int | str] = set()
    for rank in layer.ranks:
        x = image(1, *(n,) * rank)
        if isinstance(layer, AvgPool) and rank == 3 and max(w.kernel for w in layer.windows(x)) > n:
            continue  # torch's AvgPool3d refuses these even with padding; its pools along fewer axes do not
        held = all(holds for holds, _ in layer.requires(x))
        sizes.update(layer.shape(x).spatial if held else {"ERR"})
    (found,) = sizes
    return found


def expected(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def differences(rows: list[Row], column: str, layer: Callable[[Row], Layer]) -> Iterator[Row]:
    for row in rows:
        if size(layer(row), int(row["i"])) != expected(row[column]):
            yield row


def test_the_tables_are_complete() -> None:
    assert (len(ARITHMETIC), len(FRAMEWORKS)) == (7_203, 2_847)


@pytest.mark.parametrize("op", LAYER_OF)
def test_convolution_arithmetic(op: str) -> None:
    """Relationships 1 to 15 of Dumoulin & Visin 2016, and the sizes in their figures."""
    rows = [row for row in ARITHMETIC if row["op"] == op]
    assert rows
    assert not list(differences(rows, "o", layer_of))


@pytest.mark.parametrize("op", LAYER_OF)
def test_torch_rounds_down(op: str) -> None:
    rows = [row for row in FRAMEWORKS if row["op"] == op and row["torch_floor"]]
    assert rows
    assert not list(differences(rows, "torch_floor", layer_of))


@pytest.mark.parametrize(("op", "column"), [("maxpool", "torch_ceil"), ("avgpool", "torch_avg_ceil")])
def test_torch_rounds_up_if_the_last_window_begins_inside(op: str, column: str) -> None:
    rows = [{**row, "op": op} for row in FRAMEWORKS if row["group"] == "pool_ceil"]
    assert len(rows) == 774
    assert not list(differences(rows, column, lambda row: layer_of(row, ceil_mode=True)))


def test_torch_keeps_the_size() -> None:
    """torch's `same` puts odd padding at the end, like `same_upper` at stride 1."""
    rows = [row for row in FRAMEWORKS if row["torch_same"]]
    assert len(rows) == 274
    assert not list(differences(rows, "torch_same", lambda row: layer_of(row, padding="same_upper")))
    odd = [row for row in rows if int(row["d"]) * (int(row["k"]) - 1) % 2 == 0]
    assert not list(differences(odd, "torch_same", lambda row: layer_of(row, padding="same")))
    even = [row for row in rows if row not in odd]
    assert {size(layer_of(row, padding="same"), int(row["i"])) for row in even} == {"ERR"}


@pytest.mark.parametrize("op", ["conv", "maxpool", "avgpool"])
def test_tensorflow_same_is_same_upper(op: str) -> None:
    """Sizes and padding; ERR means that Keras refuses a pooling stride larger than the kernel."""
    rows = [row for row in FRAMEWORKS if row["group"] == "tf_same" and row["op"] == op]
    computed = [row for row in rows if row["tf_same"].isdigit()]
    assert len(computed) > 300
    assert not list(differences(computed, "tf_same", lambda row: layer_of(row, padding="same_upper")))
    for row in rows:
        k, s, d = (int(row[key]) for key in "ksd")
        stated = (int(row["tf_pad_before"]), int(row["tf_pad_after"]))
        assert pads("same_upper", (int(row["i"]),), k, s, d) == (stated,), row
        assert pads("same_lower", (int(row["i"]),), k, s, d) == (stated[::-1],), row


@pytest.mark.parametrize("op", ["conv", "maxpool", "avgpool"])
def test_tensorflow_valid_is_no_padding(op: str) -> None:
    """Only if the window fits: for a convolution wider than its input Keras reports 1 output element, torch none."""
    rows = [row for row in FRAMEWORKS if row["group"] == "tf_same" and row["op"] == op and row["tf_valid"].isdigit()]
    fitting = [row for row in rows if int(row["d"]) * (int(row["k"]) - 1) < int(row["i"])]
    assert len(fitting) > 200
    assert not list(differences(fitting, "tf_valid", lambda row: layer_of(row, padding="valid")))
    refused = [row for row in rows if row not in fitting]
    assert {size(layer_of(row, padding="valid"), int(row["i"])) for row in refused} == {"ERR"}
