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
