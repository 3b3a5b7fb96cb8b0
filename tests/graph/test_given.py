"""Every function of the Python interface takes a network in every form, and refuses what is none."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import zeros
from torch.nn import Linear, ReLU, Sequential

import archcalc

LENET = Path(__file__).parents[2] / "specs" / "lenet5.yaml"

ALIKE = (
    "lenet5", LENET, archcalc.load("lenet5"), archcalc.report_of("lenet5"), archcalc.load("lenet5", free=["H", "W"]),
)  # fmt: skip
"""The same network as a name, a path, a graph, what has a graph, and a graph with free sizes."""

KINDS = ("name", "path", "graph", "report", "free")

TAKE_A_NETWORK: dict[str, Callable[[Any], Any]] = {
    "report_of": lambda network: archcalc.report_of(network).totals["params"],
    "footprint_of": lambda network: archcalc.footprint_of(network).parameters,
    "generate": lambda network: len(archcalc.generate(network).text),
    "explain": lambda network: archcalc.explain(network, "conv1").call,
    "check": archcalc.check,
    "compare": lambda network: archcalc.compare(network, "resnet18").totals["params"],
    "closed_form": lambda network: archcalc.closed_form(network, "macs", free=["H", "W"]).total,
    "feasible": lambda network: archcalc.feasible(network).by_symbol.keys() <= {"H", "W"},
    "solve": lambda network: archcalc.solve(network, "H").best,
    "sweep": lambda network: archcalc.sweep(network, {"H=W": [28, 32]}).rows(),
    "verify": lambda network: len(archcalc.verify(network, device="meta", sizes=0, memory=False).rows),
}
"""Every public function that takes a network, and something that it gives."""


@pytest.mark.parametrize("name", TAKE_A_NETWORK)
def test_every_function_takes_a_network_in_every_form(name: str) -> None:
    calls = TAKE_A_NETWORK[name]
    closed = ALIKE if name not in ("footprint_of", "report_of", "explain", "generate", "compare") else ALIKE[:-1]
    found = [calls(network) for network in closed]
    assert all(each == found[0] for each in found), dict(zip(KINDS, found, strict=False))


@pytest.mark.parametrize("name", TAKE_A_NETWORK)
def test_what_is_no_network_is_refused_in_words(name: str) -> None:
    with pytest.raises(TypeError, match="a network is a graph, the name or path of a spec, a report or an import; got"):
        TAKE_A_NETWORK[name](7)


def test_a_module_of_torch_is_refused_with_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"ReLU is a module of torch.*give archcalc.from_torch\(module, example\)"):
        archcalc.report_of(ReLU())  # type: ignore[arg-type]
    network = archcalc.from_torch(Sequential(Linear(4, 3), ReLU()), zeros(1, 4))
    assert archcalc.report_of(network).totals["params"] == 15


def test_a_symbol_that_a_graph_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(ValueError, match="'w' is no free symbol of ResNet-18; it has H, W"):
        archcalc.solve(archcalc.load("resnet18", free=["H", "W"]), "w")
    assert archcalc.solve(archcalc.load("resnet18"), "w", "params <= 5M").best == 41


def test_an_unknown_measure_is_answered_with_those_known() -> None:
    with pytest.raises(ValueError, match="there is no measure 'parms'; did you mean 'params'"):
        archcalc.closed_form("lenet5", "parms")


def test_the_dtype_of_a_report_is_that_of_its_numbers() -> None:
    assert archcalc.report_of("lenet5", dtype="bfloat16").totals["param_bytes"] == 2 * 61_706
    assert archcalc.report_of(archcalc.load("lenet5", dtype="float64")).dtype == "float64"


def test_a_graph_with_settings_keeps_them_where_it_is_built_anew() -> None:
    graph = archcalc.load("resnet18", settings={"w": 32})
    assert archcalc.closed_form(graph, "params", free=["N"]).total == archcalc.report_of(graph).totals["params"]
    with pytest.raises(ValueError, match="name the spec in its place"):
        archcalc.sweep(graph, {"H=W": [64]}, settings={"w": "16"})


@pytest.mark.parametrize("name", ["compare", "footprint_of"])
def test_what_needs_numbers_says_so(name: str) -> None:
    with pytest.raises(ValueError, match="LeNet-5 has free symbols, H, W: give numbers"):
        TAKE_A_NETWORK[name](ALIKE[-1])


def test_the_setup_of_training_refuses_what_there_is_not() -> None:
    setup = archcalc.TrainingSetup(optimizer=archcalc.optimizer("adamw"))
    assert archcalc.footprint_of("lenet5", setup).iteration == 1_238_296
    with pytest.raises(ValueError, match="there is no autocast 'float3'; did you mean 'float16'"):
        archcalc.TrainingSetup(autocast="float3")
    with pytest.raises(archcalc.SpecError, match="adamx"):
        archcalc.optimizer("adamx")
    with pytest.raises(TypeError, match=r"give archcalc.optimizer\('adamw'\)"):
        archcalc.TrainingSetup(optimizer="adamw")  # type: ignore[arg-type]


def test_budgets_know_the_measures_in_a_new_process() -> None:
    code = "import archcalc; print(archcalc.solve('resnet18', 'w', 'params <= 5M'))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).startswith("<Answer: ")
