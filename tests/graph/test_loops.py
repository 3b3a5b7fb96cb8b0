"""Loops, members of repeats, sizes of layers, a block's own input, and recursion."""

from dataclasses import replace

import pytest

from archcalc.closed_forms.formula import closed_form
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load_text
from archcalc.measures.params import params
from archcalc.spec.document import read_document
from archcalc.verification import verify

HEAD = "archcalc: 1\nname: test\n"


def graph(body: str, input: str = "[8, 16, 16]", free: tuple[str, ...] | None = None) -> Graph:
    document = read_document(Source("test.yaml", f"{HEAD}input: {input}\n{body}\n"))
    return build(document, free=free)


def problems(body: str, input: str = "[8, 16, 16]") -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        graph(body, input)
    return list(caught.value.diagnostics)


def shapes(found: Graph) -> dict[str, tuple[object, ...]]:
    return {node.name: node.output.item_shape for node in found}


BLOCK = "blocks:\n  step(c, d=1):\n    - skip = conv(3, c, dilation=d, padding=d)\n    - relu\n"

EQUAL = {
    "a chain": ("- conv(3, c, p1) -> relu for c in [4, 8]", "- conv(3, 4, p1) -> relu -> conv(3, 8, p1) -> relu"),
    "blocks": ("- step(2 * i + 2) for i in range(3)", "- step(2) -> step(4) -> step(6)"),
    "two names": ("- step(c, d) for c, d in zip([4, 8], [1, 2])", "- step(4, 1) -> step(8, 2)"),
    "a condition": ("- step(i) for i in range(1, 5) if i % 2 == 1", "- step(1) -> step(3)"),
    "a choice": (
        "- step(i) if i > 2 else relu for i in range(2, 4)",
        "- relu -> step(3)",
    ),
    "a mapping": (
        "- {conv: {kernel_size: 1, out_channels: 4 * i}, for: 'i in range(1, 3)'}",
        "- conv(1, 4) -> conv(1, 8)",
    ),
    "beside each other": (
        "- concat:\n    - conv(3, 8, dilation=r, padding=r) for r in (1, 2)\n    - prev",
        "- concat:\n    - conv(3, 8, d1, p1)\n    - conv(3, 8, d2, p2)\n    - prev",
    ),
    "in a flow list": (
        "- concat: [conv(3, 8, dilation=r, padding=r) for r in (1, 2)]",
        "- concat: [conv(3, 8, d1, p1), conv(3, 8, d2, p2)]",
    ),
    "two names in a flow list": (
        "- concat: [conv(3, c, dilation=r, padding=r) for c, r in zip((4, 8), (1, 2)), prev]",
        "- concat: [conv(3, 4, d1, p1), conv(3, 8, d2, p2), prev]",
    ),
    "lists put together": ("- conv(1, c) for c in [2] + [4, 6]", "- conv(1, 2) -> conv(1, 4) -> conv(1, 6)"),
    "one turn of a merge": ("- add: [conv(3, 8, p1) for i in range(1)]", "- conv(3, 8, p1)"),
    "members": (
        "- s = step(8) * 2\n  - add: [s.*.skip]",
        "- s = step(8) * 2\n  - add: [s.0.skip, s.1.skip]",
    ),
    "members, each with a chain": (
        "- s = step(8) for i in range(2)\n  - add: ['s.*.skip -> conv(1, 4)']",
        "- s = step(8) * 2\n  - add: [s.0.skip -> conv(1, 4), s.1.skip -> conv(1, 4)]",
    ),
    "a loop over layers": (
        "- a = relu\n  - b = tanh\n  - concat: ['y -> conv(1, 4) for y in [a, b]']",
        "- a = relu\n  - b = tanh\n  - concat: [a -> conv(1, 4), b -> conv(1, 4)]",
    ),
    "sizes of a layer": ("- a = conv(3, 6)\n  - conv(1, a.channels + a.height)", "- a = conv(3, 6)\n  - conv(1, 20)"),
    "a size of the input": ("- conv(1, 2 * input.channels)", "- conv(1, 16)"),
}


@pytest.mark.parametrize(("short", "long"), EQUAL.values(), ids=EQUAL.keys())
def test_a_loop_is_what_it_abbreviates(short: str, long: str) -> None:
    one, other = (graph(f"{BLOCK}layers:\n  {each}") for each in (short, long))
    assert list(shapes(one).items()) == list(shapes(other).items())
    assert [node.sources for node in one] == [node.sources for node in other]


