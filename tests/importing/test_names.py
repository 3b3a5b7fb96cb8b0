"""Names of weights in checkpoints: those of every family are known, and every planted difference is reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from archcalc.comparison.translation import translated
from archcalc.comparison.weights import Stored, Weights, weights_of
from archcalc.graph.loading import load
from archcalc.importing.families import gpt2, mixtral, vit
from archcalc.importing.naming import compared_by_family, maps
from tests.importing.checkpoints import safetensors
from tests.networks.zoo import DATA
from tests.shell import Shell

KNOWN: dict[str, Any] = json.loads((DATA / "checkpoint_names.json").read_text())
FAMILIES = [each for each in KNOWN if each != "source"]
LIKE_THEIR_FILES = (
    "deepseek_v2",
    "deepseek_v3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen3",
    "qwen3_moe",
)
"""Families whose specs have the names of checkpoints themselves."""


def ours(family: str, folder: Path) -> Weights:
    (folder / "config.json").write_text(json.dumps(KNOWN[family]["config"]))
    return weights_of(load(str(folder / "config.json")))


def theirs(family: str) -> Weights:
    return Weights(family, {name: Stored(tuple(shape), "F32") for name, shape in KNOWN[family]["names"].items()})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_names_of_transformers_are_known(family: str, tmp_path: Path) -> None:
    found = compared_by_family(ours(family, tmp_path), theirs(family))
    assert found.is_empty
    assert bool(found.family) == (family not in LIKE_THEIR_FILES)


@pytest.mark.parametrize("family", FAMILIES)
def test_planted_differences_are_reported(family: str, tmp_path: Path) -> None:
    given = theirs(family)
    missing, wrong = [name for name in given.tensors if name.endswith("weight") and "ayers.1." not in name][1:3]
    tensors = dict(given.tensors)
    del tensors[missing]
    before = tensors[wrong]
    tensors[wrong] = Stored((*before.shape[:-1], before.shape[-1] + 1), before.dtype)
    tensors["more.weight"] = before
    found = compared_by_family(ours(family, tmp_path), Weights("changed", tensors))
    assert list(found.missing) == [missing]
    assert list(found.extra) == ["more.weight"]
    assert list(found.reshaped) == [wrong]


def test_every_map_belongs_to_a_family_that_has_names() -> None:
    assert {family for family, _ in maps()} >= {each for each in FAMILIES if each not in LIKE_THEIR_FILES}


def by(weights: Weights, names: Any) -> Weights:
    return translated(weights, names)


def test_older_names_of_files_are_known(tmp_path: Path) -> None:
    """Experts apart, as the files of Mixtral have them; GPT-2 without its head; ViT before transformers 5."""
    experts = by(ours("mixtral", tmp_path), mixtral.NAMES[0])
    assert experts.tensors["model.layers.1.block_sparse_moe.experts.3.w1.weight"].shape == (96, 64)
    assert experts.tensors["model.layers.1.block_sparse_moe.experts.3.w2.weight"].shape == (64, 96)
    assert compared_by_family(ours("mixtral", tmp_path), experts).is_empty
    alone = by(ours("gpt2", tmp_path), gpt2.NAMES[1])
    assert alone.tensors["h.0.attn.c_attn.weight"].shape == (64, 192)
    assert compared_by_family(ours("gpt2", tmp_path), alone).is_empty
    old = by(ours("vit", tmp_path), vit.NAMES[0])
    assert old.tensors["vit.encoder.layer.1.attention.attention.key.bias"].shape == (64,)


@pytest.mark.parametrize(("reference", "family"), [("llama2", "llama"), ("qwen3", "llama"), ("bert", "bert")])
def test_bundled_specs_are_compared_with_files(reference: str, family: str) -> None:
    expected = weights_of(load(reference))
    there = by(expected, next(each for name, each in maps() if name == family))
    assert there.tensors.keys() != expected.tensors.keys()
    found = compared_by_family(expected, there)
    assert found.is_empty
    assert found.family == family


def test_names_of_gguf(tmp_path: Path) -> None:
    there = by(ours("llama", tmp_path), next(names for _, names in maps() if names.get("lm_head") == "output"))
    assert "blk.1.attn_q.weight" in there.tensors
    assert compared_by_family(ours("llama", tmp_path), there).is_empty


def test_the_command_names_the_family(shell: Shell, tmp_path: Path) -> None:
    names = {name: ("F32", tuple(shape)) for name, shape in KNOWN["gpt2"]["names"].items()}
    (tmp_path / "config.json").write_text(json.dumps(KNOWN["gpt2"]["config"]))
    (tmp_path / "model.safetensors").write_bytes(safetensors(names))
    found = shell("diff", str(tmp_path / "config.json"), str(tmp_path / "model.safetensors"))
    assert found.code == 0
    assert "as the family gpt2 has them" in found.out


def test_a_map_of_a_file_joins_and_divides(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text(
        "a.weight + b.weight: both ^T\na.bias + b.bias: shift\nlast.weight: x.0 + x.1\nlast.bias: more\n"
    )
    tensors = {
        "both": ("F32", (4, 8)), "shift": ("F32", (8,)), "x.0": ("F32", (3, 4)), "x.1": ("F32", (3, 4)),
        "more": ("F32", (6,)),
    }  # fmt: skip
    (tmp_path / "model.safetensors").write_bytes(safetensors(tensors))
    chain = "input(4) -> a = linear(4) -> b = linear(4) -> last = linear(6)"
    given = "diff", "-e", chain, str(tmp_path / "model.safetensors"), "--names", str(tmp_path / "names.yaml")
    assert shell(*given).code == 0
    (tmp_path / "model.safetensors").write_bytes(safetensors({**tensors, "both": ("F32", (8, 4))}))
    found = shell(*given)
    assert found.code == 1
    assert "1 of another shape" in found.out


def test_a_number_may_follow() -> None:
    found = by(Weights("here", {"encoder.4.own.q": Stored((1,), "F32")}), {"encoder.*.own": "block.*+1.Self"})
    assert list(found.tensors) == ["block.5.Self.q"]
