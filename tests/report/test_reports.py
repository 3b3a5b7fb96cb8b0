"""Reports: printed numbers add up, nothing is truncated, all formats agree."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measure import MEASURES
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.pages import page  # noqa: F401  its format is one of them
from archcalc.report import formats  # noqa: F401  it makes the formats known
from archcalc.report.formats.table import View, table
from archcalc.report.layout import every_column
from archcalc.report.report import CONVENTIONS, REPORTS, Report, by_type, folded, report_of, sum_of, with_subtotals
from tests.goldens import assert_golden
from tests.networks.zoo import network

NETWORKS = ("alexnet", "googlenet", "resnet50", "vgg16", "lenet5_1998", "two_layer")
TEXTS = [name for name, form in REPORTS.items() if not form.whole]
"""The formats that a person reads as text; tests/pages has the others."""

SMALL = """
archcalc: 1
name: Small
source: "nobody, 2026"
input: [3, 32, 32]
blocks:
  residual(width, stride=1):
    - add:
        - conv(3, width, stride=stride, padding=1, norm=batchnorm, act=relu) -> conv(3, width, p1)
        - conv(1, width, stride=stride)
layers:
  - stem = conv(3, 16, p1, freeze=true)
  - body = residual(16) -> residual(32, stride=2)
  - gap -> fc(10)