def test_a_named_loop_numbers_its_members() -> None:
    found = graph(f"{BLOCK}layers:\n  - s = step(2 * i + 2) for i in range(3)\n  - s.1 -> conv(1, s.1.channels)")
    assert list(shapes(found)) == [
        "s.0.skip", "s.0.relu1", "s.1.skip", "s.1.relu1", "s.2.skip", "s.2.relu1", "conv1",
    ]  # fmt: skip
    assert found["conv1"].sources == ("s.1.relu1",)
    assert found["conv1"].output.channels == 4
    assert found.scopes["s"].sequence


def test_a_layer_with_its_activation_is_one_member() -> None:
    found = graph("layers:\n  - c = conv(3, 2 * i, p1, act=relu) for i in range(1, 3)\n  - concat: [c.*]")
    assert list(shapes(found)) == ["c.0.conv1", "c.0.relu1", "c.1.conv1", "c.1.relu1", "concat1"]
    assert found["concat1"].sources == ("c.0.relu1", "c.1.relu1")


def test_a_merge_can_be_a_member() -> None:
    found = graph("layers:\n  - {add: ['inner = conv(3, 8, p1)', prev], name: r, for: i in range(2)}\n  - add: [r.*]")
    assert list(shapes(found)) == ["r.0.inner", "r.0.add1", "r.1.inner", "r.1.add1", "add1"]
    assert found["r.1.inner"].sources == ("r.0.add1",)


def test_the_paths_of_a_named_loop_in_a_merge_have_names() -> None:
    text = f"{BLOCK}layers:\n  - concat: [b = step(4) for i in range(2)]\n  - add: [b.*.skip]\n  - concat: [b.0, b.1]"
    found = graph(text)
    assert found["concat1"].sources == ("b.0.relu1", "b.1.relu1")
    assert found["add1"].sources == ("b.0.skip", "b.1.skip")
    assert problems(f"{BLOCK}layers:\n  - concat: [b = step(4) for i in range(2)]\n  - b -> relu")[0].help == (
        "it stands for several values; join them: add: [b.*], or name one: b[0]"
    )


def test_layers_can_be_passed_as_a_list() -> None:
    text = "blocks:\n  fuse(ys):\n    - concat: ['y -> conv(1, y.channels) for y in ys']\n"
    found = graph(f"{text}layers:\n  - a = conv(1, i) for i in range(1, 4)\n  - fuse(a.*)")
    assert [found[f"fuse1.conv{i}"].output.channels for i in (1, 2, 3)] == [1, 2, 3]
    assert found["fuse1.conv2"].sources == ("a.1",)


def test_a_block_knows_its_input_as_x() -> None:
    found = graph("blocks:\n  res(c):\n    - conv(3, c, p1) -> relu\n    - add: [prev, x]\nlayers:\n  - tanh -> res(8)")
    assert found["res1.add1"].sources == ("res1.relu1", "tanh1")
    [wrong] = problems("blocks:\n  res:\n    - x = relu\nlayers:\n  - res")
    assert (wrong.code, wrong.help) == ("AC107", "give the layer another name")
    [wrong] = problems("blocks:\n  res:\n    - relu\n    - add: [prev, input]\nlayers:\n  - res")
    assert wrong.help == "a block's own input is x; pass the network's input as an argument if that is meant"


def test_a_block_has_inputs_and_outputs_besides_its_own() -> None:
    text = (
        "blocks:\n  two(c):\n    - a = conv(1, c)\n    - b = conv(1, 2 * c)\n"
        "  join(s):\n    - conv(1, s.a.channels)\n    - add: [prev, s.a]\n"
        "layers:\n  - t = two(4)\n  - join(t)\n  - concat: [prev, t.a, t.b]"
    )
    found = graph(text)
    assert found["join1.add1"].sources == ("join1.conv1", "t.a")
    assert found.nodes[-1].output.channels == 4 + 4 + 8


def test_a_block_can_call_itself_under_a_condition() -> None:
    text = (
        "blocks:\n  hg(n):\n    - add:\n        - conv(1, 8)\n"
        "        - maxpool(2) -> hg(n - 1) -> upsample(2) if n > 0 else conv(1, 8)\nlayers:\n  - hg({})"
    )
    found = graph(text.format(3))
    assert len(found.nodes) == 3 * 4 + 3
    assert problems(text.replace("n > 0", "n != 0").format(-1))[0].code in ("AC131", "AC201")
    [wrong] = problems("blocks:\n  f(n):\n    - relu -> f(n) if n > 0 else relu\nlayers:\n  - f(1)")
    assert (wrong.code, wrong.help) == ("AC131", "f calls itself: its condition must become false")
    assert problems("blocks:\n  f(n):\n    - f(n - 1)\nlayers:\n  - f(1)")[0].code == "AC130"


