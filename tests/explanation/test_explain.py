"""Explanations: the text of derivations, and checks that every number and formula is true. Most tests name no layer."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from archcalc import layers  # noqa: F401  every file in it registers itself
from archcalc.core.field import Field
from archcalc.core.volume import Volume
from archcalc.core.window import TransposedWindow, Window
from archcalc.explanation.derivation import Step, Table
from archcalc.explanation.explanation import Explanation, UnknownLayer, explain
from archcalc.explanation.text import WIDTH, as_text
from archcalc.explanation.toeplitz import Matrix, matrix, nonzeros, transpose
from archcalc.graph.graph import Graph, Input, Node
from archcalc.graph.loading import load, load_text
from archcalc.layer import LAYERS, Example, Layer
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import fields_of, of_input, spatial_inputs
from archcalc.report.report import report_of
from tests.goldens import assert_golden
from tests.networks.zoo import each, network, references
from tests.shell import Shell

MEASURED = {
    "params": "params",
    "trainable": "trainable_params",
    "buffers": "buffers",
    "MACs": "macs",
    "FLOPs": "flops",
    "scalar ops": "scalar",
    "operations": "operations",
    "output": "output_bytes",
    "parameters": "param_bytes",
}
"""The measures by the names of their steps."""


REFERENCES = list(references())


# --- printed formulas are evaluated again ----------------------------------------------------------------------------

TIMES = "\N{MULTIPLICATION SIGN}"
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SIGNS = {"·": "*", TIMES: "*", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "'": "_prime"}


def worked_out(text: str, symbols: Mapping[str, Any]) -> Any:
    """The exact value of a printed formula, evaluated by Python alone."""
    for name in sorted((symbol for symbol in symbols if "." in symbol), key=len, reverse=True):
        text = text.replace(name, name.replace(".", "_"))
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"**{found.group().translate(RAISED)}", text)
    text = re.sub(r"(?<!\w)(\d+)(?!\w)", r"Exact(\1)", "".join(SIGNS.get(sign, sign) for sign in text))
    text = re.sub(r"(?<=[a-z_])\.(?=[a-z_])", "_", text)
    names = {name.replace("'", "_prime").replace(".", "_"): Fraction(n) for name, n in symbols.items()}
    known = {"floor": math.floor, "ceil": math.ceil, "max": max, "min": min, "sqrt": math.sqrt, "Exact": Fraction}
    return eval(text, {"__builtins__": {}}, {**known, **names})


def test_printed_formulas_are_evaluated_correctly() -> None:
    assert worked_out("⌊(n + 2·p - 3)/s⌋ + 1", {"n": 7, "p": 1, "s": 2}) == 4
    assert worked_out("6·28·28·(96/2)·5·5 - 1,200", {}) == 6 * 28 * 28 * 48 * 25 - 1200
    assert worked_out(f"C_1 {TIMES} k²·H'", {"C_1": 3, "k": 5, "H'": 2}) == 150
    assert worked_out("⌈⌊7/2⌋/2⌉", {}) == 2


def steps(made: Explanation) -> Iterator[tuple[str, Step]]:
    """Every step with a result, and the title of its section."""
    for section in made.sections:
        yield from (
            (section.title, part) for part in section.parts if isinstance(part, Step) and part.result is not None
        )


def close(a: Any, b: Any) -> bool:
    return math.isclose(a, b, rel_tol=1e-12) if isinstance(a, float) or isinstance(b, float) else bool(a == b)


def check(made: Explanation, node: Node, fields: Sequence[Field]) -> None:
    """Checks that every step is true, and that results equal the measures; `fields`: those of the node."""
    for title, step in steps(made):
        if step.formula:
            assert close(worked_out(step.formula, step.symbols), step.result), (made.name, step)
        if step.numbers:
            assert close(worked_out(step.numbers, {}), step.result), (made.name, step)
        if step.name in MEASURED and title != "As a matrix":
            assert step.result == MEASURES[MEASURED[step.name]].of(node), (made.name, step)
    if node.layer.measured:
        found = {step.name: step.result for _, step in steps(made)}
        assert found == {MEASURES[name].title: MEASURES[name].of(node) for name in ("params", "macs")}
        return
    check_sizes(made, node)
    check_field(made, fields)
    check_layout(made)


def check_sizes(made: Explanation, node: Node) -> None:
    found = {step.name: step.result for title, step in steps(made) if title == "Output size"}
    assert found["channels"] == node.output.channels
    for axis, n in zip({1: "T", 2: "HW", 3: "DHW"}.get(node.output.rank, ""), node.output.spatial, strict=True):
        assert found.get(f"{axis}'", n) == n


def check_field(made: Explanation, fields: Sequence[Field]) -> None:
    """Checks that the recurrence ends in the measured field of an axis."""
    found = [step for title, step in steps(made) if title == "Receptive field"]
    for name, read in (("r'", "size"), ("j'", "jump"), ("start'", "start"), ("size", "size"), ("jump", "jump")):
        results = [step.result for step in found if step.name == name]
        known = list(dict.fromkeys(getattr(field, read) for field in fields))
        assert set(results) <= set(known), (made.name, name)


def check_layout(made: Explanation) -> None:
    """Checks that no line is too long, except those with a name and the heading above one, nor has trailing spaces."""
    lines = as_text(made).splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        assert line == line.rstrip()
        assert len(line) <= WIDTH or len(max(f"{line} {below}".split(), key=len)) > WIDTH // 3, line


# --- the zoo ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", each(REFERENCES))
def test_every_layer_of_the_zoo_is_explained_and_every_step_is_true(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, seen = network(reference), set()
    fields = {seed.name: of_input(graph, seed) for seed in spatial_inputs(graph)}  # the same for every layer
    monkeypatch.setattr("archcalc.explanation.derivation.of_input", lambda _, seed: fields[seed.name])
    for node in graph:
        kind = (node.layer, node.inputs)
        if kind not in seen:  # networks repeat layers
            seen.add(kind)
            made = explain(graph, node.name)
            known = [each[node.name].fields for each in fields.values() if node.name in each]
            check(made, node, [axis for axes in known for axis in axes])
            for _, step in steps(made):  # every computed number has a formula, but for sums of very many inputs
                assert step.formula or MEASURED.get(step.name) in SUMS or len(node.inputs) > 16, (node.name, step)


SUMS = {None, "params", "trainable_params", "buffers"}
"""Steps that may have no formula: sums of one term or none, and steps that are not measures."""


@pytest.mark.parametrize("reference", each(REFERENCES))
def test_a_block_is_the_sum_of_its_layers(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = network(reference)
    report = report_of(graph)  # of which every block shows its own lines
    monkeypatch.setattr("archcalc.explanation.explanation.report_of", lambda _: report)
    prefixes = {node.name.rpartition(".")[0] for node in graph if "." in node.name}
    for prefix in sorted(prefixes):
        made = explain(graph, prefix)
        inside = [node for node in graph if node.name.startswith(f"{prefix}.")]
        found = {step.name: step for _, step in steps(made)}
        assert found["Params"].result == sum(MEASURES["params"].of(node) for node in inside)
        assert found["MACs"].result == sum(MEASURES["macs"].of(node) for node in inside)
        assert all(not step.numbers or worked_out(step.numbers, {}) == step.result for step in found.values())
        check_layout(made)


# --- every layer, by its examples ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    kind: str
    example: Example


CASES = [
    pytest.param(Case(kind, example), id=f"{kind}-{i}")
    for kind, layer in LAYERS.items()
    for i, example in enumerate(layer.examples)
]


def alone(layer: Layer, xs: tuple[Volume, ...]) -> Graph:
    """A network of one layer."""
    inputs = tuple(Input(f"x{i}", x) for i, x in enumerate(xs))
    node = Node("it", layer, tuple(each.name for each in inputs), xs, (layer.shape(*xs),), "it")
    return Graph("alone", inputs, (node,), ("it",))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, 3])
def test_every_example_is_explained_and_every_step_is_true(case: Case, batch: int) -> None:
    xs = tuple(replace(x, batch=batch) for x in case.example.xs)
    graph = alone(LAYERS[case.kind](**case.example.given), xs)
    fields = [axis for seed in spatial_inputs(graph) for axis in fields_of(graph, seed).get("it", ())]
    check(explain(graph, "it"), graph.nodes[0], fields)


@pytest.mark.parametrize("case", CASES)
def test_formulas_hold_at_other_sizes(case: Case) -> None:
    """A formula derived at one size, evaluated at another, equals the value derived there."""
    layer = LAYERS[case.kind](**case.example.given)
    here = named(explain(alone(layer, case.example.xs), "it"))
    for more in (1, 2, 5, 8):
        xs = tuple(x.to(spatial=tuple(n + more for n in x.spatial)) for x in case.example.xs)
        if not all(holds is True for holds, _ in layer.requires(*xs)):
            continue
        for key, step in named(explain(alone(layer, xs), "it")).items():
            if key in here and here[key].formula and here[key].symbols.keys() == step.symbols.keys():
                assert close(worked_out(here[key].formula, step.symbols), step.result), (more, here[key], step)


def named(made: Explanation) -> dict[tuple[str, str], Step]:
    """The steps by section and name; names that occur twice are left out."""
    found = [(title, step.name) for title, step in steps(made)]
    return {(title, step.name): step for title, step in steps(made) if found.count((title, step.name)) == 1}


# --- matrices --------------------------------------------------------------------------------------------------------


@st.composite
def windows(draw: st.DrawFn, transposed: bool = False) -> Any:
    kernel, stride, dilation = (draw(st.integers(1, most)) for most in (4, 3, 3))
    extent = dilation * (kernel - 1) + 1
    padding = draw(st.integers(0, extent - 1))
    if transposed:
        more = draw(st.integers(0, max(stride, dilation) - 1))
        return TransposedWindow(kernel, stride, padding, padding, dilation, more)
    return Window(kernel, stride, padding, padding, dilation)


def filled(entries: Matrix, weights: torch.Tensor) -> torch.Tensor:
    """The matrix with the weights of the filter in place of tap indices."""
    flat = weights.flatten().tolist()
    rows = [[0.0 if tap is None else flat[tap] for tap in row] for row in entries]
    return torch.tensor(rows, dtype=torch.float64)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), rank=st.integers(1, 2), transposed=st.booleans())
def test_a_layer_is_the_product_with_its_matrix(data: st.DataObject, rank: int, transposed: bool) -> None:
    """Compared with torch, for stride, padding, dilation and output padding."""
    drawn = tuple(data.draw(windows(transposed)) for _ in range(rank))
    spatial = tuple(data.draw(st.integers(1, 6)) for _ in range(rank))
    if any(window.slide(n) < 1 for window, n in zip(drawn, spatial, strict=True)):
        return
    x, w = random(*spatial), random(*(window.kernel for window in drawn))
    common: dict[str, Any] = dict(
        stride=[window.stride for window in drawn],
        padding=[window.begin for window in drawn],
        dilation=[window.dilation for window in drawn],
    )
    if transposed:
        call = {1: F.conv_transpose1d, 2: F.conv_transpose2d}[rank]
        y = call(x[None, None], w[None, None], output_padding=[window.output_padding for window in drawn], **common)
    else:
        y = {1: F.conv1d, 2: F.conv2d}[rank](x[None, None], w[None, None], **common)
    entries = matrix(drawn, spatial)
    torch.testing.assert_close(filled(entries, w) @ x.flatten(), y.flatten())
    assert sum(tap is not None for row in entries for tap in row) == nonzeros(drawn, spatial)


@settings(max_examples=80, deadline=None)
@given(window=windows(), n=st.integers(1, 9))
def test_transposed_convolution_is_the_product_with_the_transpose(window: Window, n: int) -> None:
    """Compared with torch: the transpose of a convolution's W is the transposed convolution, back to the input size."""
    if window.slide(n) < 1:
        return
    y, w = random(window.slide(n)), random(window.kernel)
    rest = (n + 2 * window.begin - window.extent) % window.stride
    back = F.conv_transpose1d(
        y[None, None], w[None, None], None, window.stride, window.begin, rest, dilation=window.dilation
    )
    torch.testing.assert_close(filled(transpose(matrix((window,), (n,))), w) @ y, back.flatten())


