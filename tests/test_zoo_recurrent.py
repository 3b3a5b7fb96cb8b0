"""Recurrent networks: published parameters that no spec holds, and memory of an LSTM on the CPU to the byte."""

import pytest
import torch

from archcalc.builder import build
from archcalc.core.kernel import Run
from archcalc.loading import document_of_chain
from archcalc.measures.params import params
from archcalc.tape import Opaque, tape_of
from tests.footprints import differences

KERAS = {
    "imdb_lstm": ("input(128, 9) -> tokens -> lstm(128, returns=last)", 131_584, 4 * 128),
    "bidirectional_lstm_imdb": ("input(128, 9) -> tokens -> lstm(64, bidirectional=true)", 98_816, 2 * 4 * 64),
}
"""What `model.summary()` of Keras's examples says of their LSTMs, and the numbers of the second bias that torch has."""


@pytest.mark.parametrize(("chain", "published", "second"), KERAS.values(), ids=KERAS)
def test_keras_has_one_bias_and_torch_two(chain: str, published: int, second: int) -> None:
    assert sum(map(params, build(document_of_chain(chain)))) == published + second


@pytest.mark.parametrize("run", [Run(device="cuda"), Run(autocast="bfloat16")], ids=["cuda", "autocast"])
def test_what_is_not_predicted_says_why(run: Run) -> None:
    with pytest.raises(Opaque, match=r"lstm1: not predicted (on a GPU|under autocast): "):
        tape_of(build(document_of_chain(CHAINS[0])), run)


CHAINS = (
    "input(6, 7) -> tokens -> lstm(20, num_layers=2, dropout=0.5) -> fc(9) -> softmax",
    "input(6, 7) -> tokens -> lstm(20, bidirectional=true) -> lstm(8, returns=last) -> fc(3)",
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
