"""The JSON Schema of specs, made from what layers declare: what editors complete and check while a spec is written.

It holds the structure of a file. Chains, expressions and names within texts are checked by `archcalc check` alone.
"""

import inspect
from collections.abc import Collection
from itertools import combinations
from typing import Any, TypeAlias

from archcalc import layers, measures  # noqa: F401  every file in them registers itself
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
"""A number, or an expression: any text may be one."""

NAME = "[A-Za-z_][A-Za-z0-9_]*"
BLOCK = rf"^\s*{NAME}\s*(\(.*\))?\s*$"


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def list_of(item: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": item, **more}


def mapping(**properties: Schema) -> Schema:
    """A mapping with these keys alone."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def by_name(value: Schema, pattern: str = rf"^\s*{NAME}\s*$") -> Schema:
    """A mapping whose keys are the user's own."""
    return {"type": ["object", "null"], "patternProperties": {pattern: value}, "additionalProperties": False}


# --- a whole spec ----------------------------------------------------------------------------------------------------


def schema() -> Schema:
    """The schema of a spec, and of a file of blocks that specs import."""
    sections: dict[str, Schema] = {
        "archcalc": {"const": 1, "description": "The version of the language."},
        "name": {"type": ["string", "number"]},
        "about": {"type": "string", "description": "What the network is, in a sentence."},
        "source": {"type": "string", "description": "The paper, and where its numbers are from."},
        "tags": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "import": {
            "anyOf": [{"type": "string"}, list_of({"type": "string"}), by_name({"type": "string"})],
            "description": "Files whose blocks and params are used, relative to this one.",
        },
        "params": by_name(ref("value")) | {"description": "Named constants, expressions over earlier ones."},
        "symbols": {
            "anyOf": [{"type": "string"}, list_of({"type": "string"}), by_name(ref("bounds"))],
            "description": "Free dimensions and their bounds.",
        },
        "input": ref("inputs"),
        "defaults": {
            "type": ["object", "null"],
            "properties": {word: arguments(word, required=False) for word in known_names()},
            "description": "Arguments that every call of a layer is given.",
        },
        "blocks": by_name(ref("body"), BLOCK) | {"description": "Blocks: name(parameter, parameter=default)."},
        "layers": ref("body") | {"description": "The chain: what each item puts out goes into the next."},
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


def definitions() -> Schema:
    shape = list_of(SCALAR, minItems=1)
    one = {"shape": shape, "dtype": {"enum": list(ITEMSIZE)}, "vocab": SCALAR, "channels_last": {"type": "boolean"}}
    given: Schema = {"anyOf": [shape, mapping(**one) | {"required": ["shape"]}]}
    expected = {name: {"type": ["number", "string"], "description": each.about} for name, each in MEASURES.items()}
    per_layer = {name: by_name(ref("value"), r"^.+$") for name in BY_LAYER}
    expect = mapping(**expected, **per_layer, output=ref("value"))
    return {
        "value": {"anyOf": [SCALAR, list_of(ref("value")), by_name(ref("value"))]},
        "bounds": {**mapping(**dict.fromkeys(BOUNDS, SCALAR)), "type": ["object", "null"]},
        "inputs": {"anyOf": [given, by_name(given)], "description": "What goes in, of one item: [3, 224, 224]."},
        "expect": expect | {"description": "Published numbers that this spec is held to."},
        "variant": {"type": "object", "properties": {"input": ref("inputs"), "expect": ref("expect")}},
        "body": {"anyOf": [{"type": "string"}, ref("step"), list_of(ref("item"), minItems=1)]},
        "item": {"anyOf": [{"type": "string"}, ref("step"), list_of(ref("item"))]},
        "step": step(),
    }


# --- layers ----------------------------------------------------------------------------------------------------------


def step() -> Schema:
    """A layer as a mapping: its name, which may be given one (`skip = add`), beside `name`, `from` and `repeat`."""
    words = {word: {"description": about(word), **of_layer(word)} for word in known_names()}
    named = {rf"^\s*{NAME}\s*=\s*{word}\s*$": value for word, value in words.items()}
    siblings: Schema = {
        "name": {"type": "string"},
        "from": {"anyOf": [{"type": "string"}, list_of({"type": "string"})]},
        "repeat": SCALAR,
    }
    known = "|".join(known_names())
    own = rf"^\s*(?:{NAME}\s*=\s*)?(?!(?:{known}|name|from|repeat)\s*$){NAME}(?:\.{NAME})*\s*$"
    return {
        "type": "object",
        "properties": siblings | words,
        "patternProperties": named | {own: {"type": ["object", "string", "number", "null", "boolean"]}},
        "additionalProperties": False,
        "anyOf": [one_layer_beside(chosen) for n in range(4) for chosen in combinations(siblings, n)],
    }


def one_layer_beside(siblings: tuple[str, ...]) -> Schema:
    """A mapping that has these siblings and one key more."""
    count = len(siblings) + 1
    return {"required": list(siblings), "minProperties": count, "maxProperties": count}


def about(word: str) -> str:
    """What a layer does, in its own sentence."""
    return inspect.cleandoc(layer_of(word).__doc__ or "").split("\n\n")[0].replace("\n", " ")


def layer_of(word: str) -> type[Layer]:
    layer = layer_named(word)
    assert layer is not None
    return layer


def of_layer(word: str) -> Schema:
    """What may stand behind a layer's name: its arguments, its first one, or the paths of a merge."""
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
    found = mapping(**fields, **others)
    return found | ({"required": list(known.required)} if required and known.required else {})


def described(words: Collection[str]) -> Schema:
    """The words that an argument understands, as a hint: a text may be a parameter's name too."""
    return {"examples": list(words)} if words else {}
