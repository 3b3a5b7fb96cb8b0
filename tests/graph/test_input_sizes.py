"""Other input sizes than the spec's: `--input`, `--set H=448`, and the axes that can be free."""

import json

import pytest

from archcalc import load, load_text
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of
from archcalc.measures.arithmetic import macs
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from tests.shell import Shell


def document(text: str) -> Document:
    return read_document(Source("net.yaml", "archcalc: 1\n" + text))


def shapes(graph: Graph) -> dict[str, str]:
    return {each.name: str(each.volume) for each in graph.inputs}


# --- another size ----------------------------------------------------------------------------------------------------

AT_256 = 5_340_348_416
"""MACs of ResNet-50 on 3 x 256 x 256: 81,456 H W + 2,048,000, as torch's FlopCounterMode counts them."""


@pytest.mark.parametrize(
    "options", [("--input", "3,256,256"), ("--input", "input=[3, 256, 256]"), ("--set", "H=256", "--set", "W=256")]
)
@pytest.mark.parametrize("command", ["report", "generate"])
def test_every_command_takes_another_input_size(options: tuple[str, ...], command: str, shell: Shell) -> None:
    form = ("--format", "json") if command == "report" else ()
    reported = shell(command, "resnet50", *options, *form)
    assert reported.code == 0, reported.err
    if command == "report":
        assert json.loads(reported.out)["totals"]["macs"] == AT_256
    else:
        assert "256" in reported.out


TWO = """
input: {image: [3, 32, 32], mask: [1, 16, 16]}
layers:
  - image -> a = conv(3, 4)
  - mask -> b = conv(3, 4)
outputs: [a, b]
"""


def test_one_of_several_inputs_is_named(tmp_path: object, shell: Shell) -> None:
    file = f"{tmp_path}/two.yaml"
    with open(file, "w") as out:
        out.write("archcalc: 1" + TWO)
    assert shapes(build(document_of(file, Overrides(inputs=["mask=1,20,24"])))) == {
        "image": "[3, 32, 32]",
        "mask": "[1, 20, 24]",
    }
    assert shapes(build(document_of(file, Overrides(settings={"mask_H": "20"})))) == {
        "image": "[3, 32, 32]",
        "mask": "[1, 20, 16]",
    }
    reported = shell("report", file, "--input", "3,20,20")
    assert (reported.code, "which one is meant" in reported.err) == (1, True)
    reported = shell("report", file, "--set", "H=20")
    assert (reported.code, "image_H (32), mask_H (16)" in reported.err) == (1, True)
    reported = shell("report", file, "--input", "maks=3,20,20")
    assert (reported.code, "did you mean 'mask'?" in reported.err) == (1, True)


def test_a_parameter_of_that_name_comes_first() -> None:
    """`H` is then the parameter, as the spec has it."""
    text = "params: {H: 8}\ninput: [3, 32, 32]\nlayers:\n  - conv(3, H)\n"
    graph = build(read_document(Source("net.yaml", "archcalc: 1\n" + text), settings={"H": "16"}))
    assert (shapes(graph), graph["conv1"].output.channels) == ({"input": "[3, 32, 32]"}, 16)


def test_published_numbers_are_not_expected_of_another_size() -> None:
    assert document_of("resnet50").expect
    assert not document_of("resnet50", Overrides(inputs=["3,256,256"])).expect
    assert not document_of("resnet50", Overrides(settings={"H": "256"})).expect


# --- names that the spec gives ---------------------------------------------------------------------------------------


def test_no_name_of_a_spec_takes_the_place_of_a_free_axis() -> None:
    graph = with_free(document("params: {H: 8, N: 4}\ninput: [3, 32, 32]\nlayers:\n  - conv(3, H) -> conv(1, N)\n"))
    assert list(graph.symbols) == ["input_H", "W"]
    assert str(sum(map(macs, graph))) == "248·(W - 2)·(input_H - 2)"


def test_the_batch_has_another_name_where_the_spec_has_an_n() -> None:
    spec = document("params: {N: 4}\ninput: [8]\nlayers: [fc(N)]\n")
    assert str(sum(map(macs, with_free(spec, ["N"])))) == "8·N"
    assert str(sum(map(macs, with_free(spec, ["batch"])))) == "32·batch"


