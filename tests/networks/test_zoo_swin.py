"""Swin, beyond its spec: fields of windows, and memory if maps are not a multiple of the window size."""

import pytest
import torch

from archcalc.measures.receptive_field import receptive_fields
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from tests.memory.footprints import differences
from tests.memory.test_memory import iteration, sized
from tests.networks.zoo import network

ADAMW = read_optimizer("adamw")
FIGURES: dict[
    tuple[int, tuple[int, ...] | None, str], tuple[int, ...]
] = {  # batch, size, dtype -> bytes kept, peaks of inference, of training and of an iteration with AdamW
    (2, None, "float32"): (212_284_924, 24_313_408, 271_353_084, 611_044_520),
    (2, None, "bfloat16"): (106_252_908, 12_233_536, 135_786_988, 305_748_300),
    (3, (3, 97, 113), "float32"): (77_019_044, 8_783_284, 157_029_048, 566_404_864),
    (3, (3, 97, 113), "bfloat16"): (38_533_532, 4_410_850, 78_538_534, 283_318_026),
}
"""Measured with torch 2.13.0 on the CPU."""


def test_a_shifted_window_depends_on_two_windows_of_the_previous_block() -> None:
    fields = receptive_fields(network("swin"))
    assert [fields[f"s1.0.{i}.attention"][0].size for i in (0, 1)] == [7 * 4, 2 * 7 * 4]
    assert fields["s4.0.1.add2"][0].whole


@pytest.mark.parametrize(("batch", "size", "dtype"), FIGURES)
def test_figures_that_were_measured(batch: int, size: tuple[int, ...] | None, dtype: str) -> None:
    found = footprint_of(sized("swin", batch, size, dtype), TrainingSetup(optimizer=ADAMW))
    figures = (sum(found.saved.values()), found.inference.live, found.training.live, found.iteration)
    assert figures == FIGURES[batch, size, dtype]


@pytest.mark.fuzz
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_windows_padded_with_zeros_use_the_predicted_memory(dtype: str) -> None:
    torch.manual_seed(0)
    graph = sized("swin", 3, (3, 97, 113), dtype)
    assert set(differences(graph).values()) == {0}
    assert footprint_of(graph, TrainingSetup(optimizer=ADAMW)).iteration == iteration(graph, ADAMW)
