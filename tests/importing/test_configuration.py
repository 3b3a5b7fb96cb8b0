"""Configurations of Hugging Face: totals of transformers, networks of the zoo, and fields that are not ignored."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from archcalc.comparison.comparison import compare
from archcalc.core.diagnostic import SpecError
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load
from archcalc.importing.configuration import FAMILIES
from archcalc.measure import MEASURES
from archcalc.report.report import report_of
from tests.commands.front_door import reported
from tests.networks.zoo import DATA, network
from tests.shell import Shell

KNOWN: dict[str, Any] = json.loads((DATA / "hugging_face.json").read_text())
DEFAULTS: dict[str, Any] = json.loads((DATA / "hugging_face_defaults.json").read_text())
SMALL = {
    "model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4,
}  # fmt: skip


def built(folder: Path, config: dict[str, Any], **settings: str) -> Graph:
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    return load(str(file), settings=settings)


@pytest.mark.parametrize("name", KNOWN)
def test_the_parameters_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    graph = built(tmp_path, KNOWN[name]["config"])
    assert MEASURES["params"].total(graph) == KNOWN[name]["params"]


def test_every_family_is_compared_with_transformers() -> None:
    compared = {each["config"]["model_type"].replace("-", "_") for each in KNOWN.values()}
    assert compared == {*FAMILIES} == DEFAULTS.keys()


@pytest.mark.parametrize("family", DEFAULTS)
def test_every_field_of_a_family_is_known(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built(tmp_path, DEFAULTS[family])
    assert "unknown field" not in capsys.readouterr().err


ZOO = {
    "llama2": "llama2_7b", "llama3@1b": "llama3_1b", "mistral": "mistral_7b", "mistral@nemo": "mistral_nemo",
    "mixtral": "mixtral_8x7b", "qwen2": "qwen2_5_0_5b", "qwen3": "qwen3_8b", "bert": "bert_base",
    "gemma2": "gemma2_2b", "gemma2@9b": "gemma2_9b", "gemma3": "gemma3_1b", "phi3": "phi3_mini",
    "deepseek_v2_lite": "deepseek_v2_lite", "deepseek_v3": "deepseek_v3", "clip": "clip_b32",
}  # fmt: skip


@pytest.mark.parametrize(("reference", "name"), ZOO.items())
def test_the_network_is_that_of_the_zoo(reference: str, name: str, tmp_path: Path) -> None:
    """Layer by layer: arguments, sizes and numbers; only names differ."""
    ours = network(reference)
    theirs = built(tmp_path, KNOWN[name]["config"], T=str(ours.params["T"]))
    assert compare(report_of(ours), report_of(theirs)).is_empty


def test_names_of_weights_are_those_of_checkpoints(tmp_path: Path) -> None:
    graph = built(tmp_path, SMALL)
    names = [f"{node.name}.{weight.name}" for node in graph for weight in node.weights]
    block = [
        "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
        "self_attn.o_proj.weight", "post_attention_layernorm.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight",
        "mlp.down_proj.weight",
    ]  # fmt: skip
    layers = [f"model.layers.{n}.{each}" for n in range(2) for each in block]
    assert sorted(names) == sorted(["model.embed_tokens.weight", *layers, "model.norm.weight", "lm_head.weight"])


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"moe_every": 2}, "unknown field moe_every: the network may be another one"),
        ({"a": 1, "b": "x", "c": None}, "unknown fields a, b: "),
        ({"quantization_config": {"bits": 4}}, "'quantization_config' is left out"),
        (
            {"model_type": "clip", "text_config": {"odd": 3}, "vision_config": {"hidden_size": 768, "odd": 3}},
            "text_config.odd",
        ),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "the scaling 'linear' of rotary positions is left out"),
    ],
)
def test_a_field_that_is_left_out_is_said(fields: dict[str, Any], said: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALL | fields))
    outcome = shell("report", str(tmp_path / "config.json"))
    assert outcome.code == 0
    assert said in outcome.err


WRONG = {
    "no number": ({"hidden_size": "64"}, "AC546", "'hidden_size' is no whole number"),
    "a negative number": ({"num_hidden_layers": -1}, "AC546", "lies outside"),
    "a truth value": ({"hidden_size": True}, "AC546", "is no whole number"),
    "a word": ({"tie_word_embeddings": "no"}, "AC546", "is no true or false"),
    "an activation": ({"hidden_act": "mish2"}, "AC546", "is not known"),
    "another family": ({"model_type": "lama"}, "AC547", "the family 'lama' is not known"),
    "windows in some layers": (
        {"model_type": "qwen2", "use_sliding_window": True}, "AC546", "'use_sliding_window' is not described"
    ),
    "windows without a rule": (
        {"model_type": "gemma2", "layer_types": ["full_attention", "full_attention"], "num_hidden_layers": 3}, "AC546",
        "'layer_types' does not say what each layer is",
    ),
    "windows at odd places": (
        {"model_type": "gemma3_text", "num_hidden_layers": 3,
         "layer_types": ["sliding_attention", "full_attention", "full_attention"]}, "AC546",
        "windows that do not repeat",
    ),
    "a part that is none": ({"model_type": "clip", "text_config": [1]}, "AC546", "'text_config' is no configuration"),
    "experts in some layers": ({"model_type": "qwen3_moe", "decoder_sparse_step": 2}, "AC546", "is not described"),
    "layers of another kind": (
        {"model_type": "qwen3", "layer_types": ["sliding_attention"]}, "AC546", "'layer_types' is not described"
    ),
    "more than a head": ({"model_type": "phi", "partial_rotary_factor": 1e308}, "AC546", "is no part of a head"),
    "more than a head of another family": ({"model_type": "gpt_neox", "rotary_pct": 1e308}, "AC546", "is no part"),
    "heads that do not fit": ({"num_attention_heads": 3, "num_key_value_heads": 2}, "AC201", "divide"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_value_that_is_not_described_is_refused(fields: dict[str, Any], code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        built(tmp_path, SMALL | fields)
    assert any(said in each.message for each in caught.value.diagnostics), caught.value
    assert code in {each.code for each in caught.value.diagnostics}


def test_a_family_that_is_not_known_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        built(tmp_path, {"model_type": "lama"})
    assert caught.value.diagnostics[0].help == "did you mean 'llama'?"


def test_every_command_reads_a_configuration(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(SMALL))
    for command in (["report"], ["check", "--ignore", "AR"], ["generate"], ["formula", "--free", "T"]):
        outcome = shell(command[0], str(file), *command[1:])
        assert outcome.code == 0, outcome.err
    assert shell("diff", str(file), str(file)).code == 0


def test_a_spec_in_json_is_still_a_spec(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    file.write_text('{"archcalc": 1, "input": [3, 8, 8], "layers": ["conv(3, 4)"]}')
    assert shell("report", str(file)).code == 0


VALUES: list[Any] = [
    None,
    0,
    -1,
    1,
    3,
    1 << 40,
    1.5,
    float(1 << 60),
    True,
    "",
    "relu",
    "x: y\n- z",
    [],
    [1],
    {},
    {"a": [[]]},
]


def test_whatever_a_field_says_is_a_network_or_a_diagnostic(tmp_path: Path) -> None:
    chance = random.Random(0)
    small = {"num_hidden_layers", "n_layer", "num_layers", "depths", "num_decoder_layers", "n_layers"}
    for _ in range(250):
        family = chance.choice(sorted(DEFAULTS))
        fields = {name: 2 if name in small and name != "depths" else value for name, value in DEFAULTS[family].items()}
        for name in chance.sample(sorted(fields.keys() - small), 2):
            fields[name] = chance.choice(VALUES)
        try:
            built(tmp_path, fields)
        except SpecError as error:
            reported(error.diagnostics)


def test_windows_follow_the_types_of_layers(tmp_path: Path) -> None:
    kinds = ["sliding_attention", "sliding_attention", "full_attention"] * 2
    graph = built(tmp_path, SMALL | {"model_type": "gemma3_text", "num_hidden_layers": 6, "layer_types": kinds})
    windows = [node.layer.stated().get("window") for node in graph if node.layer.name == "grouped_attention"]
    assert windows == [4096, 4096, None] * 2


def test_a_part_of_the_features_turns(tmp_path: Path) -> None:
    for given, turned in (
        ({}, 8),
        ({"partial_rotary_factor": 0.25}, 4),
        ({"rope_parameters": {"partial_rotary_factor": 1.0}}, None),
    ):
        graph = built(tmp_path, SMALL | {"model_type": "phi"} | given)
        (first, *_) = (node.layer for node in graph if node.layer.name == "grouped_attention")
        assert first.stated().get("rotary_dim") == turned
