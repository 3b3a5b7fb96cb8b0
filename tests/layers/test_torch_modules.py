"""The modules that torch lacks: real files, read as text; what is executed of them is what is checked of them."""

import ast
import builtins
from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcalc import layers
from archcalc.codegen.source import with_parts
from archcalc.core.torch_modules import text_of
from archcalc.layer import LAYERS, Call

LAYER_FILES = sorted(Path(layers.__path__[0]).glob("*.py"))
FILES = [path for path in sorted((LAYER_FILES[0].parent / "torch_modules").glob("*.py")) if path.stem != "__init__"]
IMPORTS = {"import torch", "import torch.nn.functional as F", "from torch import nn", "from torch import Tensor, nn"}
GIVEN: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
"""What generated source has at its head."""


def calls() -> Iterator[Call]:
    """Every module that an example builds, parts included."""
    for kind, layer in LAYERS.items():
        for example in layer.examples:
            yield from with_parts(LAYERS[kind](**example.given).call(*example.xs))


each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def described(made: type) -> tuple[Any, ...]:
    """What a class is to those who use it."""
    methods = {name: str(signature(each)) for name, each in vars(made).items() if isinstance(each, FunctionType)}
    assert methods
    return made.__name__, made.__doc__, made.__bases__, methods


@each_file
def test_what_is_executed_as_text_is_the_class_of_the_file(path: Path) -> None:
    """The class that layers build, statement by statement."""
    (used,) = {call.target for call in calls() if call.file == path.stem}
    file, scope = import_module(f"archcalc.layers.torch_modules.{path.stem}"), dict(GIVEN)
    exec(text_of(path.stem), scope)
    assert described(scope[used]) == described(getattr(file, used))
    *_, made = ast.parse(path.read_text()).body
    (read,) = ast.parse(text_of(path.stem)).body
    assert ast.dump(read) == ast.dump(made)


@each_file
def test_a_file_imports_what_generated_source_imports_and_has_one_class_of_its_name(path: Path) -> None:
    *imports, made = ast.parse(path.read_text()).body
    assert {ast.unparse(each) for each in imports} <= IMPORTS
    assert isinstance(made, ast.ClassDef)
    assert made.name.lower() == path.stem.replace("_", "")


@each_file
def test_the_text_needs_no_name_that_generated_source_does_not_import(path: Path) -> None:
    names = [node for node in ast.walk(ast.parse(text_of(path.stem))) if isinstance(node, ast.Name)]
    arguments = {each.arg for each in ast.walk(ast.parse(text_of(path.stem))) if isinstance(each, ast.arg)}
    bound = {each.id for each in names if isinstance(each.ctx, ast.Store)} | arguments
    assert {each.id for each in names} - bound <= GIVEN.keys() | set(dir(builtins))


def test_every_file_is_used_by_a_layer_and_every_layer_finds_its_file() -> None:
    assert {call.file for call in calls() if call.file} == {path.stem for path in FILES}


@pytest.mark.parametrize("path", LAYER_FILES, ids=lambda path: path.stem)
def test_no_layer_has_a_module_in_a_string(path: Path) -> None:
    strings = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    assert not [each for each in strings if isinstance(each, str) and "class " in each and "nn.Module" in each]


def test_a_module_is_read_once() -> None:
    assert text_of("maxout") is text_of("maxout")
