"""Comparisons: planted differences are found where they are, and the parts add up to the totals."""

import re
from functools import cache
from itertools import combinations

import pytest

from archcalc.comparison.comparison import Comparison, Kind, compare
from archcalc.comparison.grouping import explained, groups_of
from archcalc.graph.builder import build
from archcalc.graph.loading import document_of, load, load_text
from archcalc.report.report import Report, report_of
from tests.networks.zoo import SPECS, each, network, references
from tests.shell import Shell

RESNET = (SPECS / "resnet18.yaml").read_text()
LLAMA = (SPECS / "llama2.yaml").read_text().replace("depth: 32", "depth: 3")


@cache
def report(reference: str) -> Report:
    return report_of(network(reference))


def edited(text: str, *edits: tuple[str, str]) -> Report:
    """A spec with replacements, each of which has an effect."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return report_of(load_text(text))


def reasons(comparison: Comparison) -> list[str]:
    return list(explained(comparison, groups_of(comparison)))


def found(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What each group says."""
    return [(each.kind.value, each.where, each.what) for each in groups_of(comparison)]


# --- nothing differs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", each(references()))
def test_a_network_does_not_differ_from_itself(reference: str) -> None:
    comparison = compare(report(reference), report_of(load(reference)))
    assert comparison.is_empty
    assert not comparison.renamed
    assert comparison.alike == len(report(reference).lines)


def test_padding_by_word_and_by_number_is_the_same() -> None:
    before = edited(RESNET)
    after = edited(RESNET, ("stem = conv(7, w, s2)", "stem = conv(7, w, s2, p3)"))
    assert compare(before, after).is_empty


def test_padding_by_word_is_not_named_beside_another_difference() -> None:
    after = edited(RESNET, ("stem = conv(7, w, s2)", "stem = conv(7, w, s2, p3, bias=true)"))
    assert found(compare(edited(RESNET), after)) == [("changed", "stem", "bias: false -> true")]


def test_names_do_not_matter() -> None:
    after = edited(RESNET, *((f"- layer{n} =", f"- part{n} =") for n in range(1, 5)), ("stem =", "entry ="))
    comparison = compare(edited(RESNET), after)
    assert comparison.is_empty
    assert ("layer1.0.conv1", "part1.0.conv1") in comparison.renamed
    assert len(comparison.renamed) == 63


def test_a_network_within_a_block_is_the_same_network() -> None:
    """As when a backbone is put into a larger class."""
    inner = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8) -> relu\n  - a = conv(3, 8)\n  - fc(2)\n"
    outer = (
        "archcalc: 1\ninput: [3, 8, 8]\nblocks:\n  backbone:\n    - conv(3, 8) -> relu\n"
        "    - b = conv(3, 8)\nlayers:\n  - net = backbone\n  - fc(2)\n"
    )
    comparison = compare(edited(inner), edited(outer))
    assert comparison.is_empty
    assert ("a", "net.b") in comparison.renamed


# --- planted differences ---------------------------------------------------------------------------------------------

