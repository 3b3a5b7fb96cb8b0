"""Closed forms as people see them, and that what they see is true."""

import json
import random
from math import prod

import pytest

from archcalc.command import run
from archcalc.core.diagnostic import SpecError
from archcalc.core.dim import NoClosedForm
from archcalc.formula import fitting, formula, with_free
from archcalc.loading import document_of_chain
from archcalc.measure import MEASURES
from archcalc.measures import arithmetic, params  # noqa: F401  they register what is asked for below
from archcalc.sym.periodic import PeriodicSet
from tests.goldens import assert_golden
from tests.zoo import document, network, references

SPATIAL = [name for name in references() if network(name).inputs[0].volume.rank == 2]


@pytest.mark.parametrize("name", ["resnet50", "lenet5_fcn", "vgg16"])
def test_the_text_word_for_word(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", name, "--free", "H,W", "--free", "N"]) == 0
    assert_golden(f"formula_{name}.txt", capsys.readouterr().out)


@pytest.mark.parametrize("reference", SPATIAL)
@pytest.mark.parametrize("measure", ["macs", "params"])
def test_stages_are_the_total_and_the_lattice_form_is_exact_on_multiples(reference: str, measure: str) -> None:
    graph, own = with_free(document(reference), ["H", "W"])
    made = formula(graph, MEASURES[measure], own)
    assert sum(stage.term.at(**own) for stage in made.stages) == made.total.at(**own)
    assert sum(stage.share for stage in made.stages) == pytest.approx(1)
    pick = random.Random(0)
    for _ in range(10):
        size = {name: n * pick.randint(8, 20) for name, n in made.multiples.items()}
        whole = made.total.at(**{**own, **size})
        values = {**own, **size}
        even = sum(
            c * prod(values[getattr(atom, "name", "")] ** k for atom, k in monomial)
            for monomial, c in made.lattice.items()
        )
        assert even == whole or not made.multiples


def test_every_layer_of_a_stage_has_its_term() -> None:
    graph, own = with_free(document("resnet50"), ["H", "W"])
    made = formula(graph, MEASURES["macs"], own)
    assert [(str(stage.term), len(stage.layers)) for stage in made.stages][:2] == [
        ("7471104·⌈H/16⌉·⌈W/16⌉", 19),
        ("1310720·⌈H/8⌉·⌈W/8⌉", 13),
    ]
    assert made.multiples == {"H": 32, "W": 32}


def test_sizes_that_fit_come_with_the_form() -> None:
    graph, own = with_free(document("vgg16"), ["H"])
    found = fitting(graph, list(own))["H"]
    assert isinstance(found, PeriodicSet)
    assert (found.named("H"), found.first(2), own) == ("H ≥ 32", [32, 33], {"H": 224})


def test_json_has_the_forms_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", "resnet50", "--format", "json", "--of", "macs", "--layers"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["symbols"] == {"H": 224, "W": 224}
    assert told["lattice"]["macs"]["form"] == "81456·H·W + 2048000"
    assert told["layers"][0]["output_shape"] == ["64", "⌈H/2⌉", "⌈W/2⌉"]
    assert told["first_valid"]["H"] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_sequence_has_a_length() -> None:
    graph, own = with_free(document_of_chain("input(2, 100) -> conv(3, 4) -> maxpool(2)"), ["T", "N"])
    made = formula(graph, MEASURES["macs"], own)
    assert (str(made.total), own) == ("24·N·(T - 2)", {"T": 100, "N": 1})


def test_what_is_no_size_is_refused_with_what_is() -> None:
    with pytest.raises(SpecError, match="input has no size called 'w'"):
        with_free(document("resnet50"), ["w"])


def test_what_has_no_closed_form_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    chain = document_of_chain("input(2, 30, 30) -> adaptive_avgpool(7)")
    graph, own = with_free(chain, ["H", "W"])
    with pytest.raises(NoClosedForm, match="scalar of adaptive_avgpool1 has no closed form"):
        formula(graph, MEASURES["scalar"], own)
    assert run(["formula", "-e", "input(2, 30, 30) -> adaptive_avgpool(7)", "--of", "scalar"]) == 0
    assert "has no closed form" in capsys.readouterr().err


def test_an_unknown_measure_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", "resnet50", "--of", "mac"]) == 2
    assert "nothing is called 'mac'" in capsys.readouterr().err
