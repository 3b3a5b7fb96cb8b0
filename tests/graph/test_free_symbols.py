"""Specs with free symbols: what they mean, what is decided about them, and what they refuse."""

import json
import re
from typing import Any

import pytest

from archcalc import measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.feasibility import example, feasible
from archcalc.command import run
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from tests.goldens import assert_golden

FREE = """
archcalc: 1
params: {w: 16, widths: [8, 12]}
symbols: {H: {min: 32, max: 64*32, multiple_of: 32}}
input: [3, H, W]
layers:
  - conv(3, w, s2, p1) -> conv(3, widths[0], p1)
  - conv(3, H // 8, p1)
  - gap -> fc(10)
"""


def spec(text: str = FREE) -> Document:
    return read_document(Source("net.yaml", text))


def shapes(graph: Graph) -> dict[str, str]:
    return {node.name: str(node.output) for node in graph}


def test_names_in_the_input_are_free() -> None:
    graph = with_free(spec())
    assert shapes(graph)["conv1"] == "[16, ⌈H/2⌉, ⌈W/2⌉]"
    assert shapes(graph)["conv3"] == "[⌊H/8⌋, ⌈H/2⌉, ⌈W/2⌉]"
    assert {name: each.domain.named(name) for name, each in graph.symbols.items()} == {
        "H": "H ≡ 0 (mod 32), 32 ≤ H ≤ 2048",
        "W": "always",
    }
    assert feasible(graph).by_symbol["H"] == graph.symbols["H"].domain
    assert example(graph) == {"H": 224, "W": 224}


def test_numbers_take_their_place() -> None:
    document = read_document(Source("net.yaml", FREE), settings={"H": "64", "W": "2 * 40"})
    assert shapes(build(document))["conv3"] == "[8, 32, 40]"
    assert not with_free(document, []).symbols


@pytest.mark.parametrize("freed", [["w"], ["widths[1]"], ["widths"], ["w", "widths[0]", "N"]], ids=str)
def test_parameters_can_be_free_beside_them(freed: list[str]) -> None:
    graph = with_free(spec(), freed)
    own = example(graph)
    numbers = with_free(spec(), [])
    assert own.keys() > {"H", "W"}
    for name in ("params", "macs", "output_bytes"):
        form: Any = MEASURES[name].total(graph)
        plain: Any = MEASURES[name].total(numbers)
        assert form.at(**own) == plain.at(**example(numbers))


def test_what_needs_numbers_says_which_symbols_are_free() -> None:
    with pytest.raises(SpecError) as caught:
        build(spec())
    assert [each.code for each in caught.value.diagnostics] == ["AC134"] * 2
    assert "--set H=224" in caught.value.diagnostics[0].help


REPEAT = """
archcalc: 1
params: {w: 16, n: 3}
input: [3, 32, 32]
blocks:
  unit(c, stride=1):
    - add:
        - conv(3, c, p1, stride=stride) -> relu
        - conv(1, c, stride=stride) if stride > 1 or x.channels != c else prev
layers:
  - conv(3, w, p1)
  - unit(w) * n
  - unit(4*w, 2)
  - gap -> fc(10)
"""


def test_conditions_that_hold_for_every_value_are_decided() -> None:
    """`x.channels != c` is `w != 4*w`, which holds for every width."""
    graph = with_free(spec(REPEAT), ["w"])
    assert "unit4.conv2" in {node.name for node in graph}
    assert "unit1.conv2" not in {node.name for node in graph}


def test_a_free_repeat_stands_for_copies_that_are_alike() -> None:
    graph = with_free(spec(REPEAT), ["n"])
    total: Any = MEASURES["params"].total(graph)
    assert [str(node.times) for node in graph if node.name.startswith("unit1")] == ["n"] * 3
    for n in range(1, 8):
        document = read_document(Source("net.yaml", REPEAT), settings={"n": str(n)})
        assert total.at(n=n) == MEASURES["params"].total(build(document))


