"""Recurrent networks: published parameters that specs round, passing states, and memory on the CPU to the byte."""

from typing import Any

import pytest
import torch

from archcalc import load
from archcalc.core.kernel import Run
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.core.volume import flat, tokens
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of, document_of_chain
from archcalc.layer import LAYERS, Reference
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.measures.receptive_field import fields_of
from archcalc.memory.tape import Opaque
from archcalc.memory.taping import tape_of
from archcalc.spec.document import read_document
from tests.memory.footprints import differences
from tests.torch_oracle import applied

KERAS = {
    "imdb_lstm": ("input(128, 9) -> tokens -> lstm(128, returns=last)", 131_584, 4 * 128),
    "bidirectional_lstm_imdb": ("input(128, 9) -> tokens -> lstm(64, bidirectional=true)", 98_816, 2 * 4 * 64),
}
"""The parameters of the LSTMs in `model.summary()` of Keras's examples, and the elements of torch's second bias."""


@pytest.mark.parametrize(("chain", "published", "second"), KERAS.values(), ids=KERAS)
def test_keras_has_one_bias_and_torch_two(chain: str, published: int, second: int) -> None:
    assert sum(map(params, build(document_of_chain(chain)))) == published + second


@pytest.mark.parametrize("run", [Run(device="cuda"), Run(autocast="bfloat16")], ids=["cuda", "autocast"])
def test_unpredicted_memory_gives_the_reason(run: Run) -> None:
    with pytest.raises(Opaque, match=r"lstm1: (on a GPU, |under autocast, )"):
        tape_of(build(document_of_chain(CHAINS[0])), run)


CHAINS = (
    "input(6, 7) -> tokens -> lstm(20, num_layers=2, dropout=0.5) -> fc(9) -> softmax",
    "input(6, 7) -> tokens -> lstm(20, bidirectional=true) -> lstm(8, returns=last) -> fc(3)",
    "input(6, 7) -> tokens -> lstm(20, num_layers=3, bidirectional=true, bias=false) -> fc(3)",
    "input(6, 7) -> tokens -> gru(20, num_layers=2) -> gru(8, bidirectional=true, returns=last) -> fc(3)",
    "input(6, 7) -> tokens -> rnn(20) -> fc(3)",
)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("chain", CHAINS)
def test_memory_is_predicted_to_the_byte(chain: str, batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    found = differences(build(document_of_chain(chain), batch=batch, dtype=dtype))
    assert set(found.values()) == {0}, found


SMALLEST = (
    ("input(2, 3) -> tokens -> rnn(3) -> fc(3)", 3),
    ("input(2, 3) -> tokens -> rnn(5, bias=false) -> fc(3)", 2),
    ("input(2, 3) -> tokens -> rnn(8, bidirectional=true) -> fc(3)", 1),
    ("input(2, 2) -> tokens -> gru(1, bias=false) -> fc(3)", 1),
    ("input(6, 2) -> tokens -> gru(2) -> fc(3)", 3),
    ("input(2, 3) -> tokens -> gru(5) -> fc(3)", 3),
    ("input(6, 3) -> tokens -> gru(8, bidirectional=true) -> fc(3)", 2),
    ("input(2, 3) -> tokens -> lstm(3, num_layers=2, proj_size=1) -> fc(3)", 1),
    ("input(6, 3) -> tokens -> lstm(5, num_layers=2, bias=false, proj_size=2) -> fc(3)", 1),
)
"""Networks so small that the peak is where gradients are added, in the order in which autograd adds and frees them."""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("chain", "batch"), SMALLEST)
def test_memory_of_the_smallest_networks(chain: str, batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    found = differences(build(document_of_chain(chain), batch=batch, dtype=dtype))
    assert set(found.values()) == {0}, found


# --- passing states --------------------------------------------------------------------------------------------------


def test_parameters_of_sequence_to_sequence() -> None:
    """Section 3.4 of the paper: 384M parameters, of which 64M are recurrent connections, 32M per LSTM; torch has two
    biases per layer, and one in the map to the words."""
    graph = load("seq2seq")
    recurrent, words, biases = 8 * 4 * 2 * 1000**2, (160_000 + 80_000 + 80_000) * 1000, 8 * 2 * 4000 + 80_000
    assert (recurrent, recurrent + words) == (64_000_000, 384_000_000)
    assert sum(map(params, graph)) == recurrent + words + biases == 384_144_000
    assert params(graph["encoder"]) == params(graph["decoder"]) == 32_000_000 + 4 * 2 * 4000
    assert macs(graph["encoder"]) == 30 * 32_000_000
    assert graph["encoder"].output == flat(8000)


def test_a_state_depends_on_its_whole_sequence() -> None:
    graph = load("seq2seq")
    source, target = (fields_of(graph, each) for each in graph.inputs)
    assert source["source_vectors"][0].size == 1
    assert {name: source[name][0].size for name in ("encoder", "decoder", "head")} == dict.fromkeys(
        ("encoder", "decoder", "head"), 30
    )
    assert "target_vectors" not in source
    assert target.keys() == {"target_vectors", "decoder", "head"}


HANDED_ON: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lstm", dict(hidden_size=5)),
    ("lstm", dict(hidden_size=5, num_layers=3, bias=False)),
    ("lstm", dict(hidden_size=5, num_layers=2, proj_size=2)),
    ("gru", dict(hidden_size=5, num_layers=2)),
    ("rnn", dict(hidden_size=5, num_layers=2, nonlinearity="relu")),
)


