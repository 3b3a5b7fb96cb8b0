"""The data of a page: a report's JSON in columns, with shared values written once, a fifth of its size."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

Document = Mapping[str, Any]

SAFE = 2**53
"""From here on, a JavaScript number is not exact: a whole number is written as text."""

MEASURES = {"params": "params", "macs": "macs", "output": "output_bytes", "saved": "saved_bytes"}
"""The columns of numbers, and their keys in JSON."""

MOST_TENSORS = 1_200
"""The largest tensors of a training step; a page adds up the others."""


class Shared:
    """Values that occur often: each once, by number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.values: list[Any] = []

    def number(self, value: Any) -> int:
        key = repr(value)
        if key not in self.numbers:
            self.numbers[key] = len(self.values)
            self.values.append(value)
        return self.numbers[key]


def packed(document: Document) -> dict[str, Any]:
    """The data of one network, as page_source/model.js reads it."""
    kept = ("name", "about", "source", "text", "variant", "variants", "dtype", "findings", "formulas")
    families, types, shapes, calls, fields = Shared(), Shared(), Shared(), Shared(), Shared()
    inputs = {each["name"]: i for i, each in enumerate(document["inputs"])}
    blocks = {each["name"]: i for i, each in enumerate(document["blocks"])}
    layers = document["layers"]
    places = {layer["name"]: layer["index"] for layer in layers}
    columns = {
        "last": [last_part(layer) for layer in layers],
        "block": [blocks.get(layer["block"], -1) for layer in layers],
        "type": [types.number([layer["type"], families.number(layer["family"])]) for layer in layers],
        "sources": [sources(layer, places, inputs) for layer in layers],
        "shape": [shapes.number(layer["output_shape"]) for layer in layers],
        "call": [calls.number(layer["call"]) for layer in layers],
        "field": [fields.number(found) if (found := fields_of(layer, inputs)) else -1 for layer in layers],
        "line": [0 if "file" in layer else layer["line"] or 0 for layer in layers],
        **{name: [safe(layer[key]) for layer in layers] for name, key in MEASURES.items() if has(layers, key)},
    }
    return {
        **{key: document[key] for key in kept if key in document},
        "spec": PurePath(document["spec"]).name,
        "batch": document["symbols"]["N"],
        "inputs": [[each["name"], each["shape"]] for each in document["inputs"]],
        "outputs": [places[name] if name in places else -2 - inputs[name] for name in document["outputs"]],
        "blocks": [[each["name"], calls.number(each["call"])] for each in document["blocks"]],
        "layers": columns,
        "totals": {key: safe(value) for key, value in document["totals"].items()},
        "families": families.values,
        "types": types.values,
        "shapes": shapes.values,
        "calls": calls.values,
        "fields": fields.values,
        "fieldInputs": sorted({each["input"] for found in fields.values for each in found}),
        **timeline(document, places),
    }


def last_part(layer: Document) -> str:
    """The name of a layer within its block."""
    name: str = layer["name"]
    return name[len(layer["block"]) + 1 :] if layer["block"] else name


def has(layers: Sequence[Document], key: str) -> bool:
    return bool(layers) and all(layer[key] is not None for layer in layers)


def safe(value: Any) -> Any:
    """A number as a JavaScript number, or as text where that would not be exact."""
    return str(value) if isinstance(value, int) and abs(value) >= SAFE else value


def sources(layer: Document, places: Mapping[str, int], inputs: Mapping[str, int]) -> int | list[int]:
    """How many layers back each input comes from; of input number i of the network, -1 - i."""
    found = [layer["index"] - places[name] if name in places else -1 - inputs[name] for name in layer["inputs"]]
    return found[0] if len(found) == 1 else found


def fields_of(layer: Document, inputs: Mapping[str, int]) -> list[dict[str, Any]]:
    """The receptive fields of a layer, the largest first."""
    largest = layer["receptive_field"]
    if largest is None:
        return []
    others = [each for each in layer.get("receptive_fields", ()) if each["input"] != largest["input"]]
    return [field(each, inputs) for each in (largest, *others)]


def field(found: Document, inputs: Mapping[str, int]) -> dict[str, Any]:
    number = inputs[found["input"]]
    if found["size"] is None:
        return {"input": number, "size": None, "why": found["why"]}
    kept = {key: found[key] for key in ("size", "jump", "start")}
    return {"input": number, **kept, **({"global": True} if found["global"] else {})}


# --- memory ----------------------------------------------------------------------------------------------------------


def timeline(document: Document, places: Mapping[str, int]) -> dict[str, Any]:
    """The steps of a training step in columns, and its largest tensors; empty if memory was not requested."""
    if "timeline" not in document:
        return {}
    phases = Shared()
    steps = document["timeline"]
    columns = {
        "phase": [phases.number(phase) for phase, _, _ in steps],
        "layer": [places[name] for _, name, _ in steps],
        "bytes": [live for _, _, live in steps],
    }
    return {"timeline": columns, "phases": phases.values, **tensors(document.get("tensors", ()), places)}


def tensors(found: Iterable[Sequence[Any]], places: Mapping[str, int]) -> dict[str, Any]:
    """Name, bytes, first step and number of steps of each tensor; a layer in a name by its number."""
    names = Shared()
    largest = sorted(found, key=lambda each: -each[1])[:MOST_TENSORS]
    parts = [pattern(name, places) for name, *_ in largest]
    columns = {
        "name": [names.number(text) for text, _ in parts],
        "layer": [place for _, place in parts],
        "bytes": [nbytes for _, nbytes, _, _ in largest],
        "first": [first for _, _, first, _ in largest],
        "steps": [last - first for _, _, first, last in largest],
    }
    return {"tensors": columns, "tensorNames": names.values}


def pattern(name: str, places: Mapping[str, int]) -> tuple[str, int]:
    """A name with `%` for the layer in it, and the number of that layer; -1 if there is none.

    >>> pattern("gradient of stage.conv1.weight", {"stage.conv1": 7})
    ('gradient of %.weight', 7)
    >>> pattern("input", {})
    ('input', -1)
    """
    head, of, rest = name.rpartition(" of ")
    layer, tail = rest, ""
    for separator in (": ", ", ", " as "):
        if separator in layer:
            layer, _, after = layer.partition(separator)
            tail = separator + after + tail
    while layer not in places and "." in layer:
        layer, _, last = layer.rpartition(".")
        tail = f".{last}{tail}"
    return (f"{head}{of}%{tail}", places[layer]) if layer in places else (name, -1)
