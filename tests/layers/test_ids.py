"""Integer inputs: they have positions and no features; the embedded values have the network's dtype."""

import math

import pytest

from archcalc.closed_forms.formula import closed_form
from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.core.volume import ids
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.measures.receptive_field import receptive_fields, seen_by
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document
from archcalc.verification import verify
from tests.memory.footprints import differences


def document(text: str) -> Document:
    return read_document(Source("<test>", text))


TIED = document("""
archcalc: 1
name: tied
params: {T: 12, vocab: 50, w: 16}
input: {words: {shape: [T], dtype: int64, vocab: vocab}, kinds: {shape: [T], dtype: int32, vocab: 2}}
layers:
  - words -> wte = embedding(vocab, w, padding_idx=1)
  - kinds -> wke = embedding(2, w)
  - both = add: [wte, wke]
  - attention(4) -> fc(16) -> head = fc(vocab, bias=false, tie=wte)
""")

TWICE = document("""
archcalc: 1
input: {source: {shape: [5], dtype: int64, vocab: 9}, target: {shape: [5], dtype: int64, vocab: 9}}
layers:
  - source -> a = embedding(9, 8) -> fc(8) -> class_token -> select(1)
  - target -> b = embedding(9, 8, tie=a) -> select(0)
  - add: [select1, select2]
  - head = fc(9, tie=a, bias=false)
""")


def test_embedded_values_have_the_dtype_of_the_network() -> None:
    graph = build(TIED, batch=2, dtype="bfloat16")
    assert graph.volumes["words"] == ids(12, batch=2)
    assert {node.output.dtype for node in graph} | {graph.dtype} == {"bfloat16"}
    text = generate(graph).text
    assert "Tied().eval().to(torch.bfloat16)" in text
    assert "torch.randint(50, (2, 12), dtype=torch.int64), torch.randint(2, (2, 12), dtype=torch.int32)" in text


def test_receptive_fields_are_in_positions_which_can_be_free() -> None:
    graph = build(TIED)
    fields = receptive_fields(graph)
    assert (fields["both"][0].size, fields["head"][0].size) == (1, 12)
    assert closed_form(with_free(TIED, ["T"]), "macs").total.at(T=12) == sum(node.ops.mac for node in graph)


def test_networks_with_integer_inputs_agree_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """At several sizes of each input. Dye is put into the embedded positions, without a time limit."""
    monkeypatch.setattr("archcalc.verification.field.dye.SECONDS", math.inf)
    rows = verify(TIED, device="cpu", sizes=4).rows
    assert all(row.agrees for row in rows)
    assert any("dye (4 of 4 field borders)" in row.quantity for row in rows), [row.quantity for row in rows]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("spec", [TIED, TWICE])
def test_memory_of_tied_tables(spec: Document, dtype: str) -> None:
    graph = build(spec, batch=2, dtype=dtype)
    for setup in (TrainingSetup(), TrainingSetup(accumulate=True)):
        assert set(differences(graph, setup).values()) == {0}


def test_memory_under_autocast() -> None:
    spec = "archcalc: 1\ninput: {ids: {shape: [7], dtype: int64}}\nlayers: ['embedding(9, 8) -> fc(8) -> layernorm']"
    graph = build(document(spec), batch=2)
    assert set(differences(graph, TrainingSetup(autocast="bfloat16")).values()) == {0}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("fc(3)", "fc cannot compute with integer ids"),
        ("embedding(9, 4) -> embedding(9, 4)", "embedding needs integer inputs, got [7, 4] of float32"),
        ("embedding(9, 4, padding_idx=9)", "padding_idx=9 is outside the 9 embeddings"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused_with_a_message(layers: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        build(document(f"archcalc: 1\ninput: {{ids: {{shape: [7], dtype: int64}}}}\nlayers: ['{layers}']"))
    assert [each.message for each in error.value.diagnostics] == [message]


@pytest.mark.parametrize("layer", ["position_embedding(7)", "position_embedding(50)", "sinusoidal_positions(50)"])
@pytest.mark.parametrize("batch", [1, 2])
def test_tables_with_more_rows_than_tokens(layer: str, batch: int) -> None:
    spec = f"archcalc: 1\ninput: {{ids: {{shape: [7], dtype: int64}}}}\nlayers: ['embedding(9, 8) -> {layer} -> fc(1)']"
    graph = build(document(spec), batch=batch)
    assert set(differences(graph).values()) == {0}
    with pytest.raises(SpecError, match=r"length=\d+, but the sequence has 51 tokens"):
        build(document(spec.replace("[7]", "[51]")))


def test_fields_follow_each_input_through_its_own_windows() -> None:
    """A position covers its own query, and the whole memory: in whichever order the inputs are declared."""
    inputs = "a: {shape: [5], dtype: int64}, b: {shape: [7], dtype: int64}"
    for first, second in ("ab", "ba"):
        layers = f"{first} -> m = embedding(9, 4)', '{second} -> embedding(9, 4) -> it = cross_attention(2, m)"
        seen = seen_by(build(document(f"archcalc: 1\ninput: {{{inputs}}}\nlayers: ['{layers}']")))["it"]
        sizes = {each.input: (each.fields[0].size, each.fields[0].whole) for each in seen}
        assert sizes == {first: ({"a": 5, "b": 7}[first], True), second: (1, False)}
