"""Tensors whose axes have no meaning: what takes them, what refuses them and how to go on, and other dtypes."""

import pytest

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.loading import load_text
from archcalc.report.formats.json import document_of
from archcalc.report.report import report_of
from archcalc.spec.document import one_liner, read_document
from archcalc.verification import verify

NETWORK = """
archcalc: 1
input:
  x: {shape: [4, 5, 6], plain: true}
  y: {shape: [5, 6], plain: true}
  m: {shape: [5], dtype: int64, vocab: 2}
layers:
  - add: [x, y]
  - linear(8) -> relu -> layernorm
  - z = rearrange("b n t c -> b (n t) c")
  - {concat: [z, z], axis: 1}
  - pad([[2, 1]], axis=1)
  - softmax(1) -> reduce(mean, [2], keep=true)
  - rearrange("b t c -> b t c", last) -> linear(8) -> t = slice(0, 5, axis=length)
  - m -> cast(float) -> k = rearrange("b t -> b t 1", last)
  - mul: [t, k]
  - attention(2)
"""


@pytest.mark.parametrize("batch", [1, 3])
def test_layers_that_need_no_meaning_take_plain_tensors(batch: int) -> None:
    """Shapes, MACs, closed forms, fields by dye, and memory to the byte."""
    certificate = verify(read_document(Source("plain.yaml", NETWORK)), batch=batch, device="cpu", sizes=4)
    assert [row for row in certificate.rows if row.agrees is False] == []
    assert any(row.quantity == "training peak, bytes" for row in certificate.rows)


AFTERWARDS = 'if its last axis is that of the features, write rearrange("b c d e -> b c d e", last)'


@pytest.mark.parametrize("call", ["conv(3, 4)", "tokens", "batchnorm", "maxpool(2)", "attention(2)", "gap", "lstm(4)"])
def test_layers_that_need_to_know_what_axes_mean_refuse_and_say_how_to_go_on(call: str) -> None:
    with pytest.raises(SpecError) as raised:
        load_text(f"archcalc: 1\ninput: {{x: {{shape: [4, 5, 6], plain: true}}}}\nlayers: relu -> {call}\n")
    (found,) = raised.value.diagnostics
    word = call.partition("(")[0]
    assert found.message == f"{word} needs to know what the axes of [4, 5, 6] mean: it is a plain tensor"
    assert found.help.startswith(AFTERWARDS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("softmax", "softmax has axis=channels; the axes of [4, 5, 6] are 1 to 3"),
        ("slice(0, 2)", "slice has axis=channels; the axes of [4, 5, 6] are 1 to 3"),
        ("slice(0, 2, axis=length)", "slice has axis=length; the axes of [4, 5, 6] are 1 to 3"),
        ("pad(1)", "the axes of [4, 5, 6] have no meaning: pad needs the number of one, axis=1 to 3"),
        ("reduce(mean)", "the axes of [4, 5, 6] have no meaning: name them, reduce(mean, [1])"),
        ("cast(float)", "cast(float) changes nothing: [4, 5, 6] is float32"),
    ],
)
def test_axes_without_a_meaning_have_numbers_and_no_names(call: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        load_text(f"archcalc: 1\ninput: {{x: {{shape: [4, 5, 6], plain: true}}}}\nlayers: relu -> {call}\n")
    assert raised.value.diagnostics[0].message == message


@pytest.mark.parametrize(
    ("chain", "plain"),
    [
        ("relu", True),
        ("linear(3)", True),
        ('rearrange("b n c -> b c n")', True),
        ('rearrange("b n c -> b c n", last)', False),
        ("take(0, 1)", True),
        ("learned([5, 6], op=add)", True),
        ("learned([5, 6])", False),
    ],
)
def test_what_comes_out_is_plain_until_a_layer_says_what_its_features_are(chain: str, plain: bool) -> None:
    graph = load_text(f"archcalc: 1\ninput: {{x: {{shape: [5, 6], plain: true}}}}\nlayers:\n  - x -> relu -> {chain}\n")
    assert graph.nodes[-1].output.plain is plain


def test_where_a_plain_tensor_meets_axes_that_have_a_meaning_it_takes_theirs() -> None:
    given = "{x: [3, 4, 5], y: {shape: [4, 1], plain: true}}"
    graph = load_text(f"archcalc: 1\ninput: {given}\nlayers:\n  - add: [x, y]\n  - conv(3, 2)\n")
    assert not graph["add1"].output.plain
    assert str(graph["add1"].output) == "[3, 4, 5]"


def test_the_report_says_which_values_are_plain_and_which_are_shared() -> None:
    graph = load_text('archcalc: 1\ninput: {x: {shape: [5, 6], plain: true}}\nlayers:\n  - mul: [x, "constant(2)"]\n')
    written = document_of(report_of(graph))
    assert written["inputs"][0] == {"name": "x", "shape": [5, 6], "plain": True}
    assert [(layer.get("plain"), layer.get("shared")) for layer in written["layers"]] == [(None, True), (True, None)]


def test_a_network_in_one_line_takes_a_plain_tensor() -> None:
    document = one_liner("input(20, 16, plain=true) -> linear(3)")
    assert document.inputs[0].plain
