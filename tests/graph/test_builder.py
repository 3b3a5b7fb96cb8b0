"""A document becomes a graph: names, wiring, blocks, sharing, and what is said where that cannot be."""

from collections.abc import Mapping

import pytest

from archcalc import load_text
from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params, trainable_params
from archcalc.spec.document import read_document

HEAD = "archcalc: 1\nname: test\n"


def graph(body: str, input: str = "[3, 32, 32]", settings: Mapping[str, str] | None = None) -> Graph:
    text = f"{HEAD}input: {input}\n{body}"
    return build(read_document(Source("test.yaml", text), settings=settings))


def problems(body: str, input: str = "[3, 32, 32]") -> list[tuple[str, str]]:
    """The code and message of everything that is wrong."""
    with pytest.raises(SpecError) as caught:
        graph(body, input)
    return [(d.code, d.message) for d in caught.value.diagnostics]


def names(g: Graph) -> list[str]:
    return [node.name for node in g]


# --- names --------------------------------------------------------------------------------------------------------


def test_an_argument_that_looks_like_a_tag_is_the_layer_of_that_name() -> None:
    blocks = "blocks:\n  down(skip, c):\n    - add: [skip, prev]\n    - conv(3, c)\n"
    made = graph(f"{blocks}layers:\n  - p5 = conv(3, 3, p1)\n  - relu -> down(p5, 3) -> conv(3, 3, p1)")
    assert made["down1.add1"].sources == ("p5", "relu1")
    assert made.nodes[-1].output.item_shape == (3, 30, 30)


def test_a_tag_that_nothing_is_called_is_no_argument_of_a_block() -> None:
    blocks = "blocks:\n  down(skip, c):\n    - add: [skip, prev]\n    - conv(3, c)\n"
    assert problems(f"{blocks}layers:\n  - down(p5, 3)") == [("AC012", "a positional argument follows a named one")]
    with pytest.raises(SpecError) as caught:
        graph(f"{blocks}layers:\n  - down(3, p5)")
    assert caught.value.diagnostics[0].help == "p5 means padding=5, because nothing before it is called p5"


