"""`archcalc diff`: what it prints, in every format, and the exit codes."""

import json
import re
from pathlib import Path

import pytest

from archcalc.comparison.comparison import compare
from archcalc.comparison.formats import FORMATS
from archcalc.comparison.formats.table import write
from archcalc.comparison.rows import Look
from archcalc.graph.loading import load
from archcalc.report.report import report_of
from tests.goldens import assert_golden
from tests.shell import Shell

SAME, DIFFERENT, TROUBLE = 0, 1, 2
SIDES = {"before": -1, "after": 1}
PAIR = ("resnet18", "resnet50")


@pytest.mark.parametrize("form", sorted({*FORMATS} - {"json", "html"}))
def test_each_format(form: str, shell: Shell) -> None:
    outcome = shell("diff", "alexnet", "zfnet", "--format", form)
    assert outcome.code == DIFFERENT
    assert_golden(f"diff.{form}", outcome.out)


def test_json_has_the_layers_as_reports_have_them(shell: Shell) -> None:
    made = json.loads(shell("diff", "alexnet", "zfnet", "--format", "json").out)
    layers = {
        side: {each["name"]: each for each in json.loads(shell("report", name, "--format", "json").out)["layers"]}
        for side, name in (("before", "alexnet"), ("after", "zfnet"))
    }
    for each in made["differences"][1:]:
        for side, there in layers.items():
            assert each[side] is None or there[each[side]["name"]] == there[each[side]["name"]] | each[side]
        assert each["params"] == sum(s * (each[side] or {"params": 0})["params"] for side, s in SIDES.items())
    first = {"what": "shape", "before": "[3, 227, 227]", "after": "[3, 224, 224]"}
    assert made["differences"][0]["changes"] == [first]


@pytest.mark.parametrize("room", [72, 80, 200])
def test_the_table_fits_the_terminal(room: int) -> None:
    comparison = compare(report_of(load("resnet18")), report_of(load("resnet50")))
    text = write(comparison, Look(room=room))
    assert max(map(len, text.splitlines())) <= room
    assert_golden(f"diff_{room}.txt", text)


def test_colours_add_nothing_but_colours() -> None:
    comparison = compare(report_of(load("alexnet")), report_of(load("zfnet")))
    plain, coloured = (write(comparison, Look(color=color)) for color in (False, True))
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain != coloured


def test_equal_networks_are_said_to_be_equal(shell: Shell) -> None:
    outcome = shell("diff", "resnet50", "resnet50")
    assert (outcome.code, outcome.out) == (SAME, "ResNet-50 and ResNet-50 are the same network: 174 layers\n")
    outcome = shell("diff", "resnet50", "resnet50", "--format", "json")
    assert outcome.code == SAME
    assert json.loads(outcome.out)["equal"] is True


@pytest.mark.parametrize("wrong", ["resnet5", "no/such.yaml"])
def test_a_network_that_cannot_be_read_is_no_difference(wrong: str, shell: Shell) -> None:
    outcome = shell("diff", "resnet50", wrong)
    assert outcome.code == TROUBLE
    assert outcome.err.startswith("error[")


@pytest.mark.parametrize("given", [[], ["lenet5"], ["lenet5", "vgg16", "bert"], ["lenet5", "vgg16", "-e", "input(3)"]])
def test_two_networks_are_compared(given: list[str], shell: Shell) -> None:
    outcome = shell("diff", *given)
    assert outcome.code == TROUBLE
    assert "two networks" in outcome.err


def test_networks_in_one_line(shell: Shell) -> None:
    a, b = "input(3,32,32) -> conv(3,8) -> relu", "input(3,32,32) -> conv(3,8) -> gelu"
    outcome = shell("diff", "-e", a, "-e", b)
    assert outcome.code == DIFFERENT
    assert "relu -> gelu" in outcome.out
    assert shell("diff", "lenet5", "-e", a).code == DIFFERENT


def test_options_apply_to_both_networks(shell: Shell) -> None:
    outcome = shell("diff", *PAIR, "--input", "3,64,64", "--batch", "2", "--dtype", "float16", "--format", "json")
    made = json.loads(outcome.out)
    assert made["dtype"] == "float16"
    assert [made[side]["inputs"][0]["shape"] for side in ("before", "after")] == [[3, 64, 64]] * 2
    for side in ("before", "after"):
        alone = shell("report", PAIR[side == "after"], "--input", "3,64,64", "--batch", "2", "--dtype", "float16",
                      "--format", "json")  # fmt: skip
        totals = json.loads(alone.out)["totals"]
        assert all(made["totals"][name][side] == totals[name] for name in ("params", "macs", "buffers", "flops"))


def test_memory_is_compared(shell: Shell) -> None:
    outcome = shell("diff", *PAIR, "--train", "--optimizer", "adamw", "--format", "json")
    totals = json.loads(outcome.out)["totals"]
    alone = json.loads(shell("report", "resnet50", "--optimizer", "adamw", "--format", "json").out)["totals"]
    for name in ("saved_bytes", "inference_peak_bytes", "training_peak_bytes", "iteration_peak_bytes"):
        assert totals[name]["after"] == alone[name]
        assert totals[name]["difference"] == totals[name]["after"] - totals[name]["before"]


def test_all_has_a_row_for_every_layer(shell: Shell) -> None:
    outcome = shell("diff", *PAIR, "--all")
    count = len(json.loads(shell("diff", *PAIR, "--format", "json").out)["differences"])
    rows = outcome.out.partition("Layer ")[2].splitlines()[2:]
    assert sum(bool(row[3:4].strip()) for row in rows) == count


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        ("params=25_557_032", SAME, "as wanted"),
        ("params=25,583,592", DIFFERENT, "biases for every conv without one would total exactly this: bias=true"),
        ("params=25_610_152", DIFFERENT, "keras_params total 25,610,152"),
        ("params=25_610_205", DIFFERENT, "may count running statistics"),
        ("params=25_557_033", DIFFERENT, "no single layer, block or weight explains it"),
        ("parms=1", TROUBLE, "did you mean 'params'?"),
    ],
)
def test_a_total_from_elsewhere(wanted: str, code: int, said: str, shell: Shell) -> None:
    outcome = shell("diff", "resnet50", wanted)
    assert outcome.code == code
    assert said in outcome.out + outcome.err


def test_a_total_stands_beside_a_chain_and_in_front_of_a_network(shell: Shell) -> None:
    outcome = shell("diff", "-e", "input(3,8,8) -> conv(3,4)", "params=116")
    assert (outcome.code, outcome.err) == (DIFFERENT, "")
    assert "112 parameters; 116 is +4" in outcome.out
    assert shell("diff", "params=25_557_032", "resnet50").code == SAME


@pytest.mark.parametrize(("name", "starts"), [("d.json", "{"), ("d.md", "###"), ("d.txt", "ResNet-18 ->")])
def test_the_suffix_of_the_output_chooses_the_format(name: str, starts: str, shell: Shell, tmp_path: Path) -> None:
    assert shell("diff", *PAIR, "-o", str(tmp_path / name)).code == DIFFERENT
    assert (tmp_path / name).read_text().startswith(starts)