# --- word for word ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "layer"),
    [
        ("lenet5", "conv1"),
        ("lenet5", "avg1"),
        ("lenet5", "fc1"),
        ("lenet5_1998", "C3"),
        ("lenet5_1998", "OUTPUT"),
        ("alexnet", "conv2"),
        ("alexnet", "norm1"),
        ("resnet50", "stem"),
        ("resnet50", "batchnorm1"),
        ("resnet50", "layer1.0.add1"),
        ("resnet50", "layer2"),
        ("resnet50", "gap1"),
        ("googlenet", "i3a"),
        ("googlenet", "i3a.concat1"),
    ],
)
def test_layers_of_known_networks_word_for_word(spec: str, layer: str, shell: Shell) -> None:
    output = shell("explain", spec, layer)
    assert (output.code, output.err) == (0, "")
    assert_golden(f"explain_{spec}_{layer.replace('.', '_')}.txt", output.out)


@pytest.mark.parametrize(
    ("name", "chain", "layer"),
    [
        ("row", "input(1, 5) -> conv(3, 1)", "conv1"),
        ("strided", "input(2, 8) -> conv(3, 4, s2, p1, d2)", "conv1"),
        ("image", "input(1, 4, 4) -> conv(3, 1)", "conv1"),
        ("transposed", "input(1, 4) -> upconv(3, 1, s2, p1, output_padding=1)", "upconv1"),
        ("transposed_image", "input(16, 14, 14) -> upconv(4, 8, s2, p1)", "upconv1"),
        ("ceil", "input(3, 12, 17) -> maxpool(3, 2, ceil_mode=true)", "maxpool1"),
        ("same_upper", "input(3, 15, 14) -> conv(3, 8, s2, padding=same_upper)", "conv1"),
        ("upsample", "input(3, 8, 8) -> conv(3, 4, p1) -> upsample(2, mode=bilinear)", "upsample1"),
        ("adaptive", "input(3, 13, 13) -> adaptive_avgpool(6)", "adaptive_avgpool1"),
        ("dropped", "input(3, 7, 7) -> pool(2)", "pool1"),
        ("cropped", "input(3, 7, 7) -> crop(border=[[1, 2], 1])", "crop1"),
        ("frozen", "input(8) -> fc(4, freeze=true)", "fc1"),
        ("again", "input(8) -> a = fc(8) -> relu -> b = a()", "b"),
        ("no_positions", "input(8) -> softmax", "softmax1"),
    ],
)
def test_layers_of_one_line_word_for_word(name: str, chain: str, layer: str, shell: Shell) -> None:
    output = shell("explain", "-e", chain, layer)
    assert (output.code, output.err) == (0, "")
    assert_golden(f"explain_{name}.txt", output.out)


