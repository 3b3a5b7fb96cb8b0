"""Receptive fields where there are several inputs, and behind repeats whose count is free: against the numbers."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc import load, load_text
from archcalc.core.dim import Dim, number_at
from archcalc.core.location import Source
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.measures.receptive_field import receptive_fields, seen_by
from archcalc.spec.document import read_document
from tests.shell import Shell

NETWORK = """
archcalc: 1
input: {{{inputs}}}
layers:
  - x -> wide = conv(7, 8, p3)
  - y -> narrow = conv(3, 8, p1)
  - both = add: [wide, narrow]
  - flat = gap
"""


def sizes(graph: Graph, name: str) -> dict[str, list[Dim]]:
    """The field in every input that reaches a layer."""
    return {seen.input: [axis.size for axis in seen.fields] for seen in seen_by(graph)[graph[name].name]}


@pytest.mark.parametrize("inputs", ["x: [3, 16, 16], y: [3, 16, 16]", "y: [3, 16, 16], x: [3, 16, 16]"])
def test_every_input_has_fields_of_its_own_in_whatever_order_they_are_declared(inputs: str) -> None:
    graph = load_text(NETWORK.format(inputs=inputs))
    assert sizes(graph, "wide") == {"x": [7, 7]}
    assert sizes(graph, "narrow") == {"y": [3, 3]}
    assert sizes(graph, "both") == {"x": [7, 7], "y": [3, 3]}
    assert sizes(graph, "flat") == {"x": [16, 16], "y": [16, 16]}
    assert [axis.size for axis in receptive_fields(graph)["both"]] == [7, 7]


def test_reports_say_which_input_a_field_is_in(shell: Shell, tmp_path: Any) -> None:
    spec = tmp_path / "two.yaml"
    spec.write_text(NETWORK.format(inputs="x: [3, 16, 16], y: [3, 16, 16]"))
    table = shell("report", str(spec), "--columns", "layer,receptive_field").out
    assert [line.split(maxsplit=1) for line in table.splitlines()[5:8]] == [
        ["wide", "7 of x"],
        ["narrow", "3 of y"],
        ["both", "7 of x"],
    ]
    layers = {each["name"]: each for each in json.loads(shell("report", str(spec), "--format", "json").out)["layers"]}
    assert layers["narrow"]["receptive_field"]["input"] == "y"
    assert layers["narrow"]["receptive_field"]["size"] == [3, 3]
    assert [(each["input"], each["size"]) for each in layers["both"]["receptive_fields"]] == [
        ("x", [7, 7]),
        ("y", [3, 3]),
    ]


# --- repeats whose count is free -------------------------------------------------------------------------------------


def test_resnet_50_in_a_free_depth() -> None:
    """He et al. 2015, arXiv:1512.03385, table 1: at depths [3, 4, 6, 3] the field of the last layer is 427."""
    graph = load("resnet50", free=["depths[2]"])
    [field, _] = receptive_fields(graph)[graph["layer4"].name]
    assert str(field.size) == "32·depths_2 + 235"
    assert number_at(field.size, {"depths_2": 6}) == 427


BODIES = (
    "conv(3, 8, p1)",
    "conv(5, 8, p2) -> relu -> conv(3, 8, p1, d1)",
    "conv(3, 8, d2, p2) -> batchnorm -> relu",
    "conv(1, 8) -> identity",
    "conv(2, 8, padding=[[1, 0], [0, 1]])",
    "maxpool(3, 1, p1)",
    "lrn(3)",
    "upsample(2) -> conv(3, 8, s2, p1)",
    "conv(3, 8, s2, p1) -> upconv(4, 8, s2, p1)",
)

FREE = """
archcalc: 1
input: [3, 64, 64]
params: {{n: {n}}}
blocks:
  body():
    - {body}
  residual():
    - add:
        - {body}
        - prev
layers:
  - conv(3, 8, {stem})
  - {kind} * {count}
  - last = conv(3, 8, p1)
"""


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    body=st.sampled_from(BODIES),
    kind=st.sampled_from(["body", "residual"]),
    stem=st.sampled_from(["p1", "p1, s2", "p1, d1"]),
    count=st.sampled_from(["n", "(n - 1)", "(2*n)", "(n + 3)"]),
    n=st.integers(1, 5),
)
def test_a_free_count_gives_what_every_number_gives(body: str, kind: str, stem: str, count: str, n: int) -> None:
    text = FREE.format(body=body, kind=kind, stem=stem, count=count, n=n)
    free, numbers = with_free(read_document(Source("<test>", text)), ["n"]), load_text(text)
    known = receptive_fields(free).get("last")
    if known is None:  # what cannot be said is said to be unknown, never a number
        assert seen_by(free)["last"][0].why
        return
    expected = receptive_fields(numbers)["last"]
    assert [number_at(axis.size, {"n": n}) for axis in known] == [axis.size for axis in expected]
    assert [number_at(axis.start, {"n": n}) for axis in known] == [axis.start for axis in expected]


def test_layers_are_counted_with_their_copies(shell: Shell) -> None:
    """At depths [3, 4, 6, 3] layer3 has 62 layers, at [3, 4, 7, 3] ten more."""
    table = shell("report", "resnet50", "--free", "depths[2]", "--depth", "1", "--columns", "layer,type").out
    assert "10·depths_2 + 2 layers" in table
    assert "10·depths_2 + 114 layers" in table
