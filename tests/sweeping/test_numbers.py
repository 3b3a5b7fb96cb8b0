"""Closed forms at designs of a space, against the report and the footprint of each design alone."""

import json
import shlex
from collections.abc import Iterator

import numpy as np
import pytest

import archcalc
from archcalc.command import run
from archcalc.sweeping import structure
from archcalc.sweeping.checking import differences, reported
from archcalc.sweeping.forms import Pieces, Total
from archcalc.sweeping.structure import Structure, Tally
from archcalc.sweeping.sweep import random_designs
from archcalc.sweeping.task import Worker
from tests.sweeping.spaces import SPACES, asked, space_of


@pytest.mark.parametrize("name", ["resnet18", "regnet_x", "gpt2", "unet"])
def test_random_designs_have_the_numbers_of_their_reports(name: str) -> None:
    question = space_of(name)
    assert list(differences(question, random_designs(question, 3))) == []


@pytest.mark.fuzz
@pytest.mark.parametrize("name", SPACES)
def test_a_hundred_random_designs_have_the_numbers_of_their_reports(name: str) -> None:
    question = space_of(name)
    assert list(differences(question, random_designs(question, 100, seed=1))) == []


@pytest.mark.parametrize(("kind", "method"), [(Total, "at"), (Pieces, "at")])
def test_a_wrong_form_is_seen(kind: type, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = getattr(kind, method)

    def off_by_one(self: object, *given: object) -> object:
        found = right(self, *given)
        return type(found)(found.values + 1, found.why)

    monkeypatch.setattr(kind, method, off_by_one)
    question = asked("lenet5", ["H=W=28..40"], columns="macs,training_peak")
    found = {each.quantity for each in differences(question, [0, 5])}
    assert found == {"macs" if kind is Total else "training_peak"}


def blocks_and_lists() -> Iterator[tuple[int, int]]:
    """Parts of a space as whole blocks, and the same designs in parts that are none."""
    yield from ((begin, begin + 640) for begin in range(0, 1280, 640))
    yield from ((begin, min(1280, begin + 77)) for begin in range(0, 1280, 77))


def test_blocks_and_single_designs_have_the_same_numbers() -> None:
    """The same designs in the form of a block, as a list, and one by one in Python's integers."""
    over = ["depths[0]=1..2", "H=W=64..192:32", "w=4..64:4", "N=1..8"]
    question = asked("resnet18", over, columns="params,macs,output_bytes,backward_flops")
    found: dict[str, dict[int, list[int]]] = {}
    for begin, end in blocks_and_lists():
        made = Structure(question, 0)
        batch = made.batch(begin, end)
        made.find(batch, question.quantities, Tally())
        for name in batch.known:
            found.setdefault(name, {}).setdefault(end - begin == 640, []).extend(batch.values(name).tolist())
    assert question.space.size == 1280
    assert len(found) == 4
    for ways in found.values():
        assert len(set(map(tuple, ways.values()))) == 1
        assert len(next(iter(ways.values()))) == 1280


def test_values_beyond_int64_are_exact() -> None:
    """2**63 lies within the range: int64 would wrap around without a word."""
    found = archcalc.sweep("lenet5", {"N": [1, 2**40, 2**44, 2**50]}, columns="macs")
    one = found.rows()[0]["macs"]
    assert [row["macs"] for row in found.rows()] == [one, one * 2**40, one * 2**44, one * 2**50]
    assert one * 2**50 > 2**63
    best = archcalc.sweep("lenet5", {"N": [2**44, 2**44 + 1, 2**50]}, maximise="macs")
    assert best.rows()[0]["macs"] == one * 2**50


def test_forms_that_need_a_number_get_it() -> None:
    """Whether a projection is needed depends on the width, so each width is a network of its own."""
    text = "input(8,9,9) -> conv(1,8) -> fc(10)"
    assert archcalc.sweep("regnet_x", {"widths[0]": [32, 48], "depths[0]": [1, 2]}, columns="macs").tally.kept == 4
    question = asked("resnet18", ["w=60..68"], columns="macs,training_peak")
    assert list(differences(question, list(range(question.space.size)))) == []
    assert text


def test_invalid_designs_are_counted_with_their_reason() -> None:
    found = archcalc.sweep("lenet5", {"H=W": range(1, 41)}, wanted="count")
    assert found.tally.designs == 40
    assert found.tally.kept == 40 - sum(found.tally.invalid.values()) > 0
    assert all("does not fit" in reason for reason in found.tally.invalid)
    question = asked("lenet5", ["H=W=1..40"], columns="macs")
    valid = [design for design in range(40) if reported(question, design)["macs"] is not None]
    assert len(valid) == found.tally.kept


def test_a_quantity_that_is_not_known_is_a_reason() -> None:
    """Every layer of a linear classifier sees the whole image."""
    found = archcalc.sweep("linear_classifier", {"N": [1, 2]}, maximise="receptive_field")
    assert found.tally.kept == 0
    assert found.tally.invalid == {"every layer sees the whole input, so there is no receptive field to compare": 2}


def test_settings_that_no_layer_has_are_a_reason() -> None:
    found = archcalc.sweep("resnet18", choose={"act": ["relu", "nonsense"]}, columns="params")
    assert (found.tally.kept, found.tally.invalid) == (1, {"unknown name 'nonsense'": 1})


def test_the_command_of_a_design_reports_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    found = archcalc.sweep(
        "resnet18",
        {"w": [24], "depths[1]": [3], "H=W": [96], "N": [2]},
        choose={"act": ["silu"]},
        columns="macs,params",
    )
    line = found.command(0)
    assert line == (
        "archcalc report resnet18 --set act=silu --set w=24 --set H=96 --set W=96 --batch 2 --set 'depths=[2,3,2,2]'"
    )
    assert run([*shlex.split(line)[1:], "--format", "json"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    row = found.rows()[0]
    assert (totals["macs"], totals["params"]) == (row["macs"], row["params"])


def test_conditions_are_those_of_python() -> None:
    """Axes, parameters, entries of lists, quantities in brackets and quotients, against rows that are filtered."""
    over = {"w": range(8, 65, 8), "depths[0]": "1..3", "N": "1,4"}
    every = archcalc.sweep("resnet18", over, columns="params,macs,output_bytes(N=2)").rows()
    where = "params <= 2M and macs / params >= 100 and w != 16 and depths[0] * 2 >= 4 and output_bytes(N=2) < 40MB"
    found = archcalc.sweep("resnet18", over, where=where, columns="params,macs,output_bytes(N=2)").rows()
    expected = [
        row
        for row in every
        if row["params"] <= 2_000_000
        and row["macs"] >= 100 * row["params"]
        and row["w"] != 16
        and row["depths[0]"] >= 2
        and row["output_bytes(N=2)"] < 40_000_000
    ]
    assert found == expected
    assert 0 < len(found) < len(every)


def test_memory_does_not_grow_with_the_space() -> None:
    """A part of 10^12 designs takes what its chunk takes."""
    question = asked("resnet18", ["w=1..1000000", "N=1..1000000"], minimise="macs", maximise="w")
    part = Worker(question).part(10**11, 10**11 + 2 * structure.CHUNK)
    assert part.tally.designs == 2 * structure.CHUNK
    assert len(np.unique(part.kept.plain()["designs"])) >= 1
