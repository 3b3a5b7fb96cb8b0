"""Verification detects faults: each test injects one fault into a prediction and finds the row that reports it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archcalc.command import MISSING, PROBLEMS, run
from archcalc.core.dim import is_number
from archcalc.core.extra import MissingExtra
from archcalc.core.location import Source
from archcalc.core.ops import Ops
from archcalc.core.volume import Volume
from archcalc.core.weight import Weight
from archcalc.core.window import TransposedWindow, Window
from archcalc.graph.loading import load
from archcalc.layer import expression
from archcalc.layers.activation import ReLU
from archcalc.layers.conv import Conv
from archcalc.layers.upsample import Upsample
from archcalc.measures.receptive_field import fields_of
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.sym.expr import Claim
from archcalc.verification import Row, VerificationReport, device_of, verify
from archcalc.verification.certificate import to_json, to_text
from archcalc.verification.field.borders import attained
from archcalc.verification.row import compared, total
from archcalc.verification.structure.periods import sizes_over

SPEC = """
archcalc: 1
name: It
input: [3, 17, 17]
layers:
  - first = conv(3, 4, p1) -> relu
  - second = conv(3, 4, s2) -> third = conv(3, 2)
  - fc(5)
"""


def document(text: str = SPEC) -> Document:
    return read_document(Source("<test>", text))


def disagreeing(text: str = SPEC, device: str = "cpu") -> dict[str, Row]:
    """The rows that disagree, by quantity; if several sizes disagree, the last."""
    return {
        row.quantity.partition(" (")[0]: row
        for row in verify(document(text), device=device, sizes=8, memory=False).rows
        if not row.agrees
    }


# --- closed forms ----------------------------------------------------------------------------------------------------


def test_a_wrong_closed_form_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula that is right for numbers, but wrong if the size is free."""
    right = Window.slide
    monkeypatch.setattr(Window, "slide", lambda window, n: right(window, n) + (0 if is_number(n) else 1))
    assert {"closed forms: shapes", "closed forms: MACs"} <= disagreeing(device="meta").keys()


def test_a_wrong_condition_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Claim, "at", lambda claim, **values: False)
    found = disagreeing(device="meta")
    assert found.keys() == {"closed forms: which sizes fit"}
    assert found["closed forms: which sizes fit"].differences[0].endswith("predicted does not fit, measured fits")


def test_padding_that_follows_the_size_is_that_of_each_size() -> None:
    text = "archcalc: 1\ninput: [3, 18, 18]\nlayers:\n- conv(3, 4, s2, padding=same_upper)"
    assert verify(read_document(Source("padded", text)), device="meta", sizes=8).agrees


def test_the_meta_device_does_not_load_the_compiler_of_torch() -> None:
    """It takes as long as half of `import torch`."""
    program = "import archcalc, sys; archcalc.verify('lenet5', device='meta'); print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_two_periods_cover_every_remainder_of_every_axis() -> None:
    found = list(sizes_over({"H": 224, "W": 200}, {"H": 32, "W": 16}, 64))
    assert len(found) == 64
    assert {each["H"] % 32 for each in found} == set(range(32))
    assert {each["W"] % 16 for each in found} == set(range(16))
    few = list(sizes_over({"H": 224, "W": 200}, {"H": 32, "W": 16}, 8))
    assert len({each["H"] % 32 for each in few}) == len({each["H"] for each in few}) == 8


# --- detected faults -------------------------------------------------------------------------------------------------


def test_a_correct_network_agrees_in_all_rows() -> None:
    certificate = verify(document(), device="cpu", memory=False)
    assert certificate.agrees
    assert [row for row in certificate.rows if row.agrees is not True] == []
    assert {row.level for row in certificate.rows} == {"L1 meta", "L2 cpu"}
    sizes = {"[3, 17, 17]", "2 x [3, 19, 19]", "3 x [3, 33, 49]", "4 sizes, 15 x 15 to 18 x 16"}
    assert {row.at for row in certificate.rows} == sizes


def test_a_wrong_volume_is_reported_at_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "shape", lambda self, x: x.to(channels=x.channels, spatial=(x.spatial[0], 16)))
    rows = disagreeing(device="meta")
    assert rows["shapes before the error"].differences[0] == (
        "relu1: predicted [3, 4, 33, 16] float32, measured [3, 4, 33, 49] float32"
    )