PLANTED = {
    "an argument": (
        [("stem = conv(7, w, s2)", "stem = conv(7, w, s2, bias=true)")],
        [("changed", "stem", "bias: false -> true")],
        ["+64 parameters: bias=true instead of false in stem"],
    ),
    "another layer in its place": (
        [("    - relu\n", "    - gelu\n")],
        [("changed", "layer1.0.gelu1 and 7 more", "relu -> gelu")],
        [],
    ),
    "a layer in between, after which all others have other numbers": (
        [("-> maxpool(3, 2, p1)", "-> batchnorm -> relu -> maxpool(3, 2, p1)")],
        [("added", "batchnorm2", "batchnorm"), ("added", "relu2", "relu")],
        ["+128 parameters: batchnorm2 (batchnorm) added",
         "+6,422,528 output bytes: +3,211,264 from batchnorm2 (batchnorm) added; +3,211,264 from relu2 (relu) added"],
    ),
    "a removed layer": (
        [(" -> maxpool(3, 2, p1)", "")],
        [("removed", "maxpool1", "maxpool"), ("follows", "63 layers", "other sizes arrive")],
        [],
    ),
    "more blocks": (
        [("stage(2*w, depths[1])", "stage(2*w, depths[1] + 2)")],
        [("added", "layer2.2 and 1 more", "block basic, 7 layers")],
        ["+590,848 parameters: 2 basic blocks added", "+462,422,016 MACs: 2 basic blocks added",
         "+5,619,712 output bytes: 2 basic blocks added"],
    ),
    "another size of the input": (
        [("[3, 224, 224]", "[3, 192, 192]")],
        [("input", "input", "shape: [3, 224, 224] -> [3, 192, 192]"), ("follows", "67 layers", "other sizes arrive")],
        [],
    ),
    "another width": (
        [("fc(classes)", "fc(10)")],
        [("changed", "fc1", "out_features: 1000 -> 10")],
        ["-507,870 parameters: out_features=10 instead of 1000 in fc1",
         "-506,880 MACs: out_features=10 instead of 1000 in fc1",
         "-3,960 output bytes: out_features=10 instead of 1000 in fc1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edits", "groups", "why"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_difference_is_found_and_nothing_else(
    edits: list[tuple[str, str]], groups: list[tuple[str, str, str]], why: list[str]
) -> None:
    text = RESNET.partition("\nexpect:")[0] + "\n"
    comparison = compare(edited(text), edited(text, *edits))
    assert found(comparison) == groups
    if why:
        assert reasons(comparison) == why


def test_a_layer_that_reads_another_one() -> None:
    before = "archcalc: 1\ninput: [4, 8, 8]\nlayers: [a = relu, b = tanh, c = sigmoid, add: [c, {}]]\n"
    comparison = compare(edited(before.format("a")), edited(before.format("b")))
    assert found(comparison) == [("changed", "add1", "inputs: c, a -> c, b")]


def test_weights_that_are_shared_no_longer() -> None:
    text = "archcalc: 1\ninput: {ids: {shape: [4], dtype: int64, vocab: 9}}\n"
    text += "layers:\n  - e = embedding(9, 8)\n  - fc(9, bias=false%s)\n"
    comparison = compare(edited(text % ", tie=e"), edited(text % ""))
    assert found(comparison) == [("changed", "fc1", "tie of weight: e.weight -> none")]
    assert reasons(comparison) == ["+72 parameters: tie of weight=none instead of e.weight in fc1"]


def test_a_frozen_layer() -> None:
    text = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 4%s)\n"
    comparison = compare(edited(text % ""), edited(text % ", freeze=true"))
    assert found(comparison) == [("changed", "conv1", "frozen: false -> true")]


def test_the_question_of_the_front_page_is_answered_in_one_line() -> None:
    """A reimplementation whose convolutions have biases."""
    text = re.sub(r"norm: batchnorm", "norm: batchnorm, bias: true", (SPECS / "resnet50.yaml").read_text())
    text = text.partition("\nexpect:")[0] + "\n"
    comparison = compare(report("resnet50"), edited(text))
    assert comparison.totals["params"] == (25_557_032, 25_583_592)
    assert reasons(comparison) == ["+26,560 parameters: bias=true instead of false in 53 conv layers"]


BLOCKS = """
archcalc: 1
input: [3, 16, 16]
blocks:
  residual(c):
    - add:
        - conv(3, c, p1, bias=false) -> batchnorm -> relu -> conv(3, c, p1, bias=false) -> batchnorm
        - prev
    - relu
layers:
  - conv(3, 8, p1, bias=false) -> batchnorm -> relu -> residual(8) * 4 -> gap -> linear(10)
"""


def exported(blocks: int, act: str = "relu") -> Report:
    """What an exporter makes of it: without blocks, and with batch norms computed into the convolutions."""
    lines = [f"- conv(3, 8, p1) -> s0 = {act}"]
    for i in range(blocks):
        lines += ["- conv(3, 8, p1) -> relu -> conv(3, 8, p1)", f"- add: [prev, s{i}]", f"- s{i + 1} = relu"]
    text = "\n".join(["archcalc: 1", "input: [3, 16, 16]", "layers:", *lines, "- gap -> linear(10)"])
    return report_of(load_text(text))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (exported(4), []),
        (exported(4, "gelu"), ["relu -> gelu"]),
        (exported(5), ["conv", "relu", "conv", "add", "relu"]),
        (exported(3), ["conv", "relu", "conv", "add", "relu"]),
    ],
)
def test_what_an_exporter_leaves_out_hides_no_other_difference(after: Report, expected: list[str]) -> None:
    """Layers of blocks correspond to those of a network without blocks and without batch norms."""
    comparison = compare(report_of(load_text(BLOCKS)), after)
    said = [change for each in comparison.differences for change in map(str, each.changes or [each.type])]
    assert sorted(each for each in said if each not in ("bias: false -> true", "batchnorm")) == sorted(expected)


def test_the_same_stages_with_other_names_correspond() -> None:
    comparison = compare(report("resnet50"), report("resnext"))
    kinds = {each.kind for each in comparison.differences}
    assert kinds == {Kind.CHANGED, Kind.FOLLOWS}
    assert {change.what for each in comparison.differences for change in each.changes} == {"out_channels", "groups"}


# --- sums ------------------------------------------------------------------------------------------------------------

SOME = ("resnet18", "resnet50", "resnext", "vgg16", "googlenet", "swin", "bert", "mixtral", "t5", "unet", "lenet5")


def test_the_parts_add_up_to_the_difference_of_every_total() -> None:
    for a, b in combinations(SOME, 2):
        comparison = compare(report(a), report(b))
        for name, (before, after) in comparison.totals.items():
            if name != "layers":
                assert sum(each.amount(name) for each in comparison.differences) == after - before, (a, b, name)
        count = {kind: sum(each.kind is kind for each in comparison.differences) for kind in Kind}
        paired = comparison.alike + count[Kind.CHANGED] + count[Kind.FOLLOWS]
        assert paired + count[Kind.REMOVED] == len(report(a).lines)
        assert paired + count[Kind.ADDED] == len(report(b).lines)


def test_a_comparison_the_other_way_round_has_the_opposite_differences() -> None:
    for a, b in (("resnet50", "resnet18"), ("vgg16", "lenet5"), ("mixtral", "bert")):
        forth, back = compare(report(a), report(b)), compare(report(b), report(a))
        assert forth.alike == back.alike
        assert {n: (y, x) for n, (x, y) in forth.totals.items()} == dict(back.totals)


def test_repeats_of_another_number() -> None:
    comparison = compare(edited(LLAMA.partition("\nexpect:")[0] + "\n"), report_of(build(document_of("llama2"))))
    assert found(comparison) == [("added", "layers.3 and 28 more", "block block, 10 layers")]


def test_networks_without_layers_are_compared(shell: Shell) -> None:
    reported = shell("diff", "-e", "input(3, 8, 8) -> prev", "-e", "input(3, 8, 8) -> relu")
    assert (reported.code, "1 layer added" in reported.out) == (1, True)
    assert shell("diff", "-e", "input(3, 8, 8) -> prev", "-e", "input(3, 8, 8) -> prev").code == 0
