"""An archive compared with today's predictions: what a GPU did stays true, and a rule is corrected against it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archcalc.core.machine import MACHINES
from archcalc.record import record, replace
from archcalc.verification.memory.kept import measurement_from
from archcalc.verification.network import LEVELS, size_of
from archcalc.verification.row import Row
from gpu.archive import members_of, read
from gpu.parts import graph_of, memory_rows, setup_of
from gpu.plan import Part


@record
class Replayed:
    """A part of an archive, and its rows as they are now. `error`: why it gave none."""

    part: Part
    rows: tuple[Row, ...]
    error: str = ""


def replayed(*paths: Path) -> Iterator[Replayed]:
    """Every measured network of volumes, or of single files of them."""
    for path in paths:
        for packed in [path.read_bytes()] if path.suffix == ".gz" else [each for _, each in members_of(path)]:
            result = read(packed)
            if result["part"]["kind"] == "memory":
                yield compared_again(result)


def compared_again(result: dict[str, Any]) -> Replayed:
    """The memory rows of a kept measurement; other rows are those of the run."""
    part = Part(**result["part"])
    if "error" in result or not result.get("measurement"):
        return Replayed(part, (), str(result.get("error") or result.get("left_out")))
    graph = graph_of(part)
    setup = replace(setup_of(part, result["on"]), machine=MACHINES.get(result["machine"]))
    at, level = size_of(graph) + setup.words, LEVELS[result["on"]]
    return Replayed(part, tuple(memory_rows(graph, setup, level, at, measurement_from(result["measurement"]))))


def certificates(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """What an archive says of each part without recordings, as JSON, by name."""
    for path in paths:
        for name, packed in members_of(path):
            result = {key: value for key, value in read(packed).items() if key != "measurement"}
            yield name, json.dumps(result, indent=1, ensure_ascii=False) + "\n"