def test_a_wrong_count_of_macs_is_reported_at_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Conv.ops
    monkeypatch.setattr(Conv, "ops", lambda self, y, x: replace(right(self, y, x), mac=right(self, y, x).mac + 1))
    rows = disagreeing(device="meta")
    assert rows.keys() == {"MACs, layer by layer", "MACs", "closed forms: MACs"}
    assert [each.partition(":")[0] for each in rows["MACs, layer by layer"].differences] == ["first", "second", "third"]


def test_swapped_macs_of_two_layers_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The total is right, but both layers are wrong."""
    right = Conv.ops

    def shifted(self: Conv, y: Volume, x: Volume) -> Ops:
        step = {(3, 4): 1, (4, 4): -1}.get((x.channels, y.channels), 0)
        return replace(right(self, y, x), mac=right(self, y, x).mac + step)

    monkeypatch.setattr(Conv, "ops", shifted)
    rows = disagreeing(device="meta")
    assert rows.keys() == {"MACs, layer by layer"}
    assert len(rows["MACs, layer by layer"].differences) == 2


def without_bias(self: Conv, x: Volume) -> Iterator[Weight]:
    yield next(RIGHT_WEIGHTS(self, x))


RIGHT_WEIGHTS = Conv.weights


def test_a_missing_weight_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conv, "weights", without_bias)
    rows = disagreeing(device="meta")
    entries = rows["state_dict: names, shapes, training"]
    assert (entries.predicted, entries.measured) == ("5 entries", "5 entries")
    assert entries.differences[0] == "first.bias: predicted nothing, measured [4] trained"
    assert rows["parameters"].predicted == int(rows["parameters"].measured) - 10


def test_a_frozen_weight_that_is_trained_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.codegen.source.frozen_paths", lambda graph: frozenset())
    rows = disagreeing(SPEC.replace("conv(3, 4, p1)", "conv(3, 4, p1, freeze=true)"), device="meta")
    assert rows.keys() == {"state_dict: names, shapes, training", "trainable parameters"}


def test_a_missing_tie_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.codegen.source.ties", lambda graph: iter(()))
    rows = disagreeing(SPEC.replace("fc(5)", "a = fc(5) -> b = fc(5) -> fc(5, tie=b)"), device="meta")
    assert rows["state_dict: names, shapes, training"].differences == (
        "fc1.weight: predicted [5, 5] trained, shared with b.weight, measured [5, 5] trained",
    )


@pytest.mark.parametrize(("begin", "end"), [(1, -1), (-1, 1), (2, -2)])
def test_a_shifted_field_is_detected(begin: int, end: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Conv.windows

    def moved(self: Conv, x: Volume) -> tuple[Window, ...]:
        return tuple(replace(w, begin=w.begin + begin, end=w.end + end) for w in right(self, x))

    monkeypatch.setattr(Conv, "windows", moved)
    rows = disagreeing()
    assert rows.keys() == {"receptive fields, by dye"}
    assert len(rows["receptive fields, by dye"].differences) >= 3


@pytest.mark.parametrize("wider", [1, -1])
def test_a_field_of_the_wrong_size_is_detected(wider: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Conv.windows

    def stretched(self: Conv, x: Volume) -> tuple[Window, ...]:
        changed = [(w.kernel + 2 * wider, w.stride, w.begin + wider, w.end + wider) for w in right(self, x)]
        return tuple(Window(*each) for each in changed)

    monkeypatch.setattr(Conv, "windows", stretched)
    monkeypatch.setattr(Conv, "kernel", lambda self, x: (3, 3))
    rows = disagreeing()
    assert "receptive fields, by dye" in rows


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_fields_are_the_same_in_every_dtype(dtype: str) -> None:
    assert verify(document(), dtype=dtype, device="cpu", memory=False).agrees


def test_interpolation_does_not_depend_on_elements_it_multiplies_by_zero() -> None:
    text = SPEC.replace("second =", "upsample(3, mode=bilinear) -> second =")
    assert verify(document(text), device="cpu", memory=False).agrees


def test_an_upsampled_field_of_the_wrong_size_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Upsample, "windows", lambda self, x: (TransposedWindow(3, 3),) * 2)
    text = SPEC.replace("second =", "upsample(3, mode=bilinear) -> second =")
    assert "receptive fields, by dye" in disagreeing(text)


def test_values_that_are_not_finite_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "call", lambda self, x: expression("{0} / 0"))
    rows = disagreeing()
    assert rows["finite outputs"].differences[0] == "relu1: predicted finite, measured not finite"


def test_source_that_torch_refuses_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "call", lambda self, x: expression("{0} @ torch.zeros(5, 5)"))
    rows = disagreeing(device="meta")
    assert rows["the source can be run"].differences[0].startswith("RuntimeError: ")


def test_published_numbers_are_for_one_sample() -> None:
    expected = document(SPEC + "expect: {macs: 43_380, output_bytes: 10_580}\n")
    rows = verify(expected, batch=4, dtype="float16", device="meta").rows
    assert (rows[0].quantity, rows[0].agrees, rows[0].differences) == ("published numbers", True, ())


def test_a_published_number_that_differs_is_reported() -> None:
    rows = disagreeing(SPEC + "expect: {params: 5, shapes: {first: [4, 17, 17], fc1: [6]}}\n", device="meta")
    row = rows["published numbers"]
    assert (row.level, row.predicted, row.measured) == ("expect", "3 numbers", "1 number")
    assert row.differences[1] == "expected shapes of fc1 [6], computed [5]"


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_sizes_that_do_not_fit_are_refused_by_both() -> None:
    layers = "  - a = conv(3, 3, p1)\n  - maxpool(2) -> upsample(2)\n  - add: [a, prev]\n"
    text = f"archcalc: 1\ninput: [3, 8, 8]\nlayers:\n{layers}"
    [row] = [row for row in verify(document(text), device="meta").rows if row.quantity == "refused"]
    assert (row.predicted, row.measured, row.agrees) == ("7 sizes", "7 sizes", True)
    assert row.at == "sizes that do not fit: [3, 9, 9] to [3, 135, 135]"


@pytest.mark.parametrize(
    "layers",
    [
        "- y = conv(3, 4, p1)\n  - relu -> crop(like=y) -> conv(3, 4)",  # as large as what it is cropped to
        "- around",  # arguments that depend on the size
    ],
)
def test_other_sizes_are_run_with_what_they_need(layers: str) -> None:
    text = f"""