def test_batch_and_dtype_are_shown(shell: Shell) -> None:
    out = shell("explain", "lenet5", "conv1", "--batch", "8", "--dtype", "float16").out
    assert "output = 2·N·C_out·H'·W' = 2·8·6·28·28 = 75,264 bytes" in out
    assert "a batch of N = 8, float16: 2 bytes per element" in out


def test_a_parameter_is_set(shell: Shell) -> None:
    assert "channels = out_features = 7" in shell("explain", "lenet5", "rbf1", "--set", "classes=7").out


def test_json_holds_every_step(shell: Shell) -> None:
    output = json.loads(shell("explain", "lenet5", "conv1", "--format", "json").out)
    [arithmetic] = [section for section in output["sections"] if section["title"] == "Arithmetic"]
    macs = arithmetic["parts"][0]
    assert (macs["name"], macs["formula"], macs["result"]) == ("MACs", "C_out·H'·W'·C_in·k²", 117_600)
    assert macs["symbols"] == {"C_out": 6, "H'": 28, "W'": 28, "C_in": 1, "k": 5}


def test_json_of_a_fraction_is_its_text(shell: Shell) -> None:
    output = shell("explain", "-e", "input(1, 4, 4) -> upsample(2)", "upsample1", "--format", "json")
    assert '"result": "1/2"' in output.out