"""


def small(convention: str = "macs") -> Report:
    return report_of(load_text(SMALL), convention)


def body(text: str, first_title: str = "Layer") -> list[str]:
    """The lines of a printed table, without its heading and rules."""
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if line.lstrip().startswith(first_title))
    last = next(i for i, line in enumerate(lines) if "total" in line.split())
    return [line for line in lines[first + 1 : last + 1] if not line.startswith("-")]


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def number(text: str) -> int:
    return int(text.replace(",", ""))


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_printed_columns_add_up_to_the_printed_total(name: str) -> None:
    view = View(columns=("layer", "params", "macs", "output_bytes"))
    *layers, total = (cells(line) for line in body(table(report_of(network(name)), view)) if not line.startswith("="))
    for i in (1, 2, 3):
        assert sum(number(line[i]) for line in layers) == number(total[i])


@pytest.mark.parametrize("name", ["googlenet", "resnet50"])
def test_printed_subtotals_are_the_sums_of_the_lines_above_them(name: str) -> None:
    view = View(columns=("layer", "params", "macs", "output_bytes"))
    blocks: dict[str, list[int]] = {}
    subtotals = 0
    for line in body(table(report_of(network(name)), view)):
        first, *numbers = cells(line)
        if first.startswith("= "):
            subtotals += 1
            assert [number(each) for each in numbers] == blocks[first.removeprefix("= ")]
        else:
            sums = blocks.setdefault(first.partition(".")[0], [0, 0, 0])
            blocks[first.partition(".")[0]] = [a + number(b) for a, b in zip(sums, numbers, strict=True)]
    assert subtotals >= 4


@pytest.mark.parametrize("room", [None, 200, 80, 60, 40])
def test_the_table_word_for_word(room: int | None) -> None:
    assert_golden(f"table_{room or 'unlimited'}.txt", table(small(), View(room=room)))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("room", [30, 60, 80, 100, 200])
def test_columns_that_do_not_fit_are_hidden_whole_and_named(name: str, room: int) -> None:
    report = report_of(network(name))
    text, whole = table(report, View(room=room)), table(report, View())
    for narrow, wide in zip(body(text), body(whole), strict=True):
        assert set(cells(narrow)) <= set(cells(wide)), "a cell is the same as in the full table"
        assert len(narrow) <= max(room, len(cells(wide)[0]) + 2)
    gone = set(re.findall(r"columns? hidden: ([\w, ]+);", " ".join(text.split())))
    heads = len(cells(next(line for line in text.split("\n") if line.startswith("Layer"))))
    columns = sum(1 for column in every_column(report).values() if column.rank < 9)
    assert heads == columns - sum(len(each.split(", ")) for each in gone)


def test_of_requested_columns_the_last_are_hidden_first() -> None:
    view = View(columns=("layer", "flops", "scalar", "netscope", "buffers"), room=45)
    text = table(small(), view)
    assert titles(text) == ["Layer", "FLOPs", "Scalar ops"]
    assert "columns hidden: netscope, buffers; widen the terminal or use --columns" in " ".join(text.split())


def test_a_subtotal_is_marked_at_its_name_in_any_column_order() -> None:
    rows = [cells(line) for line in body(table(small(), View(columns=("params", "layer"))), "Params")]
    assert [row for row in rows if "=" in "".join(row)] == [["4,928", "= body"], ["14,464", "= residual1"]]


def test_a_name_cannot_control_the_terminal() -> None:
    graph = load_text('archcalc: 1\nname: "\\e[2J\\nevil"\nsource: "\\a"\ninput: [4]\nlayers: [relu]\n')
    for form in ("table", "markdown"):
        text = REPORTS[form].write(report_of(graph))
        assert text.replace("\n", "").isprintable()
        assert "evil" in text.split("\n")[0]


def test_a_network_without_layers_has_a_table() -> None:
    report = report_of(load_text("archcalc: 1\ninput: [4]\nlayers: [relu * 0]\n"))
    assert cells(body(table(report, View()))[-1]) == ["total", "0 layers", "0", "0", "0"]
    assert all(form.write(report) for form in REPORTS.values())
    trained = report_of(report, footprint=footprint_of(report))
    assert cells(body(table(trained, View()))[-1])[:2] == ["total", "0 layers"]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("depth", [1, 2])
def test_folding_keeps_the_totals(name: str, depth: int) -> None:
    report = report_of(network(name))
    lines = folded(report.lines, depth)
    assert all(line.name.count(".") < depth for line in lines)
    assert sum(line.layers for line in lines) == len(report.lines)
    for measure in MEASURES:
        assert sum_of([line.values[measure] for line in lines]) == report.totals[measure]


def test_lines_of_one_type_are_summed_once() -> None:
    report = report_of(network("resnet50"))
    lines = by_type(report.lines)
    assert [line.name for line in lines][:4] == ["conv", "batchnorm", "relu", "maxpool"]
    assert [line.kind for line in lines][:4] == ["53 layers", "53 layers", "49 layers", "1 layer"]
    assert sum_of([line.values["params"] for line in lines]) == 25_557_032


def test_only_blocks_of_several_layers_have_subtotals() -> None:
    sums = [line.name for line, is_sum in with_subtotals(small().lines) if is_sum]
    assert sums == ["body", "residual1"]


def test_sorting_puts_the_largest_first_and_top_limits_the_number() -> None:
    lines = body(table(report_of(network("alexnet")), View(columns=("layer", "params"), sort="params", top=3)))
    assert [cells(line)[0] for line in lines] == ["fc1", "fc2", "fc3", "total"]


def test_the_leaders_are_the_largest_layers() -> None:
    leaders = report_of(network("alexnet"), "lecture").leaders
    assert {name: line.name for name, (line, _) in leaders.items()} == {
        "params": "fc1",
        "operations": "conv2",
        "output_bytes": "conv1",
    }


# --- JSON ------------------------------------------------------------------------------------------------------------

LAYER_KEYS = [
    "index", "name", "block", "type", "family", "call", "inputs", "input_shapes", "output_shape", "params",
    "trainable_params", "active_params", "buffers", "macs", "flops", "scalar", "operations",
    "kv_cache_bytes_per_token", "kv_cache_bytes", "receptive_field", "output_bytes", "saved_bytes", "line", "column",
]  # fmt: skip
KEYS = [
    "archcalc", "schema", "name", "about", "source", "spec", "text", "variant", "variants", "symbols", "dtype",
    "convention", "inputs", "blocks", "layers", "outputs", "totals", "conditions", "findings",
]  # fmt: skip
TOTAL_KEYS = [
    "params", "trainable_params", "active_params", "buffers", "macs", "flops", "scalar", "operations",
    "kv_cache_bytes_per_token", "kv_cache_bytes", "param_bytes", "saved_bytes",
    "inference_peak_bytes", "training_peak_bytes",
]  # fmt: skip


def as_json(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(REPORTS["json"].write(report))
    return document


@pytest.mark.parametrize("name", NETWORKS)
def test_json_keeps_its_contract(name: str) -> None:
    document = as_json(report_of(network(name)))
    assert list(document) == KEYS
    assert document["schema"] == 1
    assert list(document["totals"]) == TOTAL_KEYS
    for layer in document["layers"]:
        assert list(layer) == LAYER_KEYS
        assert all(type(layer[key]) is int for key in LAYER_KEYS[9:16])
        assert all(type(layer[key]) is int for key in ("output_bytes", "line", "column"))
        assert layer["saved_bytes"] is None, "not requested"
        field = layer["receptive_field"]
        assert field is None or list(field) == ["input", "size", "jump", "start", "global", "aligned"]


@pytest.mark.parametrize("name", NETWORKS)
def test_json_layers_add_up_to_its_totals(name: str) -> None:
    document = as_json(report_of(network(name)))
    for key in TOTAL_KEYS[:7]:
        assert sum(layer[key] for layer in document["layers"]) == document["totals"][key]


@pytest.mark.parametrize("name", NETWORKS)
def test_json_has_whole_numbers_only(name: str) -> None:
    """`json.loads` would read 1e3 and 3.0 as floats: the output has neither, and no boolean for a number."""
    document = as_json(report_of(network(name)))
    assert not [number for number in leaves(document) if isinstance(number, float)]
    assert {type(value) for value in document["totals"].values()} <= {int, type(None)}


def leaves(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    yield from [value] if inner is None else (leaf for each in inner for leaf in leaves(each))


@pytest.mark.parametrize("name", NETWORKS)
def test_json_has_the_order_and_the_connections_of_the_network(name: str) -> None:
    graph = network(name)
    document = as_json(report_of(graph))
    assert [layer["name"] for layer in document["layers"]] == [node.name for node in graph]
    shapes = {each["name"]: each["shape"] for each in document["inputs"]}
    for layer in document["layers"]:
        assert layer["input_shapes"] == [shapes[source] for source in layer["inputs"]]
        shapes[layer["name"]] = layer["output_shape"]
    assert set(document["outputs"]) <= shapes.keys()


def test_json_has_the_location_and_the_receptive_field_of_a_layer() -> None:
    [stem, *_] = as_json(small())["layers"]
    assert (stem["line"], stem["column"]) == (12, 12)
    assert stem["receptive_field"] == {
        "input": "input",
        "size": [3, 3], "jump": [1, 1], "start": [-1, -1], "global": False, "aligned": True,
    }  # fmt: skip
    assert (stem["params"], stem["trainable_params"]) == (448, 0)
    assert stem["inputs"] == ["input"]


def test_json_has_the_blocks_of_layers_and_the_calls_of_both() -> None:
    document = as_json(small())
    assert document["blocks"] == [
        {"name": "body", "block": "residual", "call": "residual(width=16, stride=1)"},
        {"name": "residual1", "block": "residual", "call": "residual(width=32, stride=2)"},
    ]
    assert {layer["block"] for layer in document["layers"]} == {"", "body", "residual1"}
    assert [layer["index"] for layer in document["layers"]] == list(range(len(document["layers"])))
    stem = document["layers"][0]
    assert stem["call"] == "conv(kernel_size=3, out_channels=16, padding=1, freeze=true)"
    assert stem["family"] == "Convolution"
    assert document["text"] == SMALL


@pytest.mark.parametrize(
    ("name", "optimizer"), [("lenet5", "adamw"), ("vgg16", "sgd(0.1)"), ("unet", "adamw"), ("unet", "sgd(0.1)")]
)
def test_the_parts_of_the_peak_of_an_iteration_add_up_to_it(name: str, optimizer: str) -> None:
    setup = TrainingSetup(optimizer=read_optimizer(optimizer, ""))
    found = footprint_of(network(name), setup, with_timeline=True)
    assert sum(found.iteration_parts.values()) == found.iteration
    assert min(found.iteration_parts.values()) >= 0
    assert 0 < found.iteration_parts["weight_gradients"] <= found.gradients


def test_a_fractional_jump_is_a_string() -> None:
    graph = load_text("archcalc: 1\ninput: [3, 8, 8]\nlayers: [upsample(2)]\n")
    [layer] = as_json(report_of(graph))["layers"]
    assert layer["receptive_field"]["jump"] == ["1/2", "1/2"]


# --- every format ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_names_every_layer_in_order_and_ends_its_last_line(form: str, name: str) -> None:
    graph = network(name)
    text = REPORTS[form].write(report_of(graph)).replace("\\_", "_")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    place = -1
    for node in graph:
        place = text.index(node.name, place + 1)


@pytest.mark.parametrize("form", TEXTS)
def test_every_format_word_for_word(form: str) -> None:
    assert_golden(f"small.{form}", REPORTS[form].write(small("lecture")))


def rows_of_csv(graph: Graph) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(REPORTS["csv"].write(report_of(graph)))))


@pytest.mark.parametrize("name", NETWORKS)
def test_csv_has_every_measure_of_every_layer(name: str) -> None:
    graph = network(name)
    rows = rows_of_csv(graph)
    assert [row["name"] for row in rows] == [node.name for node in graph]
    for measure in MEASURES.values():
        assert sum(int(row[measure.name]) for row in rows) == measure.total(graph)


def rows_of_markdown(graph: Graph) -> list[list[str]]:
    lines = REPORTS["markdown"].write(report_of(graph)).split("\n")
    return [line.strip("|").split("|") for line in lines if line.startswith("|")]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_markdown_table_has_the_same_cells_in_every_row(name: str) -> None:
    rows = rows_of_markdown(network(name))
    assert len({len(row) for row in rows}) == 1
    assert {cell.strip() for cell in rows[1]} == {"---", "---:"}
    assert len(rows) == 2 + len(network(name).nodes) + 1


@pytest.mark.parametrize("name", NETWORKS)
def test_the_columns_of_a_markdown_table_add_up(name: str) -> None:
    head, _, *layers, total = rows_of_markdown(network(name))
    summed = [i for i, title in enumerate(head) if title.strip() in ("Params", "MACs", "Output bytes")]
    assert len(summed) == 3
    for i in summed:
        assert sum(number(row[i]) for row in layers) == number(total[i].replace("*", ""))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_convention_selects_the_column_of_arithmetic(convention: str) -> None:
    report = small(convention)
    title = MEASURES[report.arithmetic].title
    assert title in table(report, View())
    assert sum(1 for each in titles(table(report, View())) if each == title) == 1


def titles(text: str) -> Sequence[str]:
    return cells(next(line for line in text.split("\n") if line.startswith("Layer")))
