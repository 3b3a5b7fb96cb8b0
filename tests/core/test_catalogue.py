"""What files declare, found by name: one file at a time, or all."""

import importlib
import subprocess
import sys

import pytest

import archcalc.layers
from archcalc.core.catalogue import Catalogue
from archcalc.layer import ALIASES, LAYERS, Layer, known_names
from archcalc.layers.index import FILES
from archcalc.report.report import REPORTS


def test_every_layer_is_declared_by_the_file_that_the_index_names() -> None:
    for file, names in FILES.items():
        declared = vars(importlib.import_module(f"archcalc.layers.{file}")).values()
        own = [each for each in declared if isinstance(each, type) and issubclass(each, Layer) and each.name]
        found = {each.name: each.other_names() for each in own if each.__module__.endswith(f".{file}")}
        assert found == names, "run make docs"


def test_every_format_is_declared_by_the_file_of_its_name() -> None:
    assert {name: form.name for name, form in REPORTS.items()} == {name: name for name in REPORTS.names()}


def test_looking_at_a_name_imports_its_file_alone() -> None:
    program = """
import sys
import archcalc.layers
from archcalc.layer import LAYERS, layer_named
names = len(LAYERS.names())
assert layer_named("fc").name == "linear" and layer_named("nothing") is None and "attention" in LAYERS
found = {name.rpartition(".")[2] for name in sys.modules if name.startswith("archcalc.layers.")}
assert "linear" in found and "attention" not in found, found
assert len(LAYERS) == names and "archcalc.layers.attention" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_file_that_the_index_does_not_list_is_imported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FILES, "rbf")
    monkeypatch.delitem(sys.modules, "archcalc.layers.rbf", raising=False)
    monkeypatch.setattr(importlib, "import_module", lambda name: imported.append(name))
    imported: list[str] = []
    importlib.reload(archcalc.layers)
    assert imported == ["archcalc.layers.rbf"]


def test_a_name_is_declared_once() -> None:
    letters: Catalogue[int] = Catalogue()
    letters.add("a", 1)
    with pytest.raises(TypeError, match="'a' is declared twice"):
        letters.add("a", 2)
    for name, aliases in (("relu", ()), ("fc", ()), ("another", ("relu",)), ("another", ("fc",))):
        with pytest.raises(TypeError, match="declared twice"):
            type("Again", (Layer,), {}, name=name, aliases=aliases)
    assert LAYERS["relu"].name == "relu"
    assert ALIASES["fc"] == "linear"


def test_all_names_are_known_before_any_is_looked_at() -> None:
    assert set(known_names()) == {*LAYERS, *(other for layer in LAYERS.values() for other in layer.other_names())}