archcalc: 1
input: [3, 16, 16]
blocks:
  around:
    - tokens -> linear(4) -> untokens(x.height, x.width) -> conv(3, 4)
layers:
  {layers}
"""
    certificate = verify(document(text), device="meta", sizes=4)
    assert [row for row in certificate.rows if row.agrees is not True] == []
    assert sum("closed forms" in row.quantity for row in certificate.rows) == 3


def test_fields_of_one_input_do_not_ask_for_those_of_another() -> None:
    """A memory that does not depend on the input whose fields are looked at, and a map that was made of a sequence."""
    text = """
archcalc: 1
input: {map: [4, 4, 5], memory: {shape: [3, 6], channels_last: true}, pairs: [2, 20, 3]}
layers:
  - map -> tokens -> cross_attention(2, memory, mask=pairs) -> untokens(4, 5) -> conv(3, 4, p1)
"""
    certificate = verify(document(text), device="cpu", sizes=0)
    assert [row for row in certificate.rows if row.agrees is False] == []
    fields = {row.quantity.partition(",")[0] for row in certificate.rows if row.quantity.startswith("receptive")}
    assert fields == {f"receptive fields of {name}" for name in ("map", "memory", "pairs")}


def test_a_network_without_spatial_axes_is_run_with_other_batches() -> None:
    rows = verify(document("archcalc: 1\ninput: [5]\nlayers: [fc(3)]\n"), device="meta").rows
    assert {row.at for row in rows} == {"[5]", "2 x [5]", "3 x [5]"}


def test_a_run_that_does_not_fit_into_memory_is_skipped_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archcalc.verification.network.free_memory", lambda device: 1000)
    certificate = verify(document(), device="cpu", memory=False)
    assert certificate.agrees
    assert [row.measured for row in certificate.rows if row.agrees is None] == ["not run: needs 0.0 GiB"]
    assert to_text(certificate).endswith("; 1 not measured\n")


@pytest.mark.parametrize(("release", "is_said"), [("2.13.1+cu130", False), ("2.11.0", True), ("2.130.0", True)])
def test_another_release_of_torch_is_said(release: str, is_said: bool) -> None:
    """Memory to the byte is a statement about one release."""
    made = replace(verify("lenet5", device="cpu", quick=True), versions={"torch": release, "rules": "cpu, torch 2.13"})
    line = "memory is predicted for torch 2.13, another release than this: its rows may differ"
    assert (line in to_text(made).splitlines()) == is_said
    meta = replace(made, versions={"torch": release, "rules": "none"})
    assert line not in to_text(meta)


# --- devices ---------------------------------------------------------------------------------------------------------

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@without_cuda
def test_missing_cuda_is_an_error() -> None:
    assert device_of("auto") == "cpu"
    with pytest.raises(MissingExtra, match="no CUDA device"):
        device_of("cuda")


@without_cuda
def test_missing_cuda_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "two_layer", "--device", "cuda"]) == MISSING
    assert "no CUDA device" in capsys.readouterr().err


@with_cuda
def test_a_gpu_agrees() -> None:
    certificate = verify(document(), device="auto", memory=False)
    assert certificate.agrees
    assert "L3 cuda" in {row.level for row in certificate.rows}


def test_missing_torch_is_exit_code_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith("archcalc.verification")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(["verify", "two_layer"]) == MISSING
    assert capsys.readouterr().err == "error: verify needs torch: pip install 'archcalc[torch]'\n"


# --- text output -----------------------------------------------------------------------------------------------------


def test_the_command_shows_the_table_and_every_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "lenet5", "--device", "meta"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("LeNet-5")
    assert "\nL1 meta  3 x [1, 48, 64]\n" in shown
    assert shown.endswith("\nall 20 comparisons agree\n")


def test_a_disagreement_is_exit_code_1_and_names_the_layers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Conv, "weights", without_bias)
    assert run(["-q", "verify", "lenet5", "--device", "meta"]) == PROBLEMS
    shown = capsys.readouterr().out
    assert "DISAGREE\n      conv1.bias: predicted nothing, measured [6] trained\n" in shown
    assert shown.endswith("\n4 of 20 comparisons disagree\n")


def test_a_certificate_is_written_as_json(tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    assert run(["verify", "lenet5", "--device", "meta", "-o", str(file)]) == 0
    kept = json.loads(file.read_text())
    assert kept["agrees"] is True
    assert kept["versions"].keys() == {"archcalc", "python", "torch", "platform", "processor", "rules"}
    assert (kept["flags"].keys(), kept["timing"]) == ({"threads"}, None)
    assert len(kept["source_sha256"]) == 64
    assert {key for row in kept["rows"] for key in row} == {
        "quantity", "level", "at", "predicted", "measured", "agrees", "differences", "reported",
    }  # fmt: skip


def test_long_lists_of_differences_are_truncated_in_text_but_not_in_json() -> None:
    names = [f"layer{i}" for i in range(25)]
    row = compared("shapes", "L1 meta", "[1]", dict.fromkeys(names, 1), dict.fromkeys(names, 2), "layer")
    certificate = VerificationReport("It", "it.yaml", "meta", (row, total("MACs", "L1 meta", "[1]", 1000, 1000)))
    assert "      and 15 more (--format json has all)\n" in to_text(certificate)
    assert len(json.loads(to_json(certificate))["rows"][0]["differences"]) == 25
    assert not certificate.agrees


def test_a_row_counts_agreeing_values() -> None:
    row = compared("shapes", "L1 meta", "", {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}, "entry")
    assert (row.predicted, row.measured, row.agrees) == ("2 entries", "1 entry", False)
    assert row.differences == ("b: predicted 2, measured 3", "c: predicted nothing, measured 4")


def test_a_layer_that_reads_one_of_its_inputs_whole_has_borders() -> None:
    """In CapsNet, each capsule reads all votes, and of the agreement its own place."""
    graph = load("capsnet")
    for seed in graph.inputs:
        fields = fields_of(graph, seed)
        assert attained(graph, seed, fields).keys() == {seed.name, *fields}
