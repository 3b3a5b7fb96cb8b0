"""MACs of contractions over one element: torch multiplies them element by element, or by a matrix product."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import torch

from archcalc.core.volume import Volume
from archcalc.layer import Layer
from archcalc.measures.arithmetic import macs
from archcalc.spec.document import one_liner
from archcalc.verification import verify
from archcalc.verification.structure.mac_counter import MacCounter
from tests.layers.test_layers import COMPARABLE, Case, unmet, with_argument
from tests.torch_oracle import applied, zeros

CHAINS = [
    "input(1) -> rbf(4)",
    "input(1, 4, 4) -> locally_connected(1, 3)",
    "input(1, 5) -> locally_connected(1, 2)",
    "input(1, 6) -> a = tokens -> einsum(bqc, bkc, bqk, a)",
    "input(1, 6) -> a = tokens -> einsum(bqc, bkc, bqk, a) -> rmsnorm",
    "input(3, 1) -> a = tokens -> einsum(bqc, bqd, bcd, a)",
    "input(1, 6) -> tokens -> attention(1)",
    "input(1, 1, 1) -> conv(1, 1) -> fc(1)",
]


@pytest.mark.parametrize("chain", CHAINS)
def test_verify_agrees_where_one_element_is_summed(chain: str) -> None:
    report = verify(one_liner(chain), device="meta", memory=False)
    wrong = [(row.quantity, row.differences) for row in report.rows if row.agrees is False]
    assert not wrong
    assert any(row.quantity == "MACs, layer by layer" and row.agrees for row in report.rows)


def of_one(case: Case) -> Iterator[tuple[Layer, tuple[Volume, ...]]]:
    """A layer on one channel, one position, or both, and with one feature in each of its own widths."""
    ones = [tuple(x.to(channels=1) for x in case.xs), tuple(x.to(spatial=(1,) * x.rank) for x in case.xs)]
    ones.append(tuple(x.to(channels=1, spatial=(1,) * x.rank) for x in case.xs))
    widths = ("out_channels", "out_features", "hidden_size", "num_heads", "num_kv_heads", "head_dim", "kernel_size")
    layers = [case.layer]
    for width in widths:
        if isinstance(getattr(case.layer, width, None), int):
            layers.append(with_argument(case.layer, width, 1))
    for xs in (case.xs, *ones):
        yield from ((layer, xs) for layer in layers if not unmet(layer, xs))


def counted(layer: Layer, xs: tuple[Volume, ...]) -> int:
    counter = MacCounter()
    with torch.no_grad(), counter:
        applied(layer, xs)(*zeros(xs))
    return counter.total


WITH_MACS = [each for each in COMPARABLE if cast(Case, each.values[0]).example.macs]


@pytest.mark.parametrize("case", WITH_MACS)
def test_every_layer_is_counted_on_one_of_everything(case: Case) -> None:
    for layer, xs in of_one(case):
        node = replace(case.node, layer=layer, inputs=xs, outputs=(layer.shape(*xs),))
        assert counted(layer, xs) == macs(node), (layer, xs)


def test_products_that_are_not_summed_are_no_macs() -> None:
    counter = MacCounter()
    with counter:
        torch.einsum("bi,bj->bij", torch.ones(2, 3), torch.ones(2, 4))
        torch.einsum("bi,bj->bij", torch.ones(2, 1), torch.ones(2, 1)) * torch.ones(5, 1, 1, 1)
    assert counter.total == 0
