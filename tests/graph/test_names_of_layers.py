"""Names that are also those of kinds of layers: what is in scope wins where a name stands alone."""

import pytest

from archcalc import load_text

SPEC = """
archcalc: 1
input: {{exp: [3, 8, 8], log: [3, 8, 8]}}
layers:
  - exp -> conv(3, 4) -> sin = relu
  - {second}
  - sub: [sin, prev]
"""


def test_a_bare_name_at_the_start_is_the_value_of_that_name() -> None:
    graph = load_text(SPEC.format(second="log -> conv(3, 4)"))
    assert graph["conv1"].sources == ("exp",)
    assert graph["conv2"].sources == ("log",)
    assert graph["sub1"].sources == ("sin", "conv2")


@pytest.mark.parametrize("second", ["conv(1, 4) -> log", "log()"])
def test_elsewhere_and_with_parentheses_it_is_the_layer(second: str) -> None:
    assert load_text(SPEC.format(second=second))["log1"].layer.name == "log"


def test_a_layer_without_a_name_of_its_own_can_be_named_in_arguments() -> None:
    text = (
        "input: {ids: {shape: [9], dtype: int64, vocab: 20}}\nlayers:\n  - embedding(20, 8) -> linear(8, bias=false)\n"
    )
    graph = load_text(f"archcalc: 1\n{text}  - linear(linear1.channels)\n  - linear(20, bias=false, tie=embedding1)\n")
    assert graph["linear3"].ties == {"weight": "embedding1.weight"}
    assert graph["linear2"].output.channels == 8
