"""A rehearsal of a run on a GPU: recordings that differ from the prediction in a known way, and what a replay says.

Each has to name the layer, its kind and the bytes, so that a rule can be corrected from the archive alone. They are
recordings of the CPU in the form of a GPU's, of a network for which both devices have the same rules.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archcalc.record import replace
from archcalc.verification.memory.allocator import peaks as modelled
from archcalc.verification.memory.attribution import Part, aligned, explained, parts, plan_of, top
from archcalc.verification.memory.kept import measurement_from, plain
from archcalc.verification.memory.recording import Recording
from archcalc.verification.memory.stream import AllocatorEvent, Usage, events, highest
from archcalc.verification.row import Row
from gpu import plan
from gpu.archive import read
from gpu.parts import graph_of, setup_of
from gpu.replay import compared_again
from gpu.worker import result_of

RECORDINGS = Path(__file__).parent.parent / "recordings"

LENET = plan.Part(name="lenet5", kind="memory", network="lenet5")

Events = list[AllocatorEvent]
Change = Callable[[Events], Events]

TRAINING = "training peak, bytes"


def as_of_a_gpu(changes: Events, asked: Events | None = None, given: int = 0, seeds: int = 0) -> Recording:
    """A GPU's recording: both histories, and the statistics that its allocator has for them."""
    asked = changes if asked is None else asked
    model, requested = modelled(events(asked)), highest(each.size for each in asked)
    used = Usage(requested, model.allocated, model.reserved)
    return Recording(tuple(changes), tuple(asked), used, inputs=given, seeds=seeds)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """What a worker would write on a GPU on which everything is as predicted."""
    found: dict[str, Any] = json.loads(json.dumps(result_of(LENET, "cpu")))
    made = measurement_from(found["measurement"])
    inferred, flat, trained = (
        as_of_a_gpu(list(each.seen), given=each.inputs, seeds=each.seeds)
        for each in (made.inference, made.flat, made.training)
    )
    made = replace(made, inference=inferred, flat=flat, training=trained)
    return found | {"on": "cuda", "measurement": plain(made)}


def with_training(result: dict[str, Any], change: Change, unseen: Change | None = None) -> dict[str, Any]:
    """The same run, with another course of the training step; `unseen`: what only the allocator's history has."""
    made = measurement_from(json.loads(json.dumps(result["measurement"])))
    seen = change(list(made.training.seen))
    asked = unseen(list(seen)) if unseen else None
    training = as_of_a_gpu(seen, asked, made.training.inputs, made.training.seeds)
    return result | {"measurement": plain(replace(made, training=training))}


def rows_of(result: dict[str, Any]) -> dict[str, Row]:
    found = compared_again(result)
    assert found.error == ""
    return {row.quantity: row for row in found.rows}


def wrong(rows: dict[str, Row]) -> list[str]:
    return [name for name, row in rows.items() if row.agrees is False]


# --- what differs ----------------------------------------------------------------------------------------------------


def first(course: Events, size: int) -> int:
    """The first tensor of a size."""
    return next(i for i, each in enumerate(events(course)) if each.size == size and not each.workspace)


def released(course: Events, at: int) -> int:
    """The release of what is allocated there; of a gradient, which stays, the end."""
    after = (i for i in range(at + 1, len(course)) if course[i].address == course[at].address)
    return next(after, len(course))


def larger(size: int, more: int) -> Change:
    """The first tensor of a size takes more."""

    def change(course: Events) -> Events:
        at = first(course, size)
        until = released(course, at)
        course[at] = replace(course[at], size=size + more)
        course[until : until + 1] = [replace(each, size=-size - more) for each in course[until : until + 1]]
        return course

    return change


def beside(size: int, more: int, *, kept: bool) -> Change:
    """The kernel that makes the first tensor of a size allocates another one, which is `kept` to the end."""

    def change(course: Events) -> Events:
        at = first(course, size)
        extra = replace(course[at], size=more, address=1)
        free = replace(extra, size=-more, kernel="" if kept else extra.kernel, run=0 if kept else extra.run)
        course.insert(at + 1, extra)
        course.insert(len(course) if kept else at + 2, free)
        return course

    return change


def between_kernels(size: int, more: int) -> Change:
    """Another allocation before that of the first tensor of a size, outside of its kernel, and released after it."""

    def change(course: Events) -> Events:
        at = first(course, size)
        extra = AllocatorEvent(more, 1)
        return [*course[:at], extra, course[at], replace(extra, size=-more), *course[at + 1 :]]

    return change


def kept(size: int) -> Change:
    """The first tensor of a size is released at the end."""

    def change(course: Events) -> Events:
        until = released(course, first(course, size))
        course.append(replace(course.pop(until), kernel="", run=0))
        return course

    return change


CONV1 = 2 * 6 * 28 * 28 * 4
"""The bytes that the first convolution puts out: 6 channels of 28 x 28 for two samples."""

FC1 = 120 * 84 * 4
"""The bytes of the weight of the first linear layer."""


# --- what a replay says of it ----------------------------------------------------------------------------------------


def test_what_is_as_predicted_agrees(result: dict[str, Any]) -> None:
    rows = rows_of(result)
    assert wrong(rows) == []
    assert rows[f"{TRAINING}, by statistics"].agrees
    assert rows["allocated in training, in blocks, within 2 %"].agrees


