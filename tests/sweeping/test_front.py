"""Fronts, against brute force, and against the sizes that a sweep can reach."""

import time
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from archcalc.sweeping.front import Front


def front_of(costs: NDArray[np.generic], step: int) -> Front:
    found = Front(costs.shape[1])
    for begin in range(0, len(costs), step):
        part = costs[begin : begin + step]
        found.add(list(part.T), np.arange(begin, begin + len(part)))
    found.settle()
    return found


def brute_force(costs: NDArray[np.int64]) -> set[tuple[int, ...]]:
    distinct = np.unique(costs, axis=0)
    lost = []
    for begin in range(0, len(distinct), 100):
        pairs = [(column, column[begin : begin + 100, None]) for column in distinct.T]
        no_larger = np.logical_and.reduce([every <= mine for every, mine in pairs])
        smaller = np.logical_or.reduce([every < mine for every, mine in pairs])
        lost.append((no_larger & smaller).any(axis=1))
    return {tuple(each) for each in distinct[~np.concatenate(lost)].tolist()}


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("offset", [0, 2**53, 2**70], ids=["small", "above 2^53", "above 2^63"])
def test_a_front_is_that_of_brute_force(objectives: int, offset: int) -> None:
    """Among 10,000 points are duplicates, and points that floats cannot tell apart."""
    count = 10_000 if offset < 2**63 else 2_000
    random = np.random.default_rng(objectives)
    weights = random.integers(1, 60, (count, objectives))
    costs = weights.astype(object) + offset
    given = costs if offset >= 2**63 else costs.astype(np.int64)
    found = front_of(given, 3_000)
    rows = [tuple(each) for each in costs.tolist()]
    assert {tuple(cost - offset for cost in each) for each in found.costs.tolist()} == brute_force(weights)
    times = Counter(rows)
    for row, design, alike in zip(found.costs.tolist(), found.designs, found.alike, strict=True):
        assert alike == times[tuple(row)]
        assert design == rows.index(tuple(row))


@pytest.mark.parametrize("objectives", [2, 3])
def test_parts_in_any_order_give_the_same_front(objectives: int) -> None:
    """A long front, so that its table is used: points near a curve."""
    random = np.random.default_rng(3)
    first = random.integers(1, 10**6, 200_000)
    columns = [first, 10**12 // first + random.integers(0, 10**5, len(first)), random.integers(0, 10**3, len(first))]
    costs = np.stack(columns[:objectives], axis=1)
    whole = front_of(costs, len(costs))
    parts = [front_of(costs[begin::7], 5_000) for begin in range(7)]
    merged = Front(objectives)
    for begin, each in reversed(list(enumerate(parts))):
        merged.add(list(each.costs.T), each.designs * 7 + begin, each.alike)
    merged.settle()
    assert len(whole.costs) > 200
    assert whole.costs.tolist() == merged.costs.tolist()
    assert whole.designs.tolist() == merged.designs.tolist()
    assert whole.alike.tolist() == merged.alike.tolist()


@pytest.mark.parametrize("objectives", [4, 5])
def test_a_long_front_of_many_objectives(objectives: int) -> None:
    """Longer than the sets in which dominating points are looked up; added in parts, which fill several of them."""
    random = np.random.default_rng(objectives)
    costs = random.integers(0, 300, (6_000, objectives))
    costs[:, -1] = 1_000 - costs[:, :-1].sum(axis=1) + random.integers(0, 90, len(costs))
    costs = np.concatenate((costs, costs[::7]))
    found = Front(objectives)
    for begin in range(0, len(costs), 1_000):
        part = costs[begin : begin + 1_000]
        found.add(list(part.T), np.arange(begin, begin + len(part)))
        found.settle()
    assert len(found.costs) > 2_100
    assert {tuple(each) for each in found.costs.tolist()} == brute_force(costs)
    times = Counter(map(tuple, costs.tolist()))
    assert found.alike.tolist() == [times[tuple(each)] for each in found.costs.tolist()]


def test_an_empty_front() -> None:
    found = Front(2)
    found.settle()
    assert found.costs.shape == (0, 2)


def interpreter() -> float:
    """The CPU time of a bare interpreter."""
    import resource
    import subprocess
    import sys

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    before = used()
    for _ in range(20):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (used() - before) / 20


@pytest.mark.fuzz
@pytest.mark.parametrize("objectives", [2, 3])
def test_a_front_of_ten_million_points_takes_the_time_of_150_interpreters(objectives: int) -> None:
    random = np.random.default_rng(0)
    size = random.integers(1, 10**4, 10**7)
    columns = [size**2 + random.integers(0, 10**6, len(size)), random.integers(0, 10**4, len(size)) - 100 * size]
    costs = [*columns, random.integers(0, 2_000, len(size)) - size][:objectives]
    found = Front(objectives)
    began = time.process_time()
    for begin in range(0, len(size), 1 << 16):
        part = [each[begin : begin + (1 << 16)] for each in costs]
        found.add(part, np.arange(begin, begin + len(part[0])))
    found.settle()
    ratio = (time.process_time() - began) / interpreter()
    print(f"{len(found.costs):,} points on the front, {ratio:.0f} interpreters")
    assert ratio <= 150
