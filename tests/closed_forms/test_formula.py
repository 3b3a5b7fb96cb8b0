"""Closed forms as people see them, and that what they see is true."""

import doctest
import inspect
import json
import random
import re
from math import prod
from typing import Any

import pytest

from archcalc.closed_forms.feasibility import example, feasible
from archcalc.closed_forms.formula import formula
from archcalc.closed_forms.formulas.latex import condition
from archcalc.command import run
from archcalc.core.diagnostic import SpecError
from archcalc.graph.builder import build
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Graph
from archcalc.graph.loading import document_of_chain
from archcalc.measure import MEASURES
from archcalc.measures import arithmetic, output_bytes, params  # noqa: F401  they register what is asked for below
from archcalc.spec.declaration import Document
from archcalc.sym.expr import NoClosedForm
from archcalc.sym.periodic import PeriodicSet
from tests.goldens import assert_golden
from tests.networks.zoo import document, each, network, references
from tests.sym.test_decide import WORDS

SPATIAL = [name for name in references() if network(name).inputs[0].volume.rank == 2]


def opened(spec: Document, names: list[str]) -> tuple[Graph, dict[str, int]]:
    graph = with_free(spec, names)
    return graph, example(graph)


@pytest.mark.parametrize("name", ["resnet50", "lenet5_fcn", "vgg16"])
def test_the_text_word_for_word(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", name, "--free", "H,W", "--free", "N"]) == 0
    assert_golden(f"formula_{name}.txt", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["resnet50", "lenet5_fcn", "vgg16"])
@pytest.mark.parametrize(("form", "suffix"), [("latex", "tex"), ("python", "py.txt")])
def test_latex_and_python_word_for_word(name: str, form: str, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", name, "--free", "H,W,N", "--format", form]) == 0
    assert_golden(f"formula_{name}.{suffix}", capsys.readouterr().out)


@pytest.mark.parametrize("reference", each(SPATIAL))
@pytest.mark.parametrize("measure", ["macs", "params"])
def test_stages_are_the_total_and_the_lattice_form_is_exact_on_multiples(reference: str, measure: str) -> None:
    graph, own = opened(document(reference), ["H", "W"])
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
    graph, own = opened(document("resnet50"), ["H", "W"])
    made = formula(graph, MEASURES["macs"], own)
    assert [(str(stage.term), len(stage.layers)) for stage in made.stages][:2] == [
        ("7471104·⌈H/16⌉·⌈W/16⌉", 19),
        ("1310720·⌈H/8⌉·⌈W/8⌉", 13),
    ]
    assert made.multiples == {"H": 32, "W": 32}


def test_sizes_that_fit_come_with_the_form() -> None:
    graph, own = opened(document("vgg16"), ["H"])
    found = feasible(graph).by_symbol["H"]
    assert isinstance(found, PeriodicSet)
    assert (found.named("H"), found.first(2), own) == ("H ≥ 32", [32, 33], {"H": 224})


def test_json_has_the_forms_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", "resnet50", "--format", "json", "--of", "macs", "--layers"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported["symbols"] == {"H": 224, "W": 224}
    assert reported["lattice"]["macs"]["form"] == "81456·H·W + 2048000"
    assert reported["layers"][0]["output_shape"] == ["64", "⌈H/2⌉", "⌈W/2⌉"]
    assert reported["first_valid"]["H"] == [1, 2, 3, 4, 5, 6, 7, 8]


WANTED = ("params", "macs", "operations", "output_bytes")

PRINTED = ["lenet5_fcn", "resnet18", "resnet50@resnet101", "googlenet", "vgg16", "alexnet", "zfnet", "nin_imagenet"]


def functions(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What is defined by the text that `--format python` prints."""
    assert run(["formula", *arguments, "--format", "python"]) == 0
    scope: dict[str, Any] = {}
    exec(capsys.readouterr().out, scope)
    del scope["__builtins__"]
    return scope


@pytest.mark.parametrize("reference", PRINTED)
def test_printed_python_gives_the_numbers_of_the_report(reference: str, capsys: pytest.CaptureFixture[str]) -> None:
    [function] = functions(capsys, reference, "--free", "H,W,N", "--of", ",".join(WANTED)).values()
    spec, pick = document(reference), random.Random(reference)
    graph, own = opened(spec, ["H", "W", "N"])
    allowed = feasible(graph).by_symbol
    for _ in range(4):
        near = {name: n + pick.randint(-n // 3, n // 2) for name, n in own.items()}
        size = {name: next_that_fits(allowed[name], n) for name, n in near.items()}
        shape = (network(reference).inputs[0].volume.channels, size["H"], size["W"])
        plain = build(spec, batch=size["N"], sizes={spec.inputs[0].name: shape})
        assert function(**size) == {name: MEASURES[name].total(plain) for name in WANTED}


def next_that_fits(allowed: PeriodicSet | str, n: int) -> int:
    assert isinstance(allowed, PeriodicSet)
    found = allowed.next(n)
    assert found is not None
    return found


def test_printed_python_shows_what_it_gives_at_the_size_of_the_spec(capsys: pytest.CaptureFixture[str]) -> None:
    scope = functions(capsys, "resnet50", "lenet5_fcn", "resnet50", "--of", "macs")
    assert list(scope) == ["resnet_50_macs", "lenet_5_fully_convolutional_macs", "resnet_50_3_macs"]
    for name, function in scope.items():
        [found] = doctest.DocTestFinder().find(function, name, globs=scope)
        assert doctest.DocTestRunner().run(found) == doctest.TestResults(failed=0, attempted=1)
    lines = inspect.getdoc(scope["lenet_5_fully_convolutional_macs"]) or ""  # Python 3.13 removes the indentation
    assert "H ≥ 32" in lines.splitlines()


def test_printed_python_of_layers_has_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    scope = functions(capsys, "resnet50", "--layers", "--of", "macs,params")
    for name in ("macs", "params"):
        found = scope[f"resnet_50_{name}_by_layer"](224, 224)
        assert list(found.items()) == [(node.name, MEASURES[name].of(node)) for node in network("resnet50")]
        assert scope["resnet_50"](224, 224)[name] == sum(found.values())


def test_latex_of_layers_has_their_volumes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", "vgg16", "--layers", "--format", "latex", "--of", "buffers,macs"]) == 0
    reported = capsys.readouterr().out
    assert reported.count(r"\begin{align*}") == reported.count(r"\end{align*}") == 2
    assert r"\text{buffer elements} &= 0 && \text{at } H = 224,\ W = 224" in reported
    assert r"\text{stage1.conv1} &\colon\; \left[64, H, W\right] && \text{MACs } 1728\,H\,W" in reported
    assert r"\text{relu1} &\colon\; \left[4096\right] \\" in reported


LATEX_SIZES = [(found, words) for found, words in WORDS if words not in ("always", "never")]


@pytest.mark.parametrize(("found", "words"), LATEX_SIZES, ids=[words for _, words in LATEX_SIZES])
def test_sizes_in_latex_say_what_they_say_in_words(found: PeriodicSet, words: str) -> None:
    made = condition("H", found)
    assert re.findall(r"\d+", made) == re.findall(r"\d+", words)
    assert made.isascii()
    assert made.count("{") == made.count("}")


def test_what_depends_on_two_symbols_together_is_said() -> None:
    chain = "input(3, 32, 32) -> a = conv(3, 8, s2) -> conv(3, 8, p1) -> reshaped = crop(like=a)"
    assert condition("w_in", PeriodicSet()) == r"\text{no } w_{\mathrm{in}}"
    graph, _ = opened(document_of_chain(chain), ["H"])
    assert not feasible(graph).residual


def test_a_sequence_has_a_length() -> None:
    graph, own = opened(document_of_chain("input(2, 100) -> conv(3, 4) -> maxpool(2)"), ["T", "N"])
    made = formula(graph, MEASURES["macs"], own)
    assert (str(made.total), own) == ("24·N·(T - 2)", {"T": 100, "N": 1})


def test_what_cannot_be_free_is_refused_with_what_can() -> None:
    with pytest.raises(SpecError) as caught:
        with_free(document("resnet50"), ["widht", "T", "H"])
    assert [each.message for each in caught.value.diagnostics] == [
        "'widht' cannot be free",
        "'T' cannot be free",
    ]
    assert caught.value.diagnostics[1].help.startswith("these can be free: H, W, N, classes, w, depths, depths[0]")


def test_what_has_no_closed_form_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    chain = document_of_chain("input(2, 30, 30) -> adaptive_avgpool(7)")
    graph, own = opened(chain, ["H", "W"])
    with pytest.raises(NoClosedForm, match="scalar of adaptive_avgpool1 has no closed form"):
        formula(graph, MEASURES["scalar"], own)
    assert run(["formula", "-e", "input(2, 30, 30) -> adaptive_avgpool(7)", "--of", "scalar"]) == 0
    assert "has no closed form" in capsys.readouterr().err


def test_an_unknown_measure_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["formula", "resnet50", "--of", "mac"]) == 2
    assert "unknown quantity 'mac'" in capsys.readouterr().err
