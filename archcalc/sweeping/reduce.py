"""What is kept of many designs: a front, the best few, all of them, or counts. Parts of a sweep are merged, exactly."""

import io
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from archcalc.record import field, record
from archcalc.sweeping.front import Front, Numbers, joined, sortable, stacked
from archcalc.sweeping.question import COUNT, FRONT, ROWS, TOP, Objective, Question
from archcalc.sweeping.space import Array
from archcalc.sweeping.structure import Batch, Tally

STEPS = 8
"""Steps of a histogram between a power of 2 and the next."""


class Kept(ABC):
    """The designs that are kept so far. `plain` and `add_plain` carry them from one process to another."""

    @abstractmethod
    def add(self, costs: Sequence[Array], designs: Numbers) -> None:
        """Adds designs: an array for each objective, each of which is to be small."""

    @abstractmethod
    def plain(self) -> dict[str, Array]:
        """The designs as arrays."""

    @abstractmethod
    def add_plain(self, arrays: Mapping[str, Array]) -> None:
        """Adds what another part of the sweep has kept."""


class KeptFront(Kept):
    """The front of the objectives."""

    def __init__(self, question: Question) -> None:
        self.front = Front(len(question.objectives))

    def add(self, costs: Sequence[Array], designs: Numbers) -> None:
        self.front.add(costs, designs)

    def plain(self) -> dict[str, Array]:
        self.front.settle()
        return {"costs": self.front.costs, "designs": self.front.designs, "alike": self.front.alike}

    def add_plain(self, arrays: Mapping[str, Array]) -> None:
        self.front.add(list(arrays["costs"].T), arrays["designs"], arrays["alike"])


class KeptTop(Kept):
    """The best designs by the first objective; where that is equal by the next, and last by their numbers."""

    def __init__(self, question: Question) -> None:
        self.count = question.top
        self.costs: Array = np.zeros((0, len(question.objectives)), dtype=np.int64)
        self.designs: Array = np.zeros(0, dtype=np.int64)

    def add(self, costs: Sequence[Array], designs: Numbers) -> None:
        some = np.arange(len(designs))
        if len(self.designs) == self.count:
            some = some[np.asarray(costs[0] <= self.costs[-1, 0], dtype=bool)]
        new = stacked([each[some] for each in costs])
        rows = joined([self.costs, new]) if len(self.designs) else new
        numbers = np.concatenate((self.designs, designs[some]))
        best = np.lexsort((numbers, *sortable(rows)[::-1]))[: self.count]
        self.costs, self.designs = rows[best], numbers[best]

    def plain(self) -> dict[str, Array]:
        return {"costs": self.costs, "designs": self.designs}

    def add_plain(self, arrays: Mapping[str, Array]) -> None:
        if len(arrays["designs"]):
            self.add(list(arrays["costs"].T), arrays["designs"])


class KeptRows(Kept):
    """The numbers of all designs."""

    def __init__(self, question: Question) -> None:
        self.parts: list[Array] = []

    def add(self, costs: Sequence[Array], designs: Numbers) -> None:
        self.parts.append(designs[np.arange(len(designs))])

    def plain(self) -> dict[str, Array]:
        return {"designs": np.sort(np.concatenate(self.parts)) if self.parts else np.zeros(0, dtype=np.int64)}

    def add_plain(self, arrays: Mapping[str, Array]) -> None:
        self.parts.append(arrays["designs"])


class KeptNothing(Kept):
    """Only the counts."""

    def __init__(self, question: Question) -> None:
        pass

    def add(self, costs: Sequence[Array], designs: Numbers) -> None:
        pass

    def plain(self) -> dict[str, Array]:
        return {"designs": np.zeros(0, dtype=np.int64)}

    def add_plain(self, arrays: Mapping[str, Array]) -> None:
        pass


WAYS: Mapping[str, Callable[[Question], Kept]] = {
    FRONT: KeptFront,
    TOP: KeptTop,
    ROWS: KeptRows,
    COUNT: KeptNothing,
}

Histogram: TypeAlias = "Counter[int]"
"""How many values are in each step, by the number of the step."""


def step_of(value: int) -> int:
    """The step of a histogram that a value is in: as wide as an eighth of the power of 2 below it, or 1."""
    if value < STEPS:
        return max(value, -1)
    shift = value.bit_length() - STEPS.bit_length()
    return (shift + 1) * STEPS + (value >> shift) - STEPS


def least_of(step: int) -> int:
    """The least value in a step.

    >>> [least_of(step_of(n)) for n in (0, 7, 8, 9, 16, 17, 18, 1000)]
    [0, 7, 8, 9, 16, 16, 18, 960]
    """
    if step < STEPS:
        return step
    shift, rest = divmod(step - STEPS, STEPS)
    return (STEPS + rest) << shift


@record(frozen=False, slots=False)
class Part:
    """The result of some of the designs of a sweep, or of all of them."""

    question: Question
    tally: Tally = field(default_factory=Tally)
    histogram: Histogram = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.kept = WAYS[self.question.wanted](self.question)

    def add(self, batch: Batch) -> None:
        """Adds designs that meet the conditions."""
        if not batch.left:
            return
        if self.question.wanted != COUNT:
            self.kept.add([cost(batch, each) for each in self.question.objectives], batch.numbers())
        if self.question.histogram:
            self.histogram.update(steps_of(batch.values(self.question.histogram.text)))

    def merge(self, other: "Part") -> None:
        self.tally.add(other.tally)
        self.histogram.update(other.histogram)
        self.kept.add_plain(other.kept.plain())

    # --- as bytes ----------------------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The part for a journal or another process."""
        arrays = {name: as_texts(each) for name, each in self.kept.plain().items()}
        record = {
            "designs": self.tally.designs,
            "kept": self.tally.kept,
            "invalid": self.tally.invalid,
            "excluded": self.tally.excluded,
            "histogram": {str(step): count for step, count in self.histogram.items()},
        }
        made = io.BytesIO()
        arrays["record"] = np.frombuffer(json.dumps(record).encode(), dtype=np.uint8)
        np.savez(made, allow_pickle=False, **arrays)
        return made.getvalue()

    def add_bytes(self, data: bytes) -> None:
        """Adds a part that `to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            record: dict[str, Any] = json.loads(arrays["record"].tobytes())
            plain = {name: as_numbers(arrays[name]) for name in arrays.files if name != "record"}
        invalid, excluded = Counter(record["invalid"]), Counter(record["excluded"])
        self.tally.add(Tally(record["designs"], record["kept"], invalid, excluded))
        self.histogram.update({int(step): count for step, count in record["histogram"].items()})
        self.kept.add_plain(plain)


def cost(batch: Batch, objective: Objective) -> Array:
    """An objective of the designs that are left, as what is to be small."""
    values = batch.values(objective.parsed.text)
    return values if objective.sign > 0 else -values


def steps_of(values: Array) -> dict[int, int]:
    """How many of these values are in each step."""
    distinct, times = np.unique(values, return_counts=True)
    found: Histogram = Counter()
    for value, count in zip(distinct.tolist(), times.tolist(), strict=True):
        found[step_of(value)] += count
    return found


def as_texts(values: Array) -> Array:
    """Python's integers as texts, which a file of arrays can have."""
    return values.astype(np.str_) if values.dtype == object else values


def as_numbers(values: Array) -> Array:
    if values.dtype.kind != "U":
        return values
    return np.array([int(each) for each in values.ravel()], dtype=object).reshape(values.shape)
