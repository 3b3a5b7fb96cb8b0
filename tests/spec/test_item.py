"""Layer items: the three forms give the same steps."""

import pytest

from archcalc.core.location import Source
from archcalc.spec.chain import Body, Merge, Step
from archcalc.spec.document import read_document


def layers(items: str) -> Body:
    """The layers of a spec whose items, indented or not, are these."""
    text = "\n".join(f"  {line}" for line in items.splitlines())
    return read_document(Source("test", f"archcalc: 1\ninput: [3, 32, 32]\nlayers:\n{text}\n")).layers


@pytest.mark.parametrize(
    ("call", "mapping"),
    [
        ("- relu", "- relu:"),
        ("- relu()", "- relu: {}"),
        ("- fc(100)", "- fc: 100"),
        ("- fc(100)", "- {fc: 100}"),
        ("- maxpool(s2)", "- maxpool: s2"),
        ("- conv(3x5)", "- conv: 3x5"),
        ("- conv(kernel_size=[3, 5])", "- conv: {kernel_size: [3, 5]}"),
        ("- conv(kernel_size=3, out_channels=4*w)", "- conv: {kernel_size: 3, out_channels: 4*w}"),
        ("- conv(padding=[(0, 1), (2, 3)])", "- conv: {padding: [[0, 1], [2, 3]]}"),
        ("- conv(padding=same, bias=false)", "- conv:\n    padding: same\n    bias: false"),
        ("- conv(act=leaky_relu(0.1))", "- conv: {act: {leaky_relu: 0.1}}"),
        ("- conv(act=f(1, 2))", "- conv: {act: {f: [1, 2]}}"),
        ("- conv(act=none)", "- conv: {act: ~}"),
        ("- conv(act=off)", "- conv: {act: off}"),
        ("- e1 = conv(kernel_size=3) * 2", "- conv: {kernel_size: 3}\n  name: e1\n  repeat: 2"),
        ("- e1 = conv(kernel_size=3)", "- e1 = conv: {kernel_size: 3}"),
        ("- relu -> tanh", '- "relu -> tanh"'),
        ("- relu -> tanh", "- >\n  relu\n  -> tanh"),
        ("- relu -> tanh", "- relu\n  -> tanh"),
    ],
)
def test_the_forms_are_equal(call: str, mapping: str) -> None:
    assert layers(call) == layers(mapping)


def merge(items: str) -> tuple[Step, Merge]:
    (step,) = layers(items)
    assert isinstance(step, Step)
    assert isinstance(step.call, Merge)
    return step, step.call


def test_a_merge_takes_paths_of_every_form() -> None:
    step, found = merge(
        """\
- skip = add:
    - prev
    - conv(3, 64) -> relu
    - fc: 100
    - [relu, {fc: 10}, tanh -> relu]
    - relu if w > 3 else prev
  from: [e1, e2]"""
    )
    assert step.name
    assert step.name.text == "skip"
    assert [word.text for word in step.origin] == ["e1", "e2"]
    assert list(found.paths[:4]) == [
        layers("- prev"),
        layers("- conv(3, 64) -> relu"),
        layers("- fc: 100"),
        layers("- relu\n- fc: 10\n- tanh -> relu"),
    ]
    assert len(found.paths) == 5


def test_a_flow_list_of_paths() -> None:
    _, found = merge('- concat: [u, {crop: {like: u}, from: skip}, "conv(3, 64) -> relu"]')
    assert found.paths[0] == layers("- u")
    assert found.paths[1] == layers("- crop: {like: u}\n  from: skip")
    assert found.paths[2] == layers("- conv(3, 64) -> relu")


@pytest.mark.parametrize(
    "call",
    [
        "conv(3, 256, dilation=r) for r in [6, 12, 18]",
        "conv(3, c, dilation=r) for c, r in zip([16, 32], [6, 12])",
        "reduce(mean, [1, 2], keep=true)",
        "pad([[1, 0], [2, 3]], axis=2)",
        "conv(3, widths[-1], padding=[1, 1])",
        "conv([3, 3], 8) -> conv(k, [w for w in [4, 8] if w > n][0])",
    ],
)
def test_calls_with_lists_need_no_quotes_in_a_flow_list(call: str) -> None:
    """YAML itself cannot read most of them; the rest of the file is left as it is."""
    quoted = layers(f"- concat: ['{call}', [prev, relu]]  # it's [one\n- fc: [3, 4]")
    assert layers(f"- concat: [{call}, [prev, relu]]  # it's [one\n- fc: [3, 4]") == quoted
    assert layers(f"- {{concat: [{call}, [prev, relu]], axis: 1}}\n- fc: [3, 4]")[1:] == quoted[1:]


def test_a_list_of_numbers_is_left_to_whoever_knows_the_layers() -> None:
    _, found = merge("- conv: [3, 64, [1, 2], same]")
    targets = [[step.call.target.text for step in path if isinstance(step, Step)] for path in found.paths]
    assert targets == [["3"], ["64"], ["1", "2"], ["same"]]


def test_nested_lists_are_one_chain() -> None:
    assert layers("- relu\n- - tanh\n  - [fc: 1]") == layers("- relu\n- tanh\n- fc: 1")
