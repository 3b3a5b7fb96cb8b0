"""The JSON Schema of specs, generated from the declarations of layers. Editors use it for completion and checks.

It describes the structure of a file. Only `archcalc check` checks chains, expressions and names within texts.
"""

import inspect
import json
from collections.abc import Collection
from itertools import combinations
from typing import Any, TypeAlias

import archcalc.layers
import archcalc.measures  # noqa: F401  every file in them registers itself
from archcalc.core.volume import ITEMSIZE
from archcalc.graph.binding import signature_of
from archcalc.layer import Layer, Merge, known_names, layer_named
from archcalc.lint.expectation import BY_LAYER
from archcalc.measure import MEASURES
from archcalc.spec.library import KEYS
from archcalc.spec.section import BOUNDS

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

SCALAR: Schema = {"type": ["number", "string", "boolean"]}
"""A number, or an expression as text."""

NAME = "[A-Za-z_][A-Za-z0-9_]*"
BLOCK = rf"^\s*{NAME}\s*(\(.*\))?\s*$"

NAMES = rf"{NAME}(?:\s*,\s*{NAME})*"
"""One name, or several of a layer with as many outputs."""


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def list_of(item: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": item, **more}


def mapping(**properties: Schema) -> Schema:
    """A mapping with only these keys."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def by_name(value: Schema, pattern: str = rf"^\s*{NAME}\s*$") -> Schema:
    """A mapping with user-defined keys."""
    return {"type": ["object", "null"], "patternProperties": {pattern: value}, "additionalProperties": False}


# --- a whole spec ----------------------------------------------------------------------------------------------------


def schema() -> Schema:
    """The schema of a spec, and of a file of blocks for import."""
    sections: dict[str, Schema] = {
        "archcalc": {"const": 1, "description": "The version of the language."},
        "name": {"type": ["string", "number"]},
        "about": {"type": "string", "description": "A one-sentence description of the network."},
        "source": {"type": "string", "description": "The paper, and the source of the expected numbers."},
        "tags": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "import": {
            "anyOf": [{"type": "string"}, list_of({"type": "string"}), by_name({"type": "string"})],
            "description": "Files with blocks and params to import, relative to this file.",
        },
        "params": by_name(ref("value")) | {"description": "Named constants: expressions that can use earlier ones."},
        "symbols": {
            "anyOf": [{"type": "string"}, list_of({"type": "string"}), by_name(ref("bounds"))],
            "description": "Free dimensions and their bounds.",
        },
        "input": ref("inputs"),
        "defaults": {
            "type": ["object", "null"],
            "properties": {word: arguments(word, required=False) for word in known_names()},
            "description": "Default arguments for every call of a layer.",
        },
        "blocks": by_name(ref("body"), BLOCK)
        | {"description": "Block definitions: name(parameter, parameter=default)."},
        "layers": ref("body") | {"description": "The chain of layers: each item reads the output of the previous one."},
        "outputs": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "expect": ref("expect"),
        "variants": by_name(ref("variant"), r"^.+$"),
    }
    assert tuple(sections) == KEYS
    return {
        "$schema": DIALECT,
        "title": "archcalc spec, version 1",
        **mapping(**sections),
        "required": ["archcalc"],
        "anyOf": [{"required": ["input", "layers"]}, {"required": ["blocks"]}, {"required": ["params"]}],
        "$defs": definitions(),
    }


def as_json() -> str:
    """The schema as a file contains it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def definitions() -> Schema:
    shape = list_of(SCALAR, minItems=1)
    one = {"shape": shape, "dtype": {"enum": list(ITEMSIZE)}, "vocab": SCALAR}
    one |= {key: {"type": "boolean"} for key in ("channels_last", "plain")}
    given: Schema = {"anyOf": [shape, mapping(**one) | {"required": ["shape"]}]}
    expected = {name: {"type": ["number", "string"], "description": each.about} for name, each in MEASURES.items()}
    per_layer = {name: by_name(ref("value"), r"^.+$") for name in BY_LAYER}
    expect = mapping(**expected, **per_layer, output=ref("value"))
    return {
        "value": {"anyOf": [SCALAR, list_of(ref("value")), by_name(ref("value"))]},
        "bounds": {**mapping(**dict.fromkeys(BOUNDS, SCALAR)), "type": ["object", "null"]},
        "inputs": {"anyOf": [given, by_name(given)], "description": "Input shapes, without the batch: [3, 224, 224]."},
        "expect": expect | {"description": "Published numbers that the computed ones must match."},
        "variant": {"type": "object", "properties": {"input": ref("inputs"), "expect": ref("expect")}},
        "body": {"anyOf": [{"type": "string"}, ref("step"), ref("merge"), list_of(ref("item"), minItems=1)]},
        "item": {"anyOf": [{"type": "string"}, ref("step"), ref("merge"), list_of(ref("item"))]},
        "step": step(),
        "merge": merge(),
    }


# --- layers ----------------------------------------------------------------------------------------------------------


def step() -> Schema:
    """A layer as a mapping: its type, optionally with a name (`skip = add`), and the keys beside it."""
    words = {word: {"description": about(word), **of_layer(word)} for word in known_names()}
    named = {rf"^\s*{names_of(word)}\s*=\s*{word}\s*$": value for word, value in words.items()}
    siblings = beside_a_layer()
    known = "|".join(known_names())
    own = rf"^\s*(?:{NAME}\s*=\s*)?(?!(?:{known}|name|from|repeat|for|if|else)\s*$){NAME}(?:\.{NAME})*\s*$"
    return {
        "type": "object",
        "properties": siblings | words,
        "patternProperties": named | {own: {"type": ["object", "string", "number", "null", "boolean"]}},
        "additionalProperties": False,
        "anyOf": [one_layer_beside(chosen) for n in range(len(siblings) + 1) for chosen in combinations(siblings, n)],
    }


def names_of(word: str) -> str:
    """What stands before the equals sign of a layer."""
    return NAMES if layer_of(word).has_several else NAME


def beside_a_layer() -> Schema:
    """The keys that a mapping may have besides its layer."""
    return {
        "name": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "from": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "repeat": SCALAR,
        "for": {"type": "string", "description": "An index and the list of its values: i in range(4)."},
        "if": {
            "type": ["string", "boolean"],
            "description": "A condition: n > 1. Where it is false, the item is left out.",
        },
        "else": ref("body") | {"description": "What stands in its place where the condition is false."},
    }


def merge() -> Schema:
    """A merge with its paths and its arguments side by side: `{concat: [prev, a], axis: length}`."""
    return {"anyOf": [merge_of(word) for word in known_names() if takes_both(layer_of(word))]}


def takes_both(layer: type[Layer]) -> bool:
    """Whether a layer has a list of paths, and arguments."""
    return issubclass(layer, Merge) and layer.inputs[1] != 1 and bool(signature_of(layer).kinds)


def merge_of(word: str) -> Schema:
    paths = list_of(ref("item"), minItems=1)
    return {
        "type": "object",
        "properties": {**beside_a_layer(), word: paths, **arguments(word)["properties"]},
        "patternProperties": {rf"^\s*{NAME}\s*=\s*{word}\s*$": paths},
        "additionalProperties": False,
        "minProperties": 2,
    }


def one_layer_beside(siblings: tuple[str, ...]) -> Schema:
    """A mapping with these siblings and exactly one more key."""
    count = len(siblings) + 1
    return {"required": list(siblings), "minProperties": count, "maxProperties": count}


def about(word: str) -> str:
    """The summary of a layer."""
    return inspect.cleandoc(layer_of(word).__doc__ or "").split("\n\n")[0].replace("\n", " ")


def layer_of(word: str) -> type[Layer]:
    layer = layer_named(word)
    assert layer is not None
    return layer


def of_layer(word: str) -> Schema:
    """The values allowed after a layer's type: its arguments, only the first one, or the paths of a merge."""
    layer = layer_of(word)
    if issubclass(layer, Merge):
        return {"anyOf": [list_of(ref("item"), minItems=1), arguments(word), {"type": "null"}]}
    needed = signature_of(layer).required
    forms: list[Schema] = [arguments(word)]
    if layer.positional and set(needed) <= {layer.positional[0]}:
        forms.append({"type": ["number", "string"]})
    if not needed:
        forms.append({"type": "null"})
    return {"anyOf": forms}


def arguments(word: str, *, required: bool = True) -> Schema:
    """A mapping of arguments."""
    known = signature_of(layer_of(word))
    fields = {name: ref("value") | described(kind.words) for name, kind in known.kinds.items()}
    others = dict.fromkeys(known.others, ref("value"))
    found = mapping(**fields, **others) | ({"additionalProperties": ref("value")} if known.sizes else {})
    return found | ({"required": list(known.required)} if required and known.required else {})


def described(words: Collection[str]) -> Schema:
    """The words that an argument accepts, as examples: a text can also be the name of a parameter."""
    return {"examples": list(words)} if words else {}
