"""The minimum time of a layer, computed by hand: FLOPs, bytes, and which ceiling is the limit."""

import pytest

from archcalc.graph.builder import build
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.memory.roofline import COMPUTE, MEMORY, NOTHING, Ceilings, Work, work_of


def network(text: str, batch: int = 1, dtype: str = "float32") -> Graph:
    return build(document_of_chain(text), batch=batch, dtype=dtype)


def test_a_convolution_by_hand() -> None:
    """[3, 8, 8] to [4, 8, 8] with 3x3 filters, batch 2: 27 MACs per output element; weights are read once."""
    [work] = work_of(network("input(3,8,8) -> conv(3,4,p1)", batch=2)).values()
    read, written, weights = 2 * 3 * 64, 2 * 4 * 64, 4 * 27 + 4
    assert work == Work(flops=2 * 27 * written, nbytes=4 * (read + written + weights))
    assert work.intensity == 27_648 / 4_032


@pytest.mark.parametrize(("dtype", "itemsize"), [("float64", 8), ("float32", 4), ("bfloat16", 2)])
def test_bytes_depend_on_the_dtype(dtype: str, itemsize: int) -> None:
    [work] = work_of(network("input(5) -> fc(3)", batch=7, dtype=dtype)).values()
    assert work == Work(2 * 7 * 5 * 3, itemsize * (7 * 5 + 7 * 3 + 5 * 3 + 3))


def test_layers_without_contractions_have_only_bytes() -> None:
    """The input and output of an activation; for a normalisation also weights, statistics and its batch counter."""
    found = work_of(network("input(4,8,8) -> relu -> batchnorm"))
    volume = 4 * 64 * 4
    assert found == {"relu1": Work(0, 2 * volume), "batchnorm1": Work(0, 2 * volume + 4 * 4 * 4 + 8)}
    assert found["relu1"].bound(Ceilings(1.0, 1e12)) == MEMORY


def test_layers_that_compute_nothing_move_nothing() -> None:
    """A view of the input, and dropout, which is the identity in inference."""
    found = work_of(network("input(4,8,8) -> dropout(0.5) -> flatten"))
    assert set(found.values()) == {Work(0, 0)}
    ceilings = Ceilings(1.0, 1.0)
    assert {(each.floor(ceilings), each.bound(ceilings), each.intensity) for each in found.values()} == {
        (0.0, NOTHING, 0.0)
    }


def test_the_floor_is_the_larger_of_two_times() -> None:
    work = Work(flops=1_000, nbytes=100)
    assert (work.floor(Ceilings(10, 1)), work.bound(Ceilings(10, 1))) == (100.0, COMPUTE)
    assert (work.floor(Ceilings(100, 1)), work.bound(Ceilings(100, 1))) == (100.0, MEMORY)
    assert Ceilings(100, 4).ridge == 25


def test_a_layer_that_runs_again_reads_its_weights_again() -> None:
    first, again = work_of(network("input(6) -> a = fc(6) -> a()")).values()
    assert first == again == Work(2 * 36, 4 * (6 + 6 + 36 + 6))
