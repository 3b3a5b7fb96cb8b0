"""What a checkpoint is: names, shapes and dtypes of tensors, read from the header of a file. No tensor is read.

The kind of a checkpoint is its suffix; the file of that name in checkpoints/ reads it.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from archcalc.comparison.weights import Stored, Weights
from archcalc.core.catalogue import modules_in
from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.overrides import Overrides
from archcalc.graph.sources import kind_of, reader_of
from archcalc.importing import checkpoints
from archcalc.importing.program import Program

KINDS = frozenset(modules_in(checkpoints.__path__))

INDEX = ".index.json"
"""The end of the name of a file that lists the files of a checkpoint in several."""

MAX_JSON = 16 << 20
"""Bytes of a header in JSON; that of 100,000 tensors has about 12 million."""

MAX_CONTAINERS = 500_000
"""Lists and mappings of a header in JSON, counted before it is read."""


def checkpoint_of(reference: str) -> Weights | None:
    """The weights of a checkpoint by its path; None if the reference is none. Raises SpecError if it is malformed."""
    kind = "index" if reference.endswith(INDEX) else kind_of(reference)
    if kind not in KINDS:
        return None
    found: Weights = importlib.import_module(f"archcalc.importing.checkpoints.{kind}").read(reference)
    return found


def weights_in(reference: str, overrides: Overrides) -> Weights | None:
    """What a checkpoint of a network of code has, by the names of the code; None if a reference is none."""
    found: Weights | None = None
    reader = reader_of(reference)
    if reader is not None and hasattr(reader, "weights"):
        found = reader.weights(reference, overrides)
    return found


def weights_of_program(program: Program) -> Weights:
    """What the `state_dict` of its module has. Further names of a weight, and counters, may be missing."""
    kept = [each for each in program.stored.values() if each.registered and each.saved]
    tensors = {
        name: Stored(each.shape, each.dtype, name != each.names[0] or each.dtype.startswith("int"))
        for each in kept
        for name in each.names
    }
    return Weights(program.name, tensors)


def malformed(path: str, why: str) -> SpecError:
    return problem("AC542", f"{path} is damaged, or no {kind_in_words(path)}: {why}")


def kind_in_words(path: str) -> str:
    return "index of a checkpoint" if path.endswith(INDEX) else f"{Path(path).suffix[1:].lower()} file"


def json_object(path: str, data: bytes) -> Mapping[str, Any]:
    """A header in JSON, whose keys are distinct. Raises SpecError for anything else, in bounded time and memory."""
    if len(data) > MAX_JSON or data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise malformed(path, "its header is larger than that of any checkpoint")
    try:
        found = json.loads(data, object_pairs_hook=distinct, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]
        raise malformed(path, f"its header is not valid JSON: {why}") from None
    if not isinstance(found, dict):
        raise malformed(path, "its header is not a mapping")
    return found


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
