"""A checkpoint in several files: `model.safetensors.index.json` says which file has which tensor."""

import os

from archcalc.comparison.weights import Stored, Weights
from archcalc.importing.checkpoint import MAX_JSON, checkpoint_of, json_object, malformed
from archcalc.spec.document import readable

MAX_FILES = 10_000


def read(path: str) -> Weights:
    """The tensors of all files, which lie in the same folder, in the order of the index."""
    with readable(path) as file:
        index = json_object(path, file.read(MAX_JSON + 1))
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(each, str) for each in places.values()):
        raise malformed(path, "it has no weight_map of names and files")
    files = list(dict.fromkeys(places.values()))
    if len(files) > MAX_FILES:
        raise malformed(path, f"it names more than {MAX_FILES:,} files")
    parts = {name: part(path, name) for name in files}
    tensors: dict[str, Stored] = {}
    for name, file_name in places.items():
        if name not in parts[file_name]:
            raise malformed(path, f"'{name[:80]}' is not in {file_name[:80]}")
        tensors[name] = parts[file_name][name]
    for file_name, found in parts.items():
        if rest := [name for name in found if places.get(name) != file_name]:
            raise malformed(path, f"it does not list '{rest[0][:80]}' of {file_name[:80]}")
    return Weights(path, tensors)


def part(path: str, name: str) -> dict[str, Stored]:
    """The tensors of one of the files."""
    if os.path.basename(name) != name or not name.lower().endswith(".safetensors"):
        raise malformed(path, f"'{name[:80]}' is not the name of a safetensors file in its folder")
    found = checkpoint_of(os.path.join(os.path.dirname(path), name))
    assert found is not None
    return dict(found.tensors)