def test_a_workspace_is_listed_with_its_kernel(result: dict[str, Any]) -> None:
    rows = rows_of(with_training(result, beside(CONV1, 2**21, kept=False)))
    assert wrong(rows) == []
    [text] = [text for text in rows["workspaces in training, at its peak"].differences if "2,097,152" in text]
    assert text == "aten::convolution: 1 x 2,097,152"


def test_a_workspace_of_an_unknown_kernel_is_reported_by_its_size(result: dict[str, Any]) -> None:
    rows = rows_of(with_training(result, list, between_kernels(FC1, 2**21)))
    assert wrong(rows) == []
    assert rows[TRAINING].reported
    assert rows[TRAINING].differences[0].endswith(" bytes more, which can be workspaces: their kernels are unknown")
    assert "not predicted: 1 x 2,097,152" in rows["workspaces in training, at its peak"].differences


def test_another_rounding_names_the_tensor(result: dict[str, Any]) -> None:
    rows = rows_of(with_training(result, larger(FC1, 448)))
    assert wrong(rows) == [TRAINING, f"{TRAINING}, by statistics"]
    [text] = rows[TRAINING].differences[1:]
    place = "gradient of fc1.weight, predicted at backward of fc1 (linear)"
    assert text == f"+448 bytes: {place}, has 40,768 bytes (made by aten::mm), not the 40,320 predicted"


def test_one_saved_tensor_more_names_the_layer_and_the_kernel(result: dict[str, Any]) -> None:
    changed = with_training(result, beside(CONV1, 300, kept=True))
    measured = json.loads(json.dumps(changed["measurement"]))
    measured["saved"]["conv1"] = 300
    measured["tensors"]["conv1"] = [["[300] uint8", 300]]
    rows = rows_of(changed | {"measurement": measured})
    assert wrong(rows) == [
        "saved for backward, by layer", "bytes saved for backward", TRAINING, f"{TRAINING}, by statistics",
    ]  # fmt: skip
    [text] = rows["saved for backward, by layer"].differences
    assert text == "conv1: predicted 0, measured 300 (conv; saved beyond the prediction: [300] uint8, 300 bytes)"
    assert rows[TRAINING].differences[1:] == (
        "+300 bytes: made by aten::convolution at forward of conv1 (conv) or forward of tanh1 (tanh), not predicted",
    )


def test_a_tensor_that_lives_longer_is_named(result: dict[str, Any]) -> None:
    """The output of conv1, which the rules release in the forward pass when tanh1 has read it."""
    rows = rows_of(with_training(result, kept(CONV1)))
    assert TRAINING in wrong(rows)
    assert any(
        text.startswith("+37,632 bytes: conv1 is alive, predicted from forward of conv1 (conv) until before")
        for text in rows[TRAINING].differences
    ), rows[TRAINING].differences


def test_an_archive_of_before_has_no_tensors(result: dict[str, Any]) -> None:
    changed = {key: value for key, value in result["measurement"].items() if key != "tensors"}
    changed["saved"] = changed["saved"] | {"conv2": 1}
    [text] = rows_of(result | {"measurement": changed})["saved for backward, by layer"].differences
    assert text.startswith("conv2: predicted")
    assert text.endswith("measured 1")


@pytest.mark.parametrize("change", [larger(FC1, 448), beside(CONV1, 300, kept=True), kept(CONV1)])
def test_the_parts_of_a_difference_are_all_of_it(result: dict[str, Any], change: Change) -> None:
    """What is predicted at a moment and the parts of the difference there are what was measured there."""
    found = with_training(result, change)
    stream = measurement_from(found["measurement"]).training.stream
    foreseen = plan_of(graph_of(LENET), setup_of(LENET, "cuda"), training=True)
    pair, at = aligned(foreseen, stream), top(stream.events)
    step = pair.step(at)
    said: list[Part] = list(parts(pair, step, at))
    assert said
    assert foreseen.timeline.steps[step].live + sum(part.nbytes for part in said) == stream.peak


def test_a_prediction_that_is_too_high_names_what_is_missing(result: dict[str, Any]) -> None:
    """The rules have a tensor that no kernel makes: the run is without the gradient of a weight."""

    def without(course: Events) -> Events:
        at = first(course, FC1)
        until = released(course, at)
        return [each for i, each in enumerate(course) if i not in (at, until)]

    found = with_training(result, without)
    stream = measurement_from(found["measurement"]).training.stream
    foreseen = plan_of(graph_of(LENET), setup_of(LENET, "cuda"), training=True)
    said = explained(foreseen, stream, stream.peak + 1)
    assert "-40,320 bytes: gradient of fc1.weight, predicted at backward of fc1 (linear), is never allocated" in said


def test_an_iteration_says_what_of_it_differs() -> None:
    """A recording of the CPU with AdamW, whose state is said to have been 40 bytes larger."""
    kept = read((RECORDINGS / "cpu-step-adamw-fused-lenet5.json.gz").read_bytes())
    name = "iteration peak with adamw, bytes"
    right = rows_of(kept)[name]
    assert (right.agrees, right.differences) == (True, ())
    kept["measurement"]["standing"] += 40
    before, beside = rows_of(kept)[name].differences
    numbers = [int(text.replace(",", "")) for text in re.findall(r"[0-9,]*[0-9]", before)]
    assert numbers[1] == numbers[0] + 40
    assert before.endswith(" (parameters, buffers, optimizer state)")
    assert re.fullmatch(
        r"beside that: predicted [\d,]+ in backward, [\d,]+ in the step of adamw \(fused\), measured [\d,]+", beside
    )