def test_recursion_that_doubles_is_given_up() -> None:
    text = "blocks:\n  f(n):\n    - f(n - 1) -> f(n - 1) if n > 0 else {}\nlayers:\n  - f(40)"
    assert [wrong.code for wrong in problems(text.format("prev"))] == ["AC132"]
    document = read_document(Source("test.yaml", f"{HEAD}input: [8, 16, 16]\n{text.format('relu')}\n"))
    with pytest.raises(SpecError, match="more than 500 layers"):
        build(replace(document, max_layers=500))
    many = "blocks:\n  f:\n    - prev for i in range(4000)\nlayers:\n  - f for i in range(4000)"
    assert [wrong.code for wrong in problems(many)] == ["AC132"]


def test_problems_in_a_turn_name_its_index() -> None:
    [wrong] = problems(f"{BLOCK}layers:\n  - s = step(4 - i) for i in range(9)")
    assert wrong.notes[-1] == "in s.4, i = 4"
    [wrong] = problems("layers:\n  - relu -> conv(3, 2 - i, p1) for i in range(9)")
    assert wrong.notes[-1] == "in the loop at line 5, i = 2"


def test_nothing_follows_from_a_problem_in_a_loop() -> None:
    text = f"{BLOCK}layers:\n  - s = step(2 - i) for i in range(4)\n  - add: [s.*.skip]\n  - conv(1, s.3.skip.channels)"
    assert len(problems(text)) == 1
    assert len(problems(f"{BLOCK}layers:\n  - a = conv(0, 3)\n  - conv(1, a.channels)\n  - step(a.height)")) == 1


def test_a_free_loop_has_a_closed_form() -> None:
    text = f"params: {{n: 3}}\n{BLOCK}layers:\n  - s = step(8) for i in range(n)\n  - relu -> step(8) for i in range(n)"
    formula = closed_form(graph(text, free=("n",)), "params")
    assert str(formula.total) == "1168·n"
    assert sum(map(params, graph(text))) == 3 * 1168
    with pytest.raises(SpecError) as caught:
        graph(text.replace("step(8)", "step(8, i)"), free=("n",))
    assert caught.value.diagnostics[0].code == "AC136"


def test_loops_agree_with_torch() -> None:
    text = (
        "blocks:\n"
        "  res(c, d):\n    - skip = conv(3, c, dilation=d, padding=d, act=relu)\n    - add: [prev, x]\n"
        "  fuse(ys):\n    - concat: ['y -> conv(1, y.channels // 2) for y in ys']\n"
        "  hg(n):\n    - add: ['maxpool(2) -> hg(n - 1) -> upsample(2) if n > 1 else conv(1, 8)', x]\n"
        "layers:\n  - s = res(8, 2**i) for i in range(3)\n  - fuse(s.*.skip) -> conv(1, 8)\n  - hg(2)\n"
        "  - concat: [b = conv(3, 4, p1, act=relu) for i in range(2)]\n  - add: [b.*]\n"
        "  - {add: ['inner = conv(3, 4, p1)', prev], name: r, for: i in range(2)}\n"
    )
    document = read_document(Source("test.yaml", f"{HEAD}input: [8, 16, 16]\n{text}"))
    assert verify(document, device="meta", sizes=0).agrees


def test_a_name_before_a_choice_names_the_turns() -> None:
    graph = load_text(
        "archcalc: 1\nname: h\ninput: [3, 8, 8]\nlayers:\n"
        "  - h = conv(3, 8, p1) if i % 3 != 0 else conv(1, 4, act=relu) for i in range(4)\n"
        "  - concat: [g = conv(3, 4*i, p1) if i > 1 else conv(1, 2) for i in range(1, 4)]\n"
        "  - concat: [g.0, g.2, h.3]\n"
    )
    names = [
        "h.0.conv1",
        "h.0.relu1",
        "h.1",
        "h.2",
        "h.3.conv1",
        "h.3.relu1",
        "g.0",
        "g.1",
        "g.2",
        "concat1",
        "concat2",
    ]
    assert [node.name for node in graph] == names
    assert graph["concat2"].output.channels == 2 + 12 + 4


def test_a_turn_of_a_named_loop_makes_a_layer() -> None:
    with pytest.raises(SpecError) as error:
        load_text(
            "archcalc: 1\nname: h\ninput: [3, 8, 8]\nlayers:\n"
            "  - h = conv(3, 3, p1) if i > 1 else prev for i in range(3)\n"
        )
    assert "prev makes no layer" in str(error.value)
