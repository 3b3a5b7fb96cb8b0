"""Checkpoints against networks: every planted difference is found, and nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from archcalc.comparison.weights import Stored, WeightComparison, Weights, compare_weights, weights_of
from archcalc.graph.loading import load
from tests.importing.checkpoints import gguf, safetensors
from tests.shell import Shell

RESNET = weights_of(load("resnet18"))
DIFFERENT, TROUBLE = 1, 2


def checkpoint(changes: Mapping[str, Stored | None], rename: str = "{}") -> Weights:
    """The weights of ResNet-18 with changes; None removes one."""
    tensors = {**RESNET.tensors, **changes}
    return Weights("model.safetensors", {rename.format(n): each for n, each in tensors.items() if each is not None})


def compared(changes: Mapping[str, Stored | None], **more: str) -> WeightComparison:
    return compare_weights(RESNET, checkpoint(changes, **more))


def test_weights_that_agree() -> None:
    comparison = compared({})
    assert comparison.is_empty
    assert comparison.agree == len(RESNET.tensors) == 122


def test_counters_of_batches_may_be_missing() -> None:
    counters: dict[str, None] = dict.fromkeys(name for name in RESNET.tensors if name.endswith("num_batches_tracked"))
    assert len(counters) == 20
    assert compared(counters).is_empty


def test_a_tied_weight_may_be_missing() -> None:
    gpt2 = weights_of(load("gpt2"))
    assert "lm_head.weight" in gpt2.tensors
    without = {name: each for name, each in gpt2.tensors.items() if name != "lm_head.weight"}
    assert compare_weights(gpt2, Weights("", without)).is_empty
    assert not compare_weights(gpt2, Weights("", {**without, "lm_head.weight": Stored((9, 768), "F32")})).is_empty


@pytest.mark.parametrize("name", ["stem.weight", "layer3.0.conv2.weight", "fc1.bias", "batchnorm1.running_mean"])
def test_a_missing_weight_an_extra_one_and_one_of_another_shape(name: str) -> None:
    assert list(compared({name: None}).missing) == [name]
    comparison = compared({f"{name}_2": Stored((3,), "F32")})
    assert list(comparison.extra) == [f"{name}_2"]
    assert not comparison.missing
    comparison = compared({name: Stored((7, 7), "F32")})
    assert list(comparison.reshaped) == [name]
    assert not comparison.missing
    assert not comparison.extra


def test_a_prefix_of_all_names_is_left_out() -> None:
    comparison = compared({"stem.weight": None}, rename="module.{}")
    assert comparison.prefix == "module."
    assert list(comparison.missing) == ["stem.weight"]
    assert not comparison.extra


MAP = {"layer*.*.batchnorm": "no.*.*", "layer*.*.conv*": "stages.*.*.kernel*", "fc1": "head"}


def test_a_map_of_names() -> None:
    names = {
        name: name.replace("fc1", "head").replace("layer", "stages.").replace("conv", "kernel")
        for name in RESNET.tensors
        if "batchnorm" not in name
    }
    renamed = {names.get(name, name): each for name, each in RESNET.tensors.items()}
    assert compare_weights(RESNET, Weights("", renamed), MAP).is_empty
    assert len(compare_weights(RESNET, Weights("", renamed)).missing) == 21


def test_names_that_fit_by_their_shapes_alone_are_said() -> None:
    changes: dict[str, Stored | None] = {name: None for name in RESNET.tensors if name.startswith("layer4.")}
    renamed = {name.replace("layer4.", "top."): RESNET.tensors[name] for name in changes}
    comparison = compared(changes | renamed)
    assert comparison.fitting["layer4.*.conv3.weight"] == "top.*.conv3.weight"
    assert all(theirs == ours.replace("layer4", "top") for ours, theirs in comparison.fitting.items())


def test_what_is_ambiguous_is_not_guessed() -> None:
    changes: dict[str, Stored | None] = {"fc1.bias": None, "fc1.weight": None}
    shapes = {f"head.{n}": RESNET.tensors["fc1.bias"] for n in "ab"}
    assert compared(changes | shapes).fitting == {}


# --- the command -----------------------------------------------------------------------------------------------------

CHAIN = "input(3,8,8) -> conv(3,4) -> relu -> fc(2)"
TENSORS = {
    "conv1.weight": ("F32", (4, 3, 3, 3)), "conv1.bias": ("F32", (4,)),
    "fc1.weight": ("F32", (2, 144)), "fc1.bias": ("F32", (2,)),
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "written"), [("safetensors", safetensors), ("gguf", gguf)])
def test_each_planted_difference_is_printed(suffix: str, written: object, shell: Shell, tmp_path: Path) -> None:
    assert callable(written)
    file = tmp_path / f"model.{suffix}"
    file.write_bytes(written(TENSORS))
    outcome = shell("diff", "-e", CHAIN, str(file))
    assert (outcome.code, outcome.err) == (0, "")
    assert "4 of 4 weights agree" in outcome.out
    planted = {**TENSORS, "fc1.weight": ("F32", (144, 2)), "fc2.bias": ("F32", (3,))}
    del planted["conv1.bias"]
    file.write_bytes(written(planted))
    outcome = shell("diff", "-e", CHAIN, str(file))
    assert outcome.code == DIFFERENT
    assert outcome.out.splitlines()[-3:] == [
        "-  conv1.bias  missing: [4]                            -4",
        "+  fc2.bias    extra: [3]                              +3",
        "~  fc1.weight  [2, 144] -> [144, 2], transposed        +0",
    ]
    made = json.loads(shell("diff", "-e", CHAIN, str(file), "--format", "json").out)
    assert made["missing"] == [{"name": "conv1.bias", "shape": [4], "dtype": "float32"}]
    assert made["extra"] == [{"name": "fc2.bias", "shape": [3], "dtype": "F32"}]
    assert made["reshaped"][0]["checkpoint"]["shape"] == [144, 2]
    assert "| ~ | fc1.weight |" in shell("diff", "-e", CHAIN, str(file), "--format", "markdown").out


def test_a_map_in_a_file(shell: Shell, tmp_path: Path) -> None:
    file, names = tmp_path / "model.safetensors", tmp_path / "names.yaml"
    file.write_bytes(safetensors({name.replace("conv1", "a.0").replace("fc1", "b"): t for name, t in TENSORS.items()}))
    names.write_text("conv1: a.0\nfc1: b\n")
    assert shell("diff", "-e", CHAIN, str(file)).code == DIFFERENT
    assert shell("diff", "-e", CHAIN, str(file), "--names", str(names)).code == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [("- a\n", "AC543"), ("a: [b]\n", "AC543"), ("a.*: b\n", "AC543"), ("conv1: x\nfc1: x\n", "AC544"), ("", "AC543")],
)
def test_a_map_that_cannot_be_used(text: str, code: str, shell: Shell, tmp_path: Path) -> None:
    file, names = tmp_path / "model.safetensors", tmp_path / "names.yaml"
    file.write_bytes(safetensors(TENSORS))
    names.write_text(text)
    outcome = shell("diff", "-e", CHAIN, str(file), "--names", str(names))
    assert outcome.code == TROUBLE
    assert code in outcome.err


def test_two_checkpoints(shell: Shell, tmp_path: Path) -> None:
    a, b = tmp_path / "a.safetensors", tmp_path / "b.gguf"
    a.write_bytes(safetensors(TENSORS))
    b.write_bytes(gguf({**TENSORS, "fc1.bias": ("F32", (5,))}))
    outcome = shell("diff", str(a), str(b))
    assert outcome.code == DIFFERENT
    assert "fc1.bias  [2] -> [5]" in outcome.out


def test_a_checkpoint_is_no_network_for_other_commands(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(safetensors(TENSORS))
    assert "archcalc diff SPEC" in shell("report", str(file)).err
    assert "a pickle" in shell("diff", "-e", CHAIN, str(tmp_path / "a.pt")).err