def test_a_code_is_still_explained(shell: Shell) -> None:
    assert shell("explain", "ac201").out.startswith("AC201: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet50", "layer1.0.con2"], "ResNet-50 has no layer 'layer1.0.con2'; did you mean 'layer1.0.conv2'?"),
        (["lenet5", "input"], "that is an input"),
        (["lenet5", "quux"], "`archcalc report` lists them"),
        (["lenet5"], "a layer is missing: archcalc explain lenet5 LAYER"),
        (["AC999"], "unknown diagnostic code 'AC999'"),
        ([], "explain needs a SPEC and a LAYER"),
        (["lenet5", "alexnet", "conv1"], "explain needs a SPEC and a LAYER"),
        (["-e", "input(4) -> fc(2)"], "explain needs a SPEC and a LAYER"),
        (["lenet5", "conv1", "--free", "H"], "explain has no option --free"),
    ],
)
def test_usage_errors_say_what_to_write(arguments: list[str], message: str, shell: Shell) -> None:
    output = shell("explain", *arguments)
    assert (output.code, output.out) == (2, "")
    assert message in " ".join(output.err.split())


def test_from_python() -> None:
    made = explain(load("lenet5"), "conv1")
    assert (made.call, made.output) == ("conv(kernel_size=5, out_channels=6)", "[6, 28, 28]")
    with pytest.raises(UnknownLayer, match="did you mean 'conv1'"):
        explain(load("lenet5"), "conf1")


def test_a_merge_of_unrelated_inputs_is_described_as_such() -> None:
    graph = load_text("archcalc: 1\nname: two\ninput: {a: [4], b: [4]}\nlayers:\n  - add: [a, b]\n")
    assert "they have no layer or input in common" in as_text(explain(graph, "add1"))


def test_tables_have_as_many_cells_as_headings() -> None:
    for section in explain(network("googlenet"), "i3a.concat1").sections:
        for part in section.parts:
            if isinstance(part, Table) and part.columns:
                assert {len(row) for row in part.rows} == {len(part.columns)}