@pytest.mark.parametrize(
    ("extra", "help"),
    [
        ("same", "did you mean padding=same?"),
        ("psame", "did you mean padding=same?"),
        ("pmirror", "name the argument: key=value"),
        ("1", "name the argument: stride=1; in torch's order, in_channels is left out: conv(1, 8)"),
    ],
)
def test_a_word_without_its_argument_is_reported_whose_it_is(extra: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph(f"layers:\n  - conv(3, 8, {extra})")
    assert caught.value.diagnostics[0].help == help


def test_unnamed_layers_are_called_as_written_and_numbered() -> None:
    assert names(graph("layers:\n  - conv(3, 8) -> relu -> conv2d(3, 8) -> relu -> conv(1, 8)")) == [
        "conv1", "relu1", "conv2d1", "relu2", "conv2",
    ]  # fmt: skip


def test_a_number_steps_aside_for_a_name_given_by_hand() -> None:
    assert names(graph("layers:\n  - conv(3, 8)\n  - conv1 = conv(3, 8)")) == ["conv2", "conv1"]


def test_norm_and_activation_are_rows_of_their_own_and_a_norm_turns_the_bias_off() -> None:
    g = graph("layers:\n  - stem = conv(3, 8, norm=batchnorm, act=leaky_relu(0.2))")
    assert names(g) == ["stem", "batchnorm1", "leaky_relu1"]
    assert [w.name for w in g["stem"].weights] == ["weight"]


def test_a_bias_that_is_stated_stays() -> None:
    g = graph("layers:\n  - conv(3, 8, norm=batchnorm, bias=true)")
    assert [w.name for w in g["conv1"].weights] == ["weight", "bias"]


def test_defaults_hold_until_a_call_says_otherwise() -> None:
    g = graph("defaults:\n  conv: {padding: same, act: relu}\nlayers:\n  - conv(3, 8) -> conv2d(3, 8, act=none, p0)")
    assert names(g) == ["conv1", "relu1", "conv2d1"]
    assert g["conv2d1"].output.item_shape == (8, 30, 30)


RESNET = """
blocks:
  basic(width, stride=1):
    - add:
        - conv(3, width, p1, stride=stride) -> conv(3, width, p1)
        - conv(1, width, stride=stride) if stride > 1 or x.channels != width else prev
    - relu
  stage(width, n, stride=1):
    - basic(width, stride) -> basic(width) * (n - 1)
layers:
  - layer1 = stage(3, 2)
  - layer2 = stage(8, 3, stride=2)
"""


def test_blocks_prefix_their_layers_and_a_chain_of_blocks_numbers_them() -> None:
    g = graph(RESNET)
    assert names(g)[:4] == ["layer1.0.conv1", "layer1.0.conv2", "layer1.0.add1", "layer1.0.relu1"]
    assert "layer2.0.conv3" in g.by_name
    assert "layer2.2.conv2" in g.by_name
    assert g.scopes["layer2"].sequence
    assert not g.scopes["layer2.0"].sequence
    assert g["layer2"].output.item_shape == (8, 16, 16)


def test_an_identity_shortcut_is_wired_to_what_came_in() -> None:
    g = graph(RESNET)
    assert g["layer1.0.add1"].sources == ("layer1.0.conv2", "input")
    assert g["layer1.1.add1"].sources == ("layer1.1.conv2", "layer1.0.relu1")


def test_repeats() -> None:
    assert names(graph("layers:\n  - conv(3, 8, p1) * 2 -> relu")) == ["conv1", "conv2", "relu1"]
    assert names(graph("layers:\n  - c = conv(3, 8, p1) * 2\n  - c -> relu")) == ["c.0", "c.1", "relu1"]
    assert names(graph("layers:\n  - conv(3, 8) * 0 -> relu")) == ["relu1"]


# --- wiring -------------------------------------------------------------------------------------------------------


def test_a_bare_name_goes_on_from_what_it_put_out() -> None:
    g = graph("layers:\n  - a = conv(3, 8)\n  - relu\n  - a -> tanh")
    assert g["tanh1"].sources == ("a",)


def test_from_names_the_source() -> None:
    g = graph("layers:\n  - a = conv(3, 8)\n  - relu\n  - {tanh: , from: a}")
    assert g["tanh1"].sources == ("a",)


def test_a_call_by_name_runs_the_same_weights_again() -> None:
    g = graph("layers:\n  - a = conv(3, 3, p1) -> relu -> a()")
    assert g["a_1"].module == "a"
    assert sum(map(params, g)) == 3 * 3 * 9 + 3
    assert macs(g["a_1"]) == macs(g["a"])


def test_a_block_runs_again_with_the_modules_it_has() -> None:
    g = graph("blocks:\n  enc:\n    - conv(3, 3, p1) -> relu\nlayers:\n  - e = enc -> tanh -> e()")
    assert [(n.name, n.module) for n in g][-2:] == [("e_1.conv1", "e.conv1"), ("e_1.relu1", "e.relu1")]
    assert g.scopes["e_1"].module == "e"


def test_several_inputs_and_outputs() -> None:
    body = "layers:\n  - concat: [image, mask]\n  - a = conv(3, 8) -> b = conv(1, 2)\noutputs: [a, b]"
    g = graph(body, "{image: [3, 8, 8], mask: [1, 8, 8]}")
    assert g["concat1"].sources == ("image", "mask")
    assert g.outputs == ("a", "b")


def test_a_tied_weight_counts_once() -> None:
    g = graph("layers:\n  - a = fc(6, bias=false) -> b = fc(6, bias=false, tie=a)", "[6]")
    assert g["b"].ties == {"weight": "a.weight"}
    assert sum(map(params, g)) == 36


def test_frozen_weights_are_no_longer_trainable() -> None:
    g = graph("blocks:\n  b:\n    - conv(3, 8, norm=batchnorm)\nlayers:\n  - b(freeze=true) -> conv(1, 2)")
    assert sum(map(params, g)) == 3 * 8 * 9 + 16 + 8 * 2 + 2
    assert sum(map(trainable_params, g)) == 8 * 2 + 2


def test_a_setting_gives_a_free_symbol_its_number() -> None:
    g = graph("layers:\n  - relu", "[3, H, W]", settings={"H": "8", "W": "2*4"})
    assert g["relu1"].output.item_shape == (3, 8, 8)


# --- names in front of chains ------------------------------------------------------------------------------------

READ = {
    "a later item": "  - e -> tanh",
    "from": "  - {tanh: , from: e}",
    "a join": "  - add: [e, prev]",
    "an output": "outputs: [e]",
    "an argument that is read": "  - resize(like=e)",
    "a block that it is passed to": "  - b(e)",
    "another name": "  - f = e",
}


@pytest.mark.parametrize("reader", READ.values(), ids=READ)
def test_a_name_in_front_of_a_chain_is_no_value_that_can_be_read(reader: str) -> None:
    body = f"blocks:\n  b(skip):\n    - add: [skip, prev]\nlayers:\n  - e = conv(3, 3, p1) -> relu\n{reader}"
    with pytest.raises(SpecError) as caught:
        graph(body)
    (found,) = caught.value.diagnostics
    word = "skip" if reader.endswith("b(e)") else "e"
    assert found.code == "AC139"
    assert found.message == f"'{word}' is the first layer of its chain, conv(3, 3, p1), and not what the chain ends in"
    assert found.help == (
        "write `conv(3, 3, p1) -> e = relu` if the end is meant, "
        "or two items, `- e = conv(3, 3, p1)` and `- relu`, if the first layer is meant"
    )


def test_a_name_in_front_of_a_chain_of_one_side_of_a_choice_too() -> None:
    body = "layers:\n  - e = fc(4) -> relu if 2 > 1 else e = fc(4)\n  - add: [e, prev]"
    assert [code for code, _ in problems(body, "[4]")] == ["AC139"]
    assert names(graph(body.replace("2 > 1", "1 > 2"), "[4]")) == ["e", "add1"]


ALLOWED = {
    "it runs again": "  - e = fc(4) -> relu -> e()",
    "its weights are tied": "  - e = fc(4) -> relu -> fc(4, tie=e)",
    "it is run by a block that it is passed to": "  - e = fc(4) -> relu\n  - again(e)",
    "the end has a name of its own": "  - e = fc(4) -> f = relu\n  - add: [e, f]",
    "it is written as the end": "  - fc(4) -> e = relu\n  - add: [e, prev]",
    "it is written as two items": "  - e = fc(4)\n  - relu\n  - add: [e, prev]",
}


@pytest.mark.parametrize("layers", ALLOWED.values(), ids=ALLOWED)
def test_what_means_the_layer_itself_and_what_is_clear_is_allowed(layers: str) -> None:
    g = graph(f"blocks:\n  again(g):\n    - g()\nlayers:\n{layers}", "[4]")
    assert "e" in g.by_name


# --- paths that are not there ---------------------------------------------------------------------------------------


def test_a_path_whose_condition_is_false_is_left_out_of_the_merge() -> None:
    """Counted by hand: 8 features and 4, none of the 3 that came in."""
    g = graph("layers:\n  - concat: [fc(8), fc(4), fc(2) if 1 > 2]", "[3]")
    assert g["concat1"].sources == ("fc1", "fc2")
    assert g["concat1"].output.channels == 12


def test_of_a_choice_of_paths_none_may_be_there() -> None:
    """8 features beside 6, then 4 beside 28, then none beside 64."""
    blocks = "blocks:\n  b(n):\n    - concat: [relu, tanh, fc(8) if n == 1 else fc(4) if n == 2]\n"
    g = graph(f"{blocks}layers:\n  - b(1) -> b(2) -> b(3)", "[3]")
    assert [g[f"b{n}.concat1"].output.channels for n in (1, 2, 3)] == [6 + 8, 28 + 4, 64]


def test_a_merge_of_one_path_that_is_left_is_that_path() -> None:
    blocks = "blocks:\n  b(residual):\n    - {add: [fc(3), prev if residual], name: out}\n    - out -> relu\n"
    g = graph(f"{blocks}layers:\n  - b(true) -> b(false)", "[3]")
    assert names(g) == ["b1.fc1", "b1.out", "b1.relu1", "b2.fc1", "b2.relu1"]
    assert g["b2.relu1"].sources == ("b2.fc1",)


def test_where_no_path_is_left_that_is_a_problem() -> None:
    assert problems("layers:\n  - add: [relu if 1 > 2, tanh if 1 > 3]") == [
        ("AC203", "no path of add is left: the conditions of all of them are false")
    ]


def test_what_joins_two_paths_and_no_other_number_needs_both() -> None:
    """A sample of a mean without its variance is no sample, and not silently the mean."""
    assert problems("layers:\n  - gaussian_sample: [fc(4), fc(4) if 1 > 2]", "[8]") == [
        ("AC203", "gaussian_sample takes 2 inputs, got 1")
    ]


def test_in_a_chain_a_step_that_is_not_there_hands_on_what_came_in() -> None:
    g = graph("layers:\n  - add: [[tanh if 1 > 2, relu], prev]")
    assert g["relu1"].sources == ("input",)
    assert g["add1"].sources == ("relu1", "input")


# --- what is refused ----------------------------------------------------------------------------------------------


WRONG = {
    "convv(3, 8)": ("AC101", "no layer or block is called 'convv'"),
    "conv(3, 8, strides=2)": ("AC120", "unknown argument 'strides' of conv"),
    "conv(3, 8, 1)": ("AC121", "conv takes 2 positional arguments (kernel_size, out_channels), got 3"),
    "conv(3, 8, kernel_size=3)": ("AC122", "'kernel_size' is given twice"),
    "conv(3)": ("AC123", "conv needs out_channels"),
    "conv(3, 2.5)": ("AC124", "out_channels must be a whole number, got 2.5"),
    "conv(3, 8, bias=3)": ("AC124", "bias must be true or false, got 3"),
    "a = relu -> a = relu": ("AC107", "the name 'a' is used twice"),
    "{relu: , from: b}": ("AC102", "no earlier layer is named 'b'"),
    "relu * (0 - 1)": ("AC127", "a repeat must be 0 or more, got -1"),
    "conv1d(3, 8)": ("AC202", "conv1d needs 1 spatial axis; [3, 32, 32] has 2"),
    "add: [prev]": ("AC203", "add takes 2 inputs or more, got 1"),
    "a = conv(3, 8) -> a()": ("AC206", "a has weights for [3, 32, 32] and cannot run again on [8, 30, 30]"),
}


@pytest.mark.parametrize(("item", "reported"), WRONG.items(), ids=WRONG)
def test_wrong_items_are_reported_what_is_wrong(item: str, reported: tuple[str, str]) -> None:
    assert problems(f"layers:\n  - {item}") == [reported]


def test_a_block_that_contains_itself() -> None:
    body = "blocks:\n  a: [b]\n  b: [a]\nlayers:\n  - a"
    assert problems(body) == [("AC130", "a contains itself")]


def test_an_output_that_does_not_exist() -> None:
    assert problems("outputs: [nope]\nlayers:\n  - relu") == [("AC102", "no earlier layer is named 'nope'")]


def test_all_problems_are_found_and_none_that_follows() -> None:
    body = "layers:\n  - conv(3, 8, strides=2) -> conv(99, 8) -> conv(3, widht)\n  - relo"
    assert [code for code, _ in problems(body)] == ["AC120", "AC110", "AC101"]


def test_a_problem_in_a_block_is_reported_once_with_its_call() -> None:
    body = "blocks:\n  b(w):\n    - conv(99, w)\nlayers:\n  - b(3) -> b(4)"
    with pytest.raises(SpecError) as caught:
        graph(body)
    (found,) = caught.value.diagnostics
    assert "in b, called at line 8" in found.notes


def test_a_bomb_of_repeats_is_refused_before_it_goes_off() -> None:
    body = "blocks:\n  a: [relu * 1000]\n  b: [a * 1000]\n  c: [b * 1000]\nlayers:\n  - c * 1000"
    assert [code for code, _ in problems(body)] == ["AC132"]


def test_a_free_symbol_is_refused_with_a_sentence() -> None:
    assert [code for code, _ in problems("layers:\n  - relu", "[3, H, 32]")] == ["AC134"]


def test_a_layer_of_a_block_can_be_named_from_outside() -> None:
    """With its block's name before its own, where a name is an argument, as where one begins an item."""
    blocks = "blocks:\n  pair:\n    - a = fc(8) -> b = fc(4)\n  outer:\n    - inner = pair\n"
    made = graph(f"{blocks}layers:\n  - first = outer\n  - c = fc(8, tie=first.inner.a)", "[4]")
    assert made["c"].ties == {"weight": "first.inner.a.weight"}


def test_a_named_repeat_of_no_copies_passes_its_input_through() -> None:
    graph = load_text("archcalc: 1\ninput: [8]\nlayers:\n  - fc(8)\n  - b = fc(8) * 0\n  - fc(3)\n")
    assert [node.name for node in graph] == ["fc1", "fc2"]
    assert not graph.scopes


def test_a_parameter_can_say_that_no_norm_follows() -> None:
    """The convolution has a bias then, as where the word stands in the call."""
    block = "blocks:\n  b(norm=none):\n    - conv(1, 4, norm=norm)\n"
    made = graph(f"{block}layers:\n  - b -> b(batchnorm)\n")
    assert [getattr(node.layer, "bias", None) for node in made.nodes] == [True, False, None]
