"""Networks as people publish them: short specs that hold at other sizes, and outputs that agree."""

from functools import cache, partial

import pytest
import torch
from torch import Tensor, nn

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import overridden
from archcalc.importing.agreement import agreement_of
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.importing.sizes import Sizes, with_sizes
from archcalc.measure import MEASURES
from archcalc.spec.document import read_document
from tests.importing import everyday_networks as networks

IMAGE, IDS = torch.zeros(1, 3, 32, 32), torch.zeros(1, 12, dtype=torch.long)
NODES = {"x": torch.zeros(1, 8, 4), "adj": torch.zeros(1, 8, 8)}

CASES: dict[str, tuple[nn.Module, dict[str, Tensor], int]] = {
    "a U-Net": (networks.UNet(), {"x": IMAGE}, 17),
    "gates of features": (networks.Gated(), {"x": IMAGE}, 16),
    "a decoder": (networks.Decoder(), {"ids": IDS}, 38),
    "a graph": (networks.GraphNet(), NODES, 20),
    "a policy": (networks.Policy(), {"x": torch.zeros(1, 4)}, 9),
    "a norm without a bias": (networks.WeightOnly(), {"x": IMAGE}, 8),
    "layers that wrap others": (networks.Wrapping(), {"x": torch.zeros(1, 6, 4)}, 11),
}
"""The network, its inputs, and the most lines of its spec."""


@cache
def imported(case: str) -> tuple[Imported, Sizes]:
    model, inputs, _ = CASES[case]
    return with_sizes(model, inputs, {}, from_torch(model, *inputs.values()))


@pytest.mark.parametrize("case", CASES)
def test_the_spec_is_short_and_holds_at_other_sizes(case: str) -> None:
    found, sizes = imported(case)
    assert (found.why_flat, sizes.finding, sizes.refused) == ("", None, "")
    assert found.lines <= CASES[case][2]


@pytest.mark.parametrize("case", CASES)
def test_the_outputs_agree(case: str) -> None:
    model, inputs, _ = CASES[case]
    assert agreement_of(model, inputs, {}).holds


def test_a_module_of_two_inputs_is_a_block_that_reads_both() -> None:
    assert "up(x2):" in imported("a U-Net")[0].spec
    assert "neighbours(n, adj):" in imported("a graph")[0].spec


def test_layers_that_run_twice_inside_one_module_run_again_in_its_block() -> None:
    assert imported("gates of features")[0].spec.count("_1()") == 1


def test_a_part_of_a_table_follows_the_length_up_to_its_own() -> None:
    """Both texts: with blocks, and one line per layer."""
    found, _ = imported("a decoder")
    model = CASES["a decoder"][0]
    for text in (found.spec, found.flat):
        for n in (5, 24):
            graph = at_length(text, n)
            other = from_torch(model, torch.zeros(1, n, dtype=torch.long))
            assert MEASURES["macs"].total(graph) == MEASURES["macs"].total(other.graph)
        with pytest.raises(SpecError) as raised:
            at_length(text, 25)
        assert "25" in raised.value.diagnostics[0].message


def at_length(text: str, n: int) -> Graph:
    overrides = Overrides(inputs=[f"ids={n}"])
    return build(overridden(partial(read_document, Source("<import>", text)), overrides))