WRONG = {
    "layers:\n  - conv(3, w) if w > 3 else relu": ("AC136", "whether w - 4 ≥ 0 depends on w"),
    "layers:\n  - conv(3, 8) if w % 2 == 0 and w > 0 else relu": ("AC136", "depends on w"),
    "layers:\n  - conv(3, w / 2)": ("AC124", "must be a whole number for every size, got w/2"),
    "layers:\n  - conv(3, 2*w) -> conv(3, 8) * w": ("AC136", "w copies cannot be equal"),
    "layers:\n  - relu * (3 - w)": ("AC136", "depends on w"),
    "layers:\n  - conv(w, 8)\n  - conv(3, 8) * (0 - w)": ("AC127", "a repeat must be 0 or more, got -w"),
    "layers:\n  - conv(3, sizes[w])": ("AC112", "an index must be a whole number"),
    "layers:\n  - dropout(1 / w)": ("AC124", "must be a number"),
    "layers:\n  - conv(3, 8 // (w - 1))": ("AC136", "whether w - 2 ≥ 0 depends on w"),
    "symbols: {T: {min: 9, max: 3}}\nlayers:\n  - relu": ("AC137", "'T' has impossible bounds: min 9, max 3"),
    "symbols: {T: {max: w}}\nlayers:\n  - relu": ("AC124", "a bound must be a number, got w"),
    "layers:\n  - conv(3, Q)": ("AC110", "unknown name 'Q'"),
}


@pytest.mark.parametrize(("layers", "reported"), WRONG.items(), ids=WRONG)
def test_what_cannot_depend_on_a_symbol(layers: str, reported: tuple[str, str]) -> None:
    text = f"archcalc: 1\nparams: {{w: 2, sizes: [1, 2, 3]}}\ninput: [3, 32, 32]\n{layers}\n"
    with pytest.raises(SpecError) as caught:
        with_free(spec(text), ["w"])
    code, message = reported
    assert [code] == [each.code for each in caught.value.diagnostics]
    assert message in caught.value.diagnostics[0].message


def test_bounds_of_a_symbol_decide_conditions() -> None:
    text = "archcalc: 1\nsymbols: {w: {min: 65}}\ninput: [3, 32, 32]\nlayers:\n  - conv(3, w) if w > 64 else relu\n"
    assert shapes(with_free(spec(text))) == {"conv1": "[w, 30, 30]"}


@pytest.mark.parametrize("command", ["generate", "verify"])
def test_commands_of_numbers_refuse_free_symbols(
    command: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(FREE)
    assert run([command, str(path)]) == 1
    assert "free symbol" in capsys.readouterr().err


def test_check_takes_free_symbols(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(FREE)
    assert run(["check", str(path)]) == 0, capsys.readouterr().err
    path.write_text(FREE.replace("conv(3, H // 8, p1)", "conv(3, H // 8, groups=3)"))
    assert run(["check", str(path)]) == 1
    assert "groups=3" in capsys.readouterr().out
    path.write_text(FREE.replace("max: 64*32", "max: 32").replace("conv(3, H // 8, p1)", "maxpool(40)"))
    assert run(["check", str(path)]) == 1
    assert "no value of H fits" in capsys.readouterr().out


def test_a_report_with_free_symbols_is_one_of_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "lenet5_fcn", "--free", "H,W"]) == 0
    assert_golden("report_free.txt", capsys.readouterr().out)


def test_json_holds_formulas_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The forms are those of the report in numbers; what has none is null."""
    assert run(["report", "resnet18", "--free", "H,w", "--format", "json"]) == 0
    forms = json.loads(capsys.readouterr().out)
    assert run(["report", "resnet18", "--format", "json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert forms["symbols"] == {"N": 1, "H": 224, "w": 64}
    assert forms["layers"][0]["output_shape"] == ["w", "⌈H/2⌉", 112]
    for mine, theirs in zip(forms["layers"], numbers["layers"], strict=True):
        for key in ("params", "macs", "scalar", "output_bytes"):
            assert valued(mine[key], H=224, w=64) == theirs[key], (mine["name"], key)
    assert run(["report", "-e", "input(2,30,H) -> adaptive_avgpool(7)", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["scalar"] is None


def valued(form: int | str, **values: int) -> int:
    """A formula read back: `7·⌈H/2⌉·w²`."""
    if isinstance(form, int):
        return form
    text = re.sub(r"⌈([^⌉]*)/(\d+)⌉", r"(-(-(\1)//\2))", re.sub(r"⌊([^⌋]*)/(\d+)⌋", r"((\1)//\2)", form))
    return int(eval(text.replace("·", "*").replace("²", "**2"), {"max": max, "min": min}, values))


def test_what_is_most_cannot_be_sorted_by_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "resnet18", "--free", "H", "--sort", "macs"]) == 2
    assert "--sort" in capsys.readouterr().err
