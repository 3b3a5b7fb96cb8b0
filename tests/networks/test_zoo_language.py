"""Language models: published numbers that are not in specs, and memory, measured on small models."""

from collections.abc import Mapping

import pytest
import torch

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.measure import MEASURES
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.spec.document import read_document, read_source
from tests.memory.footprints import differences
from tests.memory.test_memory import iteration
from tests.networks.zoo import SPECS, document

# --- published ---------------------------------------------------------------------------------------------------

HALF = {"llama2": 524_288, "llama2@13b": 819_200, "llama3": 131_072, "mistral": 131_072, "qwen3": 147_456}
"""Bytes of the KV cache per token in half precision; 800 KiB for 40 layers of 5120 features, as in Kwon et al. 2023,
arXiv:2309.06180, section 3 (OPT-13B)."""


@pytest.mark.parametrize(("reference", "nbytes"), HALF.items())
def test_kv_cache_per_token(reference: str, nbytes: int) -> None:
    assert MEASURES["kv_cache_bytes_per_token"].total(build(document(reference), dtype="bfloat16")) == nbytes


OTHERS: dict[tuple[str, int], Mapping[str, str]] = {
    ("gpt2", 81_912_576): {"depth": "6"},  # DistilGPT-2
    ("qwen2", 14_770_033_664): {  # Qwen2.5 14B
        "w": "5120", "heads": "40", "kv_heads": "8", "hidden": "13824", "depth": "48", "vocab": "152064",
        "tied": "false",
    },
    ("qwen2", 32_763_876_352): {  # Qwen2.5 32B
        "w": "5120", "heads": "40", "kv_heads": "8", "hidden": "27648", "depth": "64", "vocab": "152064",
        "tied": "false",
    },
}  # fmt: skip
"""Parameters on huggingface.co, and the settings that turn a spec into that model."""


@pytest.mark.parametrize(("which", "settings"), OTHERS.items(), ids=lambda each: str(each)[:24])
def test_other_sizes_of_a_family(which: tuple[str, int], settings: Mapping[str, str]) -> None:
    name, expected = which
    assert MEASURES["params"].total(smaller(name, settings)) == expected


# --- memory ------------------------------------------------------------------------------------------------------

SMALL: dict[str, Mapping[str, str]] = {
    "gpt2": {"context": "64", "w": "96", "heads": "3", "vocab": "500", "depth": "2"},
    "llama2": {"T": "48", "w": "96", "heads": "6", "kv_heads": "2", "hidden": "256", "depth": "2", "vocab": "300"},
    "llama3": {"T": "40", "w": "128", "heads": "16", "hidden": "200", "depth": "2", "vocab": "300", "tied": "true"},
    "mistral": {"T": "96", "w": "64", "window": "16", "hidden": "128", "depth": "2", "vocab": "300"},
    "qwen2": {"T": "33", "w": "56", "heads": "7", "kv_heads": "1", "hidden": "96", "depth": "2", "vocab": "300"},
    "qwen3": {"T": "20", "w": "64", "heads": "8", "hidden": "96", "depth": "2", "vocab": "300", "tied": "true"},
    "mpt": {"T": "24", "w": "64", "heads": "4", "depth": "2", "vocab": "300"},
}


def smaller(name: str, settings: Mapping[str, str], batch: int = 1, dtype: str = "float32") -> Graph:
    return build(read_document(read_source(str(SPECS / f"{name}.yaml")), settings=settings), batch=batch, dtype=dtype)


@pytest.mark.parametrize(("batch", "dtype"), [(1, "float32"), (2, "bfloat16")])
@pytest.mark.parametrize("name", SMALL)
def test_every_memory_figure_equals_the_measured_one(name: str, batch: int, dtype: str) -> None:
    torch.manual_seed(0)
    assert set(differences(smaller(name, SMALL[name], batch, dtype)).values()) == {0}


@pytest.mark.parametrize("name", ["gpt2", "llama2"])
def test_an_iteration_uses_the_predicted_memory(name: str) -> None:
    graph, optimizer = smaller(name, SMALL[name]), read_optimizer("adamw")
    assert footprint_of(graph, TrainingSetup(optimizer=optimizer)).iteration == iteration(graph, optimizer)


@pytest.mark.fuzz
@pytest.mark.parametrize(("batch", "dtype"), [(1, "float32"), (2, "bfloat16")])
def test_gpt2_uses_the_predicted_memory(batch: int, dtype: str) -> None:
    """All 124 million parameters, on a few tokens."""
    torch.manual_seed(0)
    graph, optimizer = smaller("gpt2", {"context": "128"}, batch, dtype), read_optimizer("adamw")
    assert set(differences(graph).values()) == {0}
    assert footprint_of(graph, TrainingSetup(optimizer=optimizer)).iteration == iteration(graph, optimizer)
