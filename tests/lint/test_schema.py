"""The JSON Schema of specs: what the language reads it accepts, and what is wrong in structure it refuses."""

from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it carries no types

from archcalc.graph.binding import signature_of
from archcalc.layer import LAYERS
from archcalc.lint.schema import schema
from tests.networks.zoo import FILES

ACCEPTED = {
    "mapping form": "layers: [{conv: {kernel_size: 3, out_channels: 8, stride: 2}, name: c1}, {fc: 10}]",
    "a layer with a name": "layers: [{skip = conv: {kernel_size: 3, out_channels: 8}}, relu]",
    "a merge": "layers: [{add: [conv(3, 3), prev]}, {concat: [[relu, relu], input]}]",
    "a merge with arguments": "layers: [{concat: [prev, prev], axis: height}, {y = concat: [prev, prev], axis: 1}]",
    "a block's own name": "blocks: {my_block(c): [conv(3, c)]}\nlayers: [{my_block: {c: 3}}, {my_block: 3, repeat: 2}]",
    "an expression anywhere": "params: {w: 8}\nlayers: [{conv: {kernel_size: w - 5, out_channels: 2 * w}}]",
    "a layer as an argument": "layers: [{conv: {kernel_size: 3, out_channels: 8, act: {leaky_relu: 0.1}}}]",
    "no arguments": "layers: [{flatten: null}, {fc: 10}]",
}

REFUSED = {
    "an unknown key": "layer: [relu]\nlayers: [relu]",
    "the wrong version": "archcalc: 2\nlayers: [relu]",
    "an argument that is none": "layers: [{conv: {kernel_size: 3, out_channels: 8, strides: 2}}]",
    "an argument that is missing": "layers: [{conv: {kernel_size: 3}}]",
    "a list of arguments": "layers: [{conv: [3, 64]}]",
    "a number alone where two are needed": "layers: [{conv: 3}]",
    "arguments of a layer without any": "layers: [{relu: {slope: 1}}]",
    "an argument of a merge that has none": "layers: [{add: [prev, prev], axis: 1}]",
    "an item that is empty": "layers: [relu, null]",
    "no layers": "layers: []",
    "a layer that is a number": "layers: [3]",
    "an expectation of nothing": "layers: [relu]\nexpect: {parameters: 3}",
    "an input's unknown key": "input: {shape: [3], type: int64}\nlayers: [relu]",
    "an unknown dtype": "input: {shape: [3], dtype: float31}\nlayers: [relu]",
    "an input that is a text": "input: three\nlayers: [relu]",
    "bounds of a symbol": "input: [3, H, W]\nsymbols: {H: {least: 3}}\nlayers: [relu]",
    "defaults of an unknown argument": "defaults: {conv: {paddings: 1}}\nlayers: [relu]",
    "texts that are lists": "name: [a, b]\nlayers: [relu]",
}


@cache
def validator() -> Any:
    return Draft202012Validator(schema())


def spec(text: str) -> Any:
    head = "" if text.startswith("archcalc") else "archcalc: 1\n"
    given = "" if "input:" in text else "input: [3, 8, 8]\n"
    return yaml.safe_load(f"{head}{given}{text}\n")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_spec_of_the_zoo_is_accepted(path: Any) -> None:
    assert [error.message for error in validator().iter_errors(yaml.safe_load(path.read_text()))] == []


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_language_reads_is_accepted(name: str) -> None:
    assert [error.message for error in validator().iter_errors(spec(ACCEPTED[name]))] == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_in_structure_is_refused(name: str) -> None:
    assert not validator().is_valid(spec(REFUSED[name]))


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_has_its_arguments(kind: str) -> None:
    fields = schema()["$defs"]["step"]["properties"][kind]
    mappings = [each for each in fields["anyOf"] if each.get("type") == "object"]
    own = signature_of(LAYERS[kind])
    assert all(each.get("additionalProperties", False) is not False for each in mappings) == bool(own.sizes)
    assert [set(each["properties"]) >= set(own.kinds) for each in mappings] == [True]