# --- several inputs --------------------------------------------------------------------------------------------------

TIED = """
input: {x: [3, 32, 32], y: [3, 32, 32]}
layers:
  - x -> t = conv(3, 8, p1) -> a = flatten -> f = fc(4)
  - y -> t() -> b = flatten -> g = f()
  - add: [f, g]
"""

APART = """
input: {x: [3, 32, 32], y: [3, 32, 32]}
layers:
  - x -> t = conv(3, 8, p1)
  - y -> u = t()
  - t -> a = gap
  - u -> b = gap
  - add: [a, b]
"""

THREE = """
input: {x: [3, 32, 32], y: [3, 32, 32], z: [3, 16, 16]}
layers:
  - x -> a = conv(3, 8, p1)
  - y -> b = conv(3, 8, p1)
  - add: [a, b]
  - s = gap
  - z -> c = conv(3, 8, p1)
  - d = gap
  - add: [s, d]
"""

RELATED = """
input: {x: [3, 32, 32], y: [3, 16, 16]}
layers:
  - x -> a = conv(3, 8, s2, p1)
  - y -> b = conv(3, 8, p1)
  - add: [a, b]
"""

FRAMES = """
input: {few: [3, 4, 32, 32], many: [3, 8, 32, 32]}
layers:
  - few -> a = conv(3, 8, p1)
  - many -> b = conv(3, 8, stride=[2, 1, 1], padding=1)
  - add: [a, b]
"""


@pytest.mark.parametrize(
    ("text", "symbols", "total"),
    [
        (TIED, ["H", "W"], None),
        (APART, ["x_H", "x_W", "y_H", "y_W"], "216·x_H·x_W + 216·y_H·y_W"),
        (THREE, ["x_H", "x_W", "z_H", "z_W"], "432·x_H·x_W + 216·z_H·z_W"),
        (RELATED, ["H", "W"], "432·⌈H/2⌉·⌈W/2⌉"),
        (FRAMES, ["H", "W", "D"], "1296·H·W·⌈D/2⌉"),
    ],
    ids=["tied", "apart", "three", "related", "frames"],
)
def test_inputs_are_free_together_where_their_sizes_are_tied(text: str, symbols: list[str], total: str | None) -> None:
    graph = with_free(document(text))
    assert list(graph.symbols) == symbols
    form = sum(map(macs, graph))
    own = {name: each.own for name, each in graph.symbols.items()}
    numbers = sum(map(macs, load_text("archcalc: 1\n" + text)))
    assert form == numbers or form.at(**own) == numbers  # type: ignore[attr-defined]
    if total:
        assert str(form) == total


# --- sizes of a spec whose own size does not fit ---------------------------------------------------------------------

CHAIN = "input(1,28,28) -> conv(5,8) -> pool(2) -> conv(5,8) -> pool(2) -> conv(5,8) -> pool(2) -> fc(10)"


def test_the_sizes_that_fit_can_be_asked_of_a_spec_whose_own_does_not(shell: Shell) -> None:
    """1 <- 2 <- 6 <- 12 <- 16 <- 32 <- 36 by hand."""
    reported = shell("solve", "-e", CHAIN, "--for", "H")
    assert (reported.code, "H ≥ 36" in reported.out) == (0, True), reported.err
    reported = shell("formula", "-e", CHAIN, "--free", "H,W", "--of", "macs")
    assert (reported.code, "at H = 36, W = 36" in reported.out) == (0, True), reported.err


def test_what_fits_no_size_is_reported_as_the_spec_has_it() -> None:
    with pytest.raises(SpecError, match="no layer or block is called 'nonsense'"):
        with_free(document("input: [3, 32, 32]\nlayers: [nonsense]\n"), ["H"])


def test_bundled_specs_take_axes_by_their_letters() -> None:
    assert shapes(build(document_of("gpt2", Overrides(settings={"T": "16"})))).popitem()[1].startswith("[16")
    assert load("gpt2").inputs[0].volume.spatial != (16,)
