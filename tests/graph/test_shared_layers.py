"""Layers and blocks that are passed into blocks and called there, and graphs that are whole whatever is passed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archcalc.codegen import generate
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.graph.wholeness import assert_whole, faults
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.spec.document import read_document
from archcalc.verification import verify

BLOCKS = """
blocks:
  step(g):
    - g() -> relu
  twice(g):
    - step(g) -> tanh -> step(g)
  pair(g):
    - step(g) -> step(g)
  tower:
    - a = fc(64)
    - relu
    - fc(64)
  member(g):
    - g.a() -> relu
  residual(g):
    - add: [[g(), tanh], prev]
  tied(g):
    - fc(64, tie=g)
"""


def text(layers: str, outputs: str = "") -> str:
    return f"archcalc: 1\nname: It\ninput: [64]\n{BLOCKS}layers:\n{layers}\n{outputs}"


def modules(g: Graph) -> list[str]:
    """The modules that the layers run, in order."""
    return [node.module for node in g]


def test_a_layer_that_is_passed_in_runs_there_with_its_own_weights() -> None:
    """Counted by hand: 64 * 64 + 64 weights once, and 64 * 3 + 3; 2 * 64 * 64 + 64 * 3 multiplications."""
    g = load_text(text("  - shared = fc(64)\n  - step(shared)\n  - fc(3)"))
    assert [node.name for node in g] == ["shared", "step1.g_1", "step1.relu1", "fc1"]
    assert modules(g) == ["shared", "shared", "step1.relu1", "fc1"]
    assert sum(map(params, g)) == 4_355
    assert sum(map(macs, g)) == 8_384
    assert g.outputs == ("fc1",)


PASSED = {
    "a layer, twice": "  - shared = fc(64)\n  - step(shared) -> step(shared)",
    "a layer to a repeat": "  - tanh\n  - shared = fc(64)\n  - c = residual(shared) * 3\n  - fc(3)",
    "a layer through two levels": "  - shared = fc(64)\n  - twice(shared) -> fc(3)",
    "two layers to blocks of one class": "  - first = fc(64)\n  - second = fc(64)\n  - step(first) -> step(second)",
    "a layer to a chain of blocks": "  - tanh\n  - shared = fc(64)\n  - pair(shared) -> fc(300)",
    "a block": "  - t = tower\n  - step(t) -> step(t)",
    "a block through two levels": "  - t = tower\n  - pair(t) -> twice(t)",
    "a layer of a block": "  - t = tower\n  - step(t.a) -> fc(3)",
    "a layer by its name in the block that is passed": "  - t = tower\n  - member(t) -> fc(3)",
    "a block that was passed something": "  - shared = fc(64)\n  - s = step(shared)\n  - q = step(s)\n  - step(q)",
    "a layer with its activation": "  - shared = fc(64, act=relu)\n  - step(shared) -> tied(shared)",
    "a layer that a repeat runs again": "  - shared = fc(64)\n  - tanh\n  - c = shared() * 3\n  - fc(3)",
    "a layer to a block that runs again": "  - shared = fc(64)\n  - s = step(shared)\n  - tanh -> s() -> s()",
}


@pytest.mark.parametrize("layers", PASSED.values(), ids=PASSED)
def test_what_is_passed_is_run_by_generated_source_as_predicted(layers: str) -> None:
    certificate = verify(read_document(Source("<test>", text(layers))), device="cpu", sizes=0)
    assert certificate.rows
    assert [row for row in certificate.rows if row.agrees is False] == []


def test_a_module_that_is_passed_is_an_argument_by_its_name_in_the_spec() -> None:
    source = generate(load_text(text(PASSED["two layers to blocks of one class"]))).text
    assert source.count("class Step") == 1
    assert "def forward(self, x: Tensor, g: nn.Module) -> Tensor:\n        x = g(x)" in source
    assert "x = self.step1(x, self.first)" in source
    assert "return self.step2(x, self.second)" in source


def reported(layers: str) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        load_text(text(layers))
    return [(found.code, found.message) for found in caught.value.diagnostics]


def test_a_value_that_is_passed_cannot_run() -> None:
    assert reported("  - step(input)") == [("AC129", "g is a value, not a layer, and cannot run again")]


def test_a_layer_that_does_not_fit_where_it_is_passed_is_reported() -> None:
    assert reported("  - shared = fc(64)\n  - fc(3) -> step(shared)") == [
        ("AC206", "shared has weights for [64] and cannot run again on [3]")
    ]


def test_blocks_that_pass_each_other_on_are_bounded() -> None:
    layers = "\n".join(f"  - n{i} = step({f'n{i - 1}' if i else 'shared'})" for i in range(60))
    codes = [code for code, _ in reported(f"  - shared = fc(64)\n{layers}")]
    assert codes == ["AC131"]


def test_nothing_is_reported_of_the_layers_of_a_block_that_could_not_be_made() -> None:
    layers = "  - fc(64, zzz=1)\n  - t = tower\n  - {relu: , from: t.a}\n  - fc(64, tie=t.a)\n  - step(t)"
    assert [code for code, _ in reported(layers)] == ["AC120"]


def test_nothing_is_reported_of_the_names_of_a_choice_that_could_not_be_made() -> None:
    layers = "  - a -> b = fc(8) if widht > 3 else c = fc(8)\n  - b -> fc(3)\n  - add: [c, prev]"
    assert [code for code, _ in reported(layers)] == ["AC110"]


# --- whole ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_hole_is_found() -> None:
    g = load_text(text("  - s = tower\n  - step(s)"))
    assert_whole(g)
    last = g.nodes[-1]
    scopes = {**g.scopes, "s": replace(g.scopes["s"], output="gone"), "step1": replace(g.scopes["step1"], module="m")}
    holes = {
        "s.fc1": replace(g, nodes=tuple(node for node in g if node.name != "s.fc1")),
        "'later'": replace(g, nodes=(*g.nodes[:-1], replace(last, sources=("later",)))),
        "'owner'": replace(g, nodes=(*g.nodes[:-1], replace(last, module="owner"))),
        "'other.weight'": replace(g, nodes=(*g.nodes[:-1], replace(last, ties={"weight": "other.weight"}))),
        "no outputs": replace(g, outputs=()),
        "'nope'": replace(g, outputs=("nope",)),
        "'gone'": replace(g, scopes=scopes),
        "'m'": replace(g, scopes=scopes),
    }
    for named, broken in holes.items():
        assert any(named in fault for fault in faults(broken)), named
        with pytest.raises(AssertionError, match="the graph is not whole"):
            assert_whole(broken)


@dataclass(frozen=True)
class Item:
    """A line of a spec: a call, of what of all that has a name so far."""

    call: str
    of: int
    also: int

    def line(self, names: list[str], number: int) -> str:
        """The line, whose name is one of `names` from then on."""
        written = self.call.format(g=names[-1 - self.of % len(names)], other=names[-1 - self.also % len(names)])
        if written.startswith("-"):
            return f"  {written}"
        names.append(f"n{number}")
        return f"  - n{number} = {written}"


CALLS = [
    "fc(64)", "tower", "step({g})", "twice({g})", "pair({g})", "residual({g})", "{g}()", "{g}()", "tied({other})",
    "step({g}) * 2", "fc(64, tie={other})", "member({g})", "member(t)", "nope({g})", "step({g}) if widht > 1 else tanh",
    "- {g} -> fc(64)", "- add: [{g}, {other}]", "- add: [step({g}), {g}()]", "- step({g}) -> {other}()",
]  # fmt: skip

ITEMS = st.lists(st.builds(Item, st.sampled_from(CALLS), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6)


def whole(items: Sequence[Item]) -> Graph | None:
    """The graph of a random spec, which is whole; None where there is a problem, and it is reported."""
    names = ["n", "t", "t.a"]
    lines = "\n".join(item.line(names, number) for number, item in enumerate(items))
    try:
        g = load_text(text(f"  - n = fc(64)\n  - t = tower\n{lines}", f"outputs: [{names[-1]}]"))
    except SpecError:
        return None
    assert list(faults(g)) == []
    return g


def test_whatever_is_passed_a_graph_is_whole_or_a_problem_is_reported() -> None:
    """And what is whole is written as source that Python reads."""
    shared = []

    @settings(derandomize=True, deadline=None, max_examples=200, database=None)
    @given(ITEMS)
    def check(items: Sequence[Item]) -> None:
        if g := whole(items):
            shared.append(any(node.reruns for node in g))
            compile(generate(g).text, "<generated>", "exec")

    check()
    assert sum(shared) >= 60