@pytest.mark.parametrize(("kind", "given"), HANDED_ON)
def test_a_sequence_in_two_parts_equals_the_whole_sequence(kind: str, given: dict[str, Any]) -> None:
    """The state after the first part is all that the second part needs."""
    torch.manual_seed(0)
    x = torch.randn(2, 7, 4)
    first, second = x[:, :3], x[:, 3:]
    whole, encoder, decoder = (
        LAYERS[kind](**given, **more) for more in ({}, dict(returns="state"), dict(state=Reference("encoder")))
    )
    state = encoder.shape(tokens(3, 4))
    at_once = applied(whole, (tokens(7, 4),), "cpu")
    before, after = applied(encoder, (tokens(3, 4),), "cpu"), applied(decoder, (tokens(4, 4), state), "cpu")
    for each in (before, after):
        each.load_state_dict(at_once.state_dict())
    torch.testing.assert_close(after(second, before(first)), at_once(x)[:, 3:])


WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    *HANDED_ON,
    ("lstm", dict(hidden_size=3, num_layers=2, bidirectional=True, proj_size=2)),
    ("gru", dict(hidden_size=3, bidirectional=True)),
)


@pytest.mark.parametrize("returns", ["sequence", "last", "state"])
@pytest.mark.parametrize(("kind", "given"), WAYS)
def test_every_number_of_a_state_reaches_every_token(kind: str, given: dict[str, Any], returns: str) -> None:
    """Checked with dye."""
    layer = LAYERS[kind](**given, returns=returns, state=Reference("encoder"))
    features = LAYERS[kind](**given, returns="state").shape(tokens(3, 4)).channels
    made = applied(layer, (tokens(3, 4), flat(features)), "cpu")
    for weight in made.parameters():
        torch.nn.init.uniform_(weight, 0.5, 1.0)
    for i in range(features):
        state = torch.zeros(1, features)
        state[0, i] = torch.nan
        with torch.no_grad():
            reached = made(torch.rand(1, 3, 4), state).isnan()
        assert reached.any(dim=-1).all()


SMALL = dict(S="5", T="4", source_words="30", target_words="20", w="8", depth="2")

PAIRS = {
    "projected": ("lstm", "num_layers=2, proj_size=3"),
    "both ways": ("gru", "num_layers=2, bidirectional=true"),
    "simple": ("rnn", "num_layers=2"),
}

PAIR = """
archcalc: 1
input: {{source: [6, {S}], target: [6, {T}]}}
layers:
  - source -> tokens -> encoder = {kind}({hidden}, {given}, returns=state)
  - target -> tokens -> {kind}({hidden}, {given}, state=encoder) -> fc(3)
"""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch", [1, 3])
def test_memory_of_a_small_sequence_to_sequence(batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    found = differences(build(document_of("seq2seq", Overrides(settings=SMALL)), batch=batch, dtype=dtype))
    assert set(found.values()) == {0}, found


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("sizes", [dict(hidden=8, S=7, T=5), dict(hidden=5, S=3, T=3)])
def test_memory_of_other_pairs(sizes: dict[str, int], pair: str, batch: int) -> None:
    torch.manual_seed(0)
    kind, given = PAIRS[pair]
    document = read_document(Source("pair.yaml", PAIR.format(kind=kind, given=given, **sizes)))
    found = differences(build(document, batch=batch))
    assert set(found.values()) == {0}, found
